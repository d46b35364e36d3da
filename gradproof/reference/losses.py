"""Losses of the hand-derived networks, each with its derivative with respect to the prediction.

Throughout, a is the prediction of the output layer, z its pre-activation, y the target, and N the
number of entries of a (examples × outputs).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.activations import Activation

Array = NDArray[Any]


@dataclass(frozen=True)
class Loss:
    """A scalar loss L(a, y) and its derivative ∂L/∂a.

    Attributes:
        name: what scenarios call it.
        value: `value(a, y)` gives L, a scalar.
        derivative: `derivative(a, y)` gives ∂L/∂a, of a's shape.
        through_sigmoid: where not None, `through_sigmoid(a, y)` gives ∂L/∂z for a = sigmoid(z) with
            the factor a(1 - a) cancelled on paper, where the product of the two derivatives would
            be 0 / 0 for a saturated output.
    """

    name: str
    value: Callable[[Array, Array], Any]
    derivative: Callable[[Array, Array], Array]
    through_sigmoid: Callable[[Array, Array], Array] | None = None

    def delta(self, z: Array, a: Array, y: Array, activation: Activation) -> Array:
        """Give δ = ∂L/∂z of the output layer, of z's shape, by the chain rule ∂L/∂a · f'(z)."""
        if self.through_sigmoid is not None and activation.name == "sigmoid":
            return self.through_sigmoid(a, y)
        return self.derivative(a, y) * activation.derivative(z, a)


def _binary_cross_entropy(a: Array, y: Array) -> Any:
    # 0 · ln 0 is 0, its limit: a saturated output that is right costs nothing, one that is wrong infinity.
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = np.where(y == 0, 0.0, y * np.log(a))
        negative = np.where(y == 1, 0.0, (1.0 - y) * np.log1p(-a))
    return -np.sum(positive + negative) / a.size


_TABLE = (
    # ∂/∂a ½ Σ (a - y)² = a - y
    Loss("half_sum_squared_error", lambda a, y: 0.5 * np.sum((a - y) ** 2), lambda a, y: a - y),
    # ∂/∂a Σ (a - y)² = 2 (a - y)
    Loss("sum_squared_error", lambda a, y: np.sum((a - y) ** 2), lambda a, y: 2.0 * (a - y)),
    # ∂/∂a (1/N) Σ (a - y)² = (2/N) (a - y)
    Loss(
        "mean_squared_error",
        lambda a, y: np.sum((a - y) ** 2) / a.size,
        lambda a, y: 2.0 * (a - y) / a.size,
    ),
    # L      = -(1/N) Σ [ y ln a + (1 - y) ln(1 - a) ]
    # ∂L/∂a  = -(1/N) [ y/a - (1 - y)/(1 - a) ]
    #        = (1/N) (a - y) / (a (1 - a))
    # ∂L/∂z  = ∂L/∂a · da/dz
    #        = (1/N) (a - y) / (a (1 - a)) · a (1 - a)
    #        = (1/N) (a - y)
    Loss(
        "binary_cross_entropy",
        _binary_cross_entropy,
        lambda a, y: (a - y) / (a * (1.0 - a)) / a.size,
        through_sigmoid=lambda a, y: (a - y) / a.size,
    ),
)

LOSSES = {loss.name: loss for loss in _TABLE}


def loss(name: str) -> Loss:
    """Look a loss up by its name.

    Raises:
        InputError: no loss has that name.

    >>> float(loss("half_sum_squared_error").value(np.array([3.0]), np.array([1.0])))
    2.0
    """
    if name not in LOSSES:
        raise InputError(f"There is no loss called {name!r}. Choose one of {', '.join(LOSSES)}.")
    return LOSSES[name]
