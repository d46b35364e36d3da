"""Comparing two reports."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import pandas as pd

from gradproof.errors import InputError
from gradproof.reporting.comparison.changes import Changes
from gradproof.reporting.comparison.columns import CHANGES
from gradproof.reporting.comparison.numbers import (
    bit_rows,
    error_frame,
    run_pairs,
    timing_frame,
    total_frame,
)
from gradproof.reporting.comparison.surroundings import environment_rows, scenario_states
from gradproof.reporting.comparison.verdicts import verdict_rows
from gradproof.reporting.report import Report


def compare(before: Report, after: Report) -> Changes:
    """Tell what changed from one report to another: verdicts, errors, bits, times and the environment.

    Runs are matched by scenario, backend, variant and dtype. Scenarios of one name whose parameters, data,
    training or code differ are compared all the same, and every table says that the scenario changed.

    Raises:
        InputError: what is given is no report.

    """
    for report in (before, after):
        if not isinstance(report, Report):
            raise InputError(
                f"compare takes two reports, but {report!r} is of type {type(report).__name__}. Read a "
                "report that was written with `gradproof.read_report(folder)`."
            )
    states = scenario_states(before, after)
    pairs = run_pairs(before, after)
    counts: Counter[str] = Counter()
    environment = _frame("environment", environment_rows(before.environment, after.environment))
    frames = {
        "verdicts": _frame("verdicts", verdict_rows(before, after, states, counts)),
        "errors": _frame("errors", error_frame(pairs, (before.worst, after.worst), states)),
        "bits": _frame("bits", bit_rows(before, after, pairs, states, environment)),
        "timings": _frame("timings", timing_frame(pairs, states)),
        "totals": _frame("totals", total_frame(pairs, states)),
    }
    counts["ran twice"] = len(pairs)
    return Changes(**frames, environment=environment, scenarios=states, counts=dict(counts))


def _frame(name: str, rows: pd.DataFrame | Iterable[dict[str, Any]]) -> pd.DataFrame:
    whole = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows), columns=list(CHANGES[name]))
    return whole[list(CHANGES[name])].reset_index(drop=True).astype(CHANGES[name])
