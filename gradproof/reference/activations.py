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


def _sigmoid(z: Array) -> Array:
    # For z below -709 (float64), exp(-z) overflows to infinity and 1 / (1 + infinity) is 0: the
    # nearest float64 to the true value but for the subnormal ones.
    with np.errstate(over="ignore"):
        result: Array = 1.0 / (1.0 + np.exp(-z))
    return result


_TABLE = (
    Activation("identity", lambda z: z, lambda z, _: np.ones_like(z)),
    # a      = (1 + e^-z)^-1
    # da/dz  = (1 + e^-z)^-2 · e^-z
    #        = a · e^-z / (1 + e^-z)
    #        = a · (1 - a)                    since e^-z / (1 + e^-z) = 1 - a
    Activation("sigmoid", _sigmoid, lambda _, a: a * (1.0 - a)),
    # a      = sinh z / cosh z
    # da/dz  = (cosh² z - sinh² z) / cosh² z
    #        = 1 - a²
    Activation("tanh", np.tanh, lambda _, a: 1.0 - a * a),
    # 1 where z > 0 and 0 where z < 0. At the kink z = 0 every number in [0, 1] is a subgradient; the
    # convention here is 0, as in PyTorch and in jax.nn.
    Activation("relu", lambda z: np.maximum(z, 0.0), lambda z, _: np.where(z > 0, 1.0, 0.0).astype(z.dtype)),
)

ACTIVATIONS = {activation.name: activation for activation in _TABLE}


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
