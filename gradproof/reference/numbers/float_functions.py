"""Functions of float64 arrays that NumPy does not have, or not without overflow."""

from collections.abc import Callable

import flint
import numpy as np
from flint import arb

from gradproof.reference.numbers.payload import Payload


def sigmoid(x: Payload) -> Payload:
    """Compute 1 / (1 + e^-x), as e^x / (1 + e^x) for x < 0: the exponential never overflows."""
    tail = np.exp(-np.abs(x))
    result: Payload = np.where(x >= 0, 1.0, tail) / (1.0 + tail)
    return result


def softplus(x: Payload) -> Payload:
    """Compute ln(1 + e^x) as max(x, 0) + ln(1 + e^-|x|)."""
    result: Payload = np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))
    return result


def sinc(x: Payload) -> Payload:
    """Compute sin(πx) / (πx), and 1 at 0."""
    # sin(πx) = (-1)^n sin(π(x - n)) for whole n: near whole numbers, x - n is exact where πx is not
    nearest = np.rint(x)
    sine = np.sin(np.pi * (x - nearest)) * np.where(nearest % 2 == 0, 1.0, -1.0)
    return np.where(x == 0, 1.0, sine / np.where(x == 0, 1.0, np.pi * x))


# -------------------------------------------------------------------- by way of balls

_ENOUGH = 56
"""Bits beyond which a ball's midpoint is its float64, or a neighbour."""

_FIRST, _MOST = 64, 8192
"""Bits to compute with at first, and at most."""

_VANISHED = arb(2) ** -1100
"""Below the least float64."""


def through_balls(
    function: Callable[..., arb], low: float = np.nan, high: float = np.nan
) -> Callable[..., Payload]:
    """Give a function of balls as one of float64 arrays, to the last digit but one, whatever cancels inside.

    Args:
        function: of one ball or several; it answers no finite ball outside of its domain.
        low: what it tends to at -infinity.
        high: at infinity.

    >>> through_balls(lambda x: (x * x).exp() * x.erfc())(np.array(30.0)).round(15).item()
    0.018795888861417
    """

    def computed(*numbers: float) -> float:
        if not all(np.isfinite(numbers)):
            return {-np.inf: low, np.inf: high}.get(numbers[0], np.nan) if len(numbers) == 1 else np.nan
        bits = _FIRST
        while bits <= _MOST:
            with flint.ctx.workprec(bits):
                ball = function(*(arb(number) for number in numbers))
                if not ball.is_finite() and bits > _FIRST:
                    break
                if ball.rel_accuracy_bits() >= _ENOUGH and ball.is_finite():
                    return float(ball)
                if ball.is_finite() and abs(ball) < _VANISHED:
                    return 0.0
            bits *= 2
        return np.nan

    def floats(*operands: Payload) -> Payload:
        arrays = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in operands))
        values: Payload = np.fromiter(
            (computed(*numbers) for numbers in zip(*(each.ravel().tolist() for each in arrays), strict=True)),
            dtype=np.float64,
            count=arrays[0].size,
        )
        return values.reshape(arrays[0].shape)

    return floats
