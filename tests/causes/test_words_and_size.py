"""What is left out is called what it is, normalisations are known, and a large loss is searched in time."""

import time

import numpy as np
import pytest
from certified_gradients import certified

import gradproof as gp
from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.tape import differentiate
from gradproof.verdicts.causes import search_cause
from gradproof.verdicts.causes.search.recognition import standardised

R = np.random.default_rng(12)

# ------------------------------------------------------------------------ the factor by its name

LEFT_OUT = {
    "sigmoid": "the factor y (1 - y) of sigmoid",
    "tanh": "the factor 1 - y^2 of tanh",
    "relu": "the mask x > 0 of relu",
    "exp": "the factor y of exp",
    "log": "the factor 1 / x of log",
    "sqrt": "the factor 1 / (2 y) of sqrt",
    "square": "the factor 2 x of square",
    "softplus": "the factor sigmoid(x) of softplus",
    "silu": "the factor sigmoid(x) (1 + x - y) of silu",
    "gelu": "the factor Phi(x) + x phi(x) of gelu",
    "abs": "the factor sign(x) of abs",
}


@pytest.mark.parametrize("name", LEFT_OUT)
def test_what_is_left_out_is_called_what_it_is(name):
    shift = 0.8 if name in {"relu", "abs"} else 0.0

    def loss(xp, p, b):
        function = getattr(xp.nn, name, None) or getattr(xp, name)
        return xp.sum(b["c"] * function(p["w"] - shift))

    weights, batch = {"w": np.array([0.3, 0.7, 1.4, 0.9])}, {"c": np.arange(1.0, 5.0)}
    cause = gp.check(loss, lambda p, b: {"w": b["c"] + 0 * p["w"]}, weights, batch, points=0).cause
    assert cause.kind == "derivative-left-out"
    assert f"{LEFT_OUT[name]} (" in cause.text
    assert " left out" in cause.text


# ------------------------------------------------------------------------ normalisations that are written out


def centred(xp, x, axis):
    return x - xp.mean(x, axis=axis, keepdims=True)


NORMALISED = {
    "by a root": lambda xp, x: (
        centred(xp, x, -1) / xp.sqrt(xp.mean(centred(xp, x, -1) ** 2, axis=-1, keepdims=True) + 1e-3)
    ),
    "by a power": lambda xp, x: centred(xp, x, 0) * (xp.var(x, axis=0, keepdims=True) + 1e-3) ** -0.5,
    "by std": lambda xp, x: centred(xp, x, 0) / xp.std(x, axis=0, keepdims=True),
}


@pytest.mark.parametrize("name", NORMALISED)
def test_a_normalisation_that_is_written_out_is_known(name):
    def loss(xp, p, b):
        return xp.sum(b["c"] * NORMALISED[name](xp, p["x"]) ** 3)

    arrays = {"x": R.normal(size=(4, 3))}, {"c": R.normal(size=(4, 3))}
    views = standardised(*(differentiate(loss, *arrays, kind).tape for kind in (Plain(), Balls(192))))
    assert views is not None
    assert [node.name for node in views.plain.nodes if node.composite].count("standardize") == 1


def test_deviations_over_something_else_are_no_normalisation():
    def loss(xp, p, b):
        return xp.sum(b["c"] * centred(xp, p["x"], 0) / xp.exp(xp.mean(p["x"])))

    arrays = {"x": R.normal(size=(4, 3))}, {"c": R.normal(size=(4, 3))}
    assert standardised(*(differentiate(loss, *arrays, kind).tape for kind in (Plain(), Balls(192)))) is None


# ------------------------------------------------------------------------ sums that take the greatest term


def test_a_sum_that_counts_what_is_not_zero_once_is_named():
    others = 1.0 - np.eye(4)[[1, 3, 0, 0, 2]]

    def loss(xp, p, b):
        s = b["x"] @ p["w"]
        right = xp.sum(s * (1.0 - b["others"]), axis=1, keepdims=True)
        return xp.sum(xp.maximum(s - right + 1.0, 0.0) * b["others"])

    def gradient(p, b):
        s = b["x"] @ p["w"]
        mine = 1.0 - b["others"]
        margin = s - (s * mine).sum(1, keepdims=True) + 1.0
        active = np.where(margin > 0, 1.0, 0.0) * b["others"]
        return {"w": b["x"].T @ (active - active.max(1, keepdims=True) * mine)}

    cause = gp.check(
        loss, gradient, {"w": R.normal(size=(3, 4))}, {"x": R.normal(size=(5, 3)), "others": others}, points=0
    ).cause
    assert cause.kind == "sum-left-out"
    assert "only the greatest term of the sum over axis 1" in cause.text


# ------------------------------------------------------------------------ size


def deep(function):
    """A residual network of many layers: of 40, more than 300 operations."""

    def loss(xp, p, b):
        h = b["x"]
        for layer in range(40):
            z = h @ p[f"w{layer}"]
            h = h + 0.1 * function(xp, z)
            h = h - 0.01 * xp.sin(h + p[f"b{layer}"])
        return xp.mean((h - b["y"]) ** 2)

    return loss


@pytest.mark.slow
def test_a_function_that_is_wrong_in_every_layer_of_a_large_loss_is_named():
    names = [f"{kind}{layer}" for layer in range(40) for kind in "wb"]
    params = {name: R.normal(size=(6, 6) if name[0] == "w" else 6) * 0.5 for name in names}
    batch = {"x": R.normal(size=(8, 6)), "y": R.normal(size=(8, 6))}

    def gradient(p, b):
        h, kept = b["x"], []
        for layer in range(40):
            t = np.tanh(h @ p[f"w{layer}"])
            between = h + 0.1 * t
            cosine = np.cos(between + p[f"b{layer}"])
            kept.append((h, t, cosine))
            h = between - 0.01 * np.sin(between + p[f"b{layer}"])
        g, back = {}, 2 * (h - b["y"]) / h.size
        for layer in reversed(range(40)):
            h, t, cosine = kept[layer]
            g[f"b{layer}"] = (-0.01 * back * cosine).sum(0)
            back = back - 0.01 * back * cosine
            inner = 0.1 * back * (1 - t)
            g[f"w{layer}"] = h.T @ inner
            back = back + inner @ p[f"w{layer}"].T
        return g

    claimed = certified(gradient, params, batch)
    start = time.process_time()
    search = search_cause(deep(lambda xp, z: xp.tanh(z)), params, batch, claimed)
    assert search.cause is not None
    assert "1 - y" in search.cause.text
    assert "each of 40 operations tanh" in search.cause.text
    assert len(search.cause.parameters) > 70
    assert time.process_time() - start < 10
