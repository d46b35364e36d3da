"""Outcomes as plain arrays in a NumPy archive, to hand them from one process to another through a file."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Timing
from gradproof.verdicts.records import Checkpoints, Judgement, Outcome, Subject

Array = NDArray[Any]

_JUDGED = (
    "index",
    "value",
    "expected",
    "exact",
    "absolute_error",
    "relative_error",
    "ulps",
    "spreads",
    "verdict",
)
_PLAIN = ("steps", "planned_steps", "stopped", "judging")


def save_outcome(outcome: Outcome, path: Path) -> None:
    """Write an outcome to an archive of arrays; it holds no pickled objects."""
    arrays: dict[str, Array] = {}
    described: dict[str, Any] = {
        "subject": vars(outcome.subject),
        "timing": vars(outcome.timing),
        "versions": dict(outcome.versions),
        **{name: getattr(outcome, name) for name in _PLAIN},
    }
    for quantity in ("gradients", "updates"):
        judgements = getattr(outcome, quantity)
        described[quantity] = [[judgement.parameter, judgement.shape] for judgement in judgements]
        for number, judgement in enumerate(judgements):
            for name in _JUDGED:
                arrays[f"{quantity} {number} {name}"] = getattr(judgement, name)
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


def load_outcome(path: Path) -> Outcome:
    """Read what `save_outcome` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        described = json.loads(str(arrays["described"]))
        judged = {
            quantity: tuple(
                Judgement(
                    parameter,
                    tuple(shape),
                    **{name: arrays[f"{quantity} {number} {name}"] for name in _JUDGED},
                )
                for number, (parameter, shape) in enumerate(described[quantity])
            )
            for quantity in ("gradients", "updates")
        }
        return Outcome(
            subject=Subject(**described["subject"]),
            gradients=judged["gradients"],
            updates=judged["updates"],
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
            **{name: described[name] for name in _PLAIN},
        )
