"""Several reports beside one another, in their order: verdicts, largest errors and times of each run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.inputs import TEXT, Wanted, accepts, sequence_of
from gradproof.reporting.columns import records
from gradproof.reporting.environment import flattened
from gradproof.reporting.findings import judged
from gradproof.reporting.names import RUN, run_key
from gradproof.reporting.report import Report
from gradproof.reporting.telling import MatrixCell, verdict_matrix

_LEFT_OUT = ("time", "processes")


@dataclass(frozen=True)
class RunHistory:
    """One run over several reports.

    Attributes:
        run: scenario, backend, variant and dtype.
        cells: per report the verdict and the largest error, as a matrix of verdicts has it; None where a
            report has no such run.
        spreads: the same error as a number; NaN where there is none.
        seconds: seconds a step; NaN where that is not known.
    """

    run: tuple[str, ...]
    cells: tuple[MatrixCell | None, ...]
    spreads: tuple[float, ...]
    seconds: tuple[float, ...]

    @property
    def changes(self) -> bool:
        """Whether the verdict, or that the run is there, is not the same in all reports."""
        return len({None if cell is None else cell.verdict for cell in self.cells}) > 1

    @property
    def verdict_changes(self) -> bool:
        """Whether the reports that have the run differ in its verdict."""
        return len({cell.verdict for cell in self.cells if cell is not None}) > 1


@dataclass(frozen=True)
class History:
    """What several reports say of each run, in the order in which they were given.

    Attributes:
        names: of the reports: their folders, or numbers.
        times: when each was made, in ISO 8601; empty where that is not known.
        runs: those of all reports; in front those whose verdict changes, then those that some report lacks.
        surroundings: entries of the environment that differ, by name, with the value in each report.
    """

    names: tuple[str, ...]
    times: tuple[str, ...]
    runs: tuple[RunHistory, ...]
    surroundings: Mapping[str, tuple[str, ...]]

    def table(self) -> pd.DataFrame:
        """Give a row for each run and report: its verdict, largest error in spreads and seconds a step."""
        rows = [
            (name, *each.run, "" if cell is None else cell.verdict, spreads, seconds)
            for each in self.runs
            for name, cell, spreads, seconds in zip(
                self.names, each.cells, each.spreads, each.seconds, strict=True
            )
        ]
        return pd.DataFrame(rows, columns=["report", *RUN, "verdict", "spreads", "seconds_per_step"])


_REPORTS = sequence_of(Wanted(lambda value: isinstance(value, Report), "a Report"), "a list of reports")


@accepts("the history", reports=_REPORTS, names=sequence_of(TEXT, "a list of names"))
def history(reports: Sequence[Report], names: Sequence[str] = ()) -> History:
    """Lay several reports beside one another.

    Args:
        reports: in the order that is to be shown.
        names: what they are called; without any they are numbered from 1.

    Raises:
        InputError: an argument is of another type, or there are not as many names as reports.

    >>> history([]).runs
    ()
    """
    if names and len(names) != len(reports):
        raise InputError(
            f"There are {len(reports)} reports and {len(names)} names. Give a name for each report, or none."
        )
    called = tuple(names) or tuple(str(number) for number in range(1, len(reports) + 1))
    told = [_told(report) for report in reports]
    keys = dict.fromkeys(key for each in told for key in each)
    absent = (None, np.nan, np.nan)
    runs = [
        RunHistory(
            key, *(tuple(part) for part in zip(*(each.get(key, absent) for each in told), strict=True))
        )
        for key in keys
    ]
    return History(
        called,
        tuple(str(report.environment.get("time", "")) for report in reports),
        tuple(sorted(runs, key=lambda each: (not each.verdict_changes, not each.changes))),
        _surroundings(reports),
    )


def _told(report: Report) -> dict[tuple[str, ...], tuple[Any, float, float]]:
    matrix = verdict_matrix(report.runs, report.findings)
    spreads: dict[tuple[str, ...], float] = {}
    for row in records(judged(report.findings)):
        key = run_key(row)
        spreads[key] = max(spreads.get(key, 0.0), np.nan_to_num(row["most_spreads"], nan=0.0, posinf=np.inf))
    told = {}
    for row in records(report.runs):
        key = run_key(row)
        who = "/".join(part for part in key[1:3] if part)
        cell = matrix.loc[(key[0], key[3]), who]
        told[key] = (cell, spreads.get(key, np.nan), float(row["seconds_per_step"]))
    return told


def _surroundings(reports: Sequence[Report]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    flat: list[dict[str, Any]] = [dict(flattened(report.environment, ".")) for report in reports]
    for name in dict.fromkeys(name for each in flat for name in each):
        values = [str(each.get(name, "")) for each in flat]
        if name not in _LEFT_OUT and len(set(values)) > 1:
            found[name] = values
    return {name: tuple(values) for name, values in found.items()}
