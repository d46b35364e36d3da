"""Gathering the evidence: the exact gradients and updates of many steps, and their rounding noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradproof.reference.numbers import BallNumbers, Balls, Kind, Noisy, NoisyNumbers
from gradproof.reference.tape import differentiate
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.rule import Evidence

Array = NDArray[Any]

SAMPLES = 8
"""How many noisy runs the spread of the rounding noise is measured from."""

PRECISION = 160
"""Bits that the exact values are computed with: 48 decimal digits, of which cancellation may take some."""


@dataclass(frozen=True)
class StepEvidence:
    """Evidence on the gradient and on the updated weights of each parameter, by its name."""

    gradients: dict[str, Evidence]
    updates: dict[str, Evidence]


def gather(
    scenario: Scenario,
    weights: Mapping[str, Array],
    batches: Mapping[str, Array],
    dtype: str,
    values: "Values",
) -> StepEvidence:
    """Compute truth and rounding noise at T given weights.

    Args:
        scenario: its loss is differentiated, and its learning rate makes the updates.
        weights: per parameter, of shape (T, *parameter), in the dtype of the run.
        batches: per array, of shape (T, *array), or (1, *array) for data that all steps share.
        dtype: whose rounding is measured.
        values: what the implementation gave, whose errors are wanted.
    """
    steps = len(next(iter(weights.values())))
    exact = _differentiate(scenario, weights, batches, Balls(PRECISION), steps)
    noisy = _differentiate(scenario, weights, batches, Noisy(dtype, samples=SAMPLES), steps)
    return StepEvidence(
        gradients={
            n: _evidence(v, exact.gradients[n], noisy.gradients[n]) for n, v in values.gradients.items()
        },
        updates={n: _evidence(v, exact.updates[n], noisy.updates[n]) for n, v in values.updates.items()},
    )


@dataclass(frozen=True)
class Values:
    """Gradients and updated weights of T steps by parameter: floats, or one kind of number."""

    gradients: Mapping[str, Any]
    updates: Mapping[str, Any]


def _differentiate(
    scenario: Scenario, weights: Mapping[str, Array], batches: Mapping[str, Array], kind: Kind, steps: int
) -> Values:
    gradients = differentiate(scenario.flat_loss, weights, batches, kind, lanes=steps).gradients
    if scenario.training is None:
        return Values(gradients, {})
    rate = scenario.training.learning_rate
    with kind.context():
        # w ← w - learning rate · ∂L/∂w, in the same kind of number.
        updates = {name: kind.lift(weights[name]) - rate * gradient for name, gradient in gradients.items()}
    return Values(gradients, updates)


def _evidence(value: Array, exact: BallNumbers, noisy: NoisyNumbers) -> Evidence:
    with exact.kind.context():
        difference = exact.difference_from(value)
    expected = exact.values()
    return Evidence(
        exact=exact.balls(),
        expected=expected,
        least_error=difference.lower,
        error=difference.upper,
        relative_error=difference.relative,
        spread=noisy.spread(expected),
    )
