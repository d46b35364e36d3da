"""Entries laid out as a matrix of cells: nothing is lost, and a block shows its worst entry."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.verdicts.layout import CELLS, as_matrix, block_of, worst_of_blocks


@pytest.mark.parametrize("shape", [(), (1,), (7,), (3, 4), (2, 3, 5), (64, 64), (4096,)])
def test_a_small_parameter_shows_every_entry(shape):
    entries = int(np.prod(shape))
    grid, block, index = worst_of_blocks(shape, np.zeros(entries, np.int8), np.zeros(entries))
    assert (grid, block) == (as_matrix(shape), (1, 1))
    assert index.tolist() == list(range(entries))


@given(st.integers(1, 200), st.integers(1, 200), st.integers(0, 2**32 - 1))
def test_each_block_shows_its_worst_entry(rows, columns, seed):
    random = np.random.default_rng(seed)
    verdict = random.integers(0, 3, rows * columns).astype(np.int8)
    spreads = np.round(random.exponential(size=rows * columns), 1)
    spreads[random.random(rows * columns) < 0.05] = np.nan
    (down, beside), (height, width), index = worst_of_blocks((rows, columns), verdict, spreads)
    assert len(index) == down * beside <= CELLS
    order = np.nan_to_num(spreads, nan=np.inf)
    for cell, entry in enumerate(index.tolist()):
        top, left = height * (cell // beside), width * (cell % beside)
        row, column = divmod(entry, columns)
        assert top <= row < top + height
        assert left <= column < left + width
        block = (slice(top, top + height), slice(left, left + width))
        worst = verdict.reshape(rows, columns)[block].max()
        assert verdict[entry] == worst
        among = order.reshape(rows, columns)[block][verdict.reshape(rows, columns)[block] == worst]
        assert order[entry] == among.max()


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (1, 10**6), (10**6, 1), (1000, 3000), (65, 64)])
def test_blocks_cover_the_matrix_and_no_larger_ones_are_needed(rows, columns):
    height, width = block_of(rows, columns)
    cells = -(-rows // height) * -(-columns // width)
    assert CELLS / 4 < cells <= CELLS or (height, width) == (1, 1)
