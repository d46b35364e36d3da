"""Certified balls: what is undecided stays so, and every bound holds."""

from fractions import Fraction
from typing import Any

import flint
import numpy as np
import pytest
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import BallNumbers, Balls
from gradproof.reference.tape import differentiate

KIND = Balls(128)
RNG = np.random.default_rng(4)
FINITE = st.floats(-1e100, 1e100, allow_subnormal=False)


def balls(values: Any, radius: float = 0.0) -> BallNumbers:
    array = np.asarray(values, dtype=float)
    return KIND.lift(np.frompyfunc(lambda x: arb(x, radius), 1, 1)(array[np.newaxis]))


def fraction(ball: arb) -> Fraction:
    mantissa, exponent = ball.mid().man_exp()
    return Fraction(int(mantissa)) * Fraction(2) ** int(exponent)


def gradient(loss: Any, w: Any, kind: Any = KIND) -> Any:
    return differentiate(loss, {"w": w}, {}, kind).gradients["w"].balls()[0]


def is_interval(ball: arb, low: float, high: float) -> bool:
    """Whether a ball is [low, high], but for the rounding of its radius."""
    return bool(ball.contains(low) and ball.contains(high) and ball.rad() < (high - low) / 2 + 1e-6)


# -------------------------------------------------------------------- comparisons and kinks


@pytest.mark.parametrize(
    ("x", "expected"), [((2.0, 0.5), 1), ((-2.0, 0.5), -1), ((0.3, 0.5), 0), ((0.0, 0.0), -1)]
)
def test_a_comparison_is_true_false_or_undecided(x: tuple[float, float], expected: int) -> None:
    assert (balls(*x) > 0).data.item() == expected
    assert (~(balls(*x) <= 0)).data.item() == expected
    assert (-balls(*x) < 0).data.item() == expected


def test_equality_is_certain_for_single_numbers_alone() -> None:
    assert balls(1.0).equals(1).data.item() == 1
    assert balls(1.0).equals(2).data.item() == -1
    assert balls(1.0, 0.5).equals(1).data.item() == 0
    assert balls(1.0, 0.5).equals(balls(1.0, 0.5)).data.item() == 0


def test_nan_is_undecided() -> None:
    nan = balls(np.nan)
    assert (nan < 0).data.item() == (nan >= 0).data.item() == nan.equals(nan).data.item() == 0


def test_a_choice_that_is_undecided_holds_both_values() -> None:
    chosen = balls([1.0, 1.0]).select(balls([0.0, 5.0], 0.1) > 0, 7.0).balls()[0]
    assert is_interval(chosen[0], 1, 7)
    assert chosen[1] == 1


def test_branching_on_an_undecided_comparison_is_refused() -> None:
    def loss(xp: Any, params: Any, _batch: Any) -> Any:
        third = params["w"] / 3
        return xp.exp(third) if third * 3 > 1 else third

    with pytest.raises(UnsupportedError, match=r"certified values overlap.*xp\.where"):
        gradient(loss, 1.0)


@pytest.mark.parametrize(
    ("function", "w", "low", "high"),
    [
        (lambda xp, w: xp.nn.relu(w), [0.0], 0, 1),
        (lambda xp, w: xp.abs(w), [0.0], -1, 1),
        (lambda xp, w: xp.maximum(w, 2.0), [2.0], 0, 1),
        (lambda xp, w: xp.minimum(w, 2.0), [2.0], 0, 1),
        (lambda xp, w: xp.clip(w, -1.0, 1.0), [1.0], 0, 1),
        (lambda xp, w: xp.max(w), [3.0, 3.0], 0, 1),
        (lambda xp, w: xp.min(w), [3.0, 3.0], 0, 1),
        (
            lambda xp, w: xp.where(w / 3 * 3 > 1.0, 2 * w, w),
            [1.0],
            0,
            3,
        ),  # the branches are summed apart
    ],
)
def test_a_kink_has_the_interval_of_its_slopes(
    function: Any, w: list[float], low: float, high: float
) -> None:
    entries = gradient(lambda xp, p, _b: xp.sum(function(xp, p["w"])), w)
    assert all(is_interval(entry, low, high) for entry in entries)


