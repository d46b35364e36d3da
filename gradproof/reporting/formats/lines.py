"""A report as JSON lines: one object a line, a line a verdict, for programs to read.

The first line describes the report; the others are runs, the gradients and the updates of each parameter in
each run, formulas, checks and claims. `verdicts.schema.json`, beside this file, is the JSON Schema of a line.

Of a parameter's steps the worst is told with all its numbers, and how many steps were judged, how many do not
pass, and the first of those: the tables hold every step. JSON has no NaN and no infinity, so these are the
strings "NaN", "Infinity" and "-Infinity", which float() of Python and Number() of JavaScript read.
"""

import json
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from gradproof.reporting.columns import COLUMNS, SCHEMA
from gradproof.reporting.worst import PASSING, QUANTITIES, RUN, records

if TYPE_CHECKING:
    import pandas as pd

    from gradproof.reporting.report import Report

KINDS = ("report", "run", "gradient", "update", "formula", "check", "claim")
"""What a line may be, told by its member `kind`."""


def verdict_lines(report: "Report") -> str:
    """Write a report's verdicts as JSON lines.

    Each line but the first and the claims' has `passes`: whether it is right; null where nothing was decided
    and that counts for nothing (a run that was not asked for, a formula that could not be decided). A report
    is ok where something was checked and no line has `passes` false.
    """
    return "".join(f"{json.dumps(_strict(line), allow_nan=False)}\n" for line in _lines(report))


def _lines(report: "Report") -> Iterator[dict[str, Any]]:
    yield {
        "kind": "report",
        "schema": SCHEMA,
        "gradproof": report.environment.get("packages", {}).get("gradproof", ""),
        "time": report.environment.get("time", ""),
        "ok": report.ok,
    }
    for run in records(report.runs):
        passes = {"run": run["verdict"] in PASSING, "failed": False, "not run": None}[run["status"]]
        yield {"kind": "run", **run, "passes": passes}
    yield from _judged(report)
    for formula in records(report.formulas):
        passes = {"EQUAL": True, "WRONG": False}.get(formula["verdict"])
        yield {"kind": "formula", **formula, "passes": passes}
    for check in records(report.checks):
        yield {"kind": "check", **check, "passes": check["ok"]}
    for claim in records(report.claims):
        yield {"kind": "claim", **claim}


def _judged(report: "Report") -> Iterator[dict[str, Any]]:
    first = {name: _first_failing(report.frames[name]) for name in QUANTITIES}
    for row in records(report.worst):
        quantity = row.pop("quantity")
        key = tuple(row[name] for name in (*RUN, "parameter"))
        yield {
            "kind": quantity.removesuffix("s"),
            **{name: row[name] for name in COLUMNS[quantity]},
            "steps": row["steps"],
            "failing": row["failing"],
            "first_failing_step": first[quantity].get(key),
            "passes": row["verdict"] in PASSING,
        }


def _first_failing(frame: "pd.DataFrame") -> dict[tuple[Any, ...], int]:
    keys = [*RUN, "parameter"]
    failing = frame[~frame["verdict"].isin(PASSING)].astype(dict.fromkeys(keys, object))
    steps = failing.groupby(keys, sort=False)["step"].min()
    return {tuple(key): int(step) for key, step in zip(steps.index, steps, strict=True)}


def _strict(line: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in line.items()}


def _value(value: Any) -> Any:
    """Give what every reader of JSON takes: no NaN, no infinity, and no half of a character."""
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return value
