"""Reading what a loss passes: axes, integer data, index keys."""

from math import prod
from operator import index
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Mask
from gradproof.reference.tape.source import caller

Value: TypeAlias = Any
"""What a loss may hand to a function: a Tensor, a Mask, an array of data, a Python number.

A loss is the user's code and is not type-checked against this package; `Tape.lift` judges each
value when it is used, and names what it cannot work with.
"""

Axis: TypeAlias = int | tuple[int, ...] | None


def is_discrete(*values: object) -> bool:
    """Whether all values are integers or booleans: indices and labels, which have no gradient."""
    return all(
        isinstance(value, int | np.ndarray | np.generic | list | tuple)
        and np.asarray(value).dtype.kind in "iub"
        for value in values
    )


def shape_of(value: Value) -> tuple[int, ...]:
    """The shape of a value, a Python number's being ()."""
    shape: tuple[int, ...] = value.shape if hasattr(value, "shape") else np.shape(value)
    return shape


def one_axis(axis: int, ndim: int) -> int:
    """An axis counted from the right (-1 is the last).

    Raises:
        InputError: There is no such axis.
    """
    place = index(axis)
    if not -ndim <= place < ndim:
        raise InputError(
            f"Axis {place} at {caller()} does not exist in an array with {ndim} axes. "
            f"Pass one of {-ndim}, ..., {ndim - 1}."
        )
    return place - ndim if place >= 0 else place


def all_axes(axis: Axis, ndim: int) -> tuple[int, ...]:
    """The axes of a reduction in ascending order, counted from the right; None means all."""
    if axis is None:
        return tuple(range(-ndim, 0))
    chosen = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(sorted({one_axis(each, ndim) for each in chosen}))


def positions_of(key: Value, shape: tuple[int, ...]) -> NDArray[np.intp]:
    """The flat positions that an index key chooses, in the shape that NumPy gives the result.

    Raises:
        InputError: The key does not fit the shape.
        UnsupportedError: The key holds computed numbers.
    """
    parts = key if isinstance(key, tuple) else (key,)
    for part in parts:
        if isinstance(part, Mask) or hasattr(part, "operation"):
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
