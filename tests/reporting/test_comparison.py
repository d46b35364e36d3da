"""What changed between two reports: each kind of change is made by hand, and must be told as what it is."""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.errors import InputError
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.comparison import Changes, compare
from gradproof.reporting.comparison.columns import CHANGES
from gradproof.reporting.comparison.numbers import ratios
from gradproof.reporting.report import Report
from gradproof.scenarios import Scenario

RUN = ["scenario", "backend", "variant", "dtype"]
LINE = ("line", "torch", "eager", "float64")


def scenario(name: str) -> Scenario:
    return gp.Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"] + params["c"] - batch["y"]) ** 2),
        gradient=lambda params, batch: {
            "w": np.sum(2 * (params["w"] * batch["x"] + params["c"] - batch["y"]) * batch["x"]),
            "c": np.sum(2 * (params["w"] * batch["x"] + params["c"] - batch["y"])),
        },
        params={"w": np.array(0.75), "c": np.array(0.1)},
        batch={"x": np.array([1.0, 2.0]), "y": np.array([0.5, 0.25])},
        training=gp.GradientDescent(learning_rate=0.05, steps=3),
    )


@cache
def _base() -> Report:
    """Two scenarios, each run on the reference and on PyTorch in two ways, in two dtypes: twelve runs."""
    return gp.verify([scenario("line"), scenario("curve")], backends=["reference", "torch"])


def base() -> Report:
    """A copy, so that a test may change it."""
    made = _base()
    environment = {**made.environment, "packages": dict(made.environment["packages"])}
    return Report({name: frame.copy() for name, frame in made.frames.items()}, environment)


def of(frame: pd.DataFrame, run: tuple[str, ...]) -> "pd.Series[bool]":
    return (frame[RUN].astype(object) == list(run)).all(axis=1)


def altered(report: Report, name: str, where: "pd.Series[bool]", **values: Any) -> Report:
    frame = report.frames[name].astype(object)
    for column, value in values.items():
        frame.loc[where, column] = value
    report.frames[name] = frame.astype(COLUMNS[name])
    return report


def without(report: Report, run: tuple[str, ...], names: tuple[str, ...] = tuple(COLUMNS)) -> Report:
    for name in names:
        if "backend" in report.frames[name]:
            report.frames[name] = report.frames[name][~of(report.frames[name], run)].reset_index(drop=True)
    return report


def state(report: Report, run: tuple[str, ...], verdict: str) -> Report:
    """Put a run into a state: a verdict, FAILED, NOT RUN, or absent."""
    if verdict == "":
        return without(report, run)
    if verdict in {"FAILED", "NOT RUN"}:
        status = {"FAILED": "failed", "NOT RUN": "not run"}[verdict]
        judged = tuple(name for name in COLUMNS if name != "runs")
        changed = {"status": status, "verdict": "NOT_CHECKED", "reason": "it raised"}
        return altered(without(report, run, judged), "runs", of(report.runs, run), **changed)
    altered(report, "gradients", of(report.gradients, run) & (report.gradients["step"] == 1), verdict=verdict)
    return altered(report, "runs", of(report.runs, run), verdict=verdict)


def only(frame: pd.DataFrame) -> Mapping[Any, Any]:
    (row,) = frame.astype(object).to_dict("records")
    return row


def one_verdict(before: str, after: str) -> Mapping[Any, Any]:
    return only(compare(state(base(), LINE, before), state(base(), LINE, after)).verdicts)


def check_columns(changes: Changes) -> None:
    for name, columns in CHANGES.items():
        frame = getattr(changes, name)
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == columns
        assert list(frame.columns) == list(columns)
        assert frame.index.equals(pd.RangeIndex(len(frame)))


def test_a_report_is_as_itself() -> None:
    changes = compare(base(), base())
    check_columns(changes)
    assert changes.unchanged
    assert not changes.worse
    assert changes.counts["run"] == changes.counts["run as before"] == changes.counts["ran twice"] == 12
    assert len(changes.timings) == 12
    assert (changes.timings["per_step_ratio"] == 1).all()
    assert [title for title, _, _ in changes.tables()] == ["Times of implementations", "Times of runs"]
    assert str(changes).splitlines()[:3] == [
        "Nothing got worse: the verdicts of all 12 runs and all 4 formulas are as before.",
        "Bits are equal in all 12 runs.",
        "All errors are exactly as before.",
    ]
    assert str(changes).endswith("The environment is the same.")


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_report_that_was_written_and_read_is_as_it_was(ending: str, tmp_path: Path) -> None:
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    read = gp.read_report(base().write(tmp_path / "report", formats=[ending]))
    assert gp.compare(base(), read).unchanged
    assert gp.compare(read, base()).unchanged
    assert gp.compare(read, base()).scenarios == {"line": "same", "curve": "same"}


