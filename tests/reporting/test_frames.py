"""The frames of a report, the table of verdicts, the Markdown summary and the description of a failure."""

import csv
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import REPORTS, SUBJECT, outcome, record, reference, report, scenario

from gradproof.errors import DisagreementError, InputError
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.describing import describe
from gradproof.reporting.formats import markdown, report_formats
from gradproof.reporting.formats.markdown import markdown_table
from gradproof.reporting.report import Report
from gradproof.reporting.telling import verdict_matrix
from gradproof.scenarios import Provenance
from gradproof.verdicts.records import (
    Checkpoints,
    FormulaRecord,
    NotRun,
    Outcome,
    RunStatus,
    Subject,
)
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import Verdict


def matrix_of(*outcomes: Outcome, not_run: Sequence[NotRun] = ()) -> pd.DataFrame:
    made = report(*outcomes, not_run=not_run)
    return verdict_matrix(made.runs, made.findings).map(str)


def dtypes_of(frame: pd.DataFrame) -> dict[str, str]:
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


@pytest.mark.parametrize("made", REPORTS.values(), ids=REPORTS)
def test_every_frame_has_its_columns_and_dtypes(made: Report) -> None:
    assert made.frames.keys() == COLUMNS.keys()
    for name, frame in made.frames.items():
        assert list(frame.columns) == list(COLUMNS[name])
        assert dtypes_of(frame) == COLUMNS[name]
        assert frame.index.equals(pd.RangeIndex(len(frame)))


@pytest.mark.parametrize(
    ("verdicts", "cell"),
    [
        ([Verdict.KINK, Verdict.AGREES], "ok 1.2"),
        ([Verdict.KINK, Verdict.KINK], "ok at a kink"),
        ([Verdict.KINK, Verdict.DISAGREES], "OFF 1.2"),
    ],
)
def test_the_distance_at_a_kink_is_not_told_as_rounding(verdicts: list[Verdict], cell: str) -> None:
    said = (record(verdicts, [3e16, 1.2]),)
    assert matrix_of(outcome(gradients=said, updates=said)).iloc[0, 0] == cell


@pytest.mark.parametrize("made", REPORTS.values(), ids=REPORTS)
def test_every_report_can_be_written_and_read_back(made: Report, tmp_path: Path) -> None:
    folder = made.write(tmp_path / "latest", list(report_formats()))
    assert {path.name for path in folder.iterdir()} == {
        "environment.json",
        "index.html",
        "report.json",
        "summary.md",
        "junit.xml",
        "verdicts.jsonl",
        *(f"{name}.{ending}" for name in COLUMNS for ending in ("csv", "parquet")),
    }
    for name, frame in made.frames.items():
        read = pd.read_csv(folder / f"{name}.csv", keep_default_na=False)
        assert list(read.columns) == list(COLUMNS[name])
        assert len(read) == len(frame)
    assert json.loads((folder / "environment.json").read_text(encoding="utf-8")) == made.environment


def test_floats_are_written_with_all_their_digits(tmp_path: Path) -> None:
    value = np.nextafter(0.1, 1)
    made = report(outcome(gradients=(record(value=np.array([value, 5e-324])),)))
    with (made.write(tmp_path, ["csv"]) / "gradients.csv").open(encoding="utf-8", newline="") as file:
        assert [float(row["value"]) for row in csv.DictReader(file)] == [value, 5e-324]


def test_a_row_tells_the_worst_entry_of_a_parameter_at_a_step() -> None:
    verdicts = [Verdict.AGREES, Verdict.DISAGREES]
    judged = record(verdicts, [1.0, 99.0], index=np.array([0, 5]), value=np.array([1.0, 2.0]))
    frame = report(outcome(gradients=(judged, record(parameter="b", shape=())))).gradients
    assert len(frame) == 4
    row = frame.iloc[1]
    assert (row["scenario"], row["backend"], row["variant"], row["dtype"]) == (
        "line",
        "torch",
        "eager",
        "float64",
    )
    assert (row["step"], row["parameter"], row["index"], row["value"]) == (1, "w", "1,2", 2.0)
    assert (row["error"], row["spreads"], row["verdict"]) == (0.375, 99.0, "DISAGREES")
    assert row["exact"].startswith("0.5000")
    assert frame.iloc[2]["index"] == "()"
    assert frame["step"].tolist() == [0, 1, 0, 1]


