"""The 3-2-1 network with binary cross-entropy, every weight 1 at the start.

Source: "Gradient Descent and Backpropagation Walkthrough". Its table of points is a picture; the text
works the first one out and states the rule for the labels.
"""

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from gradproof.reference.activations import activation
from gradproof.reference.dense import DenseNetwork, Layer
from gradproof.reference.descent import GradientDescent
from gradproof.reference.losses import loss as reference_loss
from gradproof.scenarios.documents.bce_network.claims import CLAIMS
from gradproof.scenarios.scenario import Scenario, read_provenance

SOURCE = "Gradient Descent and Backpropagation Walkthrough"

# The learning rates that the document names: the first where it sets out, the second in the formula, the
# third where it puts numbers in.
LEARNING_RATES = {
    "bce_network": 0.1,
    "bce_network_rate_0.01": 0.01,
    "bce_network_rate_1": 1.0,
}

NETWORK = DenseNetwork(
    (Layer("w_hidden", activation("relu")), Layer("w_output", activation("sigmoid"))),
    reference_loss("binary_cross_entropy"),
)


def predict(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the output F = sigmoid(relu(x w_hidden) w_output), of shape (examples, 1)."""
    hidden = xp.nn.relu(batch["x"] @ params["w_hidden"])
    return xp.nn.sigmoid(hidden @ params["w_output"])


def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
    """Compute the binary cross-entropy, averaged over the points."""
    return xp.nn.binary_cross_entropy(predict(xp, params, batch), batch["y"])


def bce_network(name: str = "bce_network") -> Scenario:
    """Build the scenario `bce_network` or one of its variants with another learning rate.

    The two hidden nodes start equal and must stay equal. In the training they die for some of the points:
    their pre-activations become negative there, and ReLU passes no gradient back.
    """
    return Scenario(
        name=name,
        loss=loss,
        gradient=NETWORK.gradient,
        value_and_gradient=NETWORK.value_and_gradient,
        predict=predict,
        params={"w_hidden": np.ones((3, 2)), "w_output": np.ones((2, 1))},
        batch={
            "x": np.array([[1.0, 2, 3], [2, -1, 3], [5, -2, -1], [1, 1, -1], [4, 3, 1], [-2, 1, 4]]),
            "y": np.array([[0.0], [1], [0], [0], [1], [1]]),
        },
        training=GradientDescent(learning_rate=LEARNING_RATES[name], steps=2_000),
        source=SOURCE,
        provenance=read_provenance(Path(__file__).with_suffix(".toml")),
        # The document is audited once, with the first of its learning rates; "learning-rate" is about all.
        claims=CLAIMS if name == "bce_network" else (),
    )


SCENARIOS = {name: partial(bce_network, name) for name in LEARNING_RATES}
