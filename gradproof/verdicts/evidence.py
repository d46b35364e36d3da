"""Gathering the evidence: the exact gradients and updates of many steps, and their rounding noise."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import BallNumbers, Noisy, NoisyNumbers, Numbers
from gradproof.reference.tape import differentiate
from gradproof.reference.truth import Truth, exact_gradient
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.rule import DIGITS, Evidence

Array = NDArray[Any]

SAMPLES = 8
"""How many noisy runs the spread of the rounding noise is measured from."""


@dataclass(frozen=True)
class Values:
    """Gradients and updated weights of T steps, by parameter; no updates if nothing is trained."""

    gradients: Mapping[str, Array]
    updates: Mapping[str, Array]


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
    values: Values,
    truth: Truth | None = None,
) -> StepEvidence:
    """Compute truth and rounding noise at T given weights.

    Args:
        scenario: its loss is differentiated, and its learning rate makes the updates.
        weights: per parameter, of shape (T, *parameter), in the dtype of the run.
        batches: per array, of shape (T, *array), or (1, *array) for data that all steps share.
        dtype: whose rounding is measured.
        values: what the implementation gave, whose errors are wanted.
        truth: the exact gradients there, if they are known.
    """
    steps = len(next(iter(weights.values())))
    truth = truth or exact_gradient(scenario.flat_loss, weights, batches, digits=DIGITS, lanes=steps)
    noisy = differentiate(
        scenario.flat_loss, weights, batches, Noisy(dtype, samples=SAMPLES), lanes=steps
    ).gradients
    reasons = _reasons(truth, steps)
    at_kink = np.zeros(steps, dtype=bool)
    for kink in truth.kinks:
        at_kink |= kink.lanes
    gradients, updates = {}, {}
    for name, exact in truth.gradients.items():
        noise = noisy[name]
        gradients[name] = _evidence(values.gradients[name], exact, noise, at_kink, reasons)
        if name in values.updates and scenario.training is not None:
            rate = scenario.training.learning_rate
            updates[name] = _evidence(
                values.updates[name],
                _updated(weights[name], exact, rate),
                _updated(weights[name], noise, rate),
                at_kink,
                reasons,
            )
    return StepEvidence(gradients, updates)


def _updated(weight: Array, gradient: Any, rate: float) -> Any:
    """Compute w - learning rate · ∂L/∂w in the gradient's kind of number."""
    kind = gradient.kind
    with kind.context():
        return kind.lift(weight) - rate * gradient


def _reasons(truth: Truth, steps: int) -> NDArray[np.object_]:
    """Give for each step why entries of its gradient could not be narrowed."""
    reasons = np.full(steps, "", dtype=object)
    if truth.complete:
        return reasons
    if not truth.kinks:
        reasons[:] = " ".join(truth.reasons)
    for kink in reversed(truth.kinks):
        reasons[kink.lanes] = str(kink)
    return reasons


def _evidence(
    value: Array,
    exact: BallNumbers,
    noisy: Numbers[Any],
    at_kink: NDArray[np.bool_],
    reasons: NDArray[np.object_],
) -> Evidence:
    if not isinstance(noisy, NoisyNumbers):  # pragma: no cover - the kind was Noisy
        raise TypeError(noisy)
    with exact.kind.context():
        difference = exact.difference_from(value)
    expected = exact.values()
    return Evidence(
        exact=exact.balls(),
        expected=expected,
        least_error=difference.lower,
        error=difference.upper,
        relative_error=difference.relative,
        spread=noisy.spread(expected, exact.radii()),
        at_kink=at_kink,
        reasons=reasons,
    )
