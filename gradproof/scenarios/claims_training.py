"""Where checks of claims look at a scenario: along its own training, at examples of it, at its output."""

from collections.abc import Mapping
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from gradproof.errors import InputError
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.trajectory import Trajectory, descend
from gradproof.scenarios.claims_arithmetic import BallArray, Certified, balls, exactly, prediction
from gradproof.scenarios.claims_files import Facts
from gradproof.scenarios.scenario import Scenario

_RUNS: WeakKeyDictionary[Scenario, Trajectory] = WeakKeyDictionary()


def trained(scenario: Scenario) -> Trajectory:
    """Train a scenario; a second call with the same one gives the same run.

    What a claim says of the weights that are reached is then checked in certified arithmetic at these very
    weights: that they were reached by float64 steps takes nothing from it.

    Raises:
        InputError: the scenario has no training.

    >>> from gradproof.scenarios import line_fit
    >>> bool(trained(line_fit()).losses[-1] < 0.4)
    True
    """
    if scenario.training is None:
        raise InputError(f"Scenario {scenario.name!r} has no training. Give it one with `training=`.")
    if scenario not in _RUNS:
        params, batch = scenario.arrays("float64")
        with np.errstate(all="ignore"):  # a saturated output's loss is infinite, its gradient is not
            step = scenario.flat_value_and_gradient(NumpyNamespace())
            _RUNS[scenario] = descend(step, params, batch, scenario.training)
    return _RUNS[scenario]


def weights_after(scenario: Scenario, step: int = 0) -> dict[str, BallArray]:
    """Give the weights after so many steps of the training; the initial ones need none."""
    weights = trained(scenario).weights if step else {n: a[None] for n, a in scenario.flat_params.items()}
    return {name: balls(array[step]) for name, array in weights.items()}


def loss_at(
    scenario: Scenario, weights: Mapping[str, Any] | None = None, batch: Mapping[str, Any] | None = None
) -> Certified:
    """Give the loss with its derivatives, at the initial weights and on the whole batch unless given."""
    weights = scenario.flat_params if weights is None else weights
    return Certified(scenario.flat_loss, weights, scenario.flat_batch if batch is None else batch)


def output_at(scenario: Scenario, batch: Mapping[str, Any]) -> Certified:
    """Give the sum of the predictions on a batch with its derivatives, at the initial weights."""
    predict = prediction(scenario)
    return Certified(lambda xp, p, data: xp.sum(predict(xp, p, data)), scenario.flat_params, batch)


def examples(scenario: Scenario) -> list[dict[str, Any]]:
    """Give a batch of each example alone."""
    count = len(next(iter(scenario.flat_batch.values())))
    return [{name: a[n : n + 1] for name, a in scenario.flat_batch.items()} for n in range(count)]


def stepped(
    weights: Mapping[str, BallArray], slopes: Mapping[str, Any], rate: Any = 1
) -> dict[str, BallArray]:
    """Give the weights after a step against the slopes."""
    return {name: weight - rate * slopes[name] for name, weight in weights.items()}


def first_step(scenario: Scenario, factor: Any) -> Facts:
    """Tell whether the loss falls where `factor` times the gradient is added to the initial weights."""
    start = weights_after(scenario)
    before = loss_at(scenario, start)
    after = loss_at(scenario, stepped(start, before.gradients, -exactly(factor))).value
    return Facts(bool(after < before.value), before=before.value, after=after)
