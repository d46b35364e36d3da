"""A chain of three neurons, a0 → a1 → a2, with hand-derived gradients.

Source: "Math Behind Backpropagation and Gradient Descent", section "GD's Connection to Backpropagation".
The document works out one example and then averages the steps of all examples.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.activations import activation

Array = NDArray[Any]

_SIGMOID = activation("sigmoid")


def predict(params: Mapping[str, Array], batch: Mapping[str, Array]) -> Array:
    """Compute the output a2 of each example, of shape (examples,)."""
    return _forward(params, batch)[-1]


def _forward(params: Mapping[str, Array], batch: Mapping[str, Array]) -> tuple[Array, Array, Array, Array]:
    # For one example:
    #   z1 = w1·a0 + b1,  a1 = f(z1)
    #   z2 = w2·a1 + b2,  a2 = f(z2)
    z1 = params["w1"] * batch["a0"] + params["b1"]
    a1 = _SIGMOID.value(z1)
    z2 = params["w2"] * a1 + params["b2"]
    return z1, a1, z2, _SIGMOID.value(z2)


def value_and_gradient(
    params: Mapping[str, Array], batch: Mapping[str, Array]
) -> tuple[Any, dict[str, Array]]:
    """Compute the mean cost over the examples and its derivatives.

    `params` holds the scalars `w1`, `b1`, `w2`, `b2` (shape ()); `batch` holds the inputs `a0` and the
    desired outputs `d`, of shape (examples,).

    >>> params = {name: np.array(0.0) for name in ("w1", "b1", "w2", "b2")}
    >>> cost, derivatives = value_and_gradient(params, {"a0": np.array([1.0]), "d": np.array([0.0])})
    >>> float(cost), float(derivatives["b2"])  # a2 = 1/2, 2 · 1/2 · 1/4
    (0.25, 0.25)
    """
    z1, a1, z2, a2 = _forward(params, batch)
    # C = (a2 - d)²
    # ∂C/∂a2 = 2 (a2 - d)
    # ∂C/∂z2 = ∂C/∂a2 · f'(z2)
    # ∂C/∂w2 = ∂C/∂z2 · a1                 ∂z2/∂w2 = a1
    # ∂C/∂b2 = ∂C/∂z2                      ∂z2/∂b2 = 1
    dz2 = 2.0 * (a2 - batch["d"]) * _SIGMOID.derivative(z2, a2)
    # a1 cannot be stepped itself; it is unfolded into w1 and b1:
    # ∂C/∂a1 = ∂C/∂z2 · w2                 ∂z2/∂a1 = w2
    # ∂C/∂z1 = ∂C/∂a1 · f'(z1)
    # ∂C/∂w1 = ∂C/∂z1 · a0,  ∂C/∂b1 = ∂C/∂z1
    dz1 = dz2 * params["w2"] * _SIGMOID.derivative(z1, a1)
    # The step is the average of the examples' steps, the same as the step of the average cost.
    examples = a2.size
    gradient: dict[str, Any] = {
        "w1": np.sum(dz1 * batch["a0"]) / examples,
        "b1": np.sum(dz1) / examples,
        "w2": np.sum(dz2 * a1) / examples,
        "b2": np.sum(dz2) / examples,
    }
    return np.sum((a2 - batch["d"]) ** 2) / examples, gradient


def gradient(params: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
    """Compute the derivatives of the mean cost, each of shape ()."""
    return value_and_gradient(params, batch)[1]
