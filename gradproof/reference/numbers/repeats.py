"""Terms of a sum that are equal, which rounding treats alike: found by hashes of their bits.

`gradproof.reference.numbers.noisy` derives what follows from them for the noise of a sum.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.payload import Payload

_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)


def mixed(bits: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Mix bits by the finalizer of splitmix64: each bit of the result depends on all bits.

    Source: Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014), figure 16.
    """
    mixed = bits >> _30
    mixed ^= bits
    mixed *= _FIRST
    mixed ^= mixed >> _27
    mixed *= _SECOND
    mixed ^= mixed >> _31
    return mixed


def repeats_in_sum(x: Payload, axes: tuple[int, ...]) -> Payload:
    """Tell how often an average term comes in sums along axes; of length 1 along them and the samples.

    Of 2 + 2 + 3 two terms come twice and one comes once, 5/3 times on average.

    >>> repeats_in_sum(np.array([[2.0, 2.0, 3.0]]), (1,))
    array([[1.66666667]])
    """
    # Equal terms are equal in all samples: the first one tells.
    first = x[:1]
    terms = np.moveaxis(first, axes, range(-len(axes), 0))
    terms = np.ascontiguousarray(terms).reshape(*terms.shape[: terms.ndim - len(axes)], -1)
    repeats = _mean_repeats((terms + 0.0).view(np.uint64), terms != 0)  # -0 + 0 = 0
    return np.expand_dims(repeats, axes)


def repeats_in_product(x: Payload, y: Payload) -> Payload:
    """Tell how often an average term x_ik y_kj comes, where all i and j agree.

    The result has the shape (1, lanes, ..., 1, 1), or one that broadcasts to it.
    """
    left = _marks(np.swapaxes(x[:1], -1, -2))
    if _all_differ(np.sort(left, axis=-1)):  # nearly always, whatever y is
        return np.ones((1,) * max(x.ndim, y.ndim))
    right = _marks(y[:1])
    counted = np.any(x[:1] != 0, axis=-2) & np.any(y[:1] != 0, axis=-1)
    marks = np.broadcast_to(mixed(left) + right, counted.shape)
    return _mean_repeats(marks, counted)[..., np.newaxis, np.newaxis]


def _marks(rows: Payload) -> NDArray[np.uint64]:
    """A number for each row along the last axis: equal for equal rows, and hardly ever for others."""
    bits = (np.ascontiguousarray(rows) + 0.0).view(np.uint64)
    marks: NDArray[np.uint64] = np.add.reduce(mixed(bits * _factors(rows.shape[-1])), axis=-1)
    return marks


@lru_cache(maxsize=64)
def _factors(count: int) -> NDArray[np.uint64]:
    return mixed(np.arange(1, count + 1, dtype=np.uint64)) | np.uint64(1)


def _all_differ(ordered: NDArray[np.uint64]) -> bool:
    """Whether no two marks of a row are equal; they are in order."""
    return bool((ordered[..., 1:] != ordered[..., :-1]).all())


def _mean_repeats(marks: NDArray[np.uint64], counted: NDArray[np.bool_]) -> Payload:
    """For each row along the last axis, how often a counted entry's mark comes, on average; at least 1."""
    *outer, terms = marks.shape
    if terms < 2 or not marks.size:
        return np.ones(outer)
    ordered = np.sort(marks, axis=-1)
    if _all_differ(ordered):  # nearly always
        return np.ones(outer)
    order = np.argsort(marks, axis=-1)
    begins = np.ones(ordered.shape, dtype=bool)
    begins[..., 1:] = ordered[..., 1:] != ordered[..., :-1]
    groups = np.cumsum(begins.ravel()) - 1
    sizes = np.bincount(groups, weights=np.take_along_axis(counted, order, axis=-1).ravel())
    rows = np.flatnonzero(begins.ravel()) // terms
    number = np.bincount(rows, weights=sizes)
    repeats: Payload = np.bincount(rows, weights=sizes**2) / np.maximum(number, 1.0)
    return np.maximum(repeats, 1.0).reshape(outer)
