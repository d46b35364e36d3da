"""Thinning long curves to what a picture can show, without losing what is worst in them."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 160
"""At most so many bins along the steps."""

FEWEST_BINS = 40
"""However many curves there are, each keeps so many bins."""

POINTS = 60_000
"""About how many points all curves of one measure may have in a page, before bins are made wider."""


def bins_for(curves: int) -> int:
    """Tell how many bins the steps are cut into, so that a page with many curves stays small.

    >>> bins_for(70), bins_for(1500), bins_for(100_000)
    (160, 40, 40)
    """
    return int(np.clip(POINTS // max(curves, 1), FEWEST_BINS, BINS))


def bin_starts(steps: int, bins: int) -> NDArray[np.int64]:
    """Cut the steps 0 … steps - 1 into bins that are about equally wide on a logarithmic axis of step + 1.

    Args:
        steps: how many steps there are.
        bins: how many bins there may be at most.

    Returns:
        the first step of each bin, increasing, 0 first.

    >>> bin_starts(1000, 8).tolist()
    [0, 1, 4, 12, 30, 74, 176, 421]
    """
    if steps <= bins:
        return np.arange(max(steps, 1), dtype=np.int64)
    edges = np.geomspace(1.0, steps + 1.0, bins + 1)[:-1]
    return np.unique(np.floor(edges).astype(np.int64) - 1)


def bins_of(frame: pd.DataFrame, bins: int) -> NDArray[np.int64]:
    """Tell in which bin of its scenario's steps each row of a frame is; a scenario has `bins` at most."""
    step = frame["step"].to_numpy()
    numbers = np.zeros(len(frame), dtype=np.int64)
    for rows in frame.groupby("scenario", observed=True, sort=False).indices.values():
        starts = bin_starts(int(step[rows].max()) + 1, bins)
        numbers[rows] = np.searchsorted(starts, step[rows], side="right") - 1
    return numbers


def thin(
    curve: NDArray[np.integer[Any]], bin_number: NDArray[np.int64], value: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Keep of each curve and each bin of steps the point with the largest value.

    Args:
        curve: of each point the number of its curve.
        bin_number: of each point the number of its bin.
        value: NaN counts as larger than all numbers, so that it is never lost. Of several that are equal the
            first one is kept.

    Returns:
        the positions of the kept points, curve by curve, each in the order of its bins.
    """
    if not len(value):
        return np.zeros(0, dtype=np.intp)
    cell = curve * (int(bin_number.max()) + 1) + bin_number
    order = np.argsort(cell, kind="stable")
    cell, value = cell[order], value[order]
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    # NumPy's maximum of NaN and a number is NaN.
    largest = np.repeat(np.maximum.reduceat(value, begins), np.diff(begins, append=len(cell)))
    kept = np.flatnonzero((value == largest) | (np.isnan(value) & np.isnan(largest)))
    first: NDArray[np.intp] = order[kept[np.diff(cell[kept], prepend=-1) != 0]]
    return first
