"""The cards at the page's top: one for each cause of what fails, with who, since when, how to repeat it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradproof.reporting.cause_texts import notes, with_parts
from gradproof.reporting.findings import QUANTITIES, passing
from gradproof.reporting.names import implementation, listed, run_name
from gradproof.reporting.page.cells import Table, exact, finding_table, short
from gradproof.reporting.root_causes import RootCause
from gradproof.reporting.telling import QUANTITY_NAMES, headline
from gradproof.verdicts.numerals import entry
from gradproof.verdicts.tolerances import SPREADS

NAMED = 4
"""So many parameters are named; the tables and pictures below name all."""

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
        "headline": headline(row) if row["kind"] in {"formula", "claim"} else "",
        # The title and the facts say it already, but of a check whose gradient it is and in whose words.
        "sentence": row["cause"] if row["kind"] == "check" else notes(row["cause"]),
        "reason": row["reason"] if cause.mistake else "",
        "where": _where(row) if judged else [],
        "numbers": _numbers(row) if judged else [],
        "in_full": number <= IN_FULL,
        "table": _table(cause),
        "others": _others(cause),
        "repeats": cause.repeats,
        "scenario": scenarios.index(scenario) + 1 if scenario in scenarios else 0,
    }


_WITHOUT_A_CAUSE = {
    "UNDECIDED": "it could not be decided",
    "INACCURATE": "the evaluation loses digits that an accurate formula keeps",
    **dict.fromkeys(passing(strict=True), "right, and refused for what else was found"),
}


def _title(cause: RootCause) -> str:
    """Say what is wrong, beside the verdict, which stands before it."""
    if cause.mistake:
        return with_parts(cause.mistake)[0]
    if cause.worst["kind"] == "run":
        return str(cause.worst["reason"]).removesuffix(".")
    return _WITHOUT_A_CAUSE.get(cause.verdict, "no cause was found")


def _facts(cause: RootCause) -> Iterator[tuple[str, str]]:
    """Tell who, since when, how often and in which lines; the dtypes where more than one is concerned."""
    if who := [*cause.implementations, *cause.tests]:
        yield "who", ", ".join(who) + (f" ({', '.join(cause.dtypes)})" if cause.dtypes else "")
    if cause.runs or len(cause.tests) > 1:
        scenarios = f" of {', '.join(cause.scenarios)}" if cause.scenarios else ""
        yield "how often", cause.where_seen + scenarios
    if cause.since:
        yield "when", cause.since
    if names := cause.parameters:
        yield ("parameter" if len(names) == 1 else "parameters"), listed(names, NAMED)
    if cause.lines:
        yield "code", ", ".join(cause.lines)
    if parts := with_parts(cause.mistake)[1]:
        yield "part", "; ".join(parts)
    if not cause.mistake and cause.worst["kind"] != "run" and cause.worst["reason"]:
        yield "why", str(cause.worst["reason"])


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


_KINDS = {
    "formula": ("The formula", "Formulas"),
    "check": ("The check", "Checks"),
    "run": ("The run", "Runs"),
}


def _others(cause: RootCause) -> tuple[str, list[str]] | None:
    """Tell of what is judged otherwise than step by step: formulas, checks, runs that were not made."""
    rows = [row for row in cause.findings if row["kind"] not in QUANTITIES]
    if not rows or len(cause.findings) == 1:
        return None
    kinds = dict.fromkeys(row["kind"] for row in rows)
    titles = [_KINDS.get(kind, (kind, kind))[len(rows) > 1] for kind in kinds]
    return " and ".join(titles).capitalize(), [_other(row, cause) for row in rows]


def _other(row: Mapping[str, Any], cause: RootCause) -> str:
    """Name a run whose reason is the card's title; tell of all others in a line."""
    same = row["kind"] == "run" and row["reason"] == cause.worst["reason"]
    return run_name(row) if same else headline(row)
