"""Bounds in float64 of certified balls: each holds, and is as tight as float64 allows."""

import math
from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb
from hypothesis import example, given
from hypothesis import strategies as st

from gradproof.reference.numbers.bounds import (
    accuracies,
    are_sharp,
    bounds_of_sizes,
    greatest_size,
    least_sizes,
    midpoints,
    radii,
)

LEAST, GREATEST = Fraction(5e-324), Fraction(1.7976931348623157e308)

exponents = st.sampled_from([-1100, -1074, -1030, -1000, -300, -60, -1, 0, 1, 60, 300, 1000, 1024, 1100])
mantissas = st.integers(-(2**130), 2**130) | st.sampled_from([0, 1, -1, 2**53 - 1, 2**64 + 1, 2**54 - 1])


@st.composite
def any_balls(draw: Any) -> arb:
    """Balls around any number, of any radius: none, some bits of the midpoint, as much as it, more."""
    middle = arb(draw(mantissas)) * arb(2) ** draw(exponents)
    share = draw(st.sampled_from(["exact", "share", "touching", "free"]))
    if share == "exact":
        return middle
    if share == "share":
        return arb(middle, abs(middle) * arb(2) ** -draw(st.integers(-3, 140)))
    if share == "touching":  # nearly as much as the midpoint, or just more: is it told from 0?
        return arb(middle, abs(middle) * (1 + draw(st.sampled_from([-1, 0, 1])) * arb(2) ** -25))
    return arb(middle, arb(draw(st.integers(0, 2**30))) * arb(2) ** draw(exponents))


def exactly(number: arb) -> Fraction:
    mantissa, exponent = number.man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def rounded_up(exact: Fraction) -> float:
    """The least float64 that is no less; infinity beyond the greatest one."""
    if exact > GREATEST:
        return math.inf
    nearest = float(exact)
    return nearest if Fraction(nearest) >= exact else math.nextafter(nearest, math.inf)


@given(st.data(), st.sampled_from([53, 192]))
def test_every_bound_holds_and_is_tight(data: st.DataObject, precision: int) -> None:
    with flint.ctx.workprec(400):
        ball = data.draw(any_balls())
    middle, radius = abs(exactly(ball.mid())), exactly(ball.rad())
    most, least = middle + radius, max(middle - radius, Fraction(0))
    balls = np.array([ball], dtype=object)
    with flint.ctx.workprec(precision):
        bounds = bounds_of_sizes(balls)
        lower, told = float(bounds.least[0]), float(least_sizes(balls)[0])
        with_radius = float(least_sizes(balls, radii(balls))[0])
        upper, width, bits = float(bounds.most[0]), float(radii(balls)[0]), float(accuracies(balls)[0])
    assert Fraction(lower) <= least
    assert max(Fraction(told), Fraction(with_radius)) <= least
    assert math.isinf(upper) or Fraction(upper) >= most
    assert math.isinf(width) or Fraction(width) >= radius
    assert (width == 0) == (radius == 0)
    assert (upper == 0) == (most == 0)
    # tight: some units in the last place, and the rounding of Arb's own bounds
    slack = 1 + Fraction(2) ** -45
    assert upper <= rounded_up(most * slack + LEAST)
    assert width <= rounded_up(radius * slack + LEAST)
    if least <= GREATEST:
        assert Fraction(lower) >= least - most / 2**45 - 2 * LEAST
        assert min(Fraction(told), Fraction(with_radius)) >= least - most / 2**45 - 2 * LEAST
    if radius and middle:
        assert radius < middle * Fraction(2) ** -int(bits)
    if least > 2 * LEAST:
        assert lower > 0
        assert min(told, with_radius) > 0


@pytest.mark.parametrize(
    ("ball", "least", "most", "width"),
    [
        (arb("nan"), 0.0, math.inf, math.inf),
        (arb("inf"), 0.0, math.inf, 0.0),
        (arb("-inf"), 0.0, math.inf, 0.0),
        (arb(1, math.inf), 0.0, math.inf, math.inf),
        (arb(0), 0.0, 0.0, 0.0),
        (arb(0, 1), 0.0, 1.0, 1.0),
    ],
)
def test_what_is_no_number_has_no_bound(ball: arb, least: float, most: float, width: float) -> None:
    balls = np.array([ball, arb(1)], dtype=object)
    bounds = bounds_of_sizes(balls)
    assert bounds.least[0] == least_sizes(balls)[0] == least
    assert bounds.most[0] == pytest.approx(most)
    assert radii(balls)[0] == pytest.approx(width)
    assert greatest_size(balls) == 1.0


@given(st.lists(any_balls(), max_size=6))
@example([])
def test_the_greatest_is_that_of_those_told_from_0(each: list[arb]) -> None:
    balls = np.array([*each, None], dtype=object)[:-1]
    sizes = [float(abs(ball)) for ball in each if ball.is_finite() and not ball.contains(0)]
    assert np.array_equal(midpoints(balls), [float(ball) for ball in each])
    # what is within float64's least numbers of 0 is not told from it
    assert greatest_size(balls) == pytest.approx(max(sizes, default=0.0), rel=0, abs=1e-300)


@pytest.mark.parametrize(
    ("ball", "sharp"),
    [
        (arb(3), True),
        (arb(0), True),
        (arb(1, 2.0**-66), True),
        (arb(1, 2.0**-60), False),
        (arb(0, 1e-300), False),
        (arb("inf"), False),
        (-arb("inf"), False),
        (arb("nan"), False),
        (arb(0, math.inf), False),
    ],
)
def test_only_numbers_are_sharp(ball: arb, sharp: bool) -> None:
    assert are_sharp(np.array([[arb(2), ball]], dtype=object)) is sharp


def test_an_array_without_axes_has_a_greatest_entry() -> None:
    assert greatest_size(np.array(arb(-2), dtype=object)) == 2.0