def test_reports_of_nothing_can_be_compared() -> None:
    empty = Report({name: frame.iloc[:0] for name, frame in base().frames.items()}, {})
    changes = compare(empty, empty)
    check_columns(changes)
    assert changes.unchanged
    assert changes.tables() == []
    assert str(changes) == "Nothing got worse: nothing is in both reports.\nThe environment is the same."
    assert set(compare(empty, base()).verdicts["change"]) == {"not compared"}


@pytest.mark.parametrize("wrong", ["reports/latest", None])
def test_what_is_no_report_is_refused(wrong: Any) -> None:
    with pytest.raises(InputError, match=r"compare takes two reports.*gradproof\.read_report"):
        compare(base(), wrong)


# From best to worst; what stands in one group is equally good.
GROUPS = (
    ("EQUAL", "AGREES", "KINK", "INACCURATE"),
    ("UNDECIDED",),
    ("DISAGREES",),
    ("NOT_FINITE",),
    ("WRONG",),
    ("FAILED",),
)
PASSING = GROUPS[0]
RAN = [verdict for group in GROUPS for verdict in group]


def expected(before: str, after: str) -> str:
    """What is said of a run that is in both reports, told apart from the code: by the table above."""
    if after == "NOT RUN":
        return "other" if before == "FAILED" else "worse"
    if before == "NOT RUN":
        return "better" if after in PASSING else "worse"
    (old,) = (number for number, group in enumerate(GROUPS) if before in group)
    (new,) = (number for number, group in enumerate(GROUPS) if after in group)
    return "other" if old == new else "worse" if new > old else "better"


@pytest.mark.parametrize("before", [*RAN, "NOT RUN"])
def test_each_change_of_a_verdict_is_worse_better_or_neither(before: str) -> None:
    first = state(base(), LINE, before)
    for after in [*RAN, "NOT RUN"]:
        changes = compare(first, state(base(), LINE, after))
        if before == after:
            assert changes.verdicts.empty
            continue
        row = only(changes.verdicts)
        assert tuple(row[name] for name in RUN) == LINE
        assert (row["kind"], row["before"], row["after"]) == ("run", before, after)
        assert row["change"] == expected(before, after), (before, after)
        assert changes.worse == (row["change"] == "worse")


def test_agrees_to_inaccurate_is_told_and_not_worse() -> None:
    changes = compare(base(), state(base(), LINE, "INACCURATE"))
    assert not changes.worse
    assert "1 verdict changed without getting worse or better" in str(changes)


def test_a_run_that_fails_and_did_not_pass_before_is_told_and_not_worse() -> None:
    changes = compare(state(base(), LINE, "DISAGREES"), state(base(), LINE, "DISAGREES"))
    assert not changes.worse
    assert "1 run that does not pass did not pass before either." in str(changes)
    both = compare(state(base(), LINE, "DISAGREES"), state(base(), LINE, "UNDECIDED"))
    assert only(both.verdicts)["change"] == "better"
    assert both.counts["run failing"] == 1


@pytest.mark.parametrize("verdict", ["DISAGREES", "FAILED"])
def test_a_new_run_that_does_not_pass_is_worse(verdict: str) -> None:
    row = one_verdict("", verdict)
    assert (row["before"], row["after"], row["change"]) == ("", verdict, "worse")


def test_a_run_that_is_in_one_report_only_is_told() -> None:
    assert one_verdict("", "AGREES")["change"] == "new"
    assert one_verdict("", "NOT RUN")["change"] == "new"
    gone = one_verdict("AGREES", "")
    assert gone["change"] == "gone"
    assert gone["reason"] == "this run is not in the report after"


