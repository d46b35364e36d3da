"""Constants of code are doubles, or computed in float64: they explain so much of a difference and no more."""

import math
from itertools import accumulate
from operator import mul

import numpy as np
import pytest

import gradproof as gp
from gradproof import Verdict

RANDOM = np.random.default_rng(5)
X = RANDOM.normal(size=8)
STEPS = np.arange(100)
D = 8
PAIRS = np.arange(D // 2)


def weighed(constants):
    """A loss and its gradient that hold constants of one meaning, computed in two ways."""
    ours, theirs = constants

    def loss(xp, p, _b):
        return xp.sum(p["w"] ** 2 * xp.asarray(ours))

    return loss, lambda p, _b: {"w": 2 * p["w"] * theirs}


def turned(ours, theirs):
    """The same, of constants that are angles."""

    def loss(xp, p, _b):
        return xp.sum(xp.sin(p["w"] * xp.asarray(ours)) * xp.asarray(X[:1]))

    return loss, lambda p, _b: {"w": np.cos(p["w"] * theirs) * theirs * X[:1]}


COMPUTED = {
    "the logarithm of 2": weighed([float(np.log(2.0)), 0.6931471805599453]),
    "log 2 in another way": weighed([float(np.log(2.0)), np.log(20.0) - np.log(10.0)]),
    "1 - 0.9999": weighed([1 - 0.9999, 0.0001]),
    "a long product": weighed([0.97**STEPS, np.array([1.0, *accumulate([0.97] * 99, mul)])]),
    "steps of a grid": weighed([np.diff(np.linspace(0, 1, 101)), np.full(100, 0.01)]),
    "rotary angles": turned(
        np.outer([1.0, 7.0, 100.0], 1 / 10000 ** (2 * PAIRS / D)),
        np.outer([1.0, 7.0, 100.0], np.exp(-2 * PAIRS / D * np.log(1e4))),
    ),
    "a time embedding": turned(100 * np.exp(-math.log(1e4) / 4 * PAIRS), 100 / 10000.0 ** (PAIRS / 4)),
    "thirds": weighed([1 / 3, (0.1 + 0.2 + 0.7) / 3]),
}


def judged(loss, gradient):
    shape = np.shape(gradient({"w": 1.0}, {})["w"])
    params = {"w": np.random.default_rng(0).normal(size=shape)}
    return gp.check(loss, gradient, params, {})


@pytest.mark.parametrize("name", COMPUTED)
def test_what_code_computes_in_float64_is_explained(name: str) -> None:
    check = judged(*COMPUTED[name])
    assert check.verdict is Verdict.EQUAL
    assert check.digits >= 12


CUT = {
    "log 2 to 10 digits": weighed([float(np.log(2.0)), 0.6931471806]),
    "log 3 to 11 digits": weighed([float(np.log(3.0)), 1.0986122887]),
    "the root of 2 / pi to 9 digits": weighed([math.sqrt(2 / math.pi), 0.797884561]),
    "another base": turned(100 / 10000.0 ** (PAIRS / 4), 100 / 10000.00001 ** (PAIRS / 4)),
    "1e-11 too much": weighed([0.1, 0.1 * (1 + 1e-11)]),
}


@pytest.mark.parametrize("name", CUT)
def test_a_constant_that_is_cut_is_wrong(name: str) -> None:
    check = judged(*CUT[name])
    assert check.verdict is Verdict.WRONG


@pytest.mark.parametrize("exponent", [10, 11])
def test_without_a_constant_nothing_is_explained(exponent: int) -> None:
    """A factor that is a short binary fraction is what it is: an error of 2**-43 is proven."""

    def loss(xp, p, b):
        return xp.sum(p["w"] ** 2 * b["x"])

    def gradient(p, b):
        return {"w": (2 + b["little"]) * p["w"] * b["x"]}

    batch = {"x": X, "little": np.array(10.0**-exponent)}
    assert gp.check(loss, gradient, {"w": X}, batch, points=0).verdict is Verdict.WRONG
