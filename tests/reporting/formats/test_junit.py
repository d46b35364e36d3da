"""JUnit's XML: read by junitparser and by Python's own parser, and held against what its schema asks."""

import importlib
import re
import sys
from dataclasses import replace
from xml.etree import ElementTree as ET

import builders
import planted_reports as planted
import pytest
from junitparser import JUnitXml

from gradproof.reporting.formats import junit
from gradproof.reporting.report import Report
from gradproof.verdicts.records import FormulaRecord, Subject
from gradproof.verdicts.verdict import Verdict


def suites(report: Report) -> dict[str, ET.Element]:
    return {suite.get("name"): suite for suite in ET.fromstring(junit.render(report))}  # noqa: S314 - our own text


def results(suite: ET.Element) -> dict[str, list[str]]:
    """By case the tags of what it holds."""
    return {case.get("name"): [child.tag for child in case] for case in suite.iter("testcase")}


def test_a_case_is_the_gradients_or_the_updates_of_a_run() -> None:
    narrow = replace(builders.SUBJECT, dtype="float32")
    report = builders.report(builders.reference(), builders.outcome(narrow, updates=()))
    assert results(suites(report)["line"]) == {
        "reference/numpy float64 gradients": [],
        "reference/numpy float64 updates": [],
        "torch/eager float32 gradients": [],
    }


OUTCOMES = {
    "gradient": ("torch/eager float64 gradients", "failure"),
    "update": ("torch/eager float64 updates", "failure"),
    "not finite": ("torch/eager float64 gradients", "failure"),
    "undecided": ("torch/eager float64 gradients", "failure"),
    "failed": ("jax/jit float64 gradients", "error"),
    "not run": ("jax/eager float64 gradients", "skipped"),
    "formula": ("formula of w", "failure"),
}


@pytest.mark.parametrize("kind", OUTCOMES)
def test_each_kind_has_its_result_and_the_others_pass(kind: str) -> None:
    name, tag = OUTCOMES[kind]
    found = results(suites(planted.report_of(kind))["line"])
    assert found.pop(name) == [tag]
    assert set(map(tuple, found.values())) <= {()}


def test_a_failure_has_the_first_line_as_message_and_all_in_its_text() -> None:
    wrong = (planted.judged(Verdict.DISAGREES), planted.judged(Verdict.NOT_FINITE, "b"))
    root = suites(builders.report(builders.outcome(gradients=wrong)))["line"]
    (failure,) = root.iter("failure")
    assert failure.get("message").startswith("NOT_FINITE: line torch/eager float64, step 1, gradient of b[")
    assert failure.get("message").endswith(", and 1 more parameter")
    assert failure.get("type") == "NOT_FINITE"
    for text in ("gradient of b[", "gradient of w[", "value     0.125", planted.REASON):
        assert text in failure.text


def test_a_formula_that_is_undecided_fails_and_says_why() -> None:
    checks = [
        FormulaRecord("line", "w", 0, 30.0, "EQUAL", ""),
        FormulaRecord("line", "w", 7, 1.0, "UNDECIDED", "the balls are too wide"),
    ]
    report = Report.from_outcomes([builders.scenario()], [builders.outcome()], [], checks)
    assert not report.ok
    (failure,) = suites(report)["line"].iter("failure")
    assert failure.get("type") == "UNDECIDED"
    assert "at step 7: the balls are too wide" in failure.get("message")


@pytest.mark.parametrize("verdict", ["CONFIRMED", "REFUTED", "NOT CHECKABLE", "UNDECIDED"])
def test_a_claim_never_fails(verdict: str) -> None:
    """It does not count for whether the report is ok; the exit status and the tests must say the same."""
    report = Report.from_outcomes([], [builders.outcome()], claims=[planted.claim(verdict)])
    assert report.ok
    suite = suites(report)["claims of My notes"]
    assert results(suite) == {"line dw": [] if verdict == "CONFIRMED" else ["skipped"]}
    if verdict == "REFUTED":
        (skipped,) = suite.iter("skipped")
        assert skipped.get("message") == (f"REFUTED: dw is 12 The factor 2 is left out. {planted.REASON}")


def test_checks_of_tests_are_a_suite() -> None:
    checks = [planted.check(), planted.check(ok=False, test="tests/test_b.py::test_b"), planted.check(seed=1)]
    report = Report.from_outcomes([], [], checks=checks)
    suite = suites(report)["checks of tests"]
    assert results(suite) == {
        "tests/test_mine.py::test_it seed 0": [],
        "tests/test_b.py::test_b seed 0": ["failure"],
        "tests/test_mine.py::test_it seed 1": [],
    }
    (failure,) = suite.iter("failure")
    assert "tests/test_b.py::test_b" in failure.text


def test_a_check_that_is_expected_to_fail_is_skipped() -> None:
    report = Report.from_outcomes([], [], checks=[planted.check(ok=False, expected_to_fail=True)])
    (skipped,) = suites(report)["checks of tests"].iter("skipped")
    assert skipped.get("message").startswith("expected to fail: WRONG: tests/test_mine.py::test_it: ")


def test_the_time_of_a_run_is_counted_once() -> None:
    suite = suites(builders.report(builders.outcome()))["line"]
    times = {case.get("name"): float(case.get("time")) for case in suite.iter("testcase")}
    assert times == {"torch/eager float64 gradients": 2.0, "torch/eager float64 updates": 0.0}
    assert float(suite.get("time")) == 2.0


@pytest.mark.parametrize("kind", ["", "everything"])
def test_what_junits_schema_asks_for_is_there(kind: str) -> None:
    """The attributes, their types and the order of elements of Ant's schema, as its documents state them."""
    root = ET.fromstring(junit.render(planted.report_of(kind)))  # noqa: S314 - our own text
    assert root.tag == "testsuites"
    for suite in root:
        assert suite.tag == "testsuite"
        cases = suite.findall("testcase")
        assert [child.tag for child in suite] == ["properties", *["testcase"] * len(cases)]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d", suite.get("timestamp"))
        assert suite.get("hostname")
        assert int(suite.get("tests")) == len(cases)
        for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(attribute)) == len(suite.findall(f"testcase/{tag}"))
        for case in cases:
            assert case.get("name")
            assert case.get("classname")
            assert float(case.get("time")) >= 0
            assert len([child for child in case if child.tag != "system-out"]) <= 1
        names = [(case.get("classname"), case.get("name")) for case in cases]
        assert len(set(names)) == len(names)


def test_junitparser_reads_the_same_counts() -> None:
    read = JUnitXml.fromstring(junit.render(planted.report_of("everything")).encode())
    assert (read.failures, read.errors, read.skipped) == (5, 1, 1)
    read.update_statistics()
    assert (read.failures, read.errors, read.skipped) == (5, 1, 1)


def test_a_run_that_ended_early_says_so() -> None:
    suite = suites(builders.report(builders.outcome(planned_steps=50)))["line"]
    assert all("48 steps were not run" in element.text for element in suite.iter("system-out"))
    assert len(list(suite.iter("system-out"))) == 2


def test_without_junitparser_the_import_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "gradproof.reporting.formats.junit")
    monkeypatch.setitem(sys.modules, "junitparser", None)
    with pytest.raises(ImportError, match="junitparser"):
        importlib.import_module("gradproof.reporting.formats.junit")


def test_many_runs_are_suites_of_their_scenarios() -> None:
    outcomes = [
        builders.outcome(Subject(f"scenario {number}", "torch", "eager", "float64")) for number in range(3)
    ]
    assert list(suites(Report.from_outcomes([], outcomes))) == ["scenario 0", "scenario 1", "scenario 2"]
