"""Looking at matrices, in stacks or alone: whether they have a property, as in `looking`."""
# ruff: noqa: D103 - the table in `properties` tells in words what each of them is

from collections.abc import Iterable
from typing import Any

import numpy as np

from gradproof.verdicts.checking.looking import LARGEST, Array, constant, near, resolution

LARGEST_MATRIX = 256
"""Matrices with more rows are not looked at for being definite or orthogonal."""


def squares(array: Array) -> Iterable[None]:
    """Look only where the last two axes are a square matrix, of two rows or more."""
    square = array.ndim >= 2 and array.shape[-1] == array.shape[-2] >= 2 and array.size <= LARGEST
    return (None,) if square and array.dtype.kind == "f" else ()


def any_squares(array: Array) -> Iterable[None]:
    """Look likewise, also at integers and booleans."""
    square = array.ndim >= 2 and array.shape[-1] == array.shape[-2] >= 2 and array.size <= LARGEST
    return (None,) if square else ()


def small_squares(array: Array) -> Iterable[None]:
    return squares(array) if array.ndim >= 2 and array.shape[-1] <= LARGEST_MATRIX else ()


def matrices(array: Array) -> Iterable[None]:
    fits = array.ndim >= 2 and min(array.shape[-2:]) >= 2 and max(array.shape[-2:]) <= LARGEST_MATRIX
    return (None,) if fits and array.dtype.kind == "f" and array.size <= LARGEST else ()


def transposed(array: Array) -> Array:
    return np.swapaxes(array, -1, -2)


def symmetric(array: Array, _: Any) -> bool:
    scale = np.max(np.abs(array), initial=0)
    return near(array, transposed(array), scale, resolution(array)) and not constant(array, None)


def antisymmetric(array: Array, _: Any) -> bool:
    scale = np.max(np.abs(array), initial=0)
    return near(array, -transposed(array), scale, resolution(array)) and bool(np.any(array))


def definite(array: Array, _: Any) -> bool:
    return symmetric(array, None) and bool(np.all(np.linalg.eigvalsh(array)[..., 0] > 0))


def orthogonal(array: Array, _: Any) -> bool:
    tall = array if array.shape[-2] >= array.shape[-1] else transposed(array)
    tall = tall.astype(float)
    return near(transposed(tall) @ tall, np.eye(tall.shape[-1]), tolerance=resolution(array))


def lower(array: Array, k: Any) -> bool:
    return not np.any(np.triu(array, 1 + k))


def upper(array: Array, k: Any) -> bool:
    return not np.any(np.tril(array, -1 - k))


def no_width(array: Array) -> Iterable[int]:
    # Not of zeros alone, nor where hardly anything is left.
    return (0,) if any_squares(array) and np.any(array) else ()


def band(array: Array, width: Any) -> bool:
    return lower(array, width) and upper(array, width)


def band_widths(array: Array) -> Iterable[int]:
    return range(1, array.shape[-1] - 1) if any_squares(array) and np.any(array) else ()


def diagonal_is(array: Array, _: Any, *, value: float) -> bool:
    return bool(np.all(np.diagonal(array, axis1=-2, axis2=-1) == value))
