"""Products of certified matrices, through Arb's own where that is quicker."""

from typing import Any

import numpy as np
from flint import arb_mat

from gradproof.reference.lifted.array import LiftedArray, base, from_arbs, lift, to_arbs


def matrix_product(left: Any, right: Any) -> LiftedArray:
    """Compute what `left @ right` is of lifted arrays: vectors and stacks of matrices, too.

    Raises:
        ValueError: the shapes do not fit.
    """
    a, b = to_arbs(left), to_arbs(right)
    if a.ndim == 0 or b.ndim == 0:
        raise ValueError("matmul: an operand has no axes")
    rows = a[np.newaxis, :] if a.ndim == 1 else a
    columns = b[:, np.newaxis] if b.ndim == 1 else b
    if rows.shape[-1] != columns.shape[-2]:
        raise ValueError(f"matmul: shapes {a.shape} and {b.shape} do not fit")
    stack = np.broadcast_shapes(rows.shape[:-2], columns.shape[:-2])
    n, m = rows.shape[-2], columns.shape[-1]
    if not stack:
        product = _product(rows, columns)
    elif columns.ndim == 2 or all(length == 1 for length in columns.shape[:-2]):
        # One matrix for a whole stack: a single product of a taller matrix.
        tall = np.broadcast_to(rows, (*stack, *rows.shape[-2:])).reshape(-1, rows.shape[-1])
        product = _product(tall, columns.reshape(columns.shape[-2:])).reshape(*stack, n, m)
    else:
        rows = np.broadcast_to(rows, (*stack, *rows.shape[-2:]))
        columns = np.broadcast_to(columns, (*stack, *columns.shape[-2:]))
        product = np.empty((*stack, n, m), dtype=object)
        for place in np.ndindex(stack):
            product[place] = _product(rows[place], columns[place])
    if a.ndim == 1:
        product = product[..., 0, :]
    if b.ndim == 1:
        product = product[..., 0]
    return from_arbs(np.asarray(product, dtype=object))


def _product(a: Any, b: Any) -> Any:
    if not a.shape[1]:
        return to_arbs(np.zeros((a.shape[0], b.shape[1])))
    return array_of(matrix_of(a) * matrix_of(b))


def matrix_of(array: Any) -> arb_mat:
    """Give an object array of `flint.arb` with two axes as Arb's matrix."""
    return arb_mat(*array.shape, array.ravel().tolist())


def array_of(matrix: arb_mat) -> Any:
    """Give Arb's matrix as an object array of `flint.arb`."""
    n, m = matrix.nrows(), matrix.ncols()
    return np.fromiter(matrix.entries(), dtype=object, count=n * m).reshape(n, m)


def dot(left: Any, right: Any) -> LiftedArray:
    """Compute NumPy's dot: a product of numbers, or a sum over the last axis and the second to last."""
    a, b = lift(left), lift(right)
    if a.ndim == 0 or b.ndim == 0:
        return lift(a * b)
    return tensordot(a, b, ((a.ndim - 1,), (max(b.ndim - 2, 0),)))


def tensordot(left: Any, right: Any, axes: Any = 2) -> LiftedArray:
    """Compute the sum of products along pairs of axes: a matrix product of reordered arrays."""
    a, b = base(lift(left)), base(lift(right))
    if isinstance(axes, int):
        axes = (range(a.ndim - axes, a.ndim), range(axes))
    first, second = (tuple(each) if np.iterable(each) else (each,) for each in axes)
    inner_a, inner_b = [axis % a.ndim for axis in first], [axis % b.ndim for axis in second]
    outer_a = [axis for axis in range(a.ndim) if axis not in inner_a]
    outer_b = [axis for axis in range(b.ndim) if axis not in inner_b]
    length = int(np.prod([a.shape[axis] for axis in inner_a]))
    if length != int(np.prod([b.shape[axis] for axis in inner_b])):
        raise ValueError(f"tensordot: shapes {a.shape} and {b.shape} do not fit along axes {axes}")
    rows = a.transpose(outer_a + inner_a).reshape(-1, length)
    columns = b.transpose(inner_b + outer_b).reshape(length, -1)
    shape = [a.shape[axis] for axis in outer_a] + [b.shape[axis] for axis in outer_b]
    return lift(matrix_product(rows, columns).reshape(shape))