def test_a_jump_has_any_slope() -> None:
    assert gradient(lambda xp, p, _b: xp.sign(p["w"]), 0.0).contains(arb(1e300))
    assert gradient(lambda xp, p, _b: xp.sign(p["w"]), 1.0) == 0


def test_balls_beside_a_kink_are_decided() -> None:
    entries = gradient(lambda xp, p, _b: xp.sum(xp.nn.relu(p["w"])), [1e-300, -1e-300])
    assert [float(entry) for entry in entries] == [1.0, 0.0]


# -------------------------------------------------------------------- bounds


@given(arrays(float, (3, 4), elements=FINITE), arrays(float, (4, 2), elements=FINITE))
@settings(max_examples=40, deadline=None)
def test_matrix_products_enclose_the_rational_product(a: Any, b: Any) -> None:
    with KIND.context():
        product = (balls(a) @ balls(b)).balls()[0]
    for i, j in np.ndindex(3, 2):
        exact = sum(Fraction(a[i, k]) * Fraction(b[k, j]) for k in range(4))
        with flint.ctx.workprec(4000):
            assert product[i, j].contains(flint.fmpq(exact.numerator, exact.denominator))


@pytest.mark.parametrize("shape", [(2, 3, 4), (40, 30, 20), (1, 500, 1), (3, 0, 2)])
def test_both_ways_of_multiplying_matrices_agree(shape: tuple[int, int, int]) -> None:
    n, inner, m = shape
    a, b = RNG.normal(size=(n, inner)), RNG.normal(size=(inner, m))
    with KIND.context():
        product = (balls(a) @ balls(b)).balls()[0]
    for i, j in np.ndindex(n, m):
        terms = (Fraction(x) * Fraction(y) for x, y in zip(a[i], b[:, j], strict=True))
        exact = sum(terms, Fraction())
        with flint.ctx.workprec(4000):
            assert product[i, j].contains(flint.fmpq(exact.numerator, exact.denominator))
        assert product[i, j].rad() < 1e-33


@pytest.mark.parametrize("shape", [(31, 61, 70), (70, 61, 31), (60, 80, 61), (31, 61, 31), (61, 61, 61)])
@pytest.mark.parametrize("magnitudes", [0, 60])
def test_products_that_are_filled_up_enclose_the_rational_product(
    shape: tuple[int, int, int], magnitudes: int
) -> None:
    n, inner, m = shape
    random = np.random.default_rng(7)
    a, b = (
        random.normal(size=size) * 10.0 ** random.integers(-magnitudes, magnitudes + 1, size=size)
        for size in ((n, inner), (inner, m))
    )
    with KIND.context():
        product = (balls(a) @ balls(b)).balls()[0]
    assert product.shape == (n, m)
    for i, j in [*random.integers([n, m], size=(8, 2)).tolist(), [n - 1, m - 1]]:
        terms = [Fraction(x) * Fraction(y) for x, y in zip(a[i], b[:, j], strict=True)]
        exact = sum(terms, Fraction())
        with flint.ctx.workprec(4000):
            assert product[i, j].contains(flint.fmpq(exact.numerator, exact.denominator))
        assert float(product[i, j].rad()) < 1e-33 * float(sum(map(abs, terms)))


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(-1e3, 1e3))
@settings(max_examples=100, deadline=None)
def test_difference_bounds_the_rational_distance(claimed: float, x: float) -> None:
    with KIND.context():
        third = balls(x) / 3
        difference = third.difference_from(np.array([claimed]))
    distance = abs(Fraction(x) / 3 - Fraction(claimed))
    assert Fraction(difference.lower.item()) <= distance
    assert np.isinf(difference.upper.item()) or distance <= Fraction(difference.upper.item())
    if x and np.isfinite(difference.relative.item()):
        assert distance <= Fraction(difference.relative.item()) * abs(Fraction(x) / 3)


