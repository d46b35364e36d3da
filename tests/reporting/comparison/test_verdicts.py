"""Each change of a verdict is worse, better or neither, and is told with its cause."""

from collections.abc import Callable

import pandas as pd
import planted_reports as planted
import pytest
from altered_reports import (
    LINE,
    RAN,
    RUN,
    altered,
    base,
    expected,
    finding,
    of,
    one_verdict,
    only,
    said_too,
    state,
)

from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.report import Report
from gradproof.verdicts.records import NotRun, RunStatus, Subject

STATES = [*RAN, "NOT RUN"]


def in_all_states(shift: int) -> dict[tuple[str, ...], str]:
    """A state for each of as many runs as there are states, shifted around."""
    runs = [tuple(row) for row in base().runs[RUN].astype(str).to_numpy().tolist()]
    return {run: STATES[(at + shift) % len(STATES)] for at, run in enumerate(runs[: len(STATES)])}


def report_of(states: dict[tuple[str, ...], str]) -> Report:
    report = base()
    for run, verdict in states.items():
        state(report, run, verdict)
    return report


@pytest.mark.parametrize("shift", range(len(STATES)))
def test_each_change_of_a_verdict_is_worse_better_or_neither(shift: int) -> None:
    """All pairs of states, of which each comparison has as many as there are states."""
    before, after = in_all_states(0), in_all_states(shift)
    assert len(before) == len(STATES)
    changes = compare(report_of(before), report_of(after))
    told = {tuple(row[name] for name in RUN): row for row in changes.verdicts.to_dict("records")}
    assert told.keys() == (before.keys() if shift else set())
    for run, row in told.items():
        assert (row["kind"], row["before"], row["after"]) == ("run", before[run], after[run])
        assert row["change"] == expected(before[run], after[run]), (before[run], after[run])
    assert changes.worse == ("worse" in {row["change"] for row in told.values()})


@pytest.mark.parametrize("after", STATES)
def test_one_change_decides_whether_a_report_got_worse(after: str) -> None:
    changes = compare(state(base(), LINE, "AGREES"), state(base(), LINE, after))
    assert changes.worse == (after != "AGREES" and expected("AGREES", after) == "worse")


def test_agrees_to_ill_conditioned_is_told_and_not_worse() -> None:
    changes = compare(base(), state(base(), LINE, "ILL_CONDITIONED"))
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
            formulas = frame["backend"] == ""
            smaller.frames[name] = frame[formulas | ~chosen(frame)].reset_index(drop=True)
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
    not_run = [
        NotRun(Subject(name, "torch", "", dtype), "no torch", RunStatus(status))
        for name in ("line", "curve")
        for dtype in ("float64", "float32")
    ]
    return said_too(report, not_run=not_run)


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
def test_formulas_are_compared(verdicts: tuple[str, str], change: str) -> None:
    first, second = base(), base()
    for report, verdict in zip((first, second), verdicts, strict=True):
        frame = report.findings
        where = (frame["kind"] == "formula") & (frame["scenario"] == "line") & (frame["parameter"] == "c")
        altered(report, "findings", where, verdict=verdict, reason="because")
    changes = compare(first, second)
    row = only(changes.verdicts)
    assert (row["kind"], row["scenario"], row["name"], row["backend"]) == ("formula", "line", "c", "")
    assert (row["before"], row["after"], row["change"]) == (*verdicts, change)
    assert changes.counts["formula"] == 4
    assert changes.counts["formula as before"] == 3
    assert changes.worse == (change == "worse")


def test_formulas_that_are_bad_as_before_new_or_gone_are_told() -> None:
    wrong = base()
    of_line = (wrong.findings["kind"] == "formula") & (wrong.findings["scenario"] == "line")
    altered(wrong, "findings", of_line, verdict="WRONG")
    assert "2 formulas that do not pass did not pass before either." in str(compare(wrong, wrong))
    less = base()
    left_out = (less.findings["kind"] == "formula") & (less.findings["parameter"] != "w")
    less.frames["findings"] = less.findings[~left_out].reset_index(drop=True)
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
        claims = [
            planted.claim(said, claim=name)
            for name, said in (("always", "CONFIRMED"), ("slope", verdict))
            if said
        ]
        said_too(report, claims=claims)
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
        checks = [
            planted.check(ok=fine, test=test, seed=seed, verdict=said, dtype=f"float{32 * (seed + 1)}")
            for test, seed, said, fine in (
                ("test_always", 0, "WRONG", False),
                ("test_one", 0, "EQUAL", True),
                ("test_one", 1, verdict, ok),
            )
            if text or test == "test_always"
        ]
        said_too(report, checks=checks)
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
    worse = base()
    wrong = {"verdict": "DISAGREES", "repeat": "gradproof verify line"}
    finding(worse, "gradient", parameter="c", spreads=1e6, cause="a sign", reason="too far", **wrong)
    # The update that follows from it is further off, and says less.
    finding(worse, "update", parameter="c", spreads=1e9, cause="follows", reason="it too", **wrong)
    row = only(compare(base(), worse).verdicts)
    assert (row["cause"], row["reason"], row["repeat"]) == ("a sign", "too far", "gradproof verify line")
    assert row["spreads_after"] == 1e6
    judged = pd.concat([base().gradients, base().updates])
    assert row["spreads_before"] == judged.loc[of(judged, LINE).to_numpy(), "spreads"].max()
