"""The 3-4-1 network of sigmoids, without biases, trained for 10 000 steps.

Source: "A Step-by-Step Implementation of Gradient Descent and Backpropagation", its complete example.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.reference.activations import activation
from gradproof.reference.dense import DenseNetwork, Layer
from gradproof.reference.descent import GradientDescent
from gradproof.reference.losses import loss as reference_loss
from gradproof.scenarios.documents.sigmoid_network.claims import CLAIMS
from gradproof.scenarios.scenario import Scenario, read_provenance

SOURCE = "A Step-by-Step Implementation of Gradient Descent and Backpropagation"

NETWORK = DenseNetwork(
    (Layer("w_ij", activation("sigmoid")), Layer("w_jk", activation("sigmoid"))),
    reference_loss("half_sum_squared_error"),
)


def predict(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the output sigmoid(sigmoid(x w_ij) w_jk), of shape (examples, 1)."""
    hidden = xp.nn.sigmoid(batch["x"] @ params["w_ij"])
    return xp.nn.sigmoid(hidden @ params["w_jk"])


def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute half the sum of squared errors."""
    return 0.5 * xp.sum((batch["y"] - predict(xp, params, batch)) ** 2)


def sigmoid_network() -> Scenario:
    """Build the scenario `sigmoid_network`.

    The document computes g = Xᵀ(y - ŷ)…, which is the *negative* gradient of the loss, and adds it. Here,
    as everywhere in gradproof, the gradient is ∂L/∂w and is subtracted: the same step.
    """
    random = np.random.RandomState(10)
    return Scenario(
        name="sigmoid_network",
        loss=loss,
        gradient=NETWORK.gradient,
        value_and_gradient=NETWORK.value_and_gradient,
        predict=predict,
        params={"w_ij": random.rand(3, 4), "w_jk": random.rand(4, 1)},
        batch={
            "x": np.array([[0.0, 0, 1], [1, 1, 1], [1, 0, 1], [0, 1, 1]]),
            "y": np.array([[0.0], [1], [1], [0]]),
        },
        training=GradientDescent(learning_rate=1.0, steps=10_000),
        source=SOURCE,
        provenance=read_provenance(Path(__file__).with_suffix(".toml")),
        claims=CLAIMS,
    )


SCENARIOS = {"sigmoid_network": sigmoid_network}
