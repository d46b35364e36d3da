"""pandas frames of what was judged, each with a fixed list of columns."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gradproof.reporting.columns import COLUMNS, as_frame, of_columns
from gradproof.reporting.findings import make_findings
from gradproof.reporting.machines import Machines
from gradproof.reporting.names import repeat_command
from gradproof.scenarios.scenario import Provenance, Scenario
from gradproof.texts import encodable
from gradproof.verdicts.numerals import index_texts
from gradproof.verdicts.records import (
    QUANTITIES,
    CheckRecord,
    ClaimRecord,
    FormulaRecord,
    NotRun,
    Outcome,
)
from gradproof.verdicts.trajectories import drift_rows
from gradproof.verdicts.verdict import SEVERITY

_VERDICTS = np.array([str(verdict) for verdict in SEVERITY], dtype=object)
_NUMBERS = ("value", "error", "ulps", "spreads")


@dataclass(frozen=True)
class Described:
    """What a report tells of a scenario, where another process left it; a Scenario tells it, too."""

    name: str
    origin: str
    fingerprint: str
    provenance: tuple[Provenance, ...]
    flat_solution: dict[str, NDArray[Any]] | None


Scenarios = Sequence[Scenario | Described]


def make_frames(
    scenarios: Scenarios,
    outcomes: Sequence[Outcome],
    not_run: Sequence[NotRun],
    formulas: Sequence[FormulaRecord],
    claims: Sequence[ClaimRecord] = (),
    checks: Sequence[CheckRecord] = (),
    *,
    strict: bool = False,
) -> dict[str, pd.DataFrame]:
    """Make all frames of a report, one a key of `COLUMNS`."""
    origins = {entry.name: entry.origin for entry in scenarios}
    return {
        "findings": make_findings(origins, outcomes, not_run, formulas, claims, checks, strict=strict),
        "gradients": _stacked("gradients", _judged_blocks(outcomes, "gradients")),
        "updates": _stacked("updates", _judged_blocks(outcomes, "updates")),
        "states": _stacked("states", _judged_blocks(outcomes, "states")),
        "entries": _stacked("entries", _entry_blocks(outcomes)),
        "steps": _stacked("steps", _step_blocks(outcomes)),
        "trajectories": as_frame("trajectories", drift_rows(outcomes)),
        "predictions": _stacked("predictions", _prediction_blocks(outcomes)),
        "runs": as_frame("runs", _run_rows(scenarios, outcomes, not_run)),
        "solutions": _stacked("solutions", _solution_blocks(scenarios, outcomes)),
        "formulas": as_frame("formulas", map(vars, formulas)),
        "provenance": as_frame("provenance", _provenance_rows(scenarios)),
        "checks": as_frame("checks", map(vars, checks)),
        "claims": as_frame("claims", map(vars, claims)),
    }


def table_files(
    frames: Mapping[str, pd.DataFrame], ending: str, encode: Callable[[str, pd.DataFrame], bytes]
) -> dict[str, Callable[[], bytes]]:
    """Give what makes the file of each frame, the longest first; `encode(name, frame)` gives its bytes."""
    longest_first = sorted(frames.items(), key=lambda item: -len(item[1]))
    return {f"{name}.{ending}": partial(encode, name, frame) for name, frame in longest_first}


def _stacked(name: str, blocks: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Stack blocks of rows: per column an array, or one value for all rows of the block."""
    columns: dict[str, list[NDArray[Any]]] = {column: [] for column in COLUMNS[name]}
    for block in blocks:
        rows = max(len(values) for values in block.values() if isinstance(values, np.ndarray))
        for column, values in block.items():
            repeated = values if isinstance(values, np.ndarray) else np.full(rows, values, dtype=object)
            columns[column].append(repeated)
    joined: dict[str, Any] = {
        column: np.concatenate(parts) if parts else [] for column, parts in columns.items()
    }
    return of_columns(joined, COLUMNS[name])


def _subject(outcome: Outcome) -> dict[str, str]:
    return {name: encodable(text) for name, text in vars(outcome.subject).items()}


def _judged_blocks(outcomes: Iterable[Outcome], quantity: str) -> Iterator[dict[str, Any]]:
    for outcome in outcomes:
        for record in getattr(outcome, quantity):
            cause = np.full(len(record.index), "", dtype=object)
            cause[record.worst.step] = encodable(record.cause)
            yield {
                **_subject(outcome),
                "step": np.arange(len(record.index)),
                "parameter": encodable(record.name),
                "held_in": record.dtype or outcome.subject.dtype,
                "index": index_texts(record.shape)[record.index],
                **{name: getattr(record, name) for name in _NUMBERS},
                "relative_error": record.relative_error,
                "exact": record.exact.astype(object),
                "verdict": _VERDICTS[record.verdict],
                "reason": _encodable_texts(record.reason),
                "cause": cause,
            }


