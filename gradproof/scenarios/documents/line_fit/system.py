"""A line fitted by gradient descent, full-batch and by mini-batches.

Source: "Math Behind Backpropagation and Gradient Descent". Its table of data, its starting values and its
results are pictures; the text states the model, the cost, the learning rate and when to stop.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.reference import line
from gradproof.reference.descent import GradientDescent, MiniBatches, StoppingRule
from gradproof.scenarios.claim import Claim
from gradproof.scenarios.documents.line_fit.claims import CLAIMS, MINI_BATCH_CLAIMS
from gradproof.scenarios.scenario import Scenario, read_provenance

SOURCE = "Math Behind Backpropagation and Gradient Descent"

# Sixteen points scattered around y = 0.8 x + 0.6.
_X = np.array([0.1, 0.2, 0.4, 0.5, 0.7, 0.8, 1.0, 1.1, 1.3, 1.4, 1.5, 1.7, 1.8, 2.0, 2.1, 2.3])
_SCATTER = np.array(
    [0.1, -0.2, 0.15, 0.05, -0.1, 0.2, -0.15, 0.0, 0.1, -0.05, 0.2, -0.2, 0.05, -0.1, 0.15, -0.1]
)


def predict(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute m·x + c, of shape (examples,)."""
    del xp
    return params["m"] * batch["x"] + params["c"]


def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the sum of squared errors Σ (m·x + c - y)²."""
    return xp.sum((predict(xp, params, batch) - batch["y"]) ** 2)


_Y = 0.8 * _X + 0.6 + _SCATTER


def _scenario(name: str, training: GradientDescent, claims: tuple[Claim, ...]) -> Scenario:
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
        provenance=read_provenance(Path(__file__).with_suffix(".toml"), "common", name),
        claims=claims,
    )


def line_fit() -> Scenario:
    """Build the scenario `line_fit`: every step takes all points, until the improvement is negligible."""
    return _scenario(
        "line_fit",
        GradientDescent(learning_rate=0.01, steps=5_000, stopping=StoppingRule(1e-6)),
        CLAIMS,
    )


def line_fit_minibatch() -> Scenario:
    """Build the scenario `line_fit_minibatch`: every step takes one random mini-batch of four points."""
    return _scenario(
        "line_fit_minibatch",
        GradientDescent(learning_rate=0.01, steps=400, mini_batches=MiniBatches(size=4, seed=2023)),
        MINI_BATCH_CLAIMS,
    )


SCENARIOS = {"line_fit": line_fit, "line_fit_minibatch": line_fit_minibatch}