def test_predictions_stand_beside_the_references_of_the_same_scenario_and_dtype() -> None:
    narrow = replace(SUBJECT, dtype="float32")
    frame = report(
        reference(predictions=np.array([[1.0], [2.0]])), outcome(), outcome(narrow)
    ).predictions.astype(object)
    own = frame[frame["backend"] == "torch"]
    wide, other = own[own["dtype"] == "float64"], own[own["dtype"] == "float32"]
    assert wide["index"].tolist() == ["0,0", "1,0"]
    assert wide["value"].tolist() == [0.25, 0.75]
    assert wide["reference"].tolist() == [1.0, 2.0]
    assert other["reference"].isna().all()


def test_a_prediction_that_is_one_number_is_a_row() -> None:
    frame = report(outcome(predictions=np.array(0.5))).predictions
    assert frame["index"].tolist() == ["()"]
    assert frame["value"].tolist() == [0.5]


def test_drift_is_the_largest_difference_from_the_reference_at_each_checkpoint() -> None:
    weights = np.arange(18.0).reshape(3, 2, 3)
    moved = weights.copy()
    moved[2, 1, 0] -= 3.0
    checkpoints = Checkpoints(np.array([0, 1, 2]), {"w": moved}, np.array([3.0, 2.0, 1.0]))
    frame = report(reference(), outcome(checkpoints=checkpoints)).trajectories
    assert frame["step"].tolist() == [0, 1, 2]
    assert frame["drift"].tolist() == [0.0, 0.0, 3.0]
    assert frame["relative_drift"].tolist() == [0.0, 0.0, 3.0 / 17.0]
    assert frame["index"].tolist()[2] == "1,0"
    assert frame["loss"].tolist() == [3.0, 2.0, 1.0]
    assert frame["reference_loss"].tolist() == [1.0, 1.0, 1.0]


def drifts(own: Outcome, other: Outcome) -> list[tuple[int, int]]:
    frame = report(other, own).trajectories
    return list(zip(frame["step"].tolist(), frame["reference_step"].tolist(), strict=True))


def run_to(step: int, *, planned: int, stopped: bool = False, **subject: str) -> Outcome:
    """A run with checkpoints at 0 and at its end."""
    weights = np.zeros((2, 2, 3))
    checkpoints = Checkpoints(np.array([0, step]), {"w": weights}, np.ones(2))
    ran = {"checkpoints": checkpoints, "steps": step, "planned_steps": planned, "stopped": stopped}
    return outcome(replace(SUBJECT, **subject), **ran)


@pytest.mark.parametrize(
    ("own", "other", "pairs"),
    [
        ((118, True), (118, True), [(0, 0), (118, 118)]),
        ((120, True), (118, True), [(0, 0), (120, 118)]),
        ((1000, False), (118, True), [(0, 0), (1000, 118)]),
        ((50, False), (118, True), [(0, 0)]),
        ((118, True), (50, False), [(0, 0)]),
        ((50, False), (1000, False), [(0, 0)]),
    ],
    ids=["together", "apart", "one to its limit", "cut short", "the reference cut short", "no rule"],
)
def test_the_ends_of_two_runs_are_compared_only_where_both_came_to_their_end(
    own: tuple[int, bool], other: tuple[int, bool], pairs: list[tuple[int, int]]
) -> None:
    ran = run_to(own[0], planned=1000, stopped=own[1])
    reference_ran = run_to(other[0], planned=1000, stopped=other[1], backend="reference", variant="numpy")
    assert drifts(ran, reference_ran) == pairs


@pytest.mark.parametrize(
    ("weight", "other", "relative"), [(0.0, 0.0, 0.0), (2.0, 0.0, np.inf), (3.0, 2.0, 0.5)]
)
def test_no_drift_from_zero_is_no_drift(weight: float, other: float, relative: float) -> None:
    """Trainings begin at zero more often than not."""
    own, reference_s = (
        Checkpoints(np.array([0]), {"w": np.full((1, 2, 3), value)}, np.ones(1)) for value in (weight, other)
    )
    frame = report(reference(checkpoints=reference_s), outcome(checkpoints=own)).trajectories
    assert frame["relative_drift"].tolist() == [relative]


def test_without_the_reference_there_is_no_drift() -> None:
    assert report(outcome()).trajectories.empty


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({}, ""),
        ({"planned_steps": 50, "stopped": True}, "the stopping rule ended the run 48 steps before"),
        ({"planned_steps": 50}, "48 steps were not run: this variant is too slow"),
    ],
    ids=["to the end", "stopped", "too slow"],
)
def test_runs_tell_how_far_they_went_and_why(changed: dict[str, Any], reason: str) -> None:
    row = report(outcome(**changed)).runs.iloc[0]
    assert row["status"] == "run"
    assert row["reason"].startswith(reason)
    assert bool(row["reason"]) == bool(reason)
    assert (row["steps"], row["planned_steps"]) == (2, changed.get("planned_steps", 2))
    assert row["compiling_seconds"] == 0.5
    assert row["training_seconds"] == 1.5
    assert row["judging_seconds"] == 2.5


