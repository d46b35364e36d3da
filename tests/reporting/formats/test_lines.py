"""JSON lines: strict JSON, as the schema has it, and the same numbers as the frames."""

import json
import math
from importlib import resources
from typing import Any, NoReturn

import builders
import numpy as np
import planted_reports as planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from gradproof.reporting.columns import COLUMNS, SCHEMA
from gradproof.reporting.formats import lines
from gradproof.reporting.formats.lines import KINDS, MEMBERS
from gradproof.reporting.report import Report
from gradproof.verdicts.records import FormulaRecord
from gradproof.verdicts.verdict import SEVERITY, Verdict

SCHEMA_FILE = resources.files("gradproof.reporting.formats") / "verdicts.schema.json"
SCHEMA_OF_A_LINE = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))


def refused(constant: str) -> NoReturn:
    raise AssertionError(f"{constant} is no JSON")


def lines_of(report: Report) -> list[dict[str, Any]]:
    text = lines.render(report)
    assert text.endswith("\n")
    return [json.loads(line, parse_constant=refused) for line in text.split("\n")[:-1]]


def of_kind(report: Report, kind: str) -> list[dict[str, Any]]:
    return [line for line in lines_of(report) if line["kind"] == kind]


REPORTS = {
    **builders.REPORTS,
    **{kind: planted.report_of(kind) for kind in [*planted.KINDS, "everything"]},
    "claims": Report.from_outcomes(
        [],
        [builders.outcome()],
        claims=[
            planted.claim(v, digits=math.nan) for v in ("CONFIRMED", "REFUTED", "NOT CHECKABLE", "UNDECIDED")
        ],
    ),
}


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_every_line_is_as_the_schema_has_it(report: Report) -> None:
    validator = Draft202012Validator(SCHEMA_OF_A_LINE)
    for line in lines_of(report):
        assert list(validator.iter_errors(line)) == []


def test_the_schema_is_one_and_has_the_same_number() -> None:
    Draft202012Validator.check_schema(SCHEMA_OF_A_LINE)
    kinds = {definition["properties"]["kind"]["const"] for definition in definitions().values()}
    assert kinds == set(KINDS) == set(definitions())
    assert definitions()["report"]["properties"]["schema"] == {"const": SCHEMA}


def definitions() -> dict[str, Any]:
    return {name: each for name, each in SCHEMA_OF_A_LINE["$defs"].items() if "properties" in each}


@pytest.mark.parametrize(
    ("kind", "frame"),
    [
        ("run", "runs"),
        ("check", "checks"),
        ("claim", "claims"),
    ],
)
def test_a_line_has_every_column_of_its_frame(kind: str, frame: str) -> None:
    assert set(COLUMNS[frame]) <= set(definitions()[kind]["properties"])


def test_a_line_of_a_finding_has_its_columns_and_what_its_frame_says_of_a_step() -> None:
    for kind, members in MEMBERS.items():
        assert ["kind", *members] == list(definitions()[kind]["properties"])
        assert {*members} <= {*COLUMNS["findings"]}
        assert {*COLUMNS[f"{kind}s"]} <= {*members}


@pytest.mark.parametrize("change", ["drop", "add", "retype"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_schema_refuses_a_line_that_is_not_whole(kind: str, change: str) -> None:
    (line, *_) = of_kind(planted.report_of("everything"), kind)
    validator = Draft202012Validator(SCHEMA_OF_A_LINE)
    assert validator.is_valid(line)
    name = list(line)[-1]
    changed = {
        "drop": {key: value for key, value in line.items() if key != name},
        "add": {**line, "another": 1},
        "retype": {**line, name: ["a list"]},
    }
    assert not validator.is_valid(changed[change])


def test_the_first_line_describes_the_report() -> None:
    report = planted.report_of("gradient")
    first = lines_of(report)[0]
    assert first == {
        "kind": "report",
        "schema": SCHEMA,
        "gradproof": report.environment["packages"]["gradproof"],
        "time": report.environment["time"],
        "ok": False,
    }
    assert [line["kind"] for line in lines_of(report)].count("report") == 1


@pytest.mark.parametrize("report", REPORTS.values(), ids=REPORTS)
def test_a_report_is_ok_where_something_was_checked_and_no_line_fails(report: Report) -> None:
    passes = [line["passes"] for line in lines_of(report) if "passes" in line]
    checked = any(line["kind"] == "run" and line["status"] == "run" for line in lines_of(report))
    assert report.ok is (checked and False not in passes)


def test_a_parameter_is_told_by_its_worst_step_and_counts() -> None:
    verdicts = [Verdict.AGREES, Verdict.DISAGREES, Verdict.AGREES, Verdict.NOT_FINITE, Verdict.DISAGREES]
    wrong = builders.record(verdicts, [1.0, 99.0, 1.0, 50.0, 7e5], value=np.arange(5.0))
    (line,) = of_kind(builders.report(builders.outcome(gradients=(wrong,))), "gradient")
    assert (line["step"], line["value"], line["verdict"]) == (3, 3.0, "NOT_FINITE")
    assert (line["steps"], line["failing"], line["first_failing_step"]) == (5, 3, 1)
    assert line["passes"] is False


def test_a_long_wrong_run_is_one_line_a_parameter() -> None:
    wrong = builders.record([Verdict.DISAGREES] * 1000, [1e5] * 1000)
    report = builders.report(builders.outcome(gradients=(wrong,)))
    assert len(report.failures) == 1000
    assert len(lines_of(report)) == 5  # the report, the cause, the run, its gradients and its updates


numbers = st.floats(allow_nan=True, allow_infinity=True)


@settings(max_examples=50)
@given(value=numbers, error=numbers, verdict=st.sampled_from(SEVERITY))
def test_every_number_comes_back_bit_for_bit(value: float, error: float, verdict: Verdict) -> None:
    judged = builders.record([verdict], [1.0], value=np.array([value]), error=np.array([error]))
    single = {"losses": np.array([1.0]), "digests": np.array(["0"])}
    (line,) = of_kind(builders.report(builders.outcome(gradients=(judged,), **single)), "gradient")
    for name, number in (("value", value), ("error", error)):
        assert isinstance(line[name], str) is not math.isfinite(number)
        np.testing.assert_array_equal(float(line[name]), number, strict=True)


@pytest.mark.parametrize(("verdict", "passes"), [("EQUAL", True), ("WRONG", False), ("UNDECIDED", False)])
def test_a_formula_is_a_line_of_its_worst_point(verdict: str, passes: bool | None) -> None:
    checks = [
        FormulaRecord("line", "w", 0, math.inf, "EQUAL", ""),
        FormulaRecord("line", "w", 3, 1.5, verdict, ""),
    ]
    report = Report.from_outcomes([], [builders.outcome()], [], checks)
    (line,) = of_kind(report, "formula")
    assert line == {
        "kind": "formula",
        "scenario": "line",
        "parameter": "w",
        "step": 3,
        "digits": 1.5,
        "verdict": verdict,
        "passes": passes,
        "steps": 2,
        "failing": int(not passes),
        "first_failing_step": None if passes else 3,
        "reason": "",
        "cause": "",
        "where": "",
    }
