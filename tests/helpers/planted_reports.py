"""Reports with one planted thing that does not pass, and names that try to break what shows them."""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock
from xml.etree import ElementTree as ET

import builders
import numpy as np

from gradproof.reporting.formats import junit, lines, markdown
from gradproof.reporting.formats.github import annotations
from gradproof.reporting.formats.terminal import print_report
from gradproof.reporting.report import Report
from gradproof.verdicts.records import CheckRecord, ClaimRecord, FormulaRecord, NotRun, RunStatus, Subject
from gradproof.verdicts.verdict import Verdict

CAUSE = "the gradient of {} is the true one with the derivative of sigmoid (mine.py:12) left out"
REASON = "a reason of its own"


def judged(verdict: Verdict, parameter: str = "w", **changed: Any) -> Any:
    """What is said of a parameter that does not pass at the second of two steps."""
    reasons = np.array(["", REASON], dtype=object)
    return builders.record(
        [Verdict.AGREES, verdict],
        **{"spreads": [1.0, 5e4], "parameter": parameter, "reason": reasons, **changed},
    )


def claim(verdict: str, **changed: Any) -> ClaimRecord:
    told = {"document": "My notes", "scenario": "line", "claim": "dw", "text": "dw is 12", "place": "page 3"}
    cause = "the factor 2 is left out" if verdict == "REFUTED" else ""
    numbers = {"stated": "12", "exact": "36", "digits": 0.0, "cause": cause, "reason": REASON}
    return ClaimRecord(**{**told, "verdict": verdict, **numbers, **changed})


def check(*, ok: bool = True, **changed: Any) -> CheckRecord:
    record = CheckRecord(
        test="tests/test_mine.py::test_it",
        verdict="EQUAL" if ok else "WRONG",
        ok=ok,
        digits=37.0,
        dtype="float64",
        seed=0,
        points="12 points of its own",
        cause="" if ok else CAUSE.format("w"),
        where="" if ok else "sigmoid at mine.py:12",
        reason="" if ok else REASON,
        findings="",
        failing_point="",
    )
    return replace(record, **changed)


NAN = {"value": np.full(2, np.nan), "error": np.full(2, np.nan), "ulps": np.full(2, np.nan)}


@cache
def report_of(kind: str = "", name: str = "line", parameter: str = "w", reason: str = REASON) -> Report:
    """A report in which all is right, but for one thing of a kind, or one of each with "everything"."""
    every = kind == "everything"
    subject = Subject(name, "torch", "eager", "float64")
    other = replace(subject, backend="jax", variant="jit")
    right = (builders.record(parameter=parameter),)
    made: dict[str, Any] = {"gradients": right, "updates": right}
    reasons = np.array(["", reason], dtype=object)
    not_run: list[NotRun] = []
    checks: list[CheckRecord] = []
    formulas = [FormulaRecord(name, parameter, 0, 30.0, "EQUAL", "")]
    if kind == "gradient" or every:
        cause = CAUSE.format(parameter)
        where = "sigmoid at mine.py:12"
        made["gradients"] = (judged(Verdict.DISAGREES, parameter, cause=cause, where=where, reason=reasons),)
    if kind == "update":
        made["updates"] = (judged(Verdict.DISAGREES, parameter, reason=reasons),)
    if kind == "state" or every:
        record = judged(Verdict.DISAGREES, parameter, reason=reasons, entry_of_state="momentum")
        made["states"] = (record,)
    if kind == "not finite":
        made["gradients"] = (judged(Verdict.NOT_FINITE, parameter, reason=reasons, **NAN),)
    if kind == "undecided" or every:
        made["updates" if every else "gradients"] = (judged(Verdict.UNDECIDED, parameter, reason=reasons),)
    if kind == "failed" or every:
        not_run.append(NotRun(other, reason, RunStatus.FAILED))
    if kind == "not run" or every:
        not_run.append(NotRun(replace(other, variant="eager"), reason, RunStatus.NOT_RUN))
    if kind == "formula" or every:
        formulas.append(FormulaRecord(name, parameter, 7, 3.5, "WRONG", reason))
    if kind == "check" or every:
        checks = [check(), check(ok=False, test=name, reason=reason)]
    scenario = builders.scenario(name, origin="mine.py::first")
    outcome = builders.outcome(subject, **made)
    return Report.from_outcomes([scenario], [outcome], not_run, formulas, [claim("CONFIRMED")], checks)


