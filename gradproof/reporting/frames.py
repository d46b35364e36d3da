"""pandas frames of what was judged, each with a fixed list of columns."""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gradproof.reporting.columns import COLUMNS, JUDGED, SUBJECT
from gradproof.reporting.names import implementation
from gradproof.reporting.text import encodable
from gradproof.verdicts.records import (
    CheckRecord,
    ClaimRecord,
    FormulaRecord,
    NotRun,
    Outcome,
    ParameterRecord,
)
from gradproof.verdicts.trajectories import drift_rows
from gradproof.verdicts.verdict import SEVERITY


class Described(Protocol):
    """What a report tells of a scenario; a Scenario is one."""

    @property
    def name(self) -> str:
        """What reports call it."""
        ...

    @property
    def origin(self) -> str:
        """What the command line calls it: a name, `FILE.py` or `FILE.py::NAME`; empty if it cannot."""
        ...

    @property
    def fingerprint(self) -> str:
        """A hash of what it computes: see `Scenario.fingerprint`."""
        ...

    @property
    def flat_solution(self) -> dict[str, NDArray[Any]] | None:
        """The parameters at which the loss is least, where they are known."""
        ...

    @property
    def provenance(self) -> Sequence[Any]:
        """Where its values come from: records with the columns of the frame `provenance`."""
        ...


def make_frames(
    scenarios: Sequence[Described],
    outcomes: Sequence[Outcome],
    not_run: Sequence[NotRun],
    formulas: Sequence[FormulaRecord],
    claims: Sequence[ClaimRecord] = (),
    checks: Sequence[CheckRecord] = (),
) -> dict[str, pd.DataFrame]:
    """Make all frames of a report, one a key of `COLUMNS`."""
    return {
        "gradients": _judged_frame(outcomes, lambda outcome: outcome.gradients),
        "updates": _judged_frame(outcomes, lambda outcome: outcome.updates),
        "entries": _entries_frame(outcomes),
        "steps": _steps_frame(outcomes),
        "trajectories": as_frame("trajectories", drift_rows(outcomes)),
        "predictions": as_frame("predictions", _prediction_rows(outcomes)),
        "runs": as_frame("runs", _run_rows(scenarios, outcomes, not_run)),
        "solutions": as_frame("solutions", _solution_rows(scenarios, outcomes)),
        "formulas": as_frame("formulas", map(vars, formulas)),
        "provenance": as_frame("provenance", _provenance_rows(scenarios)),
        "checks": as_frame("checks", map(vars, checks)),
        "claims": as_frame("claims", map(vars, claims)),
    }


def as_frame(name: str, rows: Iterable[dict[str, Any]]) -> pd.DataFrame:
    """Make a frame of the columns and dtypes of `COLUMNS[name]` from rows."""
    texts = [{key: encodable(v) if isinstance(v, str) else v for key, v in row.items()} for row in rows]
    return _typed(pd.DataFrame(texts, columns=list(COLUMNS[name])), COLUMNS[name])


def _typed(frame: pd.DataFrame, dtypes: Mapping[str, str]) -> pd.DataFrame:
    if frame.empty:
        # Else the categories, of which there are none, would be numbers or objects.
        frame = frame.astype({name: "str" for name, dtype in dtypes.items() if dtype == "category"})
    return frame.astype(dtypes)


def _judged_frame(
    outcomes: Sequence[Outcome], select: Callable[[Outcome], Sequence[ParameterRecord]]
) -> pd.DataFrame:
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in JUDGED}
    names = np.array([str(verdict) for verdict in SEVERITY], dtype=object)
    for outcome in outcomes:
        for record in select(outcome):
            steps = len(record.index)
            for name in SUBJECT:
                columns[name].append(_repeat(getattr(outcome.subject, name), steps))
            columns["step"].append(np.arange(steps))
            columns["parameter"].append(_repeat(record.parameter, steps))
            columns["index"].append(_index_texts(record.shape)[record.index])
            columns["exact"].append(record.exact.astype(object))
            for name in ("value", "error", "relative_error", "ulps", "spreads"):
                columns[name].append(np.asarray(getattr(record, name), dtype=np.float64))
            columns["verdict"].append(names[record.verdict])
            columns["reason"].append(_encodable_texts(record.reason))
            cause = _repeat("", steps)
            cause[record.worst.step] = encodable(record.cause)
            columns["cause"].append(cause)
    return _joined(columns, JUDGED)


def _entries_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS["entries"]}
    names = np.array([str(verdict) for verdict in SEVERITY], dtype=object)
    for outcome in outcomes:
        for quantity in ("gradients", "updates"):
            for record in getattr(outcome, quantity):
                worst = record.worst
                cells = len(worst.index)
                for name in SUBJECT:
                    columns[name].append(_repeat(getattr(outcome.subject, name), cells))
                columns["quantity"].append(_repeat(quantity, cells))
                columns["parameter"].append(_repeat(record.parameter, cells))
                columns["step"].append(np.full(cells, worst.step))
                row, column = np.divmod(np.arange(cells), worst.grid[1])
                columns["row"].append(row * worst.block[0])
                columns["column"].append(column * worst.block[1])
                columns["block_rows"].append(np.full(cells, worst.block[0]))
                columns["block_columns"].append(np.full(cells, worst.block[1]))
                columns["index"].append(_index_texts(record.shape)[worst.index])
                columns["verdict"].append(names[worst.verdict])
                columns["exact"].append(worst.exact.astype(object))
                for name in ("value", "error", "ulps", "spreads"):
                    columns[name].append(np.asarray(getattr(worst, name), dtype=np.float64))
    return _joined(columns, COLUMNS["entries"])


