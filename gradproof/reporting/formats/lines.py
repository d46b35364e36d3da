"""A report as JSON lines: one object a line, a line a verdict, for programs to read.

The first line describes the report; the others are the causes of what fails, runs, the gradients and the
updates of each parameter in each run, formulas, checks and claims. `verdicts.schema.json`, beside this file,
is the JSON Schema of a line.

Of a parameter's steps the worst is told with all its numbers, and how many steps were judged, how many do not
pass, and the first of those: the tables hold every step. JSON has no NaN and no infinity, so these are the
strings "NaN", "Infinity" and "-Infinity", which float() of Python and Number() of JavaScript read.
"""

from collections.abc import Iterator
from typing import Any

from gradproof.reporting.columns import SCHEMA, records
from gradproof.reporting.findings import failing
from gradproof.reporting.names import RUN, run_key
from gradproof.reporting.report import Report
from gradproof.reporting.root_causes import RootCause
from gradproof.reporting.strict_json import written

name = "jsonl"
files = ("verdicts.jsonl",)
needs = ()

_COUNTS = ("verdict", "passes", "steps", "failing", "first_failing_step")
_WHY = ("digits", "cause", "where", "reason")
_NUMBERS = ("value", "exact", "error", "relative_error", "ulps", "spreads")
_JUDGED = (*RUN, "parameter", "held_in", "index", "step", *_COUNTS, *_NUMBERS, *_WHY, "repeat")

MEMBERS = {
    "gradient": _JUDGED,
    "update": _JUDGED,
    "state": _JUDGED,
    "formula": ("scenario", "parameter", "step", *_COUNTS, *_WHY),
}
"""The columns of findings that the lines of a kind have."""

KINDS = ("report", "cause", "run", *MEMBERS, "check", "claim")
"""What a line may be, told by its member `kind`."""


def render(report: Report) -> str:
    """Write a report's verdicts as JSON lines.

    Each line but the first, the causes' and the claims' has `passes`: whether it is right; null where nothing
    was decided or that counts for nothing (a run that was not asked for, a check that is expected to fail). A
    report is ok where something was checked and no line has `passes` false.
    """
    return "".join(f"{written(line)}\n" for line in line_objects(report))


def line_objects(report: Report) -> Iterator[dict[str, Any]]:
    """Give what each line holds."""
    yield {
        "kind": "report",
        "schema": SCHEMA,
        "gradproof": report.environment.get("packages", {}).get("gradproof", ""),
        "time": report.environment.get("time", ""),
        "ok": report.ok,
    }
    yield from map(_cause, report.root_causes)
    off = {run_key(row) for row in records(failing(report.findings))}
    for run in records(report.runs):
        yield {
            "kind": "run",
            **run,
            "passes": None if run["status"] == "not run" else run_key(run) not in off,
        }
    for finding in records(report.findings):
        if finding["kind"] in MEMBERS:
            line = {"kind": finding["kind"], **{name: finding[name] for name in MEMBERS[finding["kind"]]}}
            first = finding["first_failing_step"]
            yield {**line, "first_failing_step": None if first < 0 else first}
    for check in records(report.checks):
        yield {"kind": "check", **check, "passes": None if check["expected_to_fail"] else check["ok"]}
    for claim in records(report.claims):
        yield {"kind": "claim", **claim}


def _cause(cause: RootCause) -> dict[str, Any]:
    return {
        "kind": "cause",
        "text": str(cause),
        "mistake": cause.mistake,
        "verdict": cause.verdict,
        "cause": cause.cause,
        "reason": str(cause.worst["reason"]),
        "lines": list(cause.lines),
        "runs": [dict(zip(RUN, run, strict=True)) for run in cause.runs],
        "tests": list(cause.tests),
        "parameters": list(cause.parameters),
        "findings": len(cause.findings),
        "following": cause.following,
        "rows": cause.rows,
        "judged_steps": cause.judged_steps,
        "failing_steps": cause.failing_steps,
        "first_failing_step": cause.starts[0] if cause.starts else None,
        "repeat": list(cause.repeats),
        "period": cause.period or None,
    }