def test_provenance_is_a_row_for_each_value() -> None:
    own = scenario(
        "line", Provenance("x", "given", "in the text"), Provenance("y", "reconstructed", "a picture")
    )
    frame = Report.from_outcomes([own], []).provenance.astype(object)
    assert frame.to_numpy().tolist() == [
        ["line", "x", "given", "in the text"],
        ["line", "y", "reconstructed", "a picture"],
    ]


# Whether all agree.


@pytest.mark.parametrize("quantity", ["gradients", "updates"])
@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_report_is_ok_only_if_every_verdict_passes(verdict: Verdict, quantity: str) -> None:
    made = report(outcome(**{quantity: (record([Verdict.AGREES, verdict], [1.0, 1.0]),)}))
    assert made.ok is verdict.passes
    assert made.failures.empty is verdict.passes
    if verdict.passes:
        made.raise_if_disagree()
        return
    assert made.failures["quantity"].tolist() == [quantity]
    assert made.failures["step"].tolist() == [1]
    with pytest.raises(DisagreementError, match=str(verdict)):
        made.raise_if_disagree()


@pytest.mark.parametrize(
    ("outcomes", "not_run", "ok"),
    [
        ([], [], False),
        ([], [NotRun(SUBJECT, "not installed", RunStatus.NOT_RUN)], False),
        ([outcome()], [NotRun(replace(SUBJECT, backend="jax"), "not installed", RunStatus.NOT_RUN)], True),
        ([outcome()], [NotRun(replace(SUBJECT, backend="jax"), "it raised", RunStatus.FAILED)], False),
    ],
    ids=["nothing", "nothing run", "one left out", "one failed"],
)
def test_what_was_not_run_counts_only_if_it_failed_but_something_must_run(
    outcomes: list[Outcome], not_run: list[NotRun], ok: bool
) -> None:
    made = report(*outcomes, not_run=not_run)
    assert made.ok is ok
    if not ok:
        with pytest.raises(DisagreementError, match=r"could not be run: it raised|Nothing was run"):
            made.raise_if_disagree()


def test_writing_below_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept", encoding="utf-8")
    with pytest.raises(InputError, match="cannot be written"):
        report(outcome()).write(tmp_path / "file" / "latest")
    assert (tmp_path / "file").read_text(encoding="utf-8") == "kept"


def formula(verdict: str, digits: float = 20.0, step: int = 0) -> FormulaRecord:
    reason = "" if verdict == "EQUAL" else "it is proven to differ"
    return FormulaRecord("line", "w", step, digits, verdict, reason)


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_formula_that_does_not_pass_makes_the_report_not_ok(verdict: Verdict) -> None:
    said = [formula("EQUAL"), formula(str(verdict), 3.5, 7)]
    made = Report.from_outcomes([scenario()], [outcome()], [], said)
    assert made.ok is verdict.accepted()
    assert made.formulas["verdict"].tolist() == ["EQUAL", verdict]
    assert made.formulas["digits"].tolist() == [20.0, 3.5]
    if not made.ok:
        told = rf"{verdict}: the hand-derived gradient of w in line.*step 7"
        with pytest.raises(DisagreementError, match=told) as caught:
            made.raise_if_disagree()
        assert ("3 digits" in str(caught.value)) is (verdict is Verdict.WRONG)


DIGITS = {
    0.0: "no digits of it are",
    0.9: "no digits of it are",
    1.2: "1 digit of it is",
    12.0: "12 digits of it are",
}


@pytest.mark.parametrize(
    ("least", "words"), [*DIGITS.items(), (math.nan, DIGITS[0.0]), (-math.inf, DIGITS[0.0])]
)
def test_a_wrong_formula_tells_how_many_digits_are_right(least: float, words: str) -> None:
    wrong = [formula("WRONG", 14.0), formula("WRONG", least, 2)]
    made = Report.from_outcomes([scenario()], [outcome()], [], wrong)
    assert f"first at step 0; where it is worst {words} right." in describe(made.root_causes, made.findings)


