"""The page of several reports: how verdicts, largest errors and times went from one to the next."""

import math
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from gradproof.reporting.comparison.history import History, RunHistory
from gradproof.reporting.names import implementation
from gradproof.reporting.page.templating import content_security_policy, own_file, template_environment
from gradproof.reporting.run_costs import duration
from gradproof.verdicts.tolerances import SPREADS

WIDTH, HEIGHT = 200, 44
"""Of the picture of a run's errors and of that of its times."""


def render_history(found: History) -> str:
    """Build the page; it holds no script, and asks for nothing over a network."""
    template = template_environment().get_template("history.html.j2")
    return template.render(
        policy=content_security_policy(""),
        style=Markup(own_file("page.css")),  # noqa: S704 - our own file
        names=list(zip(found.names, found.times, strict=True)),
        runs=[_shown(run) for run in found.runs],
        changed=sum(run.changes for run in found.runs),
        surroundings=found.surroundings,
        limit=f"{SPREADS:g}",
    )


def _shown(run: RunHistory) -> dict[str, Any]:
    scenario, backend, variant, dtype = run.run
    return {
        "scenario": scenario,
        "who": implementation(backend, variant),
        "dtype": dtype,
        "cells": run.cells,
        "changes": run.changes,
        "errors": curve(run.spreads, [SPREADS]),
        "times": curve(run.seconds, []),
        "seconds": [duration(each) for each in run.seconds],
    }


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
    width = (high - low) or 1.0

    def height(value: float) -> float:
        return round(HEIGHT - 4 - (math.log10(value) - low) / width * (HEIGHT - 8), 1)

    step = (WIDTH - 12) / max(len(values) - 1, 1)
    points = [
        (round(6 + position * step, 1), height(value))
        for position, value in enumerate(values)
        if value > 0 and math.isfinite(value)
    ]
    return {"points": points, "lines": [height(each) for each in beside]}
