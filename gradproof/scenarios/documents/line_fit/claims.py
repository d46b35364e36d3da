"""What "Math Behind Backpropagation and Gradient Descent" claims of a line, and of mini-batches.

The document's data, starting values, derivatives and results are pictures. The formulas that its words
determine are checked; where points are needed, they are the scenario's reconstructed ones, and the finding
says so.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from flint import arb

from gradproof.scenarios.claim import (
    Checked,
    Comparison,
    States,
    confirmed,
    refuted,
    undecided,
)
from gradproof.scenarios.claims_arithmetic import (
    BallArray,
    balls,
    exactly,
    fraction,
    show,
)
from gradproof.scenarios.claims_files import Checks
from gradproof.scenarios.claims_training import (
    either,
    first_step_descends,
    loss_at,
    stepped,
    trained,
    weights_after,
)
from gradproof.scenarios.scenario import Scenario

check = Checks()


def _curvature(scenario: Scenario) -> dict[str, arb]:
    """Half the second derivative of the cost by each parameter alone: Σ x² for m, the points' count for c."""
    x = balls(scenario.flat_batch["x"])
    return {"m": (x * x).sum(), "c": arb(x.size)}


@check(
    "line-derivatives",
    derivatives={
        "m": lambda m, c, x, y: 2 * ((m * x + c - y) * x).sum(),
        "c": lambda m, c, x, y: 2 * (m * x + c - y).sum(),
    },
)
def _derivatives(scenario: Scenario, states: States) -> Checked:
    m, c = (balls(scenario.flat_params[name]).item() for name in ("m", "c"))
    x, y = (balls(scenario.flat_batch[name]) for name in ("x", "y"))
    claimed = {name: formula(m, c, x, y) for name, formula in states["derivatives"].items()}
    exact = loss_at(scenario).gradients
    return Comparison(claimed, exact, "The formula", cause="a wrong factor in the chain rule")


@check("learning-rate-percent")
def _percentage(_scenario: Scenario, states: States) -> Checked:
    rate, percent = fraction(states["rate"]), fraction(states["percent"])
    right = f"{states['percent']} % is {states['rate']} exactly."
    wrong = f"{states['percent']} % is {show(exactly(percent / 100))}, and {states['rate']} is stated."
    return either(rate == percent / 100, right, wrong, "two different numbers for one learning rate")


@check("subtracting-descends")
def _step(scenario: Scenario, states: States) -> Checked:
    factor = fraction(states["sign"]) * fraction(states["rate"])
    cause = "the step is taken in the wrong direction"
    return first_step_descends(scenario, factor, "cost", " (reconstructed points)", cause)


@check("always-to-a-minimum", **{"largest step": None})
def _always(scenario: Scenario, states: States) -> Checked:
    """With the other parameter held, the cost is a parabola: L(p - η g) = L(p) - η g² (1 - η A).

    A is half the second derivative and g = 2 A (p - p*). So the cost falls for η < 1/A, and rises beyond.
    """
    start = weights_after(scenario)
    before = loss_at(scenario, start)
    told = []
    for name, half in _curvature(scenario).items():
        limit = 1 / half
        largest = 2 * limit if states["largest step"] is None else exactly(states["largest step"])
        slope = before.gradients[name]
        after = loss_at(scenario, {**start, name: start[name] - largest * slope})
        change = (
            f"the derivative by {name} is {show(slope.item(), 5)}, and {largest.str(4, radius=False)} times "
            f"it subtracted takes the cost from {show(before.value, 5)} to {show(after.value, 5)}"
        )
        if after.value > before.value:
            return refuted(
                f"On the reconstructed points {change}. It is true of steps that are small enough: the cost "
                f"is a parabola in {name}, and falls for factors below 1/A = {show(limit, 5)}, A half its "
                "second "
                "derivative. And where there is no minimum (e^x, whose derivative is always positive), no "
                "step leads to one.",
                cause="a step that is too long goes past the minimum, and ends higher than it began",
            )
        if not after.value < before.value:
            return undecided(f"The balls do not tell whether the cost falls where {change}.")
        told.append(change)
    return confirmed(f"On the reconstructed points {'; '.join(told)}.")


