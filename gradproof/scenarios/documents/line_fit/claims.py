"""What "Math Behind Backpropagation and Gradient Descent" claims of a line, and of mini-batches.

The document's data, starting values, derivatives and results are pictures. The formulas that its words
determine are checked; where points are needed, they are the scenario's reconstructed ones, and the finding
says so.
"""

from itertools import pairwise
from pathlib import Path

import numpy as np
from flint import arb

from gradproof.scenarios.claim import Comparison, States
from gradproof.scenarios.claims_arithmetic import BallArray, balls, exactly, fraction, show
from gradproof.scenarios.claims_files import Checks, Computed, Facts
from gradproof.scenarios.claims_training import first_step, loss_at, stepped, trained, weights_after
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
def _derivatives(scenario: Scenario, states: States) -> Computed:
    m, c = (balls(scenario.flat_params[name]).item() for name in ("m", "c"))
    claimed = {name: formula(m, c, *_points(scenario)) for name, formula in states["derivatives"].items()}
    return Comparison(claimed, loss_at(scenario).gradients)


def _points(scenario: Scenario) -> tuple[BallArray, BallArray]:
    return balls(scenario.flat_batch["x"]), balls(scenario.flat_batch["y"])


@check("learning-rate-percent")
def _percentage(_scenario: Scenario, states: States) -> Computed:
    rate, percent = fraction(states["rate"]), fraction(states["percent"])
    return Facts(rate == percent / 100, share=exactly(percent / 100), **states)


@check("subtracting-descends")
def _step(scenario: Scenario, states: States) -> Computed:
    return first_step(scenario, fraction(states["sign"]) * fraction(states["rate"]))


@check("always-to-a-minimum", **{"largest step": None})
def _always(scenario: Scenario, states: States) -> Computed:
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
        after = loss_at(scenario, {**start, name: start[name] - largest * slope}).value
        told.append(
            f"the derivative by {name} is {show(slope.item(), 5)}, and {largest.str(4, radius=False)} times "
            f"it subtracted takes the cost from {show(before.value, 5)} to {show(after, 5)}"
        )
        if not after < before.value:
            rises = False if after > before.value else None
            return Facts(rises, change=told[-1], name=name, limit=limit)
    return Facts(True, changes="; ".join(told))


@check("first-step-not-best")
def _one_step_is_not_enough(scenario: Scenario, states: States) -> Computed:
    start = weights_after(scenario)
    after = loss_at(scenario, stepped(start, loss_at(scenario, start).gradients, exactly(states["rate"])))
    m, c = least_squares(*_points(scenario))
    least = loss_at(scenario, {"m": balls(m), "c": balls(c)})
    worse = after.value > least.value and (after.value - least.value) / after.value > exactly("1e-15")
    return Facts(bool(worse), after=after.value, least=least.value)


def least_squares(x: BallArray, y: BallArray) -> tuple[arb, arb]:
    """Give the slope and the intercept at which both derivatives of the cost are 0.

    Σ (m x + c - y) = 0 and Σ (m x + c - y) x = 0 give m = (n Σxy - Σx Σy) / (n Σx² - (Σx)²), c = ȳ - m x̄.
    """
    n = x.size
    m = (n * (x * y).sum() - x.sum() * y.sum()) / (n * (x * x).sum() - x.sum() ** 2)
    return m, (y.sum() - m * x.sum()) / n


@check("derivatives-zero", solution=least_squares)
def _turning_point(scenario: Scenario, states: States) -> Computed:
    m, c = states["solution"](*_points(scenario))
    run = loss_at(scenario, {"m": balls(m), "c": balls(c)})
    slopes = {name: slope.item() for name, slope in run.gradients.items()}
    last = trained(scenario).weights
    return Facts(
        not any(slope != 0 for slope in slopes.values()),
        m=m,
        c=c,
        slopes=[f"{name}: {show(slope, 5)}" for name, slope in slopes.items()],
        widest=max(float(slope.rad()) for slope in slopes.values()),
        ends=[f"{name} = {last[name][-1]:.5f}" for name in slopes],
    )


@check("stops-when-negligible")
def _stops(scenario: Scenario, states: States) -> Computed:
    costs = [loss_at(scenario, weights_after(scenario, step)).value for step in (-3, -2, -1)]
    before, last = ((old - new) / old for old, new in pairwise(costs))
    limit = exactly(states["negligible"])
    stops = last <= limit and last >= 0 and before > limit
    steps = len(trained(scenario).losses)
    return Facts(stops, last=last * 100, before=before * 100, limit=limit * 100, steps=steps)


@check("one-mini-batch-an-epoch")
def _mini_batches_in_an_epoch(scenario: Scenario, states: States) -> Computed:
    schedule = scenario.batch_schedule()
    assert schedule is not None  # noqa: S101 - the scenario of this claim has mini-batches
    points, size = len(scenario.flat_batch["x"]), schedule.shape[1]
    taken = states["mini-batches in an epoch"]
    passed, wanted = len(np.unique(schedule[:taken])), points // size
    numbers = {"points": points, "drawn": taken * size, "passed": passed, "size": size}
    return Facts(passed == points == taken * size, stated=str(taken), exact=str(wanted), **numbers)


_FILE = Path(__file__).with_suffix(".toml")
CLAIMS = check.claims(_FILE)
MINI_BATCH_CLAIMS = check.claims(_FILE, "mini_batch_claim")