@pytest.mark.parametrize(
    ("checks", "sentence"),
    [
        ([formula("EQUAL", 38.2), formula("EQUAL", np.inf)], "2 of 2"),
        ([formula("EQUAL", np.inf)], "1 of 1"),
        ([formula("UNDECIDED", 0.0)], "0 of 1"),
        ([formula("EQUAL"), formula("WRONG", 0.0)], "1 of 2"),
    ],
    ids=["to 38 digits", "exactly", "none", "one of two"],
)
def test_the_summary_counts_the_formulas_that_are_equal(checks: list[FormulaRecord], sentence: str) -> None:
    made = Report.from_outcomes([scenario()], [outcome()], [], checks)
    text = markdown.render(made)
    (line,) = (line for line in text.splitlines() if "certified arithmetic" in line)
    assert sentence in line
    assert "nan" not in line
    assert "inf " not in line


def test_the_distance_to_a_known_solution_is_told_for_each_entry() -> None:
    known = scenario(solution={"w": np.array([1.0, -2.0])})
    weights = {"w": np.array([[0.0, 0.0], [1.5, -2.0]])}
    run = outcome(checkpoints=Checkpoints(np.array([0, 2]), weights, np.ones(2)))
    frame = Report.from_outcomes([known], [run]).solutions
    assert frame["index"].tolist() == ["0", "1"]
    assert frame["value"].tolist() == [1.5, -2.0]
    assert frame["solution"].tolist() == [1.0, -2.0]
    assert frame["distance"].tolist() == [0.5, 0.0]
    assert Report.from_outcomes([scenario()], [run]).solutions.empty


# The table of verdicts.


def test_the_matrix_has_a_row_for_each_scenario_and_dtype_and_a_column_for_each_implementation() -> None:
    narrow = replace(SUBJECT, dtype="float32")
    table = matrix_of(
        reference(),
        outcome(),
        outcome(narrow, updates=(record([Verdict.DISAGREES] * 2, [2.0, 3.1e5]),)),
        not_run=[NotRun(Subject("line", "jax", "", "float64"), "not installed", RunStatus.NOT_RUN)],
    )
    assert table.index.tolist() == [("line", "float64"), ("line", "float32")]
    assert table.columns.tolist() == ["reference/numpy", "torch/eager", "jax"]
    wide, short = table.to_numpy().tolist()
    assert [cell.split()[-1] for cell in wide] == ["1.2", "1.2", "-"]
    assert short[0] == "-"
    assert short[1].endswith("3e+05")
    assert short[2] == "-"


@pytest.mark.parametrize("verdict", list(Verdict))
def test_a_cell_says_ok_only_if_every_verdict_passes_a_strict_reader(verdict: Verdict) -> None:
    (cell,) = (
        matrix_of(outcome(gradients=(record([verdict, Verdict.AGREES], [1.0, 1.0]),))).to_numpy().ravel()
    )
    assert ("ok" in cell.split()) is verdict.accepted(strict=True)


@pytest.mark.parametrize("spreads", [[0.5, np.nan], [np.nan, 0.5], [np.nan, np.nan], [0.5, np.inf]])
def test_a_spread_that_is_nan_or_infinite_is_not_hidden_behind_a_finite_one(spreads: list[float]) -> None:
    judged = record([Verdict.NOT_FINITE, Verdict.NOT_FINITE], spreads)
    (cell,) = matrix_of(outcome(gradients=(judged,))).to_numpy().ravel()
    assert cell.endswith("?")
    assert "ok" not in cell


def test_a_failed_run_is_told_in_its_cell() -> None:
    table = matrix_of(
        outcome(), not_run=[NotRun(replace(SUBJECT, backend="jax"), "it raised", RunStatus.FAILED)]
    )
    assert table.loc[("line", "float64"), "jax/eager"].lower() == "failed"


def test_a_report_of_nothing_has_an_empty_matrix() -> None:
    assert matrix_of().empty


# Markdown.


def cells(line: str) -> list[str]:
    """Split a line of a Markdown table at the bars that are not escaped."""
    return [cell.strip() for cell in line.replace("\\\\", "").replace("\\|", "").strip("|").split("|")]


@pytest.mark.parametrize(
    "name", ["a|b", "<script>", "back\\slash", "bar after backslash \\|", "two\nlines", "ünïcode"]
)
def test_a_name_breaks_no_markdown_table(name: str) -> None:
    table = markdown_table(pd.DataFrame({"name": [name, "plain"], "count": [1, 2]}))
    lines = table.split("\n")
    assert len(lines) == 4
    assert [len(cells(line)) for line in lines] == [2, 2, 2, 2]
    assert "<" not in table
    if name == "a|b":
        assert lines[2] == r"| a\|b | 1 |"
    if name == "<script>":
        assert lines[2] == "| &lt;script> | 1 |"


def test_a_column_of_such_a_name_breaks_no_markdown_table() -> None:
    table = markdown_table(pd.DataFrame({"a|b": [1], "c<d": [2]}))
    assert [len(cells(line)) for line in table.split("\n")] == [2, 2, 2]
    assert "<" not in table


