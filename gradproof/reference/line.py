"""The line y = m·x + c fitted by least squares: hand-derived gradient and closed form.

Source: "Math Behind Backpropagation and Gradient Descent", section "Gradient Descent From the Ground Up".
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError

Array = NDArray[Any]


def value_and_gradient(
    params: Mapping[str, Array], batch: Mapping[str, Array]
) -> tuple[Any, dict[str, Array]]:
    """Compute the cost Σ (m·x + c - y)² and its derivatives with respect to m and c.

    `params` holds the scalars `m` and `c` (shape ()); `batch` holds `x` and `y`, of shape (examples,).

    >>> params = {"m": np.array(1.0), "c": np.array(0.0)}
    >>> cost, derivatives = value_and_gradient(params, {"x": np.array([1.0, 2.0]), "y": np.array([1.0, 3.0])})
    >>> float(cost), float(derivatives["m"]), float(derivatives["c"])
    (1.0, -4.0, -2.0)
    """
    # r      = m·x + c - y               the residual of each example
    # cost   = Σ r²
    # ∂/∂m   = Σ 2 r · ∂r/∂m = 2 Σ r x   chain rule, ∂r/∂m = x
    # ∂/∂c   = Σ 2 r · ∂r/∂c = 2 Σ r     chain rule, ∂r/∂c = 1
    residual = params["m"] * batch["x"] + params["c"] - batch["y"]
    gradient = {"m": 2.0 * np.sum(residual * batch["x"]), "c": 2.0 * np.sum(residual)}
    return np.sum(residual**2), gradient


def gradient(params: Mapping[str, Array], batch: Mapping[str, Array]) -> dict[str, Array]:
    """Compute the derivatives of the cost with respect to `m` and `c`, each of shape ()."""
    return value_and_gradient(params, batch)[1]


def least_squares(x: Array, y: Array) -> tuple[float, float]:
    """Compute the slope m and the intercept c at which both derivatives of the cost are 0.

    The document names this as the alternative to descending. Setting the derivatives to 0 gives

        Σ (m x + c - y) = 0        so  c = ȳ - m x̄
        Σ (m x + c - y) x = 0      so  m = Σ (x - x̄)(y - ȳ) / Σ (x - x̄)²

    Raises:
        InputError: all x are equal, so that no single line fits best.

    >>> least_squares(np.array([0.0, 1.0, 2.0]), np.array([1.0, 3.0, 5.0]))
    (2.0, 1.0)
    """
    deviation = x - np.mean(x)
    spread = np.sum(deviation**2)
    if not spread > 0:
        raise InputError(
            "All x are equal, so every slope fits them alike. Give points with at least two different x."
        )
    slope = np.sum(deviation * (y - np.mean(y))) / spread
    return float(slope), float(np.mean(y) - slope * np.mean(x))
