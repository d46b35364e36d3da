"""Three layers of one neuron each: a0 → (w1, b1) → a1 → (w2, b2) → a2.

Source: "Math Behind Backpropagation and Gradient Descent", section "GD's Connection to Backpropagation".
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.reference import chain
from gradproof.reference.descent import GradientDescent
from gradproof.scenarios.documents.neuron_chain.claims import CLAIMS
from gradproof.scenarios.scenario import Scenario, read_provenance

SOURCE = "Math Behind Backpropagation and Gradient Descent"


def predict(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the output a2 of each example, of shape (examples,)."""
    a1 = xp.nn.sigmoid(params["w1"] * batch["a0"] + params["b1"])
    return xp.nn.sigmoid(params["w2"] * a1 + params["b2"])


def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the mean over the examples of (a2 - d)²."""
    return xp.mean((predict(xp, params, batch) - batch["d"]) ** 2)


def neuron_chain() -> Scenario:
    """Build the scenario `neuron_chain`.

    The document averages the steps of the examples. The gradient is linear in the loss, so that is one
    step of the mean of the examples' losses.
    """
    return Scenario(
        name="neuron_chain",
        loss=loss,
        gradient=chain.gradient,
        value_and_gradient=chain.value_and_gradient,
        predict=predict,
        params={
            "w1": np.array(0.6),
            "b1": np.array(-0.3),
            "w2": np.array(0.9),
            "b2": np.array(0.1),
        },
        batch={
            "a0": np.array([0.0, 0.25, 0.5, 0.75, 1.0]),
            "d": np.array([0.9, 0.8, 0.6, 0.3, 0.1]),
        },
        training=GradientDescent(learning_rate=0.5, steps=1_000),
        source=SOURCE,
        provenance=read_provenance(Path(__file__).with_suffix(".toml")),
        claims=CLAIMS,
    )


SCENARIOS = {"neuron_chain": neuron_chain}
