"""Of one wrong entry a number is named where it is short and a second point confirms it; else it is not."""

import numpy as np
import pytest

import gradproof as gp

RANDOM = np.random.default_rng(5)
BATCH = {"x": RANDOM.normal(size=(7, 3)), "y": (RANDOM.random(7) > 0.5).astype(float)}
PARAMS = {"w": RANDOM.normal(size=3), "b": np.array([0.4])}


def loss(xp, p, b):
    z = b["x"] @ p["w"] + p["b"]
    return xp.mean(xp.nn.softplus(z) - b["y"] * z) + 0.05 * xp.sum(p["w"] ** 2)


def gradient_with(added):
    """The gradient with something added to the bias's."""

    def gradient(p, b):
        slope = (1 / (1 + np.exp(-(b["x"] @ p["w"] + p["b"]))) - b["y"]) / len(b["y"])
        return {"w": b["x"].T @ slope + 0.1 * p["w"], "b": np.reshape(np.sum(slope), (1,)) + added(p["b"])}

    return gradient


NAMED = {
    "decayed": (lambda b: 0.1 * b, "1/10 times the parameter itself added"),
    "a number": (lambda b: 0 * b + 0.25, "1/4 added to each entry"),
}


@pytest.mark.parametrize(("added", "words"), NAMED.values(), ids=NAMED)
def test_a_short_number_is_named_that_is_the_same_at_a_second_point(added, words):
    check = gp.check(loss, gradient_with(added), PARAMS, BATCH, points=0)
    assert check.verdict is gp.Verdict.WRONG
    assert words in check.cause.text


NOT_NAMED = {
    "no multiple": lambda b: 0.1 * b**3,
    "a root": lambda b: 0.1 * np.sqrt(b),
    "no short number": lambda b: 0.1234567 * b,
}


@pytest.mark.parametrize("added", NOT_NAMED.values(), ids=NOT_NAMED)
def test_what_differs_at_a_second_point_is_no_number_nor_is_a_long_one(added):
    check = gp.check(loss, gradient_with(added), PARAMS, BATCH, points=0)
    assert check.verdict is gp.Verdict.WRONG
    assert check.cause is None or "times the parameter" not in check.cause.text


def test_of_numbers_alone_there_is_no_second_point():
    claimed = gradient_with(NAMED["decayed"][0])(PARAMS, BATCH)
    judgement = gp.judge(loss, PARAMS, BATCH, claimed, dtype="float64")
    assert judgement.verdict is gp.Verdict.DISAGREES
    assert judgement.cause is None or "times the parameter" not in judgement.cause.text


def test_a_length_that_divides_once_more_is_named():
    """Matérn's kernel: a = sqrt(3) d / l is derived as if a were sqrt(3) d."""

    def kernel(xp, p, b):
        a = np.sqrt(3.0) * b["d"] / p["l"]
        return xp.sum((p["s"] ** 2 * (1 + a) * xp.exp(-a) - b["y"]) ** 2)

    def gradient(p, b):
        a = np.sqrt(3.0) * b["d"] / p["l"]
        off = 2 * (p["s"] ** 2 * (1 + a) * np.exp(-a) - b["y"])
        return {
            "s": np.sum(off * 2 * p["s"] * (1 + a) * np.exp(-a)),
            "l": np.sum(off * p["s"] ** 2 * a * np.exp(-a) * a / p["l"] ** 2),
        }

    batch = {"d": np.abs(RANDOM.normal(size=6)), "y": RANDOM.normal(size=6)}
    check = gp.check(kernel, gradient, {"l": np.array(0.8), "s": np.array(1.3)}, batch, points=0)
    assert "1/b^3 instead of 1/b^2" in check.cause.text


SHIFTS = {
    "a shift": (lambda xp, x, _: xp.roll(x, 2), lambda g, _: np.roll(g, 2)),
    "an order": (lambda _, x, i: x[i], lambda g, i: g[i]),
}


@pytest.mark.parametrize(("there", "again"), SHIFTS.values(), ids=SHIFTS)
def test_what_is_moved_on_instead_of_back_is_named(there, again):
    order = np.array([2, 0, 3, 1, 4])

    def moved(xp, p, b):
        return xp.sum(xp.tanh(there(xp, p["x"], b["i"])) * b["c"])

    def gradient(p, b):
        return {"x": again(b["c"] * (1 - np.tanh(there(np, p["x"], order)) ** 2), order)}

    params, batch = {"x": RANDOM.normal(size=5)}, {"c": RANDOM.normal(size=5), "i": order}
    check = gp.check(moved, gradient, params, batch, points=0)
    assert "moved on by gather" in check.cause.text
    assert "once more, instead of back to where it came from" in check.cause.text
