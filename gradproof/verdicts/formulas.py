"""Is a hand-derived gradient right as a formula? It is run, unchanged, in certified arithmetic."""

from collections.abc import Mapping, Sequence
from typing import Any

import flint
import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Balls
from gradproof.reference.truth import exact_gradient
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.records import FormulaCheck

Array = NDArray[Any]

PRECISION = 192
"""Bits of the certified arithmetic that formulas are run in."""

EQUAL_DIGITS = 15
"""From so many digits of proven agreement on, a formula is called equal: constants such as 1/3 in its code
are doubles, which differ from the number that is meant in the 17th digit. No rounding is forgiven by this."""


def check_formula(
    scenario: Scenario, steps: Sequence[int], weights: Mapping[str, Array]
) -> list[FormulaCheck]:
    """Compare a scenario's hand-derived gradient with the exact one at some points.

    Args:
        scenario: one that has a hand-derived gradient.
        steps: how many steps were taken to each point; the labels of the points.
        weights: per parameter, of shape (points, *parameter).
    """
    checks = []
    schedule = scenario.batch_schedule()
    for position, step in enumerate(steps):
        point = {name: array[position] for name, array in weights.items()}
        batch = scenario.flat_batch
        if schedule is not None:
            batch = {name: array[schedule[min(step, len(schedule) - 1)]] for name, array in batch.items()}
        checks += _check_point(scenario, step, point, batch)
    return checks


def _check_point(
    scenario: Scenario, step: int, point: Mapping[str, Array], batch: Mapping[str, Array]
) -> list[FormulaCheck]:
    kind = Balls(PRECISION)
    truth = exact_gradient(scenario.flat_loss, point, batch)
    with kind.context():
        try:
            claimed = scenario.flat_gradient(_as_balls(kind, point), _as_balls(kind, batch))
        except (TypeError, AttributeError, ValueError) as error:
            reason = f"its code does not run on certified balls: {type(error).__name__}: {error}"
            return [FormulaCheck(scenario.name, name, step, 0.0, "UNDECIDED", reason) for name in point]
        checks = []
        for name, exact in truth.gradients.items():
            digits, apart = _agreement(np.asarray(claimed[name], dtype=object), exact.balls()[0])
            verdict, reason = "EQUAL", ""
            if not digits >= EQUAL_DIGITS:
                verdict = "WRONG" if apart else "UNDECIDED"
                reason = (
                    "it is proven to differ" if apart else "the balls are too wide: a kink, or cancellation"
                )
            checks.append(FormulaCheck(scenario.name, name, step, digits, verdict, reason))
        return checks


def _as_balls(kind: Balls, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Lift floating-point arrays to balls; integers and booleans stay what they are."""
    return {
        name: kind.lift(array[np.newaxis]).balls()[0, ...] if array.dtype.kind == "f" else array
        for name, array in arrays.items()
    }


def _agreement(claimed: NDArray[np.object_], exact: NDArray[np.object_]) -> tuple[float, bool]:
    """Give the digits of the worst entry, and whether some entry is proven to differ."""
    digits, apart = np.inf, False
    for ours, true in zip(np.atleast_1d(claimed).ravel(), np.atleast_1d(exact).ravel(), strict=True):
        distance = abs(flint.arb(ours) - true)
        apart = apart or bool(distance > 0)
        if distance.is_zero():
            continue
        ratio = distance / abs(true)
        upper = ratio.upper() if ratio.is_finite() else flint.arb("inf")
        digits = min(digits, float(-(upper.log() / flint.arb(10).log())) if upper.is_finite() else 0.0)
    return digits, apart