NOT_CHOSEN: dict[str, tuple[Callable[[pd.DataFrame], "pd.Series[bool]"], str, int]] = {
    "a scenario": (lambda frame: frame["scenario"] == "curve", "curve is not in", 6),
    "a backend": (lambda frame: frame["backend"] == "torch", "torch/(eager|func) is not in", 8),
    "a variant": (lambda frame: frame["variant"] == "func", "torch/func is not in", 4),
    "a dtype": (lambda frame: frame["dtype"] == "float32", "float32 is not in", 6),
}


@pytest.mark.parametrize(("chosen", "reason", "number"), NOT_CHOSEN.values(), ids=NOT_CHOSEN)
def test_what_was_not_chosen_is_not_compared_and_counted(
    chosen: Callable[[pd.DataFrame], "pd.Series[bool]"], reason: str, number: int
) -> None:
    smaller = base()
    for name, frame in smaller.frames.items():
        if "backend" in frame:
            smaller.frames[name] = frame[~chosen(frame)].reset_index(drop=True)
    for changes, which in ((compare(base(), smaller), "after"), (compare(smaller, base()), "before")):
        assert not changes.worse
        assert (changes.verdicts["change"] == "not compared").all()
        assert changes.verdicts["reason"].str.fullmatch(f"{reason} the report {which}").all()
        assert len(changes.verdicts) == number
        assert changes.counts["run"] == 12 - number
        assert f"{number} verdicts are not compared: one of the reports was made with other" in str(changes)


def unloaded(report: Report, status: str) -> Report:
    """PyTorch cannot be imported any more: one row stands for its variants, as `verify` writes it."""
    for name, frame in report.frames.items():
        if "backend" in frame:
            report.frames[name] = frame[frame["backend"] != "torch"].reset_index(drop=True)
    rows = report.runs.astype(object).to_dict("records")
    for name in ("line", "curve"):
        for dtype in ("float64", "float32"):
            rows.append(
                {
                    **rows[0],
                    "scenario": name,
                    "backend": "torch",
                    "variant": "",
                    "dtype": dtype,
                    "status": status,
                    "verdict": "NOT_CHECKED",
                    "reason": "no torch",
                }
            )
    report.frames["runs"] = pd.DataFrame(rows).astype(COLUMNS["runs"])
    return report


@pytest.mark.parametrize(("status", "word"), [("not run", "NOT RUN"), ("failed", "FAILED")])
def test_a_backend_that_can_no_longer_be_loaded_is_worse_in_each_variant(status: str, word: str) -> None:
    changes = compare(base(), unloaded(base(), status))
    assert len(changes.verdicts) == 8
    assert set(changes.verdicts["variant"]) == {"eager", "func"}
    assert set(changes.verdicts["after"]) == {word}
    assert set(changes.verdicts["change"]) == {"worse"}
    assert set(changes.verdicts["reason"]) == {"no torch"}
    back = compare(unloaded(base(), status), base())
    assert len(back.verdicts) == 8
    assert set(back.verdicts["change"]) == {"better"}
    same = compare(unloaded(base(), status), unloaded(base(), status))
    assert same.verdicts.empty
    assert same.counts["run not run"] == (4 if status == "not run" else 0)
    assert same.counts["run failing"] == (0 if status == "not run" else 4)


FORMULAS = {
    ("EQUAL", "WRONG"): "worse",
    ("EQUAL", "UNDECIDED"): "worse",
    ("UNDECIDED", "WRONG"): "worse",
    ("WRONG", "EQUAL"): "better",
    ("UNDECIDED", "EQUAL"): "better",
    ("WRONG", "UNDECIDED"): "better",
}


@pytest.mark.parametrize(("verdicts", "change"), FORMULAS.items(), ids=map(" to ".join, FORMULAS))
def test_formulas_are_compared_by_their_worst_step(verdicts: tuple[str, str], change: str) -> None:
    first, second = base(), base()
    for report, verdict in zip((first, second), verdicts, strict=True):
        frame = report.formulas
        where = (frame["scenario"] == "line") & (frame["parameter"] == "c") & (frame["step"] == 2)
        altered(report, "formulas", where, verdict=verdict, reason="because")
    changes = compare(first, second)
    row = only(changes.verdicts)
    assert (row["kind"], row["scenario"], row["name"], row["backend"]) == ("formula", "line", "c", "")
    assert (row["before"], row["after"], row["change"]) == (*verdicts, change)
    assert changes.counts["formula"] == 4
    assert changes.counts["formula as before"] == 3
    assert changes.worse == (change == "worse")


