"""Activation functions of the hand-derived networks, each with its derivative.

Every function is plain NumPy without a branch on a rounded value where that can be avoided, so that it
also runs on arrays of dtype object that hold certified balls.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError

Array = NDArray[Any]


@dataclass(frozen=True)
class Activation:
    """An elementwise activation a = f(z) and its derivative f'(z).

    Attributes:
        name: what scenarios call it; `xp.nn` or `xp` holds a function of the same name.
        value: `value(z)` gives a, of z's shape and dtype.
        derivative: `derivative(z, a)` gives f'(z), of z's shape and dtype. It takes both the
            pre-activation z and the activation a = f(z), because f' is cheapest in one of the two;
            taking it at the wrong one of them is a classic bug.
    """

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array, Array], Array]


def _identity(z: Array) -> Array:
    return z


def _identity_derivative(z: Array, a: Array) -> Array:
    # dz/dz = 1
    del a
    return np.ones_like(z)


def _sigmoid(z: Array) -> Array:
    # For z below -709 (float64), exp(-z) overflows to infinity and 1 / (1 + infinity) is 0: the
    # nearest float64 to the true value but for the subnormal ones.
    with np.errstate(over="ignore"):
        result: Array = 1.0 / (1.0 + np.exp(-z))
    return result


def _sigmoid_derivative(z: Array, a: Array) -> Array:
    # a      = (1 + e^-z)^-1
    # da/dz  = (1 + e^-z)^-2 · e^-z
    #        = a · e^-z / (1 + e^-z)
    #        = a · (1 - a)                    since e^-z / (1 + e^-z) = 1 - a
    del z
    return a * (1.0 - a)


def _tanh(z: Array) -> Array:
    result: Array = np.tanh(z)
    return result


def _tanh_derivative(z: Array, a: Array) -> Array:
    # a      = sinh z / cosh z
    # da/dz  = (cosh² z - sinh² z) / cosh² z
    #        = 1 - a²
    del z
    return 1.0 - a * a


def _relu(z: Array) -> Array:
    result: Array = np.maximum(z, 0.0)
    return result


def _relu_derivative(z: Array, a: Array) -> Array:
    # 1 where z > 0 and 0 where z < 0. At the kink z = 0 every number in [0, 1] is a subgradient; the
    # convention here is 0, as in PyTorch and in jax.nn.
    del a
    return np.where(z > 0, 1.0, 0.0).astype(z.dtype)


ACTIVATIONS = {
    activation.name: activation
    for activation in (
        Activation("identity", _identity, _identity_derivative),
        Activation("sigmoid", _sigmoid, _sigmoid_derivative),
        Activation("tanh", _tanh, _tanh_derivative),
        Activation("relu", _relu, _relu_derivative),
    )
}


def activation(name: str) -> Activation:
    """Look an activation up by its name.

    Raises:
        InputError: no activation has that name.

    >>> float(activation("relu").value(np.array(-2.0)))
    0.0
    """
    if name not in ACTIVATIONS:
        raise InputError(f"There is no activation called {name!r}. Choose one of {', '.join(ACTIVATIONS)}.")
    return ACTIVATIONS[name]
