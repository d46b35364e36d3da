"""A line fitted by gradient descent, full-batch and by mini-batches.

Source: "Math Behind Backpropagation and Gradient Descent". Its table of data, its starting values and its
results are pictures; the text states the model, the cost, the learning rate and when to stop.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np

from gradproof.reference import line
from gradproof.reference.descent import GradientDescent, MiniBatches, StoppingRule
from gradproof.scenarios.claim import Claim
from gradproof.scenarios.documents.line_fit.claims import CLAIMS, MINI_BATCH_CLAIMS
from gradproof.scenarios.scenario import Provenance, Scenario, given, reconstructed

SOURCE = "Math Behind Backpropagation and Gradient Descent"

# Sixteen points scattered around y = 0.8 x + 0.6.
_X = np.array([0.1, 0.2, 0.4, 0.5, 0.7, 0.8, 1.0, 1.1, 1.3, 1.4, 1.5, 1.7, 1.8, 2.0, 2.1, 2.3])
_SCATTER = np.array(
    [0.1, -0.2, 0.15, 0.05, -0.1, 0.2, -0.15, 0.0, 0.1, -0.05, 0.2, -0.2, 0.05, -0.1, 0.15, -0.1]
)

_COMMON = (
    given("model", "the equation of a line, with slope m and intercept c"),
    given("loss", "the sum of squared errors, so its derivatives have a factor 2"),
    given("learning rate", "0.01 (1%)"),
    reconstructed(
        "x, y",
        "the table is a picture; sixteen points near a line, scattered as in a scatter plot, on which "
        "the learning rate 0.01 descends (twice the largest eigenvalue of Σ(x, 1)ᵀ(x, 1) is below 200)",
    ),
    reconstructed(
        "m, c at the start",
        "the text says random values and shows them as a picture; 1 and 0 are the simplest line",
    ),
)


def predict(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute m·x + c, of shape (examples,)."""
    del xp
    return params["m"] * batch["x"] + params["c"]


def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the sum of squared errors Σ (m·x + c - y)²."""
    return xp.sum((predict(xp, params, batch) - batch["y"]) ** 2)


_Y = 0.8 * _X + 0.6 + _SCATTER


def _scenario(name: str, training: GradientDescent, claims: tuple[Claim, ...], *own: Provenance) -> Scenario:
    slope, intercept = line.least_squares(_X, _Y)
    return Scenario(
        name=name,
        loss=loss,
        gradient=line.gradient,
        value_and_gradient=line.value_and_gradient,
        predict=predict,
        params={"m": np.array(1.0), "c": np.array(0.0)},
        batch={"x": _X, "y": _Y},
        solution={"m": np.array(slope), "c": np.array(intercept)},
        training=training,
        source=SOURCE,
        provenance=(*_COMMON, *own),
        claims=claims,
    )


def line_fit() -> Scenario:
    """Build the scenario `line_fit`: every step takes all points, until the improvement is negligible."""
    return _scenario(
        "line_fit",
        GradientDescent(learning_rate=0.01, steps=5_000, stopping=StoppingRule(1e-6)),
        CLAIMS,
        reconstructed(
            "stopping rule",
            "the text stops once the improvement becomes negligible; negligible is here an improvement "
            "of at most 1e-6 of the loss, which float32 still resolves",
        ),
    )


def line_fit_minibatch() -> Scenario:
    """Build the scenario `line_fit_minibatch`: every step takes one random mini-batch of four points."""
    return _scenario(
        "line_fit_minibatch",
        GradientDescent(learning_rate=0.01, steps=400, mini_batches=MiniBatches(size=4, seed=2023)),
        MINI_BATCH_CLAIMS,
        given("mini-batches", "a constant size, picked at random; one epoch passes all the data"),
        reconstructed("mini-batch size", "the text names no number; 4 makes four steps an epoch"),
        reconstructed("steps", "the text names no number; 400 steps are a hundred epochs"),
    )


SCENARIOS = {"line_fit": line_fit, "line_fit_minibatch": line_fit_minibatch}