def test_formulas_that_are_bad_as_before_new_or_gone_are_told() -> None:
    wrong = base()
    altered(wrong, "formulas", wrong.formulas["scenario"] == "line", verdict="WRONG")
    assert "2 formulas that are WRONG were WRONG before." in str(compare(wrong, wrong))
    less = base()
    less.frames["formulas"] = less.formulas[less.formulas["parameter"] == "w"].reset_index(drop=True)
    assert set(compare(base(), less).verdicts["change"]) == {"gone"}
    assert set(compare(less, base()).verdicts["change"]) == {"new"}
    assert sorted(compare(less, wrong).verdicts["change"]) == ["new", "worse", "worse"]


CLAIMS = {
    ("CONFIRMED", "REFUTED"): "worse",
    ("CONFIRMED", "UNDECIDED"): "worse",
    ("REFUTED", "CONFIRMED"): "better",
    ("UNDECIDED", "CONFIRMED"): "better",
    ("REFUTED", "UNDECIDED"): "other",
    ("CONFIRMED", "NOT CHECKABLE"): "other",
    ("NOT CHECKABLE", "REFUTED"): "other",
    ("", "REFUTED"): "new",
    ("REFUTED", ""): "gone",
}


@pytest.mark.parametrize(("verdicts", "change"), CLAIMS.items())
def test_claims_are_compared(verdicts: tuple[str, str], change: str) -> None:
    first, second = base(), base()
    for report, verdict in zip((first, second), verdicts, strict=True):
        texts = dict.fromkeys(COLUMNS["claims"], "text")
        rows = [
            {**texts, "scenario": "line", "claim": name, "verdict": said, "digits": 3.0}
            for name, said in (("always", "CONFIRMED"), ("slope", verdict))
            if said
        ]
        report.frames["claims"] = pd.DataFrame(rows).astype(COLUMNS["claims"])
    changes = compare(first, second)
    row = only(changes.verdicts)
    assert (row["kind"], row["scenario"], row["name"], row["change"]) == ("claim", "line", "slope", change)
    assert (row["before"], row["after"]) == verdicts
    assert changes.worse == (change == "worse")


CHECKS = {
    ("EQUAL", "WRONG"): "worse",
    ("EQUAL", "INACCURATE"): "worse",
    ("EQUAL", "EQUAL, a finding fails"): "worse",
    ("EQUAL, a finding fails", "UNDECIDED"): "worse",
    ("WRONG", "AGREES"): "better",
    ("EQUAL", "KINK"): "other",
    ("", "WRONG"): "worse",
    ("", "EQUAL"): "new",
    ("WRONG", ""): "gone",
}


@pytest.mark.parametrize(("verdicts", "change"), CHECKS.items())
def test_checks_of_tests_are_compared_by_the_worst_of_each_test(
    verdicts: tuple[str, str], change: str
) -> None:
    first, second = base(), base()
    for report, text in zip((first, second), verdicts, strict=True):
        verdict, _, finding = text.partition(", ")
        ok = verdict in {"EQUAL", "AGREES", "KINK"} and not finding
        texts = {**dict.fromkeys(COLUMNS["checks"], "text"), "digits": 3.0}
        rows = [
            {**texts, "test": test, "seed": seed, "verdict": said, "ok": fine}
            for test, seed, said, fine in (
                ("test_always", 0, "WRONG", False),
                ("test_one", 0, "EQUAL", True),
                ("test_one", 1, verdict, ok),
            )
            if text or test == "test_always"
        ]
        report.frames["checks"] = pd.DataFrame(rows).astype(COLUMNS["checks"])
    changes = compare(first, second)
    row = only(changes.verdicts)
    assert (row["kind"], row["scenario"], row["name"], row["change"]) == ("check", "", "test_one", change)
    assert (row["before"], row["after"]) == verdicts
    assert changes.worse == (change == "worse")
    assert changes.counts["check failing"] == 1 + (not {"EQUAL", "AGREES", "KINK", ""} & set(verdicts))
    assert "that does not pass did not pass before either." in str(changes) or "checks that do" in str(
        changes
    )
    if change == "worse":
        assert "Worse: check test_one: " in str(changes)