KINDS = {
    "gradient": "DISAGREES",
    "update": "DISAGREES",
    "state": "momentum of w",
    "not finite": "NOT_FINITE",
    "undecided": "UNDECIDED",
    "failed": REASON,
    "not run": REASON,
    "formula": "WRONG",
    "check": "WRONG",
}
"""Kinds of what does not pass, and what every format says of it, beside who it is."""

GITHUB = {"GITHUB_ACTIONS": "true"}


def printed(report: Report, columns: int = 80) -> str:
    """What the terminal shows, without colours, of a report that was written as one file."""
    with (
        mock.patch(
            "gradproof.reporting.formats.terminal.describe_written", lambda folder: [f"{folder}/summary.md"]
        ),
        mock.patch.dict("os.environ", {"COLUMNS": str(columns), "NO_COLOR": "1"}),
        contextlib.redirect_stdout(io.StringIO()) as output,
    ):
        print_report(report, Path("reports/latest"))
    return output.getvalue()


def _told_in_junit(report: Report) -> str:
    told = []
    for case in ET.fromstring(junit.render(report)).iter("testcase"):  # noqa: S314 - our own text
        told += [
            f"{case.get('classname')} {case.get('name')} {result.get('message')} {result.text}"
            for result in case
            if result.tag in {"failure", "error", "skipped"}
        ]
    return "\n".join(told)


def _told_in_lines(report: Report) -> str:
    told = [json.loads(line) for line in lines.render(report).splitlines()]
    return "\n".join(str(line) for line in told[1:] if line.get("passes", True) is not True)


def _told_in_markdown(report: Report) -> str:
    text = markdown.render(report)
    sections = text.split("\n## ")
    return "".join(each for each in sections if each.startswith(("What does not agree", "What was not run")))


def _told_in_terminal(report: Report) -> str:
    told = printed(report).partition("are rounding).")[2].splitlines()
    return "\n".join(line for line in told if not line.startswith("torch/eager"))


TOLD: dict[str, Callable[[Report], str]] = {
    "junit": _told_in_junit,
    "lines": _told_in_lines,
    "markdown": _told_in_markdown,
    "github": lambda report: "\n".join(annotations(report.root_causes, report.findings, GITHUB)),
    "terminal": _told_in_terminal,
}
"""Per format the part of its text that tells what does not pass."""

TEXTS: dict[str, Callable[[Report], str]] = {
    "junit": junit.render,
    "lines": lines.render,
    "markdown": markdown.render,
    "github": lambda report: "\n".join(annotations(report.root_causes, report.findings, GITHUB)),
    "terminal": printed,
}
"""Per format its whole text."""

HOSTILE = {
    "a tag": "<script>alert(1)</script>",
    "a path": "../../x",
    "two lines": "first\nsecond",
    "a cell": "a|b",
    "rich markup": "[red]bold[/red]",
    "an escape sequence": "\x1b[31mred\x1b[0m",
    "a bell": "ding\a",
    "a null": "nothing\x00there",
    "a carriage return": "shown\rover",
    "a link": "[x](javascript:alert(1))",
    "an image": "![x](http://example.org/x.png)",
    "a mention": "@somebody",
    "an address": "https://example.org/www.example.org",
    "emphasis": "**a** _b_ __c__ ~~d~~ `e` $f$",
    "a fence": "```\n# heading\n```",
    "an entity": "&lt;b&gt; &#60;i&#62; &amp;",
    "percent": "100%0A::error::x",
    "a workflow command": "::error file=x::boo",
    "commas and colons": "a,b:c=d",
    "CDATA": "]]>",
    "text turned around": "abc\u202edef",
    "C1 control": "\x9b31mred",
    "separators": "a\u2028b\u2029c\x85d",
    "not a character": "a\ufffeb\uffff",
    "quotes": "\"a\" 'b' \\n",
    "letters of elsewhere": "ünïcode Ω 网络 👩\u200d🔬",
    "long": "x" * 200,
}
