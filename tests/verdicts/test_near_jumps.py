"""Where rounding carries a number over a jump, a program may be on either side; elsewhere it may not."""

import numpy as np
import pytest

import gradproof as gp

JUMPING = {
    "floor": (lambda xp, v: xp.floor(v), np.floor, (0.7, 7.0)),
    "ceil": (lambda xp, v: xp.ceil(v), np.ceil, (0.3, 3.0)),
    "trunc": (lambda xp, v: xp.trunc(v), np.trunc, (-0.7, -7.0)),
    "round": (lambda xp, v: xp.round(v), np.round, (0.05, 0.5)),
    "floor_divide": (lambda xp, v: v // 0.5, lambda v: np.floor_divide(v, np.float32(0.5)), (0.7, 7.0)),
}


def judged(name, factors, weights):
    """Judge the gradient of a sum of jumps of products, as a program in float32 computes it."""
    with_xp, with_numpy, _ = JUMPING[name]

    def loss(xp, p, b):
        return xp.sum(with_xp(xp, p["w"] * b["x"]) * p["w"])

    product = weights * factors
    return gp.judge(loss, {"w": weights}, {"x": factors}, {"w": with_numpy(product)}, dtype="float32")


@pytest.mark.parametrize("name", JUMPING)
def test_a_right_program_on_the_other_side_of_a_jump_is_not_accused(name):
    """Of factors and weights whose products are whole but for rounding, some are rounded over the jump."""
    near, _ = JUMPING[name][2]
    random = np.random.default_rng(3)
    crossed = 0
    for _ in range(12):
        weights = (near * random.uniform(0.5, 2.0, 40)).astype(np.float32)
        jumps = np.rint(weights * 8.0) + (0.5 if name == "round" else 0.0)
        factors = (jumps / weights.astype(np.float64)).astype(np.float32)
        exact = JUMPING[name][1](weights.astype(np.float64) * factors)
        crossed += np.count_nonzero(JUMPING[name][1](weights * factors) != exact)
        assert judged(name, factors, weights).ok, name
    assert crossed > 20


@pytest.mark.parametrize("name", JUMPING)
def test_far_from_a_jump_the_wrong_side_is_wrong(name):
    with_xp = JUMPING[name][0]

    def loss(xp, p, b):
        return xp.sum(with_xp(xp, p["w"] * b["x"]) * p["w"])

    weights, factors = np.array([0.71, 0.33], np.float32), np.array([10.0, 10.0], np.float32)
    right = JUMPING[name][1](weights * factors)
    assert gp.judge(loss, {"w": weights}, {"x": factors}, {"w": right}, dtype="float32").verdict == "AGREES"
    found = gp.judge(loss, {"w": weights}, {"x": factors}, {"w": right + 1}, dtype="float32")
    assert found.verdict == "DISAGREES"


def test_a_remainder_may_be_that_of_either_side():
    def loss(xp, p, b):
        return xp.sum(xp.remainder(p["w"] * b["x"], 1.0) ** 2)

    random = np.random.default_rng(4)
    for _ in range(8):
        weights = random.uniform(0.5, 2.0, 20).astype(np.float32)
        factors = (np.rint(weights * 8) / weights.astype(np.float64)).astype(np.float32)
        remainder = np.remainder(weights * factors, np.float32(1.0))
        given = {"w": 2 * remainder * factors}
        assert gp.judge(loss, {"w": weights}, {"x": factors}, given, dtype="float32").ok