def test_a_worse_verdict_tells_its_cause_its_error_and_how_to_repeat_it() -> None:
    worse = state(base(), LINE, "DISAGREES")
    at = of(worse.gradients, LINE) & (worse.gradients["step"] == 1) & (worse.gradients["parameter"] == "c")
    altered(worse, "gradients", of(worse.gradients, LINE), verdict="AGREES")
    altered(worse, "gradients", at, verdict="DISAGREES", spreads=1e6, cause="a sign", reason="too far")
    # The update that follows from it is further off, and says less.
    update = of(worse.updates, LINE) & (worse.updates["step"] == 1)
    altered(worse, "updates", update, verdict="DISAGREES", spreads=1e9, cause="follows", reason="it too")
    altered(worse, "runs", of(worse.runs, LINE), repeat="gradproof verify line")
    row = only(compare(base(), worse).verdicts)
    assert (row["cause"], row["reason"], row["repeat"]) == ("a sign", "too far", "gradproof verify line")
    assert row["spreads_after"] == 1e6
    judged = pd.concat([_base().gradients, _base().updates])
    assert row["spreads_before"] == judged.loc[of(judged, LINE).to_numpy(), "spreads"].max()


def test_only_errors_that_are_not_exactly_as_before_are_told() -> None:
    after = base()
    where = of(after.updates, LINE) & (after.updates["parameter"] == "w")
    old = after.updates.loc[where, "spreads"].max()
    altered(after, "updates", where & (after.updates["step"] == 2), spreads=8.0 * old + 8.0, ulps=5.0)
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
    reports = []
    for spreads in (old, new):
        report = base()
        where = of(report.gradients, LINE) & (report.gradients["parameter"] == "w")
        reports.append(altered(report, "gradients", where, spreads=spreads))
    changes = compare(*reports)
    assert len(changes.errors) == 1
    assert f"The worst error of {notable} parameter" in str(changes)
    assert len(changes.markdown().split("### Errors that changed\n")) == 1 + notable


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
    runs = _base().runs
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


def environment(**values: Any) -> Report:
    return Report(base().frames, {**base().environment, **values})


def test_changes_of_the_environment_are_told_the_likeliest_cause_first() -> None:
    before = environment(
        time="then",
        platform="Linux 6",
        python="3.11.7",
        processor={"model": "A", "cores": 2},
        packages={"torch": "2.12.0", "numpy": "2.1"},
        backends={"torch": "2.12.0"},
        variables={"OMP_NUM_THREADS": "1"},
        processes=2,
    )
    after = environment(
        time="now",
        platform="Linux 7",
        python="3.11.8",
        processor={"model": "B", "cores": 4},
        packages={"torch": "2.13.0", "numpy": "2.1"},
        backends={"torch": "2.13.0"},
        variables={"MKL_NUM_THREADS": ""},
        processes=1,
    )
    changes = compare(before, after)
    assert [tuple(row) for row in changes.environment.to_numpy()] == [
        ("backends.torch", "2.12.0", "2.13.0"),
        ("packages.torch", "2.12.0", "2.13.0"),
        ("python", "3.11.7", "3.11.8"),
        ("processor.model", "A", "B"),
        ("processor.cores", "2", "4"),
        ("variables.OMP_NUM_THREADS", "1", "(absent)"),
        ("variables.MKL_NUM_THREADS", "(absent)", ""),
        ("platform", "Linux 6", "Linux 7"),
        ("processes", "2", "1"),
    ]
    assert "The environment changed: torch 2.12.0 → 2.13.0, python 3.11.7 → 3.11.8, processor" in str(changes)
    assert not changes.worse


def bits(report: Report, *steps: int) -> Report:
    where = of(report.steps, LINE) & report.steps["step"].isin(steps)
    return altered(report, "steps", where, digest="0123456789abcdef")


def test_other_bits_of_the_same_in_the_same_environment_are_nondeterminism() -> None:
    changes = compare(base(), bits(base(), 1, 2))
    check_columns(changes)
    row = only(changes.bits)
    assert tuple(row[name] for name in RUN) == LINE
    assert (row["first_step"], row["differing"], row["compared"]) == (1, 2, 3)
    assert row["nondeterministic"]
    assert not changes.worse
    assert "Bits are equal in 11 of 12 runs." in str(changes)
    assert (
        "Nondeterminism of torch/eager: the same scenario gave other bits in the same environment: "
        "line torch/eager float64 differs since step 1, in 2 of 3 steps." in str(changes)
    )


