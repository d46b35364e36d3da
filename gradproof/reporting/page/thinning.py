"""Thinning long curves to what a picture can show, without losing what is worst in them."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

BINS = 160
"""At most so many bins along the steps."""

FEWEST_BINS = 40
"""However many curves there are, each keeps so many bins."""

POINTS = 120_000
"""About how many points all curves of one picture's view may have in a page, before bins are made wider."""


def bins_for(curves: int) -> int:
    """Tell how many bins the steps are cut into, so that a page with many curves stays small.

    >>> bins_for(70), bins_for(1500), bins_for(100_000)
    (160, 80, 40)
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


def thin(frame: pd.DataFrame, keys: Sequence[str], measure: str, bins: int) -> pd.DataFrame:
    """Keep of each curve and each bin of steps the row with the largest value.

    Args:
        frame: with the columns `keys`, `step` and `measure`.
        keys: the columns that name a curve.
        measure: the column whose largest value is kept; NaN counts as larger than all numbers, so that it is
            never lost. Of several that are equal the first in the frame is kept.
        bins: how many bins there may be at most.

    Returns:
        the kept rows of the columns `keys`, `step` and `measure`, curve by curve in the order of the frame,
        each in the order of its steps.
    """
    columns = frame[[*keys, "step", measure]]
    if frame.empty:
        return columns
    step = frame["step"].to_numpy()
    starts = bin_starts(int(step.max()) + 1, bins)
    curve = frame.groupby(list(keys), observed=True, sort=False).ngroup().to_numpy()
    cell = curve * len(starts) + np.searchsorted(starts, step, side="right") - 1
    order = np.argsort(cell, kind="stable")
    cell, value = cell[order], frame[measure].to_numpy(dtype=np.float64)[order]
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    # NumPy's maximum of NaN and a number is NaN.
    largest = np.repeat(np.maximum.reduceat(value, begins), np.diff(begins, append=len(cell)))
    kept = np.flatnonzero((value == largest) | (np.isnan(value) & np.isnan(largest)))
    first = np.diff(cell[kept], prepend=-1) != 0
    thinned: pd.DataFrame = columns.iloc[order[kept[first]]]
    return thinned
