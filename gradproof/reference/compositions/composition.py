"""What the functions that are made of other functions have in common."""

from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = Any
"""An array of whatever namespace: of the tape, NumPy's, a framework's."""

Lengths: TypeAlias = int | Sequence[int]
"""A length for all axes, or one for each."""


class Composition:
    """Functions that are written once with a namespace of the array API standard, and hold in all of them.

    Attributes:
        _xp: the namespace.
    """

    _xp: Any

    def _indices(self, places: NDArray[np.intp], like: Array) -> Array:  # noqa: ARG002 - some have devices
        """Places as the namespace indexes by, on the device of an array."""
        return self._xp.asarray(places)

    def _constant(self, values: NDArray[Any], like: Array) -> Array:
        """Numbers as an array of the type of another."""
        return self._xp.asarray(values, dtype=like.dtype)


def for_each_axis(lengths: Lengths, rank: int) -> tuple[int, ...]:
    """Give a length for each of so many axes.

    Raises:
        ValueError: there are more or fewer.

    >>> for_each_axis(2, 3), for_each_axis((1, 2), 2)
    ((2, 2, 2), (1, 2))
    """
    each = (lengths,) * rank if isinstance(lengths, int) else tuple(int(length) for length in lengths)
    if len(each) != rank:
        raise ValueError(f"{lengths} does not give one for each of {rank} axes")
    return each
