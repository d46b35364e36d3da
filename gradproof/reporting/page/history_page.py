"""The page of several reports: how verdicts, largest errors and times went from one to the next."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

from markupsafe import Markup

from gradproof.reporting.comparison.history import History, RunHistory
from gradproof.reporting.names import count, implementation
from gradproof.reporting.page.templating import content_security_policy, own_file, template_environment
from gradproof.reporting.run_costs import duration
from gradproof.verdicts.tolerances import SPREADS

WIDTH, HEIGHT = 200, 44
"""Of the picture of a run's errors and of that of its times."""

SHOWN = 24
"""Of so many runs in all, none are folded; of more, those whose verdict does not change."""


def render_history(found: History) -> str:
    """Build the page; it holds no script, and asks for nothing over a network."""
    template = template_environment().get_template("history.html.j2")
    return template.render(
        policy=content_security_policy(""),
        style=Markup(own_file("page.css")),  # noqa: S704 - our own file
        title=count(len(found.names), "report"),
        lead=_lead(found.runs),
        names=list(zip(found.names, found.times, strict=True)),
        groups=list(_groups(found)),
        surroundings=found.surroundings,
        limit=f"{SPREADS:g}",
    )


def _lead(runs: Sequence[RunHistory]) -> str:
    """Count the runs by what became of them."""
    changed = sum(run.verdict_changes for run in runs)
    absent = sum(None in run.cells for run in runs)
    of = f"of {count(len(runs), 'run')}"
    if changed:
        told = (
            f"{changed:,} {of} {_verb(changed, 'has', 'have')} another verdict in some report than in others."
        )
    elif len(runs) == 1:
        told = "The run has the same verdict wherever it was made."
    else:
        told = "All runs have the same verdict wherever they were made."
    return told + (f" {absent:,} {of} {_verb(absent, 'is', 'are')} not in all reports." if absent else "")


def _verb(number: int, one: str, several: str) -> str:
    return one if number == 1 else several


def _groups(found: History) -> Iterator[tuple[str, bool, list[dict[str, Any]]]]:
    """Divide the runs: verdicts that change, runs that some report lacks, all others; folded if many."""
    changed = [run for run in found.runs if run.verdict_changes]
    absent = [run for run in found.runs if run.changes and not run.verdict_changes]
    same = [run for run in found.runs if not run.changes]
    few = len(found.runs) <= SHOWN
    for title, runs, opened in (
        ("Verdicts that changed", changed, True),
        ("Not in all reports", absent, few),
        ("The same verdict in all reports", same, few),
    ):
        if runs:
            yield title, opened, [_shown(run, found.names) for run in runs]


def _shown(run: RunHistory, names: Sequence[str]) -> dict[str, Any]:
    scenario, backend, variant, dtype = run.run
    return {
        "scenario": scenario,
        "who": implementation(backend, variant),
        "dtype": dtype,
        "cells": run.cells,
        "changes": run.changes,
        "since": _since(run, names) if run.verdict_changes else "",
        "errors": curve(run.spreads, [SPREADS]),
        "times": curve(run.seconds, []),
        "seconds": _seconds(run.seconds),
    }


def _since(run: RunHistory, names: Sequence[str]) -> str:
    """Tell since which report the verdict is what it is in the last one that has the run."""
    made = [(name, cell.verdict) for name, cell in zip(names, run.cells, strict=True) if cell is not None]
    last = made[-1][1]
    at = max(place for place, (_, verdict) in enumerate(made) if verdict != last) + 1
    return f"{last} since {made[at][0]}, {made[at - 1][1]} before"


def _seconds(seconds: Sequence[float]) -> str:
    """Tell the first and the last time that are known; a number is not torn from its unit."""
    known = [duration(each).replace(" ", "\N{NO-BREAK SPACE}") for each in seconds if math.isfinite(each)]
    return " → ".join(known[:1] + known[1:][-1:])


def curve(values: Sequence[float], beside: Sequence[float]) -> dict[str, Any]:
    """Place values on a logarithmic axis, from left to right; what has no place there is left out.

    Args:
        values: one for each report.
        beside: other values that must be in the picture, as lines.

    Returns:
        `points` (x and y, a list), `lines` (the heights of the others).

    >>> curve([1.0, 100.0], [10.0])["lines"]
    [22.0]
    """
    known = [each for each in (*values, *beside) if each > 0 and math.isfinite(each)]
    low, high = (math.log10(min(known)), math.log10(max(known))) if known else (0.0, 1.0)
    # A decade at least: else a few per cent would look like the way from the bottom to the top.
    width = max(high - low, 1.0)
    low -= (width - (high - low)) / 2

    def height(value: float) -> float:
        return round(HEIGHT - 4 - (math.log10(value) - low) / width * (HEIGHT - 8), 1)

    step = (WIDTH - 12) / max(len(values) - 1, 1)
    points = [
        (round(6 + position * step, 1), height(value))
        for position, value in enumerate(values)
        if value > 0 and math.isfinite(value)
    ]
    return {"points": points, "lines": [height(each) for each in beside]}
