"""Errors, times and totals that changed."""

import numpy as np
import pytest
from altered_reports import LINE, RUN, altered, base, check_columns, finding, of, only

from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.comparison.run_changes import ratios
from gradproof.reporting.formats.markdown import changes_section


def test_only_errors_that_are_not_exactly_as_before_are_told() -> None:
    after = base()
    where = of(after.updates, LINE) & (after.updates["parameter"] == "w")
    old = after.updates.loc[where, "spreads"].max()
    finding(after, "update", step=2, spreads=8.0 * old + 8.0, ulps=5.0)
    changes = compare(base(), after)
    check_columns(changes)
    row = only(changes.errors)
    assert tuple(row[name] for name in RUN) == LINE
    assert (row["quantity"], row["parameter"], row["step_after"]) == ("updates", "w", 2)
    assert (row["spreads_before"], row["spreads_after"]) == (old, 8.0 * old + 8.0)
    assert row["ratio"] == (8.0 * old + 8.0) / old
    assert (row["ulps_after"], row["verdict_before"], row["verdict_after"]) == (5.0, "AGREES", "AGREES")
    assert "The worst error of 1 parameter changed by more than a factor of 2" in str(changes)
    assert not changes.worse


ERRORS = {
    "a little": (3.0, 5.0, 0),
    "much": (3.0, 7.0, 1),
    "much less": (7.0, 3.0, 1),
    "below the noise": (0.1, 0.9, 0),
    "to NaN": (3.0, np.nan, 1),
    "from NaN": (np.nan, 3.0, 1),
    "from zero": (0.0, 3.0, 1),
    "to zero": (3.0, 0.0, 1),
}


@pytest.mark.parametrize(("old", "new", "notable"), ERRORS.values(), ids=ERRORS)
def test_errors_of_a_factor_of_two_and_above_the_noise_are_shown(
    old: float, new: float, notable: int
) -> None:
    changes = compare(*(finding(base(), "gradient", spreads=spreads) for spreads in (old, new)))
    assert len(changes.errors) == 1
    what = "The worst error of 1 parameter" if notable else "No worst error"
    assert f"{what} changed by more than a factor of 2" in str(changes)
    assert "; the frame errors has the one that is not exactly as before." in str(changes)
    assert len("\n".join(changes_section(changes)).split("### Errors that changed\n")) == 1 + notable


def test_ratios_of_zeros_and_infinities() -> None:
    before = np.array([0.0, np.inf, 0.0, 1.0, 2.0, np.inf])
    after = np.array([0.0, np.inf, 1.0, 0.0, 3.0, 1.0])
    assert ratios(before, after).tolist() == [1.0, 1.0, np.inf, 0.0, 1.5, 0.0]


def test_times_are_told_and_never_worse() -> None:
    after = base()
    where = after.runs["variant"] == "eager"
    for name in ("training_seconds", "seconds_per_step", "compiling_seconds"):
        altered(after, "runs", where, **{name: after.runs.loc[where, name].to_numpy() * 4 + (name < "d")})
    changes = compare(base(), after)
    assert changes.unchanged
    assert not changes.worse
    timings = changes.timings[of(changes.timings, LINE)]
    assert timings["per_step_ratio"].tolist() == [4.0]
    assert timings["compiling_ratio"].tolist() == [np.inf]
    totals = changes.totals.astype({"backend": object, "variant": object}).set_index(["backend", "variant"])
    assert totals["training_ratio"].to_dict() == {
        ("reference", "numpy"): 1.0,
        ("torch", "eager"): pytest.approx(4.0),
        ("torch", "func"): 1.0,
    }
    runs = base().runs
    assert totals.loc[("torch", "func"), "judging_after"] == pytest.approx(
        runs.loc[runs["variant"] == "func", "judging_seconds"].sum()
    )
    assert "torch/eager 4.00, torch/func 1.00. These are facts and no verdicts" in str(changes)


def test_totals_leave_out_runs_that_did_other_work() -> None:
    after = base()
    altered(after, "runs", of(after.runs, LINE), steps=2)
    altered(after, "runs", after.runs["scenario"] == "curve", fingerprint="other-code")
    changes = compare(base(), after)
    totals = changes.totals.astype({"backend": object, "variant": object}).set_index(["backend", "variant"])
    assert totals["runs"].to_dict() == {
        ("reference", "numpy"): 2,
        ("torch", "eager"): 1,
        ("torch", "func"): 2,
    }
    assert len(changes.timings) == 12
