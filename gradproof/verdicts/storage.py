"""Outcomes as plain arrays in a NumPy archive, to hand them from one process to another through a file."""

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Timing
from gradproof.verdicts.records import (
    QUANTITIES,
    Checkpoints,
    Outcome,
    ParameterRecord,
    Subject,
    WorstEntries,
)

Array = NDArray[Any]

_JUDGED = (
    "index",
    "value",
    "exact",
    "error",
    "relative_error",
    "ulps",
    "spreads",
    "verdict",
    "reason",
    "tolerances",
)
_WORST = ("index", "value", "exact", "error", "ulps", "spreads", "verdict")
_PLAIN = ("steps", "planned_steps", "stopped", "judging")


def save_outcome(outcome: Outcome, path: Path) -> None:
    """Write an outcome to an archive of arrays; it holds no pickled objects."""
    arrays: dict[str, Array] = {}
    described: dict[str, Any] = {
        "subject": vars(outcome.subject),
        "timing": vars(outcome.timing),
        "versions": dict(outcome.versions),
        "threads": dict(outcome.threads),
        "machine": dict(outcome.machine),
        **{name: getattr(outcome, name) for name in _PLAIN},
    }
    for quantity in QUANTITIES:
        records = getattr(outcome, quantity)
        described[quantity] = [_described(record) for record in records]
        for number, record in enumerate(records):
            for name in _WORST:
                arrays[f"{quantity} {number} worst {name}"] = getattr(record.worst, name)
            for name in _JUDGED:
                values = getattr(record, name)
                arrays[f"{quantity} {number} {name}"] = (
                    values.astype(str) if values.dtype == object else values
                )
    arrays["losses"], arrays["digests"] = outcome.losses, outcome.digests
    arrays["checkpoint steps"] = outcome.checkpoints.steps
    arrays["checkpoint losses"] = outcome.checkpoints.losses
    described["weights"] = list(outcome.checkpoints.weights)
    for number, weights in enumerate(outcome.checkpoints.weights.values()):
        arrays[f"checkpoint weights {number}"] = weights
    if outcome.predictions is not None:
        arrays["predictions"] = outcome.predictions
    arrays["described"] = np.array(json.dumps(described))
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    temporary = path.with_suffix(".tmp")
    temporary.write_bytes(buffer.getvalue())
    temporary.replace(path)


def _described(record: ParameterRecord) -> dict[str, Any]:
    return {
        "parameter": record.parameter,
        "shape": record.shape,
        "cause": record.cause,
        "where": record.where,
        "entry_of_state": record.entry_of_state,
        "dtype": record.dtype,
        "worst": [record.worst.step, record.worst.grid, record.worst.block],
    }


def _record(described: dict[str, Any], arrays: Mapping[str, Array], key: str) -> ParameterRecord:
    step, grid, block = described["worst"]
    worst = {name: arrays[f"{key} worst {name}"] for name in _WORST}
    judged: dict[str, Any] = {name: arrays[f"{key} {name}"] for name in _JUDGED}
    return ParameterRecord(
        parameter=described["parameter"],
        shape=tuple(described["shape"]),
        cause=described["cause"],
        where=described["where"],
        dtype=described["dtype"],
        worst=WorstEntries(step, tuple(grid), tuple(block), **worst),
        entry_of_state=described["entry_of_state"],
        **judged,
    )


def load_outcome(path: Path) -> Outcome:
    """Read what `save_outcome` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        described = json.loads(str(arrays["described"]))
        judged: dict[str, Any] = {
            quantity: tuple(
                _record(entry, arrays, f"{quantity} {number}")
                for number, entry in enumerate(described[quantity])
            )
            for quantity in QUANTITIES
        }
        return Outcome(
            subject=Subject(**described["subject"]),
            **judged,
            losses=arrays["losses"],
            digests=arrays["digests"],
            checkpoints=Checkpoints(
                steps=arrays["checkpoint steps"],
                weights={
                    name: arrays[f"checkpoint weights {number}"]
                    for number, name in enumerate(described["weights"])
                },
                losses=arrays["checkpoint losses"],
            ),
            predictions=arrays.get("predictions"),
            timing=Timing(**described["timing"]),
            versions=described["versions"],
            threads=described["threads"],
            machine=described["machine"],
            **{name: described[name] for name in _PLAIN},
        )
