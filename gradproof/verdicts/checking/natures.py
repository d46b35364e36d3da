"""The nature of an array of data, seen from its values, so that points drawn in its place make sense."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Nature(StrEnum):
    """What the values of an array say that it is."""

    GENERAL = "general"
    """Numbers of either sign."""

    POSITIVE = "positive"
    """Positive numbers: perhaps by chance, perhaps because a logarithm or a root needs it."""

    PROBABILITY = "probability"
    """Numbers in (0, 1)."""

    PROBABILITY_ROWS = "probability rows"
    """Rows of numbers in [0, 1] that sum to 1."""

    BINARY = "0 or 1"
    """Labels, or a mask."""

    ONE_HOT = "one-hot rows"
    """Rows with a single 1."""

    SIGNS = "-1 or 1"
    """Labels of a margin."""

    SYMMETRIC = "symmetric matrix"
    """A symmetric matrix; positive definite if it was."""

    INDEX = "integers"
    """Indices or counts, within the range that they have."""

    BOOLEAN = "booleans"
    """A mask."""


def nature_of(array: Array, *, parameter: bool) -> Nature:
    """Tell the nature of an array.

    A parameter moves freely in training, so that no labels or masks are looked for among its values.

    >>> nature_of(np.array([0.0, 1.0, 1.0]), parameter=False)
    <Nature.BINARY: '0 or 1'>
    >>> nature_of(np.array([0.0, 1.0, 1.0]), parameter=True)
    <Nature.GENERAL: 'general'>
    """
    if array.dtype.kind == "b":
        return Nature.BOOLEAN
    if array.dtype.kind in "iu":
        return Nature.INDEX
    if _is_symmetric(array):
        return Nature.SYMMETRIC
    if not parameter:
        label = _label_nature(array)
        if label is not None:
            return label
    if np.all(array > 0):
        return Nature.PROBABILITY if np.all(array < 1) and not parameter else Nature.POSITIVE
    return Nature.GENERAL


def _label_nature(array: Array) -> Nature | None:
    """Tell the nature of labels and of probabilities; None if it is neither."""
    values = np.unique(array)
    rows = array.ndim >= 2 and array.shape[-1] >= 2
    sums_to_one = rows and bool(np.allclose(array.sum(axis=-1), 1.0, rtol=0, atol=1e-6))
    if sums_to_one and np.all(array >= 0):
        return Nature.ONE_HOT if np.all((array == 0) | (array == 1)) else Nature.PROBABILITY_ROWS
    if np.all((array == 0) | (array == 1)) and (values.size == 2 or values[0] == 1):
        return Nature.BINARY
    if values.size == 2 and np.array_equal(values, [-1.0, 1.0]):
        return Nature.SIGNS
    return None


def _is_symmetric(array: Array) -> bool:
    square = array.ndim == 2 and array.shape[0] == array.shape[1] >= 2
    return square and bool(np.array_equal(array, array.T)) and bool(np.any(array != array[0, 0]))


@dataclass(frozen=True)
class Draw:
    """How arrays of one point are drawn.

    Attributes:
        signs: whether positive numbers may turn negative.
        scale: what all general numbers are multiplied with.
        centred: whether numbers are drawn around 0, or around where they are.
        zeros: the share of entries that become exactly 0.
        levels: 0, or on how many steps a scale's length is rounded, which makes ties.
        integers: `any`, `repeated` or `extreme`: which integers of the range.
        sign: 0, or the one sign that all general numbers have.
    """

    signs: bool = True
    scale: float = 1.0
    centred: bool = True
    zeros: float = 0.0
    levels: int = 0
    integers: str = "any"
    sign: int = 0


def draw(array: Array, nature: Nature, how: Draw, random: np.random.Generator) -> Array:
    """Draw an array of the same shape, dtype and nature."""
    drawer = _DRAWERS.get(nature)
    values = drawer(array, how, random) if drawer is not None else _numbers(array, nature, how, random)
    return values.astype(array.dtype)


def _numbers(array: Array, nature: Nature, how: Draw, random: np.random.Generator) -> Array:
    exact = array.astype(np.float64)
    scale = float(np.sqrt(np.mean(exact**2))) or 1.0
    if how.centred:
        values = scale * random.normal(size=array.shape)
    else:
        spread = float(np.std(exact)) or 0.3 * scale
        values = np.mean(exact) + spread * random.normal(size=array.shape)
    values = values * how.scale
    if how.levels:
        values = np.round(values / scale * how.levels) * (scale / how.levels)
    if nature is Nature.POSITIVE and not how.signs:
        # Not too near to 0: what is divided by them would be drowned.
        return np.abs(values) + 0.05 * scale * min(how.scale, 1.0)
    if how.sign:
        values = how.sign * np.abs(values)
    if how.zeros:
        values = np.where(random.random(size=array.shape) < how.zeros, 0.0, values)
    return values


def _probabilities(array: Array, how: Draw, random: np.random.Generator) -> Array:
    values = random.uniform(0.02, 0.98, size=array.shape)
    if how.scale > 1:  # near 0 and near 1
        values = np.where(values < 0.5, values**4, 1 - (1 - values) ** 4)
    return np.clip(np.round(values * 8) / 8, 0.125, 0.875) if how.levels else values


def _rows(array: Array, how: Draw, random: np.random.Generator) -> Array:
    values = _probabilities(array, how, random)
    return np.asarray(values / values.sum(axis=-1, keepdims=True))


def _binary(array: Array, how: Draw, random: np.random.Generator) -> Array:
    del how
    return random.integers(0, 2, size=array.shape)


def _one_hot(array: Array, how: Draw, random: np.random.Generator) -> Array:
    classes = array.shape[-1]
    chosen = random.integers(0, classes, size=array.shape[:-1])
    if how.integers == "repeated":
        chosen = np.full_like(chosen, random.integers(0, classes))
    return np.eye(classes)[chosen]


def _signs(array: Array, how: Draw, random: np.random.Generator) -> Array:
    del how
    return 2 * random.integers(0, 2, size=array.shape) - 1


def _symmetric(array: Array, how: Draw, random: np.random.Generator) -> Array:
    n = len(array)
    scale = float(np.sqrt(np.mean(array.astype(np.float64) ** 2))) * how.scale
    values = random.normal(size=(n, n))
    if np.linalg.eigvalsh(array.astype(np.float64))[0] > 0:
        product = values @ values.T / n + 0.3 * np.eye(n)
        return np.asarray(scale * (product + product.T) / 2)
    return np.asarray(scale * (values + values.T) / 2)


def _integers(array: Array, how: Draw, random: np.random.Generator) -> Array:
    least, greatest = int(array.min()), int(array.max())
    if how.integers == "extreme":
        return np.where(random.random(size=array.shape) < 0.5, least, greatest)
    if how.integers == "repeated":
        few = random.integers(least, greatest + 1, size=2)
        return random.choice(few, size=array.shape, p=[0.75, 0.25])
    return random.integers(least, greatest + 1, size=array.shape)


def _booleans(array: Array, how: Draw, random: np.random.Generator) -> Array:
    del how
    return random.random(size=array.shape) < 0.5


_DRAWERS: Mapping[Nature, Any] = {
    Nature.PROBABILITY: _probabilities,
    Nature.PROBABILITY_ROWS: _rows,
    Nature.BINARY: _binary,
    Nature.ONE_HOT: _one_hot,
    Nature.SIGNS: _signs,
    Nature.SYMMETRIC: _symmetric,
    Nature.INDEX: _integers,
    Nature.BOOLEAN: _booleans,
}
