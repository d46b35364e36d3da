"""Helpers on payloads: NumPy arrays of shape (samples, lanes, *shape).

`shape` is what a loss sees. A sample is one of several random runs of the same computation (noisy
floats alone have more than one); a lane is one of several computations with different inputs, such
as the steps of a training trajectory. Either hidden axis may have length 1, which stands for "the
same in all". Visible axes are counted from the right (-1 is the last), so that the hidden ones
never shift them.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Payload: TypeAlias = NDArray[Any]

HIDDEN = 2
"""How many hidden axes lead a payload: samples, lanes."""


def with_rank(data: Payload, rank: int) -> Payload:
    """Puts axes of length 1 between the hidden and the visible ones, until `rank` are visible.

    NumPy alone would align (samples, lanes, 4) with (samples, lanes, 4, 4) as if the lanes were
    visible.

    >>> with_rank(np.zeros((1, 7, 4)), 2).shape
    (1, 7, 1, 4)
    """
    missing = rank - (data.ndim - HIDDEN)
    if missing <= 0:
        return data
    return data.reshape(*data.shape[:HIDDEN], *(1,) * missing, *data.shape[HIDDEN:])


def aligned(*payloads: Payload) -> list[Payload]:
    """The payloads with equally many visible axes, so that NumPy broadcasts them rightly."""
    rank = max(data.ndim for data in payloads) - HIDDEN
    return [with_rank(data, rank) for data in payloads]


def same_hidden(payloads: list[Payload]) -> list[Payload]:
    """The payloads with their hidden axes broadcast against each other."""
    hidden = np.broadcast_shapes(*(data.shape[:HIDDEN] for data in payloads))
    return [np.broadcast_to(data, hidden + data.shape[HIDDEN:]) for data in payloads]
