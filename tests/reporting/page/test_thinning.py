"""Thinning keeps what is worst in each bin of steps, at its true step."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradproof.reporting.page.curves import BINS, FEWEST_BINS, bin_starts, bins_for, bins_of, thin

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
    frame = pd.DataFrame(rows, columns=["curve", "step", "error"]).assign(scenario="s")
    starts = bin_starts(frame["step"].max() + 1, bins).tolist()
    # Written anew, one row at a time.
    kept: dict[tuple[str, int], tuple[int, float]] = {}
    for name, step, value in rows:
        cell = (name, max(place for place, start in enumerate(starts) if start <= step))
        if cell not in kept or larger(value, kept[cell][1]):
            kept[cell] = (step, value)
    expected = [(name, *kept[name, place]) for name, place in kept]
    codes = frame["curve"].map({name: code for code, name in enumerate(curves)}).to_numpy()
    positions = thin(codes, bins_of(frame, bins), frame["error"].to_numpy())
    found = frame.iloc[positions][["curve", "step", "error"]]
    assert str(list(found.itertuples(index=False, name=None))) == str(expected)


def test_each_scenario_has_bins_of_its_own() -> None:
    """A run of three steps beside one of ten thousand keeps them all."""
    steps = [*range(3), *range(10_000)]
    frame = pd.DataFrame({"scenario": ["short"] * 3 + ["long"] * 10_000, "step": steps})
    numbers = bins_of(frame, 40)
    assert numbers[:3].tolist() == [0, 1, 2]
    assert numbers[3:].tolist() == [
        max(place for place, start in enumerate(bin_starts(10_000, 40)) if start <= step)
        for step in range(10_000)
    ]


def test_nothing_is_thinned_to_nothing() -> None:
    nothing = np.zeros(0)
    assert len(thin(nothing.astype(int), nothing.astype(int), nothing)) == 0


@settings(max_examples=30)
@given(st.data())
def test_the_worst_of_all_parameters_never_dips_below_one_of_them(data: st.DataObject) -> None:
    """Thinned twice, in bins of another width, it did: by six orders of magnitude, where a run fails."""
    steps = data.draw(st.integers(50, 3000))
    bins = data.draw(st.integers(10, 60))
    random = np.random.default_rng(data.draw(st.integers(0, 99)))
    errors = {name: np.exp(3 * random.normal(size=steps)) for name in ("a", "b")}
    errors[data.draw(st.sampled_from("ab"))] += 1e6
    rows = [
        {
            "scenario": "s",
            "backend": "b",
            "variant": "v",
            "dtype": "d",
            "step": step,
            "parameter": name,
            "e": e,
        }
        for step in range(steps)
        for name, values in errors.items()
        for e in [values[step]]
    ]
    frame = pd.DataFrame(rows)
    own = frame["parameter"].map({"a": 0, "b": 1}).to_numpy()
    where = bins_of(frame, bins)
    worst = frame.iloc[thin(np.zeros(len(frame), dtype=int), where, frame["e"].to_numpy())]
    assert worst["e"].min() > 1e6
    each = frame.iloc[thin(own, where, frame["e"].to_numpy())]
    of_bin = pd.Series(where)[each.index]
    np.testing.assert_array_equal(worst["e"], each.groupby(of_bin.to_numpy())["e"].max())