def test_difference_is_narrow() -> None:
    with KIND.context():
        difference = (balls(1.0) / 3).difference_from(np.array([1 / 3]))
    exact = float(Fraction(1, 3) - Fraction(1 / 3))
    assert difference.lower.item() == pytest.approx(exact, rel=1e-14)
    assert difference.upper.item() == pytest.approx(exact, rel=1e-14)
    assert difference.relative.item() == pytest.approx(3 * exact, rel=1e-14)


def test_difference_of_what_is_not_finite_is_infinite() -> None:
    difference = balls([1.0, 1.0, 0.0, 0.0]).difference_from(np.array([[np.nan, np.inf, 0.0, 1.0]]))
    assert difference.lower.tolist() == [[np.inf, np.inf, 0.0, pytest.approx(1.0)]]
    assert difference.relative.tolist() == [[np.inf, np.inf, 0.0, np.inf]]


def test_accessors() -> None:
    with KIND.context():
        x = balls([1.0, -2.0, 0.0]) / 3
    assert x.values()[0] == pytest.approx([1 / 3, -2 / 3, 0])
    assert np.all((x.radii()[0][:2] > 0) & (x.radii()[0][:2] < 1e-38))
    assert x.radii()[0][2] == 0
    assert np.all((x.digits()[0][:2] > 37) & (x.digits()[0][:2] < 39.5))
    assert np.isinf(x.digits()[0][2])
    assert x.balls()[0, 0].str(10).startswith("[0.3333333333 +/- ")
    assert [ball.contains(each) for ball, each in zip(x.balls()[0], (1 / 3, -2 / 3, 0.0), strict=True)] == [
        False,
        False,
        True,
    ]
    assert balls(0.0, 1.0).digits().item() == 0
    assert balls(np.nan).radii().item() == np.inf


def test_the_precision_is_the_kinds_own_and_the_callers_comes_back() -> None:
    before = flint.ctx.prec
    result = differentiate(lambda _xp, p, _b: p["w"] / 3, {"w": 1.0}, {}, Balls(1000))
    assert flint.ctx.prec == before
    assert result.value.digits().item() > 300


def test_a_changed_rule_runs_in_the_kinds_precision() -> None:
    tape = differentiate(lambda xp, p, _b: xp.exp(p["w"] / 3), {"w": 1.0}, {}, KIND).tape
    changed = tape.backward({tape.edges[-1]: lambda g, y, _x: g * y / 3})["w"]
    assert changed.digits().item() > 36  # type: ignore[attr-defined]


def test_constants_are_exact_doubles_and_integers() -> None:
    assert fraction(KIND.constant(0.1).balls().item()) == Fraction(0.1)
    assert fraction(KIND.constant(3**60).balls().item()) == 3**60


def test_sums_of_nothing_are_zero() -> None:
    empty = balls(np.zeros((0, 3)))
    assert [entry == 0 for entry in empty.sum((-2,)).balls()[0]] == [True] * 3


SIXTY_FOURTHS = st.integers(-192, 192).map(lambda number: number / 64)


@given(SIXTY_FOURTHS, SIXTY_FOURTHS, st.sampled_from([-1, -0.5, 0, 0.25, 1]), st.integers(0, 9))
def test_whole_powers_hold_the_powers_of_all_that_a_ball_holds(
    middle: float, radius: float, part: float, exponent: int
) -> None:
    """Also around 0, where Arb's own power is no number: it goes by the logarithm."""
    inside = Fraction(middle + part * abs(radius))
    base = balls(middle, abs(radius))
    for raised in (base**exponent, base ** KIND.constant(exponent)):
        (ball,) = raised.balls().ravel()
        with flint.ctx.workprec(1000):
            power = arb((inside**exponent).numerator) / arb((inside**exponent).denominator)
            assert ball.contains(power)
        assert ball.rad() <= 2 * (abs(middle) + abs(radius)) ** exponent