def _steps_frame(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    columns: dict[str, list[NDArray[Any]]] = {name: [] for name in COLUMNS["steps"]}
    for outcome in outcomes:
        steps = len(outcome.losses)
        for name in SUBJECT:
            columns[name].append(_repeat(getattr(outcome.subject, name), steps))
        columns["step"].append(np.arange(steps))
        columns["loss"].append(np.asarray(outcome.losses, dtype=np.float64))
        columns["digest"].append(outcome.digests.astype(object))
    return _joined(columns, COLUMNS["steps"])


def _joined(columns: Mapping[str, Sequence[NDArray[Any]]], dtypes: Mapping[str, str]) -> pd.DataFrame:
    joined: dict[str, Any] = {name: np.concatenate(parts) if parts else [] for name, parts in columns.items()}
    return _typed(pd.DataFrame(joined), dtypes)


def _repeat(text: str, times: int) -> NDArray[Any]:
    return np.full(times, encodable(text), dtype=object)


def _encodable_texts(texts: NDArray[Any]) -> NDArray[Any]:
    """Make texts encodable of which only few are different."""
    safe = texts.astype(object)
    for text in set(safe.tolist()):
        if encodable(text) != text:
            safe[safe == text] = encodable(text)
    return safe


def _index_texts(shape: tuple[int, ...]) -> NDArray[Any]:
    """Give the text of every index into an array, in row-major order: `2,0`, or `()` for a scalar."""
    if shape == ():
        return np.array(["()"], dtype=object)
    return np.array([",".join(map(str, index)) for index in np.ndindex(shape)], dtype=object)


def _prediction_rows(outcomes: Sequence[Outcome]) -> Iterable[dict[str, Any]]:
    reference = {
        (o.subject.scenario, o.subject.dtype): o.predictions
        for o in outcomes
        if o.subject.backend == "reference"
    }
    for outcome in outcomes:
        if outcome.predictions is None:
            continue
        beside = reference.get((outcome.subject.scenario, outcome.subject.dtype))
        for text, position in zip(
            _index_texts(outcome.predictions.shape), np.ndindex(outcome.predictions.shape), strict=True
        ):
            yield {
                **vars(outcome.subject),
                "index": text,
                "value": float(outcome.predictions[position]),
                "reference": np.nan if beside is None else float(beside[position]),
            }


def _solution_rows(scenarios: Sequence[Described], outcomes: Sequence[Outcome]) -> Iterable[dict[str, Any]]:
    solutions = {entry.name: entry.flat_solution for entry in scenarios if entry.flat_solution is not None}
    for outcome in outcomes:
        for name, solution in solutions.get(outcome.subject.scenario, {}).items():
            final = outcome.checkpoints.weights[name][-1]
            for text, position in zip(_index_texts(final.shape), np.ndindex(final.shape), strict=True):
                yield {
                    **vars(outcome.subject),
                    "parameter": name,
                    "index": text,
                    "value": float(final[position]),
                    "solution": float(solution[position]),
                    "distance": abs(float(final[position]) - float(solution[position])),
                }


def _run_rows(
    scenarios: Sequence[Described], outcomes: Sequence[Outcome], not_run: Sequence[NotRun]
) -> Iterable[dict[str, Any]]:
    origins = {entry.name: entry.origin for entry in scenarios}
    fingerprints = {entry.name: entry.fingerprint for entry in scenarios}
    for row in [*map(_run_row, outcomes), *map(_not_run_row, not_run)]:
        origin = origins.get(row["scenario"], "")
        yield {
            **row,
            "origin": origin,
            "repeat": _repeat_command(origin, row) if origin else "",
            "fingerprint": fingerprints.get(row["scenario"], ""),
        }


def _repeat_command(origin: str, row: Mapping[str, Any]) -> str:
    """Give the command that makes this one run again, to be pasted into a shell."""
    who = implementation(row["backend"], row["variant"])
    return shlex.join(("gradproof", "verify", origin, "--backends", who, "--dtypes", row["dtype"]))


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
        "status": "failed" if not_run.failure else "not run",
        "verdict": "NOT_CHECKED",
        "steps": 0,
        "planned_steps": 0,
        "stopped": False,
        "final_loss": np.nan,
        "compiling_seconds": np.nan,
        "training_seconds": np.nan,
        "seconds_per_step": np.nan,
        "judging_seconds": np.nan,
        "reason": not_run.reason,
    }


def _provenance_rows(scenarios: Sequence[Described]) -> Iterable[dict[str, Any]]:
    for scenario in scenarios:
        for entry in scenario.provenance:
            yield {"scenario": scenario.name, **vars(entry)}