def test_other_bits_with_another_number_of_processes_are_nondeterminism_and_say_so() -> None:
    after = bits(base(), 1)
    after.environment["processes"] = 7
    row = only(compare(base(), after).bits)
    assert row["nondeterministic"]
    assert row["explanation"].endswith("in the same environment (processes 1 → 7)")


def test_other_bits_in_another_environment_are_no_nondeterminism() -> None:
    after = bits(base(), 2)
    after.environment["packages"]["torch"] = "99"
    row = only(compare(base(), after).bits)
    assert not row["nondeterministic"]
    assert row["explanation"].startswith("the environment changed: torch ")
    assert "→ 99" in row["explanation"]


def test_what_only_one_report_says_of_another_backend_is_no_other_environment() -> None:
    """The report with JAX tells of JAX, which says nothing of PyTorch's bits."""
    after = bits(base(), 2)
    after.environment["backends"] = {**after.environment["backends"], "jax": "1"}
    assert not only(compare(base(), after).bits)["nondeterministic"]
    also = without(bits(base(), 2), ("curve", "reference", "numpy", "float32"))
    frame = base().runs[of(base().runs, LINE)].astype(object).assign(backend="jax")
    also.frames["runs"] = pd.concat([also.runs.astype(object), frame], ignore_index=True).astype(
        COLUMNS["runs"]
    )
    also.environment["backends"] = {**also.environment["backends"], "jax": "1"}
    assert only(compare(base(), also).bits)["nondeterministic"]


@pytest.mark.parametrize(
    ("print_before", "print_after", "changed", "explanation"),
    [
        ("data-code", "data-edited", True, "the scenario changed"),
        ("data-code", "other-code", True, "the scenario changed"),
        ("data-code", "", False, "it is not known whether the scenario changed"),
        ("", "", False, "it is not known whether the scenario changed"),
    ],
)
def test_other_bits_of_another_scenario_are_no_nondeterminism(
    print_before: str, print_after: str, explanation: str, *, changed: bool
) -> None:
    first, second = base(), bits(base(), 0)
    altered(first, "runs", first.runs["scenario"] == "line", fingerprint=print_before)
    altered(second, "runs", second.runs["scenario"] == "line", fingerprint=print_after)
    state(second, LINE, "DISAGREES")
    changes = compare(first, second)
    row = only(changes.bits)
    assert not row["nondeterministic"]
    assert row["explanation"].startswith(explanation)
    # Verdicts and errors are compared all the same, and say so.
    assert only(changes.verdicts)["change"] == "worse"
    assert only(changes.verdicts)["scenario_changed"] == changed
    assert changes.errors["scenario_changed"].all() == changed
    assert ("The scenario changed: line." in str(changes)) == changed
    assert changes.timings.loc[changes.timings["scenario"] == "line", "scenario_changed"].all() == changed


def test_bytecode_of_another_python_is_no_other_scenario() -> None:
    """Other versions of Python write the same code as other bytecode; data are compared all the same."""
    first, second = base(), base()
    second.environment["python"] = "3.99.0"
    for report, text in ((first, "data-code"), (second, "data-edited")):
        altered(report, "runs", report.runs["scenario"] == "line", fingerprint=text)
    assert compare(first, second).scenarios == {"line": "unknown", "curve": "same"}
    altered(second, "runs", second.runs["scenario"] == "line", fingerprint="other-edited")
    assert compare(first, second).scenarios == {"line": "changed", "curve": "same"}


def test_a_run_of_fewer_steps_is_told_with_the_step_where_it_ended() -> None:
    after = base()
    after.frames["steps"] = after.steps[~(of(after.steps, LINE) & (after.steps["step"] == 2))].reset_index(
        drop=True
    )
    changes = compare(base(), after)
    row = only(changes.bits)
    assert (row["first_step"], row["differing"], row["compared"]) == (2, 0, 2)
    assert (row["steps_before"], row["steps_after"]) == (3, 2)
    assert "took 3 steps before and 2 after, of which all that both took are equal" in str(changes)


