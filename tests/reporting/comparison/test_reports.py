"""Two reports as a whole: equal ones, ones that were read back, empty ones, and any at all."""

from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from altered_reports import LINE, PASSING, RAN, RUN, base, bits, check_columns, expected, state, without
from hypothesis import given, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof.errors import InputError
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.formats.markdown import changes_section
from gradproof.reporting.report import Report


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


def test_markdown_has_a_section_with_the_sentences_and_tables() -> None:
    changes = compare(base(), bits(state(base(), LINE, "WRONG"), 1))
    text = "\n".join(changes_section(changes))
    assert text.startswith("## What changed\n\n- 1 verdict got worse; ")
    for sentence in changes.sentences():
        assert f"- {sentence}\n" in text
    for title in ("Verdicts that changed", "Bits that differ", "Times of implementations"):
        assert f"\n### {title}\n" in text
    assert "| run | line | torch | eager | float64 | AGREES | WRONG | worse |" in text
    assert text.endswith("|")
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


def copied(report: Report) -> dict[str, pd.DataFrame]:
    return {name: frame.copy() for name, frame in report.frames.items()}


def in_states(states: list[str]) -> Report:
    report = Report(copied(_small()), _small().environment)
    for run, verdict in zip(RUNS, states, strict=True):
        state(report, run, verdict)
    return report


@settings(max_examples=8)
@given(STATES, STATES)
def test_any_report_is_as_itself_and_the_way_to_another_and_back_is_the_mirror(
    before: list[str], after: list[str]
) -> None:
    first, second = in_states(before), in_states(after)
    nothing = compare(first, Report(copied(first), first.environment))
    check_columns(nothing)
    assert nothing.unchanged
    assert not nothing.worse
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
