"""The code of "A Step-by-Step Implementation of Gradient Descent and Backpropagation", on certified balls."""

from collections.abc import Mapping
from typing import Any

import flint
import numpy as np

from gradproof.scenarios.claims_arithmetic import BallArray, Certified, balls, prediction
from gradproof.scenarios.claims_training import weights_after
from gradproof.scenarios.scenario import Scenario


def sigmoid(z: BallArray) -> BallArray:
    """The document's sigmoid, 1/(1 + e^-z)."""
    return np.asarray(1 / (1 + np.exp(-z)))


def sigmoid_derivative(z: BallArray) -> BallArray:
    """The document's derivative of the sigmoid."""
    return np.asarray(sigmoid(z) * (1 - sigmoid(z)))


def predicted(scenario: Scenario, weights: Mapping[str, Any]) -> BallArray:
    """The prediction at some weights, of shape (examples, 1)."""
    predict = prediction(scenario)
    return Certified(predict, weights, scenario.flat_batch).values


def loop_values(scenario: Scenario, step: int) -> dict[str, BallArray]:
    """All names that the document's code has in its loop."""
    x, y = balls(scenario.flat_batch["x"]), balls(scenario.flat_batch["y"])
    weights = weights_after(scenario, step)
    hidden = sigmoid(x @ weights["w_ij"])
    return {
        "Xi": x, "y": y, "wij": weights["w_ij"], "wjk": weights["w_jk"],
        "Xj": hidden, "yhat": sigmoid(hidden @ weights["w_jk"]),
    }  # fmt: skip


def g_wjk(v: Mapping[str, BallArray]) -> BallArray:
    """The code's g_wjk, of the names in its loop."""
    return np.asarray(v["Xj"].T @ ((v["y"] - v["yhat"]) * sigmoid_derivative(v["Xj"] @ v["wjk"])))


def g_wij(v: Mapping[str, BallArray]) -> BallArray:
    """The code's g_wij, of the names in its loop."""
    error = (v["y"] - v["yhat"]) * sigmoid_derivative(v["Xj"] @ v["wjk"])
    return np.asarray(v["Xi"].T @ ((error @ v["wjk"].T) * sigmoid_derivative(v["Xi"] @ v["wij"])))


def forward_gradient(scenario: Scenario, name: str) -> BallArray:
    """Differentiate half the squared error by each weight in forward mode: series w + t, cut off after t."""
    x, y = balls(scenario.flat_batch["x"]), balls(scenario.flat_batch["y"])
    weights = weights_after(scenario, 0)
    result = np.empty(weights[name].shape, dtype=object)
    for place in np.ndindex(result.shape):
        series = {each: 1 * array for each, array in weights.items()}
        series[name][place] += flint.arb_series([0, 1], 2)
        output = sigmoid(sigmoid(x @ series["w_ij"]) @ series["w_jk"])
        result[place] = (((y - output) ** 2).sum() / 2)[1]
    return result
