"""Making freely drawn values have a property.

Each function is called with the values, the array that the user gave, the property's argument, the slugs of
all that is to be kept, and a generator; it gives values that have it, as far as they can. What was drawn is
verified afterwards, so that one which fails is drawn again.
"""
# ruff: noqa: D103 - the table in `properties` tells in words what each of them is

from math import fsum
from typing import Any

import numpy as np

from gradproof.verdicts.checking.looking import Array, size_of
from gradproof.verdicts.checking.matrix_properties import transposed

Random = np.random.Generator
Slugs = frozenset[str]

_WHOLE = {"binary", "signs", "trits", "whole", "few"}
"""Numbers of few values sum to the same if they change places."""


def one_hot(values: Array, given: Array, axis: Any, _: Slugs, random: Random) -> Array:
    del given
    chosen = np.argmax(random.random(size=values.shape), axis=axis)
    return np.moveaxis(np.eye(values.shape[axis])[chosen], -1, axis)


def at_most_one(values: Array, given: Array, axis: Any, _: Slugs, random: Random) -> Array:
    hot = one_hot(values, given, axis, _, random)
    return np.where(random.random(size=np.expand_dims(hot.sum(axis=axis), axis).shape) < 0.25, 0.0, hot)


def some(values: Array, given: Array, axis: Any, _: Slugs, random: Random) -> Array:
    del given
    flat = values.reshape(-1) if axis is None else values
    along = 0 if axis is None else axis
    chosen = np.expand_dims(np.argmax(random.random(size=flat.shape), axis=along), along)
    filled = flat.copy()
    empty = ~np.any(flat != 0, axis=along, keepdims=True)
    old = np.take_along_axis(flat, chosen, along)
    np.put_along_axis(filled, chosen, np.where(empty, 1, old), along)
    return filled.reshape(values.shape)


def sums(values: Array, given: Array, argument: Any, kept: Slugs, random: Random) -> Array:
    axis, target = argument
    if kept & _WHOLE or values.dtype.kind in "iub":
        return random.permuted(given, axis=axis)
    if values.dtype.kind != "f":
        return values
    if axis is None:
        flat = sums(values.reshape(-1), given.reshape(-1), (0, target), kept, random)
        return flat.reshape(values.shape)
    free = given != 0 if "zeros" in kept else np.ones(given.shape, dtype=bool)
    if target and np.all(values >= 0):
        total = values.sum(axis=axis, keepdims=True)
        values = values * np.where(total > 0, target / np.where(total > 0, total, 1), 0)
    else:
        count = np.maximum(free.sum(axis=axis, keepdims=True), 1)
        values = np.where(free, values - (values.sum(axis=axis, keepdims=True) - target) / count, values)
    # On a grid of dyadic numbers, where floating-point sums are exact: no digit tells it from the target.
    bits = min(26, np.finfo(given.dtype).nmant - 1) if given.dtype.kind == "f" else 26
    unit = 2.0 ** (np.floor(np.log2(np.max(np.abs(values), initial=0) or 1.0)) - bits)
    values = np.round(values / unit) * unit
    rest = target - values.sum(axis=axis, keepdims=True)
    place = np.expand_dims(np.argmax(np.where(free, np.abs(values), -1), axis=axis), axis)
    old = np.take_along_axis(values, place, axis)
    np.put_along_axis(values, place, old + rest, axis)
    return values


def symmetric(values: Array, *_: Any) -> Array:
    lower = np.tril(values)
    return lower + transposed(np.tril(values, -1))


def antisymmetric(values: Array, *_: Any) -> Array:
    lower = np.tril(values, -1)
    return lower - transposed(lower)


def definite(values: Array, given: Array, _: Any, kept: Slugs, random: Random) -> Array:
    n = values.shape[-1]
    factor = random.normal(size=values.shape)
    factor = np.abs(factor) if np.all(given >= 0) else factor
    product = factor @ transposed(factor) / n + 0.3 * np.eye(n)
    if "unit-diagonal" in kept:
        root = 1 / np.sqrt(np.diagonal(product, axis1=-2, axis2=-1))
        product = product * root[..., :, None] * root[..., None, :]
        product[..., np.arange(n), np.arange(n)] = 1.0
    else:
        product = product * size_of(values)
    product = short(product)
    return np.tril(product) + transposed(np.tril(product, -1))


