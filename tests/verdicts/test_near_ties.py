"""Where rounding decides a branch, a program may take either: none is accused, and a wrong one still is."""

import numpy as np
import pytest

import gradproof as gp
from gradproof import Verdict

SEEDS = range(8)


def pool(xp, p, b):
    return xp.sum(xp.max(b["x"] @ p["w"], axis=1) * b["k"])


def point(seed, channels, dtype="float64"):
    """Channels whose values are the same but for a unit in the last place of one weight of each."""
    random = np.random.default_rng([seed, channels])
    x, column = random.normal(size=(4, 5)).astype(dtype), random.normal(size=(5, 1)).astype(dtype)
    w = np.repeat(column, channels, axis=1)
    for channel in range(1, channels):
        at = random.integers(5)
        w[at, channel] = np.nextafter(w[at, 0], w.dtype.type(random.choice([-9, 9])))
    return {"w": w}, {"x": x, "k": random.uniform(0.5, 2, size=4).astype(dtype)}


def pooled(choose):
    """The gradient of a program that takes one of the channels that it finds greatest."""

    def gradient(p, b):
        scores = b["x"] @ p["w"]
        mask = np.zeros_like(scores)
        mask[np.arange(len(scores)), choose(scores)] = b["k"]
        return {"w": b["x"].T @ mask}

    return gradient


def almost(scores):
    """The last channel that is within a few units in the last place of the greatest."""
    greatest = scores.max(axis=1, keepdims=True)
    near = scores >= greatest - 2 * np.spacing(np.abs(greatest))
    return scores.shape[1] - 1 - near[:, ::-1].argmax(axis=1)


FIRST = pooled(lambda scores: scores.argmax(axis=1))


@pytest.mark.parametrize("dtype", ["float64", "float32", "float16"])
@pytest.mark.parametrize("channels", [2, 3, 5, 9, 40])
def test_a_program_may_take_any_of_what_is_nearly_tied(channels, dtype):
    for seed in SEEDS:
        params, batch = point(seed, channels, dtype)
        for gradient in (FIRST, pooled(almost)):
            found = gp.judge(pool, params, batch, gradient(params, batch), dtype=dtype)
            assert found.ok, (seed, str(found))


@pytest.mark.parametrize("channels", [2, 3, 9])
def test_a_formula_at_near_ties_is_right_and_passes(channels):
    for seed in SEEDS:
        found = gp.check(pool, FIRST, *point(seed, channels), points=0)
        assert found.verdict in {Verdict.EQUAL, Verdict.KINK}, str(found)  # some are exactly tied


def test_a_branch_of_a_comparison_is_one_of_them():
    """relu(a) - relu(-a) as programs write it: with a mask, at a that rounding may put on either side."""

    def loss(xp, p, b):
        h = b["x"] @ p["w"]
        return xp.sum(xp.where(h > 0, h, 0.1 * h) * b["k"])

    for seed in SEEDS:
        random = np.random.default_rng(seed)
        x, w = random.normal(size=(6, 4)), random.normal(size=(4, 3))
        x -= np.outer(x @ w[:, 0], w[:, 0]) / (w[:, 0] @ w[:, 0])  # orthogonal but for rounding
        params, batch = {"w": w}, {"x": x, "k": random.uniform(0.5, 2, size=(6, 3))}
        h = x @ w
        for mask in (h > 0, h > 1e-12, h > -1e-12):
            given = {"w": x.T @ (np.where(mask, 1.0, 0.1) * batch["k"])}
            assert gp.judge(loss, params, batch, given, dtype="float64").ok


@pytest.mark.parametrize("channels", [2, 9])
def test_what_is_wrong_elsewhere_is_told_beside_near_ties(channels):
    """The weights of the data are no matter of the branch: their gradient has no more noise than before."""

    def loss(xp, p, b):
        return pool(xp, p, b) + xp.sum((p["v"] - b["k"]) ** 2)

    for seed in SEEDS:
        params, batch = point(seed, channels)
        params["v"] = np.ones(4)
        given = {**FIRST(params, batch), "v": 2 * (params["v"] - batch["k"]) * (1 + 1e-13)}
        assert gp.judge(loss, params, batch, given, dtype="float64").verdict is Verdict.DISAGREES
        doubled = {name: 2 * array for name, array in FIRST(params, batch).items()}
        assert gp.check(pool, lambda _p, _b, d=doubled: d, {"w": params["w"]}, batch, points=0).verdict in {
            Verdict.WRONG, Verdict.DISAGREES,
        }  # fmt: skip
