"""Thinning keeps what is worst in each bin of steps, at its true step."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.reporting.page.thinning import BINS, FEWEST_BINS, bin_starts, bins_for, thin

VALUES = st.one_of(st.floats(min_value=0), st.just(math.nan), st.just(math.inf))


@given(st.integers(1, 30_000), st.integers(2, 200))
def test_bins_cover_all_steps_and_are_not_more_than_asked_for(steps: int, bins: int) -> None:
    starts = bin_starts(steps, bins)
    assert starts[0] == 0
    assert starts[-1] < steps
    assert (np.diff(starts) > 0).all()
    assert len(starts) <= bins


def test_bins_widen_with_the_step() -> None:
    widths = np.diff(bin_starts(10_000, BINS))
    assert widths[0] == 1
    assert (np.diff(widths) >= -1).all()  # whole steps: a bin may be one step narrower than the one before
    assert widths[-1] > 400


@pytest.mark.parametrize(("curves", "bins"), [(1, BINS), (10**6, FEWEST_BINS)])
def test_many_curves_get_fewer_bins(curves: int, bins: int) -> None:
    assert bins_for(curves) == bins


def larger(first: float, second: float) -> bool:
    """Whether the first counts as larger: NaN is larger than all."""
    if math.isnan(first) or math.isnan(second):
        return math.isnan(first) and not math.isnan(second)
    return first > second


@given(
    st.dictionaries(st.sampled_from("abc"), st.lists(VALUES, min_size=1, max_size=60), min_size=1),
    st.integers(2, 12),
)
def test_of_each_bin_the_first_largest_row_is_kept(curves: dict[str, list[float]], bins: int) -> None:
    rows = [(name, step, value) for name, values in curves.items() for step, value in enumerate(values)]
    frame = pd.DataFrame(rows, columns=["curve", "step", "error"]).astype({"curve": "category"})
    starts = bin_starts(frame["step"].max() + 1, bins).tolist()
    # Written anew, one row at a time.
    kept: dict[tuple[str, int], tuple[int, float]] = {}
    for name, step, value in rows:
        cell = (name, max(place for place, start in enumerate(starts) if start <= step))
        if cell not in kept or larger(value, kept[cell][1]):
            kept[cell] = (step, value)
    expected = [(name, *kept[name, place]) for name, place in kept]
    found = thin(frame, ["curve"], "error", bins)
    assert str(list(found.itertuples(index=False, name=None))) == str(expected)


def test_nothing_is_thinned_to_nothing() -> None:
    frame = pd.DataFrame({"curve": [], "step": [], "error": []})
    assert thin(frame, ["curve"], "error", 10).empty