def _entry_blocks(outcomes: Iterable[Outcome]) -> Iterator[dict[str, Any]]:
    for outcome in outcomes:
        for quantity in QUANTITIES:
            for record in getattr(outcome, quantity):
                worst = record.worst
                row, column = np.divmod(np.arange(len(worst.index)), worst.grid[1])
                yield {
                    **_subject(outcome),
                    "quantity": quantity,
                    "step": worst.step,
                    "parameter": encodable(record.name),
                    "row": row * worst.block[0],
                    "column": column * worst.block[1],
                    "block_rows": worst.block[0],
                    "block_columns": worst.block[1],
                    "index": index_texts(record.shape)[worst.index],
                    **{name: getattr(worst, name) for name in _NUMBERS},
                    "exact": worst.exact.astype(object),
                    "verdict": _VERDICTS[worst.verdict],
                }


def _step_blocks(outcomes: Iterable[Outcome]) -> Iterator[dict[str, Any]]:
    for outcome in outcomes:
        steps = np.arange(len(outcome.losses))
        losses = np.asarray(outcome.losses, dtype=np.float64)
        yield {**_subject(outcome), "step": steps, "loss": losses, "digest": outcome.digests.astype(object)}


def _encodable_texts(texts: NDArray[Any]) -> NDArray[Any]:
    """Make texts encodable of which only few are different."""
    safe = texts.astype(object)
    for text in set(safe.tolist()):
        if encodable(text) != text:
            safe[safe == text] = encodable(text)
    return safe


def _prediction_blocks(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    reference = {
        (o.subject.scenario, o.subject.dtype): o.predictions
        for o in outcomes
        if o.subject.backend == "reference"
    }
    for outcome in outcomes:
        if outcome.predictions is not None:
            beside = reference.get((outcome.subject.scenario, outcome.subject.dtype))
            yield {
                **_subject(outcome),
                "index": index_texts(outcome.predictions.shape),
                "value": outcome.predictions.ravel().astype(np.float64),
                "reference": np.nan if beside is None else beside.ravel().astype(np.float64),
            }


def _solution_blocks(scenarios: Scenarios, outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    solutions = {entry.name: entry.flat_solution for entry in scenarios if entry.flat_solution is not None}
    for outcome in outcomes:
        for name, solution in solutions.get(outcome.subject.scenario, {}).items():
            final = outcome.checkpoints.weights[name][-1]
            yield {
                **_subject(outcome),
                "parameter": encodable(name),
                "index": index_texts(final.shape),
                "value": final.ravel(),
                "solution": solution.ravel(),
                "distance": np.abs(final - solution).ravel(),
            }


def _run_rows(
    scenarios: Scenarios, outcomes: Sequence[Outcome], not_run: Sequence[NotRun]
) -> Iterable[dict[str, Any]]:
    origins = {entry.name: entry.origin for entry in scenarios}
    fingerprints = {entry.name: entry.fingerprint for entry in scenarios}
    machines = Machines([*outcomes, *not_run])
    rows = [(each, _run_row(each)) for each in outcomes] + [(each, _not_run_row(each)) for each in not_run]
    for result, row in rows:
        origin = origins.get(row["scenario"], "")
        yield {
            **row,
            "origin": origin,
            "repeat": repeat_command(origin, row),
            "fingerprint": fingerprints.get(row["scenario"], ""),
            "machine": machines.name(result),
        }


def _run_row(outcome: Outcome) -> dict[str, Any]:
    left_out = outcome.planned_steps - outcome.steps
    reason = ""
    if outcome.stopped:
        reason = f"the stopping rule ended the run {left_out} steps before its limit"
    elif left_out:
        reason = f"{left_out} steps were not run: this variant is too slow for all of them"
    return {
        **vars(outcome.subject),
        "status": "run",
        "verdict": str(outcome.worst_verdict()),
        "steps": outcome.steps,
        "planned_steps": outcome.planned_steps,
        "stopped": outcome.stopped,
        "final_loss": float(outcome.checkpoints.losses[-1]),
        "compiling_seconds": outcome.timing.compiling,
        "training_seconds": outcome.timing.training,
        "seconds_per_step": outcome.timing.training / outcome.steps if outcome.steps else np.nan,
        "judging_seconds": outcome.judging,
        "reason": reason,
    }


def _not_run_row(not_run: NotRun) -> dict[str, Any]:
    return {
        **vars(not_run.subject),
        "status": str(not_run.status),
        "verdict": "NOT_CHECKED",
        "steps": 0,
        "planned_steps": 0,
        "stopped": False,
        "reason": not_run.reason,
    }


def _provenance_rows(scenarios: Scenarios) -> Iterable[dict[str, Any]]:
    for scenario in scenarios:
        for entry in scenario.provenance:
            yield {"scenario": scenario.name, **vars(entry)}
