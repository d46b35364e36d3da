"""The network of "Gradient Descent and Backpropagation Walkthrough" at one point, in certified arithmetic."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import numpy as np
from flint import arb

from gradproof.scenarios.claim import ClaimedGradient, States
from gradproof.scenarios.claims_arithmetic import BallArray, Certified, balls, fraction
from gradproof.scenarios.claims_training import loss_at, output_at
from gradproof.scenarios.scenario import Scenario

EF = (1, 0)
"""The edge EF among the output weights: from the second hidden node to the only output."""


def point(states: States) -> dict[str, BallArray]:
    """The batch of the one point."""
    return {"x": balls([list(states["x"])]), "y": balls([[states["y"]]])}


def hidden(scenario: Scenario, x: BallArray) -> BallArray:
    """The hidden nodes D and E before ReLU, of shape (examples, 2)."""
    nodes: BallArray = x @ balls(scenario.flat_params["w_hidden"])
    return nodes


def predicted(scenario: Scenario, states: States) -> Certified:
    """The output F with its derivatives."""
    return output_at(scenario, point(states))


def loss_at_point(scenario: Scenario, states: States) -> Certified:
    """The cross-entropy of the one point with its derivatives."""
    return loss_at(scenario, batch=point(states))


def loss_by_output(scenario: Scenario, states: States) -> arb:
    """∂L/∂F of the one point; F is what the last sigmoid of the loss gives."""
    run = loss_at_point(scenario, states)
    return run.derivative_by(run.nodes("sigmoid")[-1]).item()


def _data(scenario: Scenario, states: States) -> dict[str, Any]:
    """The one point in floats, with the hidden weights among the data."""
    x, y = [[float(entry) for entry in states["x"]]], [[float(states["y"])]]
    return {"x": np.array(x), "y": np.array(y), "w_hidden": scenario.flat_params["w_hidden"]}


def output_edges(
    loss: Callable[[Any, Any, Any], Any], scenario: Scenario, states: States, claimed: BallArray
) -> ClaimedGradient:
    """A claimed gradient of the output weights at the one point, for the search of its cause."""

    def of_output_edges(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        return loss(xp, {"w_hidden": batch["w_hidden"], **params}, batch)

    return ClaimedGradient(
        of_output_edges,
        {"w_output": scenario.flat_params["w_output"]},
        _data(scenario, states),
        {"w_output": claimed},
    )


def as_plugged_in(scenario: Scenario, states: States, claimed: arb) -> ClaimedGradient:
    """The loss as a function of EF, where the output is the F that is plugged in, exactly.

    The other edge DF carries what is left: sigmoid(DF·D + EF·E) = F, so DF·D = ln(F / (1 - F)) - EF·E.
    """
    odds = fraction(states["F"]) / (1 - fraction(states["F"]))
    total = fraction(states["EF"]) * fraction(states["E"])

    def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        rest = xp.log(odds.numerator) - xp.log(odds.denominator) - _ratio(xp, total)
        d = (batch["x"] @ batch["w_hidden"])[:, :1]
        weights = {"w_hidden": batch["w_hidden"], "w_output": xp.concat([rest / d, params["EF"]], axis=0)}
        return scenario.loss(xp, weights, batch)

    return ClaimedGradient(
        loss,
        {"EF": np.array([[float(states["EF"])]])},
        _data(scenario, states),
        {"EF": balls([[claimed]])},
        float(states["rate"]),
    )


def _ratio(xp: Any, number: Fraction) -> Any:
    return xp.divide(number.numerator, number.denominator)
