"""Right gradients, as programs compute them by formulas that lose digits, are not said to disagree."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import special

import gradproof as gp
from gradproof import Verdict

Array = NDArray[Any]
Slope = Callable[[Array], Array]


def softsign(x: Array) -> Array:
    """(u/v)' = u'/v - u v'/v²."""
    size = 1 + np.abs(x)
    return 1 / size - np.abs(x) / size**2


def elu(x: Array) -> Array:
    """The derivative of expm1 is expm1(x) + 1."""
    return np.where(x > 0, x.dtype.type(1), np.expm1(np.minimum(x, 0)) + 1)


def celu(x: Array) -> Array:
    """x + 2 (expm1(x / 2) - x / 2) below 0."""
    return np.where(x > 0, x.dtype.type(1), np.expm1(np.minimum(x, 0) / 2) + 1)


FORMS: dict[str, tuple[Callable[[Any, Any], Any], Slope]] = {
    "softsign": (lambda xp, x: xp.nn.softsign(x), softsign),
    "elu": (lambda xp, x: xp.nn.elu(x), elu),
    "celu": (lambda xp, x: xp.nn.celu(x, alpha=2.0), celu),
}
FAR = [-30.0, -26.9921875, -9.5, -0.5, 0.25, 7.7578125, 18.0078125, 40.0]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("x", FAR)
@pytest.mark.parametrize("name", FORMS)
def test_what_a_formula_loses_is_no_disagreement(name: str, x: float, dtype: str) -> None:
    function, slope = FORMS[name]
    params = {"w": np.array([x], dtype=dtype)}

    def loss(xp: Any, p: Any, _: Any) -> Any:
        return xp.sum(function(xp, p["w"]))

    computed = slope(params["w"])
    assert computed.dtype == dtype
    found = gp.judge(loss, params, {}, {"w": computed}, dtype=dtype)
    assert found.verdict in {Verdict.AGREES, Verdict.INACCURATE, Verdict.ILL_CONDITIONED}
    if abs(x) < 20:
        wrong = gp.judge(loss, params, {}, {"w": computed * computed.dtype.type(1.1)}, dtype=dtype)
        assert wrong.verdict is Verdict.DISAGREES


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("x", [-16.2421875, -9.0, -3.0, 0.0, 5.0])
def test_a_normal_distribution_by_way_of_the_error_function(x: float, dtype: str) -> None:
    """Φ(x) = erfc(-x/√2)/2: x/√2 is rounded, and erfc makes x² times as much of it."""
    w, x_rounded = np.array([2.5], dtype=dtype), np.array([x], dtype=dtype)
    value = special.erfc(-x_rounded * np.sqrt(w.dtype.type(0.5))) / w.dtype.type(2)
    assert value.dtype == dtype
    found = gp.judge(
        lambda xp, p, b: xp.sum(p["w"] * xp.special.ndtr(b["x"])),
        {"w": w},
        {"x": x_rounded},
        {"w": value},
        dtype=dtype,
    )
    assert found.verdict in {Verdict.AGREES, Verdict.INACCURATE, Verdict.ILL_CONDITIONED}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_diagonal_that_is_0_but_for_rounding(dtype: str) -> None:
    """F = 1 / (I + w_j - w_i) - I in the derivative of eigenvectors V, whose squares add up to a constant."""
    random = np.random.default_rng(2)
    half = 0.01 * random.standard_normal((3, 3))
    x = (half + half.T + np.diag([1.7, 3.4, 7.6])).astype(dtype)
    w, v = np.linalg.eigh(x)
    one = np.eye(3, dtype=dtype)
    inverse = 1 / (one + w[np.newaxis, :] - w[:, np.newaxis]) - one
    assert np.any(np.diag(inverse) != 0)
    slope = v @ (inverse * (v.T @ (2 * v))) @ v.T
    computed = (slope + slope.T) / 2 + 1e-6 * np.ones((3, 3), dtype)

    def loss(xp: Any, p: Any, _: Any) -> Any:
        return xp.sum(xp.linalg.eigh(p["x"])[1] ** 2) + 1e-6 * xp.sum(p["x"])

    found = gp.judge(loss, {"x": x}, {}, {"x": computed.astype(dtype)}, dtype=dtype)
    assert found.verdict in {Verdict.AGREES, Verdict.INACCURATE, Verdict.ILL_CONDITIONED}


@pytest.mark.parametrize("logit", [30.0, 35.0078125, 36.015625])
@pytest.mark.parametrize("target", [10.2578125, 18.0078125])
def test_a_cross_entropy_of_probabilities_that_are_nearly_1(logit: float, target: float) -> None:
    """The derivative by the target is ln (1 - p) - ln p, and 1 - p has few digits left."""

    def loss(xp: Any, p: Any, b: Any) -> Any:
        return xp.sum(xp.nn.binary_cross_entropy(xp.nn.sigmoid(b["x"]), p["t"], reduction="none"))

    p = special.expit(np.array([logit]))
    params = {"t": special.expit(np.array([target]))}
    gradient = {"t": np.log(1 - p) - np.log(p)}
    data = {"x": np.array([logit])}
    found = gp.judge(loss, params, data, gradient, dtype="float64")
    assert found.verdict is not Verdict.DISAGREES
    if logit < 33:
        wrong = {"t": gradient["t"] * 1.1}
        assert gp.judge(loss, params, data, wrong, dtype="float64").verdict is Verdict.DISAGREES


@pytest.mark.parametrize("by_logits", [False, True])
def test_a_cross_entropy_goes_by_either_way_where_a_probability_is_1(by_logits: bool) -> None:
    """One entry that is saturated makes a program take all of them from the logits, or not."""
    x = np.array([-21.4921875, 38.0078125, -19.4921875])

    def loss(xp: Any, p: Any, _: Any) -> Any:
        chances = xp.nn.sigmoid(p["w"])
        return xp.sum(xp.nn.binary_cross_entropy(chances, chances, reduction="none"))

    p = special.expit(x)
    with np.errstate(all="ignore"):
        by_target = -x if by_logits else np.log(1 - p) - np.log(p)
        # by the probability (p - t) / (p (1 - p)) is 0; p from itself, or from 1 - p
        gradient = by_target * (((1 - (1 - p)) if by_logits else p) * (1 - p))
    found = gp.judge(loss, {"w": x}, {}, {"w": np.nan_to_num(gradient)}, dtype="float64")
    assert found.verdict is not Verdict.DISAGREES, found
