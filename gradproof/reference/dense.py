"""Backpropagation through a dense network of any depth, derived by hand.

The derivation follows "A Step-by-Step Implementation of Gradient Descent and Backpropagation" (the
document of the scenario sigmoid_network), which does it for one hidden layer and notes that it
repeats down to the first layer of a network of any depth.

Layer l = 1 … D computes, for a batch of examples in rows,

    z_l = a_(l-1) W_l + b_l         a_0 = x,  W_l of shape (inputs, outputs),  b_l of shape (outputs,)
    a_l = f_l(z_l)

and the loss is L(a_D, y). With δ_l = ∂L/∂z_l, of z_l's shape:

    (1)  δ_D         = ∂L/∂a_D · f_D'(z_D)             the error at the output, through its activation
    (2)  ∂L/∂W_l     = a_(l-1)ᵀ δ_l                     since ∂z_l[n,k]/∂W_l[j,k] = a_(l-1)[n,j]
    (3)  ∂L/∂b_l     = Σ_n δ_l[n]                       since ∂z_l[n,k]/∂b_l[k] = 1
    (4)  ∂L/∂a_(l-1) = δ_l W_lᵀ                         since ∂z_l[n,k]/∂a_(l-1)[n,j] = W_l[j,k]
    (5)  δ_(l-1)     = ∂L/∂a_(l-1) · f_(l-1)'(z_(l-1))  the error sent back through the activation
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from gradproof.reference.activations import Activation
from gradproof.reference.losses import Loss

Array = NDArray[Any]


@dataclass(frozen=True)
class Layer:
    """A dense layer f(a W + b).

    Attributes:
        weight: the name of the parameter W, of shape (inputs, outputs).
        activation: the elementwise function f.
        bias: the name of the parameter b, of shape (outputs,), or None for a layer without one.
    """

    weight: str
    activation: Activation
    bias: str | None = None


@dataclass(frozen=True)
class DenseNetwork:
    """A dense network with a loss; its gradient is hand-derived (see the module's derivation).

    The batch holds `x`, of shape (examples, inputs), and `y`, of shape (examples, outputs).

    >>> import numpy as np
    >>> from gradproof.reference.activations import activation
    >>> from gradproof.reference.losses import loss
    >>> network = DenseNetwork((Layer("w", activation("identity")),), loss("sum_squared_error"))
    >>> params, batch = {"w": np.array([[2.0]])}, {"x": np.array([[3.0]]), "y": np.array([[5.0]])}
    >>> network.gradient(params, batch)  # d/dw (3w - 5)² = 2 · 3 · (3w - 5)
    {'w': array([[6.]])}
    """

    layers: tuple[Layer, ...]
    loss: Loss

    def forward(self, params: Mapping[str, Array], x: Array) -> list[tuple[Array, Array]]:
        """Compute (z_l, a_l) of every layer, first to last."""
        values = []
        a = x
        for layer in self.layers:
            z = a @ params[layer.weight]
            if layer.bias is not None:
                z = z + params[layer.bias]
            a = layer.activation.value(z)
            values.append((z, a))
        return values

    def predict(self, params: Mapping[str, Array], batch: Mapping[str, Array]) -> Array:
        """Compute a_D, of shape (examples, outputs)."""
        return self.forward(params, batch["x"])[-1][1]

    def value_and_gradient(
        self, params: Mapping[str, Array], batch: Mapping[str, Array]
    ) -> tuple[Any, dict[str, Array]]:
        """Compute the loss and its gradient in one forward and one backward pass."""
        values = self.forward(params, batch["x"])
        z, a = values[-1]
        value = self.loss.value(a, batch["y"])
        gradient: dict[str, Array] = {}
        delta = self.loss.delta(z, a, batch["y"], self.layers[-1].activation)  # (1)
        for index in reversed(range(len(self.layers))):
            layer = self.layers[index]
            below = batch["x"] if index == 0 else values[index - 1][1]
            gradient[layer.weight] = below.T @ delta  # (2)
            if layer.bias is not None:
                gradient[layer.bias] = delta.sum(axis=0)  # (3)
            if index > 0:
                error = delta @ params[layer.weight].T  # (4)
                z, a = values[index - 1]
                delta = error * self.layers[index - 1].activation.derivative(z, a)  # (5)
        return value, {name: gradient[name] for name in params}

    def gradient(self, params: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
        """Compute ∂L/∂W_l and ∂L/∂b_l of every layer, each of its parameter's shape."""
        return self.value_and_gradient(params, batch)[1]
