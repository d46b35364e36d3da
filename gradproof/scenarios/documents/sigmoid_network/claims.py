"""What "A Step-by-Step Implementation of Gradient Descent and Backpropagation" claims.

The document's derivations are pictures, but its code is text: the code's two gradients are transcribed here,
and run in certified arithmetic. The code adds them, so that each must be the *negative* gradient of the loss.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.scenarios.claim import Comparison, Finding, States, confirmed, refuted
from gradproof.scenarios.claims_arithmetic import Certified, balls, exactly, prediction
from gradproof.scenarios.claims_files import Checks, Computed, Facts
from gradproof.scenarios.claims_training import first_step, loss_at, stepped, trained, weights_after
from gradproof.scenarios.dense_network import dense_network
from gradproof.scenarios.documents.sigmoid_network.code import (
    forward_gradient,
    g_wij,
    g_wjk,
    loop_values,
    predicted,
    sigmoid,
    sigmoid_derivative,
)
from gradproof.scenarios.scenario import Scenario

check = Checks()

DEPTHS = (1, 2, 3, 5, 8)
"""Layers of the networks that the backpropagation to the first layer is checked on."""


# ---------------------------------------------------------------- checks


@check("same-results")
def _seed(scenario: Scenario, states: States) -> Computed:
    random = np.random.RandomState(states["seed"])
    drawn = {"w_ij": random.rand(3, 4), "w_jk": random.rand(4, 1)}
    same = all(np.array_equal(drawn[name], array) for name, array in scenario.flat_params.items())
    return Facts(same, **states)


@check("shapes")
def _shapes(scenario: Scenario, states: States) -> Computed:
    values = loop_values(scenario, 0)
    gradients = {"wij": g_wij(values), "wjk": g_wjk(values)}
    shapes = {name: (values[name].shape, gradients[name].shape) for name in ("wij", "wjk")}
    return Facts(
        all(set(both) == {tuple(states[name])} for name, both in shapes.items()),
        found=[f"{name} {shape} and its gradient {slope}" for name, (shape, slope) in shapes.items()],
        examples=len(values["Xi"]),
        output=str(values["yhat"].shape),
    )


@check("sigmoid-derivative", derivative=lambda s: s * (1 - s))
def _sigmoid_derivative(_scenario: Scenario, states: States) -> Computed:
    points = [str(z) for z in (-30, -2, -0.5, 0, 0.25, 1, 12)]
    run = Certified(lambda xp, params, _: xp.sum(xp.nn.sigmoid(params["z"])), {"z": balls(points)}, {})
    claimed = states["derivative"](sigmoid(balls(points)))
    return Comparison({"sigmoid'": claimed}, {"sigmoid'": run.gradients["z"]})


@check("gradient-w_jk", g=g_wjk)
@check("gradient-w_ij", g=g_wij)
def _negative_gradient(scenario: Scenario, states: States) -> Computed:
    claimed, exact = {}, {}
    for step in (0, 100, len(trained(scenario).losses)):
        key = f"{states['of']} after {step} steps"
        claimed[key] = states["g"](loop_values(scenario, step))
        exact[key] = -loss_at(scenario, weights_after(scenario, step)).gradients[states["of"]]
    return Comparison(claimed, exact)


@check("update-equation", update=lambda weight, slope: weight - slope)
def _update(scenario: Scenario, states: States) -> Computed:
    """Both sides at the start: W - dJ/dW with the exact gradient, and W + g as the code has it."""
    values = loop_values(scenario, 0)
    weights = weights_after(scenario)
    slopes = loss_at(scenario, weights).gradients
    claimed = {name: states["update"](weights[name], slopes[name]) for name in weights}
    code = {"w_ij": values["wij"] + g_wij(values), "w_jk": values["wjk"] + g_wjk(values)}
    return Comparison(claimed, code)


@check("squared-error")
def _loss_factor(scenario: Scenario, states: States) -> Computed:
    """Whether the code's g is minus the gradient of factor · Σ (y - ŷ)²."""
    predict = prediction(scenario)

    def squared_error(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        return xp.sum((batch["y"] - predict(xp, params, batch)) ** 2)

    slopes = Certified(squared_error, weights_after(scenario), scenario.flat_batch).gradients
    values = loop_values(scenario, 0)
    code = {"w_ij": -g_wij(values), "w_jk": -g_wjk(values)}
    stated = exactly(states["factor"])
    half = Comparison({name: slope / 2 for name, slope in slopes.items()}, code)
    so = (
        ": the code descends half the sum of squared errors, to {digits} digits (the document's formula may "
        "have the half; it is in a picture)"
    )
    return Comparison({name: slope * stated for name, slope in slopes.items()}, code, instead=(half, so))


@check("indirect-error", errors=lambda errors, weights: errors @ weights.T)
def _indirect(_scenario: Scenario, states: States) -> Computed:
    """On a network with three outputs, so that there is more than one error to depend on."""
    several = dense_network([3, 4, 3], ["sigmoid", "sigmoid"], "half_sum_squared_error", biases=False, seed=3)
    p = {name: balls(array) for name, array in several.flat_params.items()}
    x, y = balls(several.flat_batch["x"]), balls(several.flat_batch["y"])
    hidden = sigmoid(x @ p["w1"])
    output = sigmoid(hidden @ p["w2"])
    errors = (output - y) * output * (1 - output)
    back = states["errors"](errors, p["w2"])
    claimed = x.T @ (back * hidden * (1 - hidden))
    run = loss_at(several, p)
    by_hidden = run.derivative_by(run.nodes("sigmoid")[0])
    needless = [place for place, slope in np.ndenumerate(by_hidden) if slope.contains(0)]
    if needless:
        return Facts(None, unit=needless[0])
    return Comparison({"w_ij": claimed}, {"w_ij": run.gradients["w1"]})


@check("same-form", form=lambda inputs, error, slope: inputs.T @ (error * slope))
def _same_form(scenario: Scenario, states: States) -> Computed:
    v = loop_values(scenario, 0)
    slope_k, slope_j = sigmoid_derivative(v["Xj"] @ v["wjk"]), sigmoid_derivative(v["Xi"] @ v["wij"])
    error_k = v["yhat"] - v["y"]
    error_j = (error_k * slope_k) @ v["wjk"].T
    claimed = {
        "w_jk": states["form"](v["Xj"], error_k, slope_k),
        "w_ij": states["form"](v["Xi"], error_j, slope_j),
    }
    return Comparison(claimed, loss_at(scenario).gradients)


@check("any-depth", back=lambda error, weights: error @ weights.T)
def _any_depth(_scenario: Scenario, states: States) -> Computed:
    claimed, exact = {}, {}
    for depth in DEPTHS:
        sizes = [3, *(2 + layer % 3 for layer in range(depth))]
        network = dense_network(
            sizes, ["sigmoid"] * depth, "half_sum_squared_error", biases=False, seed=depth
        )
        p = {name: balls(array) for name, array in network.flat_params.items()}
        y = balls(network.flat_batch["y"])
        inputs = [balls(network.flat_batch["x"])]
        for layer in range(1, depth + 1):
            inputs.append(sigmoid(inputs[-1] @ p[f"w{layer}"]))
        error = inputs[-1] - y
        run = loss_at(network, p)
        for layer in reversed(range(1, depth + 1)):
            key = f"layer {layer} of {depth}"
            error = error * inputs[layer] * (1 - inputs[layer])
            claimed[key] = inputs[layer - 1].T @ error
            exact[key] = run.gradients[f"w{layer}"]
            error = states["back"](error, p[f"w{layer}"])
    return Facts(Comparison(claimed, exact), depths=", ".join(map(str, DEPTHS)))


@check("negated")
def _negated(scenario: Scenario, states: States) -> Computed:
    return first_step(scenario, states["sign"])


@check("reaches-minimum")
def _reaches_minimum(scenario: Scenario, states: States) -> Computed:
    weights = weights_after(scenario, states["iterations"])
    here = loss_at(scenario, weights)
    entries = [entry for slope in here.gradients.values() for entry in np.ravel(slope)]
    least = True if all(entry.is_zero() for entry in entries) else None
    return Facts(
        False if any(entry != 0 for entry in entries) else least,
        iterations=states["iterations"],
        here=here.value,
        largest=max(entries, key=lambda entry: float(abs(entry))),
        then=loss_at(scenario, stepped(weights, here.gradients)).value,
    )


@check("final-prediction")
def _final_prediction(scenario: Scenario, states: States) -> Computed:
    last = len(trained(scenario).losses)
    printed = predicted(scenario, weights_after(scenario, states["updates before it is printed"]))
    final = predicted(scenario, weights_after(scenario, last))
    return Comparison({"the examples": printed}, {"the examples": final})


@check("descent-is-backpropagation")
def _aka(scenario: Scenario, states: States) -> Computed:
    """Whether descent needs backpropagation: its gradient is computed without, and the same step results."""
    exact = loss_at(scenario).gradients

    def without(digits: float) -> Finding:
        what = (
            "Computed forward, one weight at a time, with no error sent back, the gradient and so the step "
            f"of gradient descent are the same to {int(digits)} digits"
        )
        if not states["same"]:
            return confirmed(f"{what}.", digits=digits)
        return refuted(
            f"{what}; so descent does not depend on backpropagation.",
            cause="two things under one name: backpropagation computes a gradient, gradient descent steps "
            "along it (Goodfellow, Bengio and Courville, Deep Learning, section 6.5)",
        )

    forward = {name: forward_gradient(scenario, name) for name in exact}
    return Comparison(forward, exact, "The gradient that is computed forward", follows=without)


CLAIMS = check.claims(Path(__file__).with_suffix(".toml"))
