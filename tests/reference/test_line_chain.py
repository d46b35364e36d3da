"""The line and the chain of three neurons: gradients by the complex step, the closed form exactly."""

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from mpmath import mp

from gradproof.errors import InputError
from gradproof.reference import chain, line

EPSILON = np.finfo(np.float64).eps

# None so near 0 that its product with the complex step of 1e-100 underflows.
numbers = st.integers(-4096, 4096).map(lambda number: number / 1024)


@st.composite
def points(draw: st.DrawFn) -> tuple[Any, Any]:
    examples = draw(st.integers(1, 8))
    column = st.lists(numbers, min_size=examples, max_size=examples)
    return np.array(draw(column)), np.array(draw(column))


def complex_step(loss: Callable[[dict[str, Any]], Any], params: dict[str, float]) -> dict[str, float]:
    """Im L(w + ih) / h (Squire and Trapp, SIAM Review 40, 1998): nothing cancels."""
    return {
        name: complex(loss({**params, name: value + 1e-100j})).imag / 1e-100 for name, value in params.items()
    }


@given(data=points(), m=numbers, c=numbers)
def test_line_gradient_equals_the_complex_step(data: tuple[Any, Any], m: float, c: float) -> None:
    x, y = data
    exact = complex_step(lambda w: np.sum((w["m"] * x + w["c"] - y) ** 2), {"m": m, "c": c})
    cost, gradient = line.value_and_gradient({"m": np.array(m), "c": np.array(c)}, {"x": x, "y": y})
    assert cost == pytest.approx(np.sum((m * x + c - y) ** 2), rel=1e-13, abs=1e-13)
    terms = np.abs(m * x) + np.abs(c) + np.abs(y)
    for name, scale in (("m", np.sum(terms * np.abs(x))), ("c", np.sum(terms))):
        assert gradient[name].shape == ()
        assert abs(gradient[name] - exact[name]) <= 32 * EPSILON * scale


def chain_cost(w: dict[str, Any], batch: dict[str, Any]) -> Any:
    a1 = 1 / (1 + np.exp(-(w["w1"] * batch["a0"] + w["b1"])))
    a2 = 1 / (1 + np.exp(-(w["w2"] * a1 + w["b2"])))
    return np.mean((a2 - batch["d"]) ** 2)


@given(data=points(), weights=st.tuples(numbers, numbers, numbers, numbers))
def test_chain_gradient_equals_the_complex_step(data: tuple[Any, Any], weights: tuple[float, ...]) -> None:
    batch = {"a0": data[0], "d": data[1]}
    params = dict(zip(("w1", "b1", "w2", "b2"), weights, strict=True))
    exact = complex_step(lambda w: chain_cost(w, batch), params)
    arrays = {name: np.array(value) for name, value in params.items()}
    cost, gradient = chain.value_and_gradient(arrays, batch)
    assert list(gradient) == list(params)
    assert cost == pytest.approx(chain_cost(params, batch), rel=1e-13)
    # No factor of the gradient is larger than |a2 - d| · |w2| · |a0| · 2 <= 5 · 4 · 4 · 2.
    assert all(abs(gradient[name] - exact[name]) <= 160 * EPSILON * 4 for name in params)


@pytest.mark.parametrize("name", ["w1", "b1", "w2", "b2"])
def test_a_wrong_chain_derivative_is_far_from_the_complex_step(name: str) -> None:
    """The limit above is small beside the derivatives themselves."""
    params = {"w1": 0.6, "b1": -0.3, "w2": 0.9, "b2": 0.1}
    batch = {"a0": np.array([0.0, 0.5, 1.0]), "d": np.array([0.9, 0.6, 0.1])}
    exact = complex_step(lambda w: chain_cost(w, batch), params)
    assert abs(exact[name] * (2.001 / 2 - 1)) > 1e6 * 160 * EPSILON * 4


def test_chain_prediction_is_the_second_sigmoid() -> None:
    params = {"w1": 2.0, "b1": -1.0, "w2": 3.0, "b2": 0.5}
    with mp.workdps(30):
        a1 = 1 / (1 + mp.exp(-(2 * mp.mpf("0.75") - 1)))
        a2 = 1 / (1 + mp.exp(-(3 * a1 + mp.mpf("0.5"))))
    computed = chain.predict({n: np.array(v) for n, v in params.items()}, {"a0": np.array([0.75])})
    assert abs(computed[0] - float(a2)) <= 4 * EPSILON


whole_points = st.lists(
    st.tuples(st.integers(-50, 50), st.integers(-50, 50)), min_size=2, max_size=12
).filter(lambda pairs: len({x for x, _ in pairs}) > 1)


def exact_line(pairs: list[tuple[int, int]]) -> tuple[Fraction, Fraction]:
    """The normal equations, solved by Cramer's rule in exact fractions."""
    n = len(pairs)
    sx, sy = sum(x for x, _ in pairs), sum(y for _, y in pairs)
    sxx, sxy = sum(x * x for x, _ in pairs), sum(x * y for x, y in pairs)
    determinant = n * sxx - sx * sx
    return Fraction(n * sxy - sx * sy, determinant), Fraction(sxx * sy - sx * sxy, determinant)


@given(pairs=whole_points)
def test_least_squares_is_the_exact_solution(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    slope, intercept = exact_line(pairs)
    m, c = line.least_squares(x, y)
    # Rounding the means moves each deviation by an ulp of 50 at most; the sums amplify that by no more
    # than the ratio of Σ |x||y| to the spread of x.
    amplified = len(pairs) * 50 * 50 / float(np.sum((x - x.mean()) ** 2))
    limit = 8 * EPSILON * len(pairs) * (1 + amplified)
    assert abs(m - float(slope)) <= limit
    assert abs(c - float(intercept)) <= limit * 51


@given(pairs=whole_points)
def test_least_squares_is_numpys(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(column, dtype=float) for column in zip(*pairs, strict=True))
    design = np.stack([x, np.ones_like(x)], axis=1)
    assume(np.linalg.cond(design) < 1e3)
    (m, c), *_ = np.linalg.lstsq(design, y)
    assert line.least_squares(x, y) == (pytest.approx(m, abs=1e-10), pytest.approx(c, abs=1e-10))


def test_both_derivatives_vanish_at_the_closed_form() -> None:
    x, y = np.array([0.5, 1.0, 2.5, 4.0]), np.array([1.0, -2.0, 3.0, 0.25])
    m, c = line.least_squares(x, y)
    gradient = line.gradient({"m": np.array(m), "c": np.array(c)}, {"x": x, "y": y})
    assert abs(gradient["m"]) <= 64 * EPSILON * np.sum(np.abs(x * y))
    assert abs(gradient["c"]) <= 64 * EPSILON * np.sum(np.abs(y))


@pytest.mark.parametrize("x", [[1.0], [2.0, 2.0, 2.0]])
def test_points_above_one_another_have_no_best_line(x: list[float]) -> None:
    with pytest.raises(InputError, match=r"All x are equal.*two different x"):
        line.least_squares(np.array(x), np.arange(len(x), dtype=float))
