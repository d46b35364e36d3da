"""What balls are proven to be, in float64: arrays of bounds from arrays of balls, each rounded outwards.

To ask Arb costs some hundred nanoseconds an entry and a question. So a bound is computed in float64 from as
few answers as prove it, and Arb is asked again only of the entries of which they do not.
"""

from typing import Any, NamedTuple

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.elementary import on_balls

Floats = NDArray[np.float64]
BallArray = NDArray[Any]

SHARP = 64.0
"""A ball with so many bits is a float64, but for its rounding: the radius does not move its neighbours."""

_ALL_BITS = 2.0**62
"""Arb's accuracy of a single number is about 2^63 bits."""

_SMALL, _GREAT = 1e-280, 1e300
"""Between these, errors of float64 are relative ones, and nothing overflows."""

_radius, _bits = on_balls(arb.rad), on_balls(arb.rel_accuracy_bits)
_most, _least = on_balls(arb.abs_upper), on_balls(arb.abs_lower)
_is_nan, _is_finite, _is_zero = on_balls(arb.is_nan), on_balls(arb.is_finite), on_balls(arb.is_zero)


def midpoints(balls: BallArray) -> Floats:
    """Give the midpoints, rounded to nearest."""
    return np.asarray(balls, dtype=object).astype(np.float64)


def accuracies(balls: BallArray) -> Floats:
    """Give bits b such that a radius is less than 2^-b times its midpoint; beyond 2^62 for exact numbers.

    >>> accuracies(np.array([arb(1, 2.0**-70), arb(0, 1), arb(3)], dtype=object)) > 60
    array([ True, False,  True])
    """
    return np.asarray(_bits(balls)).astype(np.float64)


def are_sharp(balls: BallArray) -> bool:
    """Tell whether every ball is a finite number, and has the bits of `SHARP`."""
    bits = accuracies(balls)
    # Infinities are exact, and so is NaN where its radius is 0.
    return bool(np.all(bits >= SHARP) and np.all(_is_finite(balls[bits > _ALL_BITS]).astype(bool)))


def radii(balls: BallArray) -> Floats:
    """Give upper bounds of the radii; 0 only where a ball is a single number, inf where it is none."""
    bounds = above(np.asarray(_radius(balls), dtype=object))
    exact = bounds == 0
    if np.any(exact):  # Arb has NaN with radius 0, and nothing is known of it
        bounds[exact] = np.where(np.asarray(_is_nan(balls[exact])).astype(bool), np.inf, 0.0)
    return bounds


def above(exact: BallArray) -> Floats:
    """Give float64 values that are no less than exact, non-negative numbers; inf for NaN, 0 for 0 alone."""
    # float() rounds to nearest, so that the next float is beyond.
    nearest = exact.astype(np.float64)
    with np.errstate(over="ignore"):
        beyond = np.asarray(np.nextafter(nearest, np.inf))
    vanished = nearest == 0
    if np.any(vanished):
        beyond[vanished] = np.where(np.asarray(_is_zero(exact[vanished])).astype(bool), 0.0, beyond[vanished])
    beyond[np.isnan(nearest)] = np.inf
    return beyond


def below(exact: BallArray) -> Floats:
    """Give float64 values that are no greater than exact, non-negative numbers; 0 for NaN."""
    nearest = exact.astype(np.float64)
    return np.where(nearest > 0, np.nextafter(nearest, 0.0), 0.0)


def least_sizes(balls: BallArray, radius: Floats | None = None) -> Floats:
    """Give lower bounds of the absolute values; positive only where a ball is finite and told from 0.

    Args:
        balls: an array of them.
        radius: upper bounds of their radii, where such are known.

    >>> balls = np.array([arb(-3), arb(2, 1), arb(1, 1), arb("nan")], dtype=object)
    >>> least_sizes(balls).round(6).tolist()
    [3.0, 1.0, 0.0, 0.0]
    """
    size = np.abs(midpoints(balls))
    below_middle = np.nextafter(size, 0.0)
    with np.errstate(invalid="ignore"):
        if radius is None:
            # |x| >= |m| (1 - 2^-64), and m is within half of the gap below its float64
            bounds, sharp = below_middle, accuracies(balls) >= SHARP
        else:
            bounds, sharp = np.nextafter(below_middle - radius, 0.0), radius <= size * 2.0**-40
        asked = ~(sharp & (size > _SMALL) & (size < _GREAT))
    bounds = np.asarray(bounds)
    if np.any(asked):
        unsure = balls[asked]
        finite = np.asarray(_is_finite(unsure)).astype(bool)
        bounds[asked] = np.where(finite, below(np.asarray(_least(unsure), dtype=object)), 0.0)
    return bounds


def greatest_size(balls: BallArray) -> float:
    """Give the greatest absolute value of the midpoints of balls that are told from 0; 0 if there is none."""
    balls = balls.reshape(-1)  # NumPy makes bare objects of arrays without axes
    sizes = np.fmax(np.abs(midpoints(balls)), 0.0)
    if not np.any(sizes):
        return 0.0
    first = int(np.argmax(sizes))  # nearly always
    order = [first] if _is_told_from_0(balls[first]) else np.argsort(-sizes).tolist()
    return next((float(sizes[place]) for place in order if _is_told_from_0(balls[place])), 0.0)


def _is_told_from_0(ball: arb) -> bool:
    return bool(ball.is_finite() and not ball.contains(0))


class Apart(NamedTuple):
    """How far numbers are from each other: no less than `least`, no more than `most`."""

    least: Floats
    most: Floats


def bounds_of_sizes(balls: BallArray) -> Apart:
    """Give bounds of the absolute values: 0 and inf where nothing is known.

    >>> least, most = bounds_of_sizes(np.array([arb(-3, 1), arb(1, 2), arb("nan")], dtype=object))
    >>> least.round(6).tolist(), most.round(6).tolist()
    ([2.0, 0.0, 0.0], [4.0, 3.0, inf])
    """
    most = above(np.asarray(_most(balls), dtype=object))
    size = np.abs(midpoints(balls))
    # |x| >= |m| - r = 2 |m| - (|m| + r). The difference of floats is exact where it matters, and a midpoint
    # is within 2^-53 of its float64. Where it is this near to 0, Arb tells.
    with np.errstate(all="ignore"):
        least = np.nextafter((2 * size - most) - size * 2.0**-51, 0.0)
        sure = (most > _SMALL) & (most < _GREAT) & (np.abs(2 * size - most) > most * 2.0**-40)
    least = np.asarray(np.where(sure & (least > 0), least, 0.0))
    asked = ~sure & (most > 0)
    if np.any(asked):
        unsure = balls[asked]
        finite = np.asarray(_is_finite(unsure)).astype(bool)
        least[asked] = np.where(finite, below(np.asarray(_least(unsure), dtype=object)), 0.0)
        most[asked] = np.where(finite, most[asked], np.inf)
    return Apart(least, most)


def relative_bounds(error: Floats, size: Floats) -> Floats:
    """Give upper bounds of errors over sizes: 0 where there is no error, else inf where nothing is known.

    Args:
        error: upper bounds.
        size: lower bounds.
    """
    with np.errstate(all="ignore"):
        ratio = np.nextafter(error / size, np.inf)
    return np.where(error == 0, 0.0, np.where(size > 0, ratio, np.inf))