@check("first-step-not-best")
def _one_step_is_not_enough(scenario: Scenario, states: States) -> Checked:
    start = weights_after(scenario)
    slopes = loss_at(scenario, start).gradients
    after = loss_at(scenario, stepped(start, slopes, exactly(states["rate"])))
    least = loss_at(scenario, _least_squares(scenario))
    costs = f"the cost is {show(after.value, 6)} after the first step, and {show(least.value, 6)} at the best"
    worse = after.value > least.value and (after.value - least.value) / after.value > exactly("1e-15")
    right, wrong = f"On the reconstructed points {costs}.", f"On these points {costs}."
    return either(worse, right, wrong, "the first step leads to the best values already")


def _least_squares(scenario: Scenario) -> dict[str, BallArray]:
    x, y = (balls(scenario.flat_batch[name]) for name in ("x", "y"))
    m, c = least_squares(x, y)
    return {"m": balls(m), "c": balls(c)}


def least_squares(x: BallArray, y: BallArray) -> tuple[arb, arb]:
    """Give the slope and the intercept at which both derivatives of the cost are 0.

    Σ (m x + c - y) = 0 and Σ (m x + c - y) x = 0 give m = (n Σxy - Σx Σy) / (n Σx² - (Σx)²), c = ȳ - m x̄.
    """
    n = x.size
    m = (n * (x * y).sum() - x.sum() * y.sum()) / (n * (x * x).sum() - x.sum() ** 2)
    return m, (y.sum() - m * x.sum()) / n


@check("derivatives-zero", solution=least_squares)
def _turning_point(scenario: Scenario, states: States) -> Checked:
    x, y = (balls(scenario.flat_batch[name]) for name in ("x", "y"))
    m, c = states["solution"](x, y)
    run = loss_at(scenario, {"m": balls(m), "c": balls(c)})
    slopes = {name: slope.item() for name, slope in run.gradients.items()}
    where = f"At m = {show(m, 8)}, c = {show(c, 8)} (reconstructed points)"
    wrong = [name for name, slope in slopes.items() if slope != 0]
    if wrong:
        values = ", ".join(f"{name}: {show(slope, 5)}" for name, slope in slopes.items())
        return refuted(f"{where} the derivatives are not 0: {values}.", cause="it is no turning point")
    widest = max(float(slope.rad()) for slope in slopes.values())
    last = trained(scenario).weights
    ends = ", ".join(f"{name} = {last[name][-1]:.5f}" for name in slopes)
    return confirmed(f"{where} both derivatives are 0, to within {widest:.1g}. The descent ends at {ends}.")


@check("stops-when-negligible")
def _stops(scenario: Scenario, states: States) -> Checked:
    costs = [loss_at(scenario, weights_after(scenario, step)).value for step in (-3, -2, -1)]
    before, last = ((old - new) / old for old, new in pairwise(costs))
    steps = len(trained(scenario).losses)
    limit = exactly(states["negligible"])
    improvements = f"the last step improves the cost by {show(last * 100, 3)} %"
    if last <= limit and last >= 0 and before > limit:
        return confirmed(
            f"On the reconstructed points {improvements}, the one before by {show(before * 100, 3)} %: the "
            f"descent ends after {steps} steps with {show(limit * 100)} % as negligible."
        )
    return refuted(
        f"On these points {improvements}, after {steps} steps, and {show(limit * 100)} % is called "
        "negligible.",
        cause="it does not stop where the improvement becomes negligible",
    )


@check("one-mini-batch-an-epoch")
def _mini_batches_in_an_epoch(scenario: Scenario, states: States) -> Checked:
    schedule = scenario.batch_schedule()
    assert schedule is not None  # noqa: S101 - the scenario of this claim has mini-batches
    points, size = len(scenario.flat_batch["x"]), schedule.shape[1]
    taken = states["mini-batches in an epoch"]
    passed = len(np.unique(schedule[:taken]))
    what = f"Of {points} points, {taken * size} are drawn and {passed} are passed"
    if passed == points and taken * size == points:
        return confirmed(f"{what}: each once.")
    return refuted(
        f"{what} in {taken} mini-batch of {size}; an epoch of {points} points is {points // size} "
        "mini-batches, with a step after each.",
        stated=str(taken),
        exact=str(points // size),
        cause="the document contradicts its own definition of an epoch, an entire pass of the training data; "
        "what one mini-batch is taken for is one step",
    )


_FILE = Path(__file__).with_suffix(".toml")
CLAIMS = check.claims(_FILE)
MINI_BATCH_CLAIMS = check.claims(_FILE, "mini_batch_claim")
