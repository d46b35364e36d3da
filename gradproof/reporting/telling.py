"""How a finding is told: its headline, its details a line each, and the command that repeats it.

All texts are given as they are, whatever characters they hold, but by `text`, which is for people.
"""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES, failing, something_was_checked
from gradproof.reporting.names import implementation, run_name
from gradproof.verdicts.numerals import entry
from gradproof.verdicts.printing import visible, wrapped
from gradproof.verdicts.tolerances import SPREADS

Row = Mapping[str, Any]

QUANTITY_NAMES = {"gradient": "gradient", "update": "updated weight"}
"""What the entry of such a finding is called."""

_LABEL = 10


def headline(row: Row) -> str:
    """Tell who and what in one line."""
    if row["kind"] == "run":
        return f"{run_name(row)} could not be run: {row['reason']}"
    if row["kind"] == "formula":
        return _formula(row)
    if row["kind"] in QUANTITIES:
        named = entry(row["parameter"], row["index"])
        quantity = QUANTITY_NAMES[row["kind"]]
        return f"{row['verdict']}: {run_name(row)}, step {row['step']}, {quantity} of {named}"
    return f"{row['verdict']}: {row['name']}: {row['cause'] or row['reason']}"


def _formula(row: Row) -> str:
    of = f"the hand-derived gradient of {row['parameter']} in {row['scenario']}"
    if row["verdict"] != "WRONG":
        return f"{row['verdict']}: {of}, first at step {row['first_failing_step']}: {row['reason']}"
    digits = int(row["digits"]) if 0 < row["digits"] < math.inf else 0
    right = "1 digit of it is" if digits == 1 else f"{digits or 'no'} digits of it are"
    return (
        f"WRONG: {of} is proven to differ from the exact one, first at step {row['first_failing_step']}; "
        f"where it is worst {right} right."
    )


def errors(row: Row) -> str:
    """Tell an error in all its units."""
    return f"{row['error']:.3g} absolute, {row['relative_error']:.3g} relative, {row['ulps']:.3g} ulp"


def details(row: Row) -> list[tuple[str, str]]:
    """Give what is known of a gradient or an update that was judged: labels and texts; else the cause."""
    if row["kind"] not in QUANTITIES:
        return [("cause", row["cause"])] if row["kind"] == "formula" and row["cause"] else []
    named = f"{entry(row['parameter'], row['index'])} ({QUANTITY_NAMES[row['kind']]})"
    noise = f"{row['spreads']:.3g} spreads of the rounding noise (at most {SPREADS:g} are rounding)"
    return [
        ("scenario", row["scenario"]),
        ("backend", implementation(row["backend"], row["variant"])),
        ("dtype", row["dtype"]),
        ("step", f"{row['step']} (of {row['steps']} judged, {row['failing']} do not pass)"),
        ("entry", named),
        ("value", repr(float(row["value"]))),
        ("exact", row["exact"]),
        ("error", errors(row)),
        ("noise", noise),
        ("cause", row["cause"] or "none found"),
        ("why", row["reason"]),
    ]


def text(row: Row, width: int | None = None) -> str:
    """Tell a finding in full: the headline, a line a detail, and the command that repeats it, in one piece.

    Args:
        row: of the frame of findings.
        width: columns at which prose is wrapped; None to wrap nothing.
    """
    lines = [wrapped(visible(headline(row), lines=True), width, "  ")]
    for label, content in details(row):
        line = f"  {label:<{_LABEL}}{visible(content, lines=True)}"
        lines.append(wrapped(line, width, " " * (_LABEL + 2)))
    if row["repeat"]:
        lines.append(f"  {'repeat':<{_LABEL}}{visible(row['repeat'])}")
    return "\n".join(lines)


def why(row: Row) -> str:
    """Give the cause, or the reason where none was found."""
    return str(row["cause"] or row["reason"])


def describe(findings: pd.DataFrame, width: int | None = None) -> str:
    """Tell what fails, of gradients and updates the first in full and how many more.

    Where nothing fails a sentence says so.

    Args:
        findings: of a report.
        width: columns at which prose is wrapped; None to wrap nothing.
    """
    lines = [*_described(records(failing(findings)), width)]
    if not lines and not something_was_checked(findings):
        lines = [wrapped("Nothing was run, so nothing was checked.", width)]
    return "\n".join(lines) or wrapped("Everything that was checked agrees.", width)


def _described(rows: list[dict[str, Any]], width: int | None) -> Iterator[str]:
    judged = [row for row in rows if row["kind"] in QUANTITIES]
    more = sum(row["failing"] for row in judged) - 1
    for row in rows:
        if row["kind"] not in QUANTITIES or row is judged[0]:
            yield text(row, width)
        if judged and row is judged[-1] and more:
            words = "row of gradients and updates does" if more == 1 else "rows of gradients and updates do"
            yield wrapped(f"{more:,} more {words} not pass; the report's tables list all.", width)