def orthogonal(values: Array, given: Array, *_: Any) -> Array:
    tall = values.shape[-2] >= values.shape[-1]
    q, r = np.linalg.qr(values if tall else transposed(values))
    q = q * np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)[..., None, :]
    if values.shape[-1] == values.shape[-2]:
        q[..., 0] *= np.sign(np.linalg.det(q) * np.linalg.det(given))[..., None]
    return q if tall else transposed(q)


def unit_norm(values: Array, given: Array, axis: Any, kept: Slugs, random: Random) -> Array:
    del given, kept, random
    norm = np.sqrt(np.square(values).sum(axis=axis, keepdims=True))
    return np.asarray(values / np.where(norm > 0, norm, 1.0))


def in_order(values: Array, given: Array, argument: Any, kept: Slugs, random: Random) -> Array:
    del given, kept, random
    axis, direction = argument
    ordered = np.sort(values, axis=axis)
    return ordered if direction > 0 else np.flip(ordered, axis=axis)


def ends(values: Array, given: Array, ends: Any, *_: Any) -> Array:
    result = np.sort(np.clip(values, *sorted(ends[1:])))
    result[0], result[-1] = given[0], given[-1]
    return result


def permutation(values: Array, given: Array, _: Any, kept: Slugs, random: Random) -> Array:
    del values, kept
    return random.permuted(given, axis=-1)


def different(values: Array, given: Array, _: Any, kept: Slugs, random: Random) -> Array:
    del kept
    low, high = (min(int(f(given)), int(f(values))) for f in (np.min, np.max))
    high = max(int(given.max()), int(values.max()), high)
    if high - low + 1 < values.size:
        return random.permutation(given.ravel()).reshape(given.shape)
    return low + random.choice(high - low + 1, size=values.shape, replace=False).astype(values.dtype)


def columns(values: Array, given: Array, columns: Any, *_: Any) -> Array:
    result = values.copy()
    result[..., list(columns)] = given[:1, list(columns)]
    return result


def zeros(values: Array, given: Array, *_: Any) -> Array:
    return np.where(given == 0, 0, values)


def lower(values: Array, *_: Any) -> Array:
    return np.tril(values)


def upper(values: Array, *_: Any) -> Array:
    return np.triu(values)


def band(values: Array, given: Array, width: int, *_: Any) -> Array:
    del given
    return np.tril(np.triu(values, -width), width)


def diagonal_at(values: Array, *_: Any, value: float) -> Array:
    result = values.copy()
    places = np.arange(values.shape[-1])
    result[..., places, places] = value
    return result


# -------------------------------------------------------------------- to all digits


def exact_sums(array: Array, argument: Any) -> Array:
    """Give what sums to a number, of what does so up to rounding.

    What is missing is spread over the entries of a line that are not zero, so that sums along another axis
    are left nearly as they are; what rounding leaves of it is put on the greatest.
    """
    axis, target = argument
    lines = array.reshape(1, -1) if axis is None else np.moveaxis(array, axis, -1)
    lines = np.array(lines, dtype=float)
    for line in lines.reshape(-1, lines.shape[-1]):
        there = line != 0
        line[there] -= fsum([*line.tolist(), -target]) / max(1, int(np.count_nonzero(there)))
        line[np.argmax(np.abs(line))] -= fsum([*line.tolist(), -target])
    return lines.reshape(array.shape) if axis is None else np.moveaxis(lines, -1, axis)


def exact_norm(array: Array, axis: Any) -> Array:
    """Give what has norm one, of what has it up to rounding."""
    norm = np.sqrt(np.square(array, dtype=float).sum(axis=axis, keepdims=True))
    return np.asarray(array / np.where(norm > 0, norm, 1.0))


def exactly_orthogonal(array: Array, _: Any) -> Array:
    """Give the nearest orthogonal matrix, U Vᵀ of the singular value decomposition U S Vᵀ.

    Source: Higham, Functions of Matrices (2008), theorem 8.4.
    """
    left, _singular, right = np.linalg.svd(array.astype(float), full_matrices=False)
    return np.asarray(left @ right)


def exactly_symmetric(array: Array, _: Any) -> Array:
    """Give the nearest symmetric matrix."""
    return (array + transposed(array)) / 2


def exactly_antisymmetric(array: Array, _: Any) -> Array:
    """Give the nearest antisymmetric matrix."""
    return (array - transposed(array)) / 2


def short(values: Array) -> Array:
    """Round numbers to 24 bits, so that their squares, products and most sums are exact in float64."""
    mantissa, exponent = np.frexp(values)
    return np.ldexp(np.round(mantissa * 2.0**24) / 2.0**24, exponent)