@pytest.mark.parametrize("made", REPORTS.values(), ids=REPORTS)
def test_the_summary_says_whether_all_agrees(made: Report) -> None:
    text = markdown.render(made)
    assert ("Everything that was checked agrees" in text.splitlines()[2]) is made.ok
    assert ("## What does not agree" in text) is not made.ok
    assert text.endswith("\n")


def test_the_summary_tells_what_was_left_out() -> None:
    made = report(
        outcome(planned_steps=50),
        not_run=[NotRun(replace(SUBJECT, backend="jax"), "not|installed", RunStatus.NOT_RUN)],
    )
    text = markdown.render(made)
    section = text.partition("## What was not run, or not to the end")[2].partition("##")[0]
    assert "48 steps were not run" in section
    assert "not\\|installed" in section


# The description of a failure.


def described(made: Report) -> str:
    return describe(made.root_causes, made.findings)


def test_a_failure_is_described_with_all_that_is_needed_to_repeat_it() -> None:
    judged = record([Verdict.AGREES, Verdict.DISAGREES], [1.0, 1.5e4], index=np.array([0, 5]))
    text = described(report(outcome(gradients=(judged,))))
    for part in (
        "DISAGREES: line torch/eager float64, step 1, gradient of w[1,2]",
        "0.125",
        "0.500000000000000000000000000000",
        "0.375 absolute",
        "0.75 relative",
        "3 ulp",
        "1.5e+04 spreads",
        f"at most {SPREADS:g}",
    ):
        assert part in text, part
    assert "more rows" not in text


@pytest.mark.parametrize(
    ("origin", "repeat"),
    [
        ("line", "gradproof verify line --backends torch/eager --dtypes float64"),
        ("my folder/mine.py", "gradproof verify 'my folder/mine.py' --backends torch/eager --dtypes float64"),
        ("", ""),
    ],
    ids=["a name", "a file", "neither"],
)
def test_a_failure_tells_how_to_repeat_it_where_a_command_can(origin: str, repeat: str) -> None:
    wrong = outcome(gradients=(record([Verdict.DISAGREES] * 2),))
    text = described(Report.from_outcomes([scenario(origin=origin)], [wrong]))
    assert repeat in text
    assert ("repeat" in text) is bool(repeat)


def test_a_scalar_parameter_has_no_index() -> None:
    text = described(report(outcome(updates=(record([Verdict.DISAGREES] * 2, shape=(), parameter="m"),))))
    assert "updated weight of m\n" in text


def test_the_worst_gradient_is_described_before_the_updates_that_follow_from_it() -> None:
    text = described(
        report(
            outcome(
                gradients=(
                    record([Verdict.UNDECIDED, Verdict.DISAGREES]),
                    record([Verdict.NOT_FINITE, Verdict.AGREES], parameter="b"),
                ),
                updates=(record([Verdict.NOT_FINITE] * 2),),
            )
        )
    )
    first = next(line for line in text.splitlines() if line.startswith("  worst"))
    assert first.startswith("  worst     NOT_FINITE: line torch/eager float64, step 0, gradient of b[")
    assert "In all 5 rows of gradients and updates do not pass" in text


def test_runs_that_failed_are_described_with_their_reasons() -> None:
    failed = [
        NotRun(replace(SUBJECT, backend="jax"), "TypeError: no such axis", RunStatus.FAILED),
        NotRun(Subject("line", "mine", "", "float64"), "not installed", RunStatus.FAILED),
        NotRun(Subject("line", "other", "", "float64"), "not asked for", RunStatus.NOT_RUN),
    ]
    text = described(report(outcome(), not_run=failed))
    assert text.splitlines() == [
        "2 reasons why runs could not be made:",
        "1. FAILED: TypeError: no such axis, in 1 run",
        "  in        line jax/eager float64",
        "2. FAILED: not installed, in 1 run",
        "  in        line mine float64",
    ]


@pytest.mark.parametrize(
    ("made", "sentence"),
    [(report(), "Nothing was run"), (report(outcome()), "Everything that was checked agrees")],
    ids=["nothing", "all agrees"],
)
def test_where_there_is_no_failure_a_sentence_says_so(made: Report, sentence: str) -> None:
    assert described(made).startswith(sentence)


def test_names_with_commas_and_quotes_survive_the_csv() -> None:
    odd = replace(SUBJECT, scenario='a "quoted", name')
    frame = report(outcome(odd)).runs
    read = pd.read_csv(io.StringIO(frame.to_csv(index=False)))
    assert read["scenario"].tolist() == ['a "quoted", name']
