"""A factory for dense networks of any depth, with seeded weights and data.

Source: "A Step-by-Step Implementation of Gradient Descent and Backpropagation", which notes that its
derivation is iterated down to the first layer of a network of any depth.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gradproof.errors import InputError
from gradproof.inputs import (
    COUNT,
    NUMBER,
    SEED,
    TEXT,
    YES_OR_NO,
    check_inputs,
    instance_of,
    optional,
    sequence_of,
)
from gradproof.reference.activations import activation as reference_activation
from gradproof.reference.dense import DenseNetwork, Layer
from gradproof.reference.descent import GradientDescent
from gradproof.reference.losses import loss as reference_loss
from gradproof.scenarios.scenario import Provenance, Scenario

Predict = Callable[[Any, Mapping[str, Any], Mapping[str, Any]], Any]

_ACTIVATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "identity": lambda xp, z: z,  # noqa: ARG005 - all four are called alike
    "sigmoid": lambda xp, z: xp.nn.sigmoid(z),
    "tanh": lambda xp, z: xp.tanh(z),
    "relu": lambda xp, z: xp.nn.relu(z),
}
_LOSSES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "half_sum_squared_error": lambda xp, a, y: 0.5 * xp.sum((a - y) ** 2),
    "sum_squared_error": lambda xp, a, y: xp.sum((a - y) ** 2),
    "mean_squared_error": lambda xp, a, y: xp.mean((a - y) ** 2),
    "binary_cross_entropy": lambda xp, a, y: xp.nn.binary_cross_entropy(a, y),
}


def dense_network(
    sizes: Sequence[int],
    activations: Sequence[str],
    loss: str,
    *,
    biases: bool = True,
    examples: int = 8,
    input_scale: float = 1.0,
    seed: int = 0,
    training: GradientDescent | None = None,
) -> Scenario:
    """Build a dense network with standard normal inputs and weights scaled by 1/√inputs.

    Args:
        sizes: widths from the input to the output; one more than there are layers.
        activations: of each layer: identity, sigmoid, tanh or relu.
        loss: half_sum_squared_error, sum_squared_error, mean_squared_error or binary_cross_entropy
            (whose last activation must be sigmoid, and whose targets are 0 and 1).
        biases: whether layers have biases.
        examples: rows of the batch.
        input_scale: factor of the inputs; large ones saturate.
        seed: of weights and data.
        training: ten steps at 0.1 unless given.

    Raises:
        InputError: sizes, activations and loss do not go together.

    >>> scenario = dense_network([3, 4, 1], ["tanh", "identity"], "mean_squared_error")
    >>> {name: array.shape for name, array in scenario.flat_params.items()}
    {'w1': (3, 4), 'b1': (4,), 'w2': (4, 1), 'b2': (1,)}
    """
    check_inputs(
        "the network",
        sizes=(sizes, sequence_of(SEED, "a sequence of widths, each a whole number from 1 up")),
        activations=(activations, sequence_of(TEXT, "a sequence of names of activations")),
        loss=(loss, TEXT),
        examples=(examples, COUNT),
        input_scale=(input_scale, NUMBER),
        seed=(seed, SEED),
        biases=(biases, YES_OR_NO),
        training=(training, optional(instance_of(GradientDescent, "GradientDescent(...)"))),
    )
    sizes, examples, seed = [int(size) for size in sizes], int(examples), int(seed)
    if len(sizes) != len(activations) + 1 or not activations:
        raise InputError(
            f"There are {len(sizes)} sizes for {len(activations)} activations. Give an activation for "
            "each layer, and one size more than layers."
        )
    layers = tuple(
        Layer(f"w{number}", reference_activation(name), f"b{number}" if biases else None)
        for number, name in enumerate(activations, start=1)
    )
    network = DenseNetwork(layers, reference_loss(loss))
    if loss == "binary_cross_entropy" and activations[-1] != "sigmoid":
        raise InputError(
            f"Binary cross-entropy needs a probability, but the last activation is {activations[-1]!r}. "
            "Make it sigmoid."
        )
    random = np.random.default_rng(seed)
    predict = _predict(activations, biases=biases)
    kind = "biases" if biases else "no_biases"
    widths = "-".join(str(size) for size in sizes)
    return Scenario(
        name=f"dense_{widths}_{'_'.join(activations)}_{loss}_{kind}_seed{seed}",
        loss=lambda xp, params, batch: _LOSSES[loss](xp, predict(xp, params, batch), batch["y"]),
        gradient=network.gradient,
        value_and_gradient=network.value_and_gradient,
        predict=predict,
        params=_weights(random, sizes, biases=biases),
        batch={
            "x": input_scale * random.standard_normal((examples, sizes[0])),
            "y": _targets(random, (examples, sizes[-1]), binary=loss == "binary_cross_entropy"),
        },
        training=training or GradientDescent(learning_rate=0.1, steps=10),
        source="A Step-by-Step Implementation of Gradient Descent and Backpropagation, any depth",
        provenance=(
            Provenance("weights and data", "reconstructed", f"standard normal, drawn from seed {seed}"),
        ),
    )


def _predict(activations: Sequence[str], *, biases: bool) -> Predict:
    def predict(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        a = batch["x"]
        for number, name in enumerate(activations, start=1):
            z = a @ params[f"w{number}"]
            if biases:
                z = z + params[f"b{number}"]
            a = _ACTIVATIONS[name](xp, z)
        return a

    return predict


def _weights(random: np.random.Generator, sizes: Sequence[int], *, biases: bool) -> dict[str, Any]:
    params = {}
    for number, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        params[f"w{number}"] = random.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        if biases:
            params[f"b{number}"] = 0.1 * random.standard_normal(outputs)
    return params


def _targets(random: np.random.Generator, shape: tuple[int, int], *, binary: bool) -> Any:
    if binary:
        return random.integers(0, 2, shape).astype(np.float64)
    return random.standard_normal(shape)
