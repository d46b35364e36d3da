"""Products of certified matrices, through Arb's own where that is quicker."""

from typing import Any

import numpy as np
from flint import arb, arb_mat

from gradproof.reference.numbers.payload import Payload

_ENTRY, _PRODUCT, _CALL, _TERM = 130.0, 15.0, 2500.0, 140.0
"""Nanoseconds: to convert an entry, per product in arb_mat, per arb_mat, per product of objects."""


def matrix_of(array: Any) -> arb_mat:
    """Give an object array of `flint.arb` with two axes as Arb's matrix."""
    return arb_mat(*array.shape, array.ravel().tolist())


def array_of(matrix: arb_mat) -> Payload:
    """Give Arb's matrix as an object array of `flint.arb`."""
    n, m = matrix.nrows(), matrix.ncols()
    return np.fromiter(matrix.entries(), dtype=object, count=n * m).reshape(n, m)


def _pays(n: int, inner: int, m: int) -> bool:
    """Whether a product through arb_mat costs less than one of object arrays."""
    converted = n * inner + inner * m + n * m
    return _CALL + _ENTRY * converted + _PRODUCT * n * inner * m < _TERM * n * inner * m


def product_of_stacks(x: Payload, y: Payload) -> Payload:
    """Compute x @ y of object arrays of `flint.arb`, each with two axes or more, whose lengths fit."""
    n, inner, m = x.shape[-2], x.shape[-1], y.shape[-1]
    stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    if not inner:
        return np.full((*stack, n, m), arb(0), dtype=object)
    if not _pays(n, inner, m):
        return np.asarray(np.matmul(x, y))
    x, y = np.broadcast_to(x, stack + x.shape[-2:]), np.broadcast_to(y, stack + y.shape[-2:])
    product = np.empty((*stack, n, m), dtype=object)
    for place in np.ndindex(stack):
        product[place] = array_of(matrix_of(x[place]) * matrix_of(y[place]))
    return product
