"""How the entries of a parameter are laid out as a matrix of at most 4096 cells, for a picture."""

import numpy as np
from numpy.typing import NDArray

CELLS = 4096
"""A parameter with more entries is cut into at most so many blocks."""

Pair = tuple[int, int]


def as_matrix(shape: tuple[int, ...]) -> Pair:
    """Give rows and columns: the last axis along the columns, all others along the rows.

    >>> as_matrix((2, 3, 5)), as_matrix((5,)), as_matrix(())
    ((6, 5), (1, 5), (1, 1))
    """
    if not shape:
        return 1, 1
    return int(np.prod(shape[:-1], dtype=np.intp)), shape[-1]


def block_of(rows: int, columns: int) -> Pair:
    """Give the rows and columns of a block, so that at most `CELLS` blocks cover the matrix.

    The longer side of the picture is halved until it fits.

    >>> block_of(4, 3), block_of(1024, 1024), block_of(1, 10_000)
    ((1, 1), (16, 16), (1, 4))
    """
    height, width = 1, 1
    while -(-rows // height) * -(-columns // width) > CELLS:
        if -(-rows // height) >= -(-columns // width):
            height *= 2
        else:
            width *= 2
    return height, width


def worst_of_blocks(
    shape: tuple[int, ...], verdict: NDArray[np.int8], spreads: NDArray[np.float64]
) -> tuple[Pair, Pair, NDArray[np.intp]]:
    """Cut a parameter into blocks and find the worst entry of each.

    Args:
        shape: the parameter's.
        verdict: positions in `SEVERITY`, of shape (entries,).
        spreads: errors in spreads, of shape (entries,); NaN counts as the most.

    Returns:
        how many blocks lie below and beside each other, the rows and columns of a block, and the entries, in
        row-major order of the blocks.
    """
    rows, columns = as_matrix(shape)
    height, width = block_of(rows, columns)
    if (height, width) == (1, 1):
        return (rows, columns), (1, 1), np.arange(rows * columns)
    down, beside = -(-rows // height), -(-columns // width)
    # From best to worst: the verdict first, then the spreads; the padding is before all.
    order = np.lexsort((np.nan_to_num(spreads, nan=np.inf), verdict))
    rank = np.empty(rows * columns, dtype=np.intp)
    rank[order] = np.arange(rows * columns)
    padded = np.full((down * height, beside * width), -1, dtype=np.intp)
    padded[:rows, :columns] = rank.reshape(rows, columns)
    blocks = padded.reshape(down, height, beside, width).transpose(0, 2, 1, 3).reshape(down * beside, -1)
    return (down, beside), (height, width), order[blocks.max(axis=1)]