def test_parameters_of_a_changed_scenario_that_only_one_report_has_are_told() -> None:
    after = base()
    for name in ("gradients", "updates"):
        frame = after.frames[name]
        after.frames[name] = frame[~(of(frame, LINE) & (frame["parameter"] == "c"))].reset_index(drop=True)
    changes = compare(base(), after)
    assert changes.errors["parameter"].tolist() == ["c", "c"]
    assert changes.errors["step_after"].tolist() == [-1, -1]
    assert changes.errors["verdict_after"].tolist() == ["", ""]
    assert changes.errors["ratio"].isna().all()
    assert compare(after, base()).errors["step_before"].tolist() == [-1, -1]


def test_markdown_has_a_section_with_the_sentences_and_tables() -> None:
    changes = compare(base(), bits(state(base(), LINE, "WRONG"), 1))
    text = changes.markdown()
    assert text.startswith("## What changed\n\n- 1 verdict got worse; ")
    for sentence in changes.sentences():
        assert f"- {sentence}\n" in text
    for title in ("Verdicts that changed", "Bits that differ", "Times of implementations"):
        assert f"\n### {title}\n" in text
    assert "| run | line | torch | eager | float64 | AGREES | WRONG | worse |" in text
    assert text.endswith("|\n")
    assert [title for title, _, _ in changes.tables()] == [
        "Verdicts that changed",
        "Errors that changed",
        "Bits that differ",
        "Times of implementations",
        "Times of runs",
    ]
    for _, sentence, frame in changes.tables():
        assert sentence
        assert len(frame)


RUNS = [
    (name, backend, variant, "float64")
    for name in ("line", "curve")
    for backend, variant in (("reference", "numpy"), ("torch", "eager"))
]
STATES = st.lists(st.sampled_from([*RAN, "NOT RUN", ""]), min_size=len(RUNS), max_size=len(RUNS))


@cache
def _small() -> Report:
    small = base()
    for run in [tuple(row) for row in small.runs[RUN].astype(str).to_numpy().tolist()]:
        if run not in RUNS:
            without(small, run)
    return small


def in_states(states: list[str]) -> Report:
    report = Report({name: frame.copy() for name, frame in _small().frames.items()}, _small().environment)
    for run, verdict in zip(RUNS, states, strict=True):
        state(report, run, verdict)
    return report


@settings(max_examples=15)
@given(STATES)
def test_any_report_is_as_itself(states: list[str]) -> None:
    changes = compare(in_states(states), in_states(states))
    check_columns(changes)
    assert changes.unchanged
    assert not changes.worse


@settings(max_examples=20)
@given(STATES, STATES)
def test_nothing_is_lost_and_the_way_back_is_the_mirror(before: list[str], after: list[str]) -> None:
    first, second = in_states(before), in_states(after)
    there, back = compare(first, second), compare(second, first)
    check_columns(there)
    said = {
        tuple(row[name] for name in RUN): row
        for row in there.verdicts.to_dict("records")
        if row["kind"] == "run"
    }
    returned = {
        tuple(row[name] for name in RUN): row
        for row in back.verdicts.to_dict("records")
        if row["kind"] == "run"
    }
    assert (
        said.keys()
        == returned.keys()
        == {run for run, old, new in zip(RUNS, before, after, strict=True) if old != new}
    )
    mirror = {
        "worse": "better",
        "better": "worse",
        "other": "other",
        "new": "gone",
        "gone": "new",
        "not compared": "not compared",
    }
    for run, old, new in zip(RUNS, before, after, strict=True):
        if old == new:
            continue
        assert (said[run]["before"], said[run]["after"]) == (old, new)
        assert (returned[run]["before"], returned[run]["after"]) == (new, old)
        change, reverse = said[run]["change"], returned[run]["change"]
        if old and new:
            assert change == expected(old, new)
            if "NOT RUN" not in {old, new}:
                assert reverse == mirror[change]
        elif new not in {*PASSING, "NOT RUN", ""}:
            assert change == "worse"
            assert reverse in {"gone", "not compared"}
        elif old in {*PASSING, "NOT RUN", ""}:
            assert reverse == mirror[change]
    assert there.worse == any(row["change"] == "worse" for row in said.values())
