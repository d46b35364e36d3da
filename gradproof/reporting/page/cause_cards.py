"""The cards at the page's top: one for each cause of what fails, with who, since when, how to repeat it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradproof.reporting.findings import QUANTITIES
from gradproof.reporting.names import implementation
from gradproof.reporting.page.cells import Table, exact, finding_table, short
from gradproof.reporting.root_causes import RootCause
from gradproof.reporting.telling import QUANTITY_NAMES, headline
from gradproof.verdicts.numerals import entry
from gradproof.verdicts.tolerances import SPREADS

IN_FULL = 1
"""So many cards show the numbers of their worst failure at once; the others' are folded."""


def cause_cards(causes: Sequence[RootCause], scenarios: Sequence[str]) -> list[dict[str, Any]]:
    """Make the card of each cause, by the names that the template has for its parts.

    Args:
        causes: of a report, the one to look at first in front.
        scenarios: in the order of the page.
    """
    return [_card(number, cause, scenarios) for number, cause in enumerate(causes, 1)]


def _card(number: int, cause: RootCause, scenarios: Sequence[str]) -> dict[str, Any]:
    row = cause.worst
    judged = row["kind"] in QUANTITIES
    scenario = row["scenario"]
    return {
        "number": number,
        "verdict": cause.verdict,
        "what": _title(cause),
        "facts": list(_facts(cause)),
        "sentence": cause.cause,
        "reason": "" if row["kind"] == "run" else row["reason"],
        "headline": "" if judged or row["kind"] == "run" else headline(row),
        "where": _where(row) if judged else [],
        "numbers": _numbers(row) if judged else [],
        "in_full": number <= IN_FULL,
        "table": _table(cause),
        "others": _others(cause),
        "repeats": cause.repeats,
        "scenario": scenarios.index(scenario) + 1 if scenario in scenarios else 0,
    }


def _title(cause: RootCause) -> str:
    """Say what is wrong, beside the verdict, which stands before it."""
    if cause.mistake:
        return cause.mistake
    return str(cause.worst["reason"]) if cause.worst["kind"] == "run" else "no cause was found"


def _facts(cause: RootCause) -> Iterator[tuple[str, str]]:
    """Tell who, since when, how often and in which lines; the dtypes where more than one is concerned."""
    if who := [*cause.implementations, *cause.tests]:
        yield "who", ", ".join(who) + (f" ({', '.join(cause.dtypes)})" if cause.dtypes else "")
    if cause.runs or cause.tests:
        scenarios = f" of {', '.join(cause.scenarios)}" if cause.scenarios else ""
        yield "how often", cause.where_seen + scenarios
    if cause.since:
        yield "when", cause.since
    if len(cause.parameters) > 1:
        yield "parameters", ", ".join(cause.parameters)
    if cause.lines:
        yield "code", ", ".join(cause.lines)


def _where(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("scenario", row["scenario"]),
        ("implementation", implementation(row["backend"], row["variant"])),
        ("dtype", row["dtype"]),
        ("step", f"{row['step']:,}"),
        (QUANTITY_NAMES[row["kind"]], entry(row["parameter"], row["index"])),
    ]


def _numbers(row: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        ("value", exact(row["value"])),
        ("exact", row["exact"]),
        ("absolute error", short(row["error"])),
        ("relative error", short(row["relative_error"])),
        ("in ulps", short(row["ulps"])),
        ("in spreads", f"{short(row['spreads'])} (at most {SPREADS:g} are rounding)"),
    ]


def _table(cause: RootCause) -> Table | None:
    judged = [row for row in cause.findings if row["kind"] in QUANTITIES]
    if not judged:
        return None
    roots = cause.findings[: len(cause.findings) - cause.following]
    return finding_table(judged, {id(row) for row in roots})


def _others(cause: RootCause) -> list[str]:
    """Tell of what is judged otherwise than step by step: formulas, checks, runs that were not made."""
    rows = [row for row in cause.findings if row["kind"] not in QUANTITIES]
    return [headline(row) for row in rows] if len(rows) > 1 or len(cause.findings) > 1 else []
