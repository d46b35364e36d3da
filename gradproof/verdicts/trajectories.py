"""How far free-running implementations drift apart: a fact that is reported, not a verdict."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.verdicts.records import Checkpoints, Outcome


def logarithmic_steps(last: int) -> NDArray[np.intp]:
    """Give 0, 1, 2, 5, 10, 20, 50, … and the last step.

    >>> logarithmic_steps(300).tolist()
    [0, 1, 2, 5, 10, 20, 50, 100, 200, 300]
    """
    steps = {0, last}
    decade = 1
    while decade <= last:
        steps |= {factor * decade for factor in (1, 2, 5) if factor * decade <= last}
        decade *= 10
    return np.array(sorted(steps), dtype=np.intp)


def checkpoints(run: Run) -> Checkpoints:
    """Take a run's weights and losses at logarithmically spaced steps and at the end."""
    steps = logarithmic_steps(run.updates)
    losses = np.append(run.losses.astype(np.float64), run.final_loss)
    losses[run.updates] = run.final_loss
    return Checkpoints(
        steps=steps,
        weights={name: weight[steps].astype(np.float64) for name, weight in run.weights.items()},
        losses=losses[steps],
    )


def drift_rows(outcomes: Sequence[Outcome]) -> Iterator[dict[str, Any]]:
    """Compare each run with the reference's run of the same scenario and dtype.

    Gives a row for every checkpoint that both have and every parameter: the largest |difference| of the
    weights, its entry, its ratio to the parameter's largest weight, and both losses. Where a stopping rule
    ended the two runs at different steps, a last row compares their ends; a run that was cut short has no
    end to compare. Without a run of the reference there is nothing to compare with, and no row.
    """
    references = {
        (outcome.subject.scenario, outcome.subject.dtype): outcome
        for outcome in outcomes
        if outcome.subject.backend == "reference"
    }
    for outcome in outcomes:
        reference = references.get((outcome.subject.scenario, outcome.subject.dtype))
        if reference is None or outcome.subject.backend == "reference":
            continue
        for own, other in _pairs(outcome, reference):
            for name in outcome.checkpoints.weights:
                yield {
                    **vars(outcome.subject),
                    "step": int(outcome.checkpoints.steps[own]),
                    "reference_step": int(reference.checkpoints.steps[other]),
                    "parameter": name,
                    **_drift(
                        outcome.checkpoints.weights[name][own], reference.checkpoints.weights[name][other]
                    ),
                    "loss": float(outcome.checkpoints.losses[own]),
                    "reference_loss": float(reference.checkpoints.losses[other]),
                }


def _pairs(outcome: Outcome, reference: Outcome) -> Iterator[tuple[int, int]]:
    own_steps, other_steps = outcome.checkpoints.steps, reference.checkpoints.steps
    _, own, other = np.intersect1d(own_steps, other_steps, return_indices=True)
    yield from zip(own.tolist(), other.tolist(), strict=True)
    ended = all(each.stopped or each.steps == each.planned_steps for each in (outcome, reference))
    if ended and own_steps[-1] != other_steps[-1]:
        yield len(own_steps) - 1, len(other_steps) - 1


def _drift(weight: NDArray[Any], reference: NDArray[Any]) -> dict[str, Any]:
    difference = np.abs(weight - reference)
    worst = np.unravel_index(int(np.argmax(difference)), difference.shape)
    largest = float(np.max(np.abs(reference)))
    drift = float(difference[worst])
    with np.errstate(divide="ignore"):
        relative = float(np.divide(drift, largest)) if drift else 0.0  # 0 is no drift of anything, 0 too
    return {
        "index": ",".join(str(int(position)) for position in worst) or "()",
        "drift": drift,
        "relative_drift": relative,
    }
