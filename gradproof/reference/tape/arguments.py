"""Reading what a loss passes: axes, shapes, integer data, conditions, index keys."""

from collections.abc import Sequence
from math import prod
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.numbers import Integers, Mask
from gradproof.reference.source import caller

Value: TypeAlias = Any
"""What a loss may hand to a function: a Tensor, a Mask, an array of data, a Python number.

A loss is the user's code and is not type-checked against this package; `Tape.lift` judges each
value when it is used, and names what it cannot work with.
"""

Axis: TypeAlias = int | tuple[int, ...] | None

Shape: TypeAlias = int | Sequence[int]


def is_discrete(*values: object) -> bool:
    """Whether all values are integers or booleans: indices and labels, which have no gradient."""
    return all(
        isinstance(value, int | np.ndarray | np.generic)
        or (isinstance(value, list | tuple) and not holds_computed(value))
        for value in values
    ) and all(np.asarray(value).dtype.kind in "iub" for value in values)


def holds_computed(value: object) -> bool:
    """Whether a value is, or is a list of, what the loss computed."""
    if isinstance(value, list | tuple):
        return any(holds_computed(part) for part in value)
    return isinstance(value, Computed)


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of a value, a Python number's being ()."""
    shape: tuple[int, ...] = value.shape if hasattr(value, "shape") else np.shape(value)
    return shape


def rank_of(value: Value) -> int:
    """The number of axes of a value."""
    return len(shape_of(value))


def lengths(shape: Shape) -> tuple[int, ...]:
    """A shape as a tuple, whether one length or several were passed."""
    return tuple(index(length) for length in (shape if isinstance(shape, Sequence) else (shape,)))


def one_axis(axis: int, ndim: int) -> int:
    """An axis counted from the right (-1 is the last).

    Raises:
        InputError: There is no such axis.
    """
    place = index(axis)
    if not -ndim <= place < ndim:
        raise InputError(
            f"Axis {place} at {caller()} does not exist in an array with {ndim} axes. "
            + (f"Pass one of {-ndim}, ..., {ndim - 1}." if ndim else "Pass an array with axes.")
        )
    return place - ndim if place >= 0 else place


def all_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes of a reduction in ascending order, counted from the right; None means all."""
    if axis is None:
        return tuple(range(-ndim, 0))
    chosen = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted({one_axis(each, ndim) for each in chosen}))


def contraction(
    left: tuple[int, ...], right: tuple[int, ...], axes: Any
) -> tuple[list[int], list[int], int, tuple[int, ...]]:
    """How sums of products along pairs of axes, as tensordot has them, are a product of two matrices.

    Returns:
        the order of each one's axes, the length of the product's inner axis, the shape of the result.

    Raises:
        ValueError: a pair's lengths differ.
    """
    if isinstance(axes, int):
        axes = (range(len(left) - axes, len(left)), range(axes))
    inner_left, inner_right = (
        [one_axis(axis, len(shape)) + len(shape) for axis in (each if np.iterable(each) else (each,))]
        for each, shape in zip(axes, (left, right), strict=True)
    )
    if [left[axis] for axis in inner_left] != [right[axis] for axis in inner_right]:
        raise ValueError(f"shapes {left} and {right} do not fit along the axes {inner_left}, {inner_right}")
    outer_left, outer_right = (
        [axis for axis in range(len(shape)) if axis not in inner]
        for inner, shape in ((inner_left, left), (inner_right, right))
    )
    shape = (*(left[axis] for axis in outer_left), *(right[axis] for axis in outer_right))
    return outer_left + inner_left, inner_right + outer_right, prod(left[axis] for axis in inner_left), shape


def condition_of(value: Value) -> Mask:
    """A comparison, from one, from booleans, or from numbers that are true where they are not 0."""
    if isinstance(value, Mask):
        return value
    unequal = np.asarray(value) != 0 if is_discrete(value) else value != 0
    return unequal if isinstance(unequal, Mask) else Mask.lift(unequal)


def integers_of(indices: Value) -> NDArray[np.intp]:
    """Indices.

    Raises:
        UnsupportedError: They are computed numbers.
    """
    indices = _common(indices)
    if not is_discrete(indices):
        raise UnsupportedError(f"The indices at {caller()} are computed numbers. Use integers of the batch.")
    return np.asarray(indices, dtype=np.intp)


def _common(value: Value) -> Value:
    """Computed integers as NumPy's, where they are the same in all that is computed together."""
    common = value.common() if isinstance(value, Integers) else None
    return value if common is None else common


def positions_of(key: Value, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The flat positions that an index key chooses, in the shape that NumPy gives the result.

    Raises:
        InputError: The key does not fit the shape.
        UnsupportedError: The key holds computed numbers.
    """
    key = tuple(_common(part) for part in key) if isinstance(key, tuple) else _common(key)
    parts = key if isinstance(key, tuple) else (key,)
    if any(isinstance(part, Integers) for part in parts):
        raise UnsupportedError(
            f"An array is indexed at {caller()} by computed integers that are not decided, or not the same "
            "in all that is computed together. Use xp.take(x, indices, axis=...) or xp.take_along_axis."
        )
    if any(holds_computed(part) for part in parts):
        raise UnsupportedError(
            f"An array is indexed at {caller()} by computed numbers, so that the result's "
            "shape would depend on their values. Use xp.where(condition, a, b), or index by "
            "integers of the batch."
        )
    places = np.arange(prod(shape)).reshape(shape)
    try:
        return np.asarray(places[key])
    except IndexError as error:
        raise InputError(
            f"The index at {caller()} does not fit an array of shape {shape}: {error}. "
            "Check the index against the shape."
        ) from error
