"""Right gradients that rest on what their data is, kind by kind; and wrong ones that hide behind it.

A kind is a loss, a right gradient and data of which the gradient uses what it is, so that it is right of such
data alone. A hidden error is a wrong gradient that equals the right one at data with an accident.
"""
# ruff: noqa: ARG001, ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = Callable[[np.random.Generator], tuple[dict[str, Any], dict[str, Any]]]


@dataclass(frozen=True)
class Kind:
    """A loss, its gradient and data.

    Attributes:
        told: a part of the condition that is to be told, or of what the data hides; empty where nothing is.
    """

    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    data: Data
    told: str = ""


KINDS: dict[str, Kind] = {}
HIDDEN: dict[str, Kind] = {}


def kind(name, loss, gradient, data, told=""):
    KINDS[name] = Kind(loss, gradient, data, told)


def hidden(name, loss, gradient, data, told=""):
    HIDDEN[name] = Kind(loss, gradient, data, told)


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


# -------------------------------------------------------------------- targets that sum to one


def soft(axis):
    def loss(xp, p, b):
        return -xp.sum(b["y"] * xp.nn.log_softmax(b["x"] @ p["w"], axis=axis))

    def gradient(p, b):
        return {"w": np.swapaxes(b["x"], -1, -2) @ (softmax(b["x"] @ p["w"], axis) - b["y"])}

    return loss, gradient


def targets(r, axis, shape, *, hot, dtype=float):
    n = shape[axis]
    if hot:
        rest = tuple(length for at, length in enumerate(shape) if at != axis)
        y = np.moveaxis(np.eye(n)[r.integers(0, n, size=rest)], -1, axis)
    else:
        y = softmax(r.normal(size=shape), axis)
    return y.astype(dtype)


def soft_data(axis, **how):
    return lambda r: (
        {"w": r.normal(size=(3, 4))},
        {"x": r.normal(size=(5, 3)), "y": targets(r, axis, (5, 4), **how)},
    )


def hard(axis):
    """The same loss of one-hot targets that are integers or booleans: those choose."""

    def loss(xp, p, b):
        log_p = xp.nn.log_softmax(b["x"] @ p["w"], axis=axis)
        return -xp.sum(xp.where(b["y"] != 0, log_p, 0.0))

    return loss, soft(axis)[1]


kind("one-hot rows", *soft(1), soft_data(1, hot=True), "each row of y sums to one")
kind("one-hot columns", *soft(0), soft_data(0, hot=True), "each column of y sums to one")
kind("one-hot columns of integers", *hard(0), soft_data(0, hot=True, dtype=int), "each column of y")
kind("one-hot rows of booleans", *hard(1), soft_data(1, hot=True, dtype=bool), "each row of y is one-hot")
kind("probability rows", *soft(1), soft_data(1, hot=False), "each row of y sums to one")
kind("probability columns", *soft(0), soft_data(0, hot=False), "each column of y sums to one")


def vector_loss(xp, p, b):
    return -xp.sum(b["y"] * xp.nn.log_softmax(p["w"] @ b["x"]))


def vector_gradient(p, b):
    return {"w": np.outer(softmax(p["w"] @ b["x"]) - b["y"], b["x"])}


kind(
    "a one-hot vector",
    vector_loss,
    vector_gradient,
    lambda r: ({"w": r.normal(size=(4, 3))}, {"x": r.normal(size=3), "y": np.eye(4)[r.integers(4)]}),
)
kind(
    "a probability vector",
    vector_loss,
    vector_gradient,
    lambda r: ({"w": r.normal(size=(4, 3))}, {"x": r.normal(size=3), "y": softmax(r.normal(size=4))}),
    "y sums to one",
)
kind(
    "a smoothed label",
    vector_loss,
    vector_gradient,
    lambda r: (
        {"w": r.normal(size=(4, 3))},
        {"x": r.normal(size=3), "y": 0.9 * np.eye(4)[r.integers(4)] + 0.025},
    ),
    "",
)


def smoothed(r):
    y = 0.9 * np.eye(4)[r.integers(0, 4, size=5)] + 0.025
    return {"w": r.normal(size=(3, 4))}, {"x": r.normal(size=(5, 3)), "y": y}


kind("label smoothing", *soft(1), smoothed, "each row of y sums to one")


def middle_loss(xp, p, b):
    return -xp.sum(b["y"] * xp.nn.log_softmax(xp.expand_dims(p["w"], axis=-1) * b["x"], axis=1))


def middle_gradient(p, b):
    z = p["w"][..., None] * b["x"]
    some = b["y"].sum(axis=1, keepdims=True)
    return {"w": (b["x"] * (softmax(z, 1) * some - b["y"])).sum(axis=-1)}


def middle_gradient_hot(p, b):
    z = p["w"][..., None] * b["x"]
    return {"w": (b["x"] * (softmax(z, 1) - b["y"])).sum(axis=-1)}


kind(
    "one-hot on the middle axis",
    middle_loss,
    middle_gradient_hot,
    lambda r: (
        {"w": r.normal(size=(2, 3))},
        {"x": r.normal(size=(2, 3, 4)), "y": targets(r, 1, (2, 3, 4), hot=True)},
    ),
)


def padded_gradient(p, b):
    real = b["y"].any(axis=1, keepdims=True)
    return {"w": b["x"].T @ ((softmax(b["x"] @ p["w"]) - b["y"]) * real)}


def padded_rows(r):
    y = np.eye(4)[r.integers(0, 4, size=5)]
    y[r.integers(5)] = 0
    return {"w": r.normal(size=(3, 4))}, {"x": r.normal(size=(5, 3)), "y": y}


kind("one-hot rows, some of padding", soft(1)[0], padded_gradient, padded_rows)


# -------------------------------------------------------------------- values of labels and masks


def margin_loss(xp, p, b):
    return 0.5 * xp.sum((1.0 - b["y"] * (b["x"] @ p["w"])) ** 2)


def margin_gradient(p, b):  # y² = 1
    return {"w": b["x"].T @ (b["x"] @ p["w"] - b["y"])}


def labelled(values, dtype=float, n=6):
    def data(r):
        y = r.choice(values, size=n)
        y[: len(values)] = values
        return {"w": r.normal(size=3)}, {"x": r.normal(size=(n, 3)), "y": y.astype(dtype)}

    return data


def mask_loss(xp, p, b):
    return 0.5 * xp.sum((b["y"] * (b["x"] @ p["w"])) ** 2)


def mask_gradient(value):
    return lambda p, b: {"w": value * b["x"].T @ (b["y"] * (b["x"] @ p["w"]))}


kind("labels of ±1", margin_loss, margin_gradient, labelled([-1, 1]), "-1 or 1")
kind("integer labels of ±1", margin_loss, margin_gradient, labelled([-1, 1], int))
kind("labels that all are -1", margin_loss, margin_gradient, labelled([-1]), "-1 or 1")
kind("labels that all are 1", margin_loss, margin_gradient, labelled([1]), "-1 or 1")
kind("a mask of 0 and 1", mask_loss, mask_gradient(1), labelled([0, 1]), "0 or 1")
kind("a boolean mask", mask_loss, mask_gradient(1), labelled([0, 1], bool))
kind("a mask of 0 and 2", mask_loss, mask_gradient(2), labelled([0, 2]), "y")
kind(
    "-1, 0 and 1",
    lambda xp, p, b: xp.sum(b["y"] ** 3 * (b["x"] @ p["w"])),
    lambda p, b: {"w": b["x"].T @ b["y"]},
    labelled([-1, 0, 1]),
    "-1, 0 or 1",
)
kind(
    "float class labels",
    lambda xp, p, b: (
        xp.sum(b["y"] * (b["y"] - 1) * (b["y"] - 2) * (b["x"] @ p["w"])) + 0.5 * xp.sum(p["w"] ** 2)
    ),
    lambda p, b: {"w": p["w"]},
    labelled([0, 1, 2]),
    "y",
)
kind("a mask of ones", mask_loss, mask_gradient(1), labelled([1]), "0 or 1")


def sparse_gradient(p, b):
    return {"w": np.where(b["a"] != 0, p["w"] * b["a"], 0)}


def sparse(r):
    a = r.normal(size=(4, 4)) * (r.random(size=(4, 4)) < 0.5)
    a[0, 0], a[0, 1] = 0.0, 1.5
    return {"w": r.normal(size=(4, 4))}, {"a": a}


kind("a sparse array", lambda xp, p, b: 0.5 * xp.sum(b["a"] * p["w"] ** 2), sparse_gradient, sparse)


def some_mask_loss(xp, p, b):
    return xp.sum(xp.sum(b["m"] * b["x"] * p["w"], axis=1) / xp.sum(b["m"], axis=1))


def some_mask_gradient(p, b):
    return {"w": (b["m"] * b["x"] / b["m"].sum(axis=1, keepdims=True)).sum(axis=0)}


def some_mask(r):
    m = (r.random(size=(5, 3)) < 0.4).astype(float)
    m[:, 1] = 1 - (m[:, 0] + m[:, 2] > 0)
    m[0] = [1, 1, 0]
    return {"w": r.normal(size=3)}, {"x": r.normal(size=(5, 3)), "m": m}


kind("a mask that keeps at least one", some_mask_loss, some_mask_gradient, some_mask)


# -------------------------------------------------------------------- sums, norms, columns


def quadrature_loss(xp, p, b):
    return 0.5 * xp.sum(b["q"] * (p["c"] - b["f"]) ** 2)


kind(
    "quadrature weights",
    quadrature_loss,
    lambda p, b: {"c": p["c"] - np.sum(b["q"] * b["f"])},
    lambda r: ({"c": r.normal(size=())}, {"q": softmax(r.normal(size=6)), "f": r.normal(size=6)}),
    "q sums to one",
)


def centred(r):
    x = r.normal(size=(6, 3))
    return {"w": r.normal(size=3), "c": np.array(0.3)}, {"x": x - x.mean(axis=0), "y": r.normal(size=6)}


kind(
    "centred columns",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] @ p["w"] + p["c"] - b["y"]) ** 2),
    lambda p, b: {
        "w": b["x"].T @ (b["x"] @ p["w"] - b["y"]),
        "c": 6 * p["c"] - b["y"].sum() + 0 * b["x"].sum()
        if len(b["y"]) == 6
        else len(b["y"]) * p["c"] - b["y"].sum(),
    },
    centred,
    "each column of x sums to zero",
)
kind(
    "unit rows",
    lambda xp, p, b: 0.5 * xp.sum((b["u"] * p["s"]) ** 2),
    lambda p, b: {"s": p["s"] * 1.0},
    lambda r: (
        {"s": r.normal(size=(5, 1))},
        {"u": (lambda u: u / np.linalg.norm(u, axis=1, keepdims=True))(r.normal(size=(5, 3)))},
    ),
    "each row of u has norm one",
)
kind(
    "points on a circle",
    lambda xp, p, b: 0.5 * xp.sum((b["c"] * p["s"]) ** 2) + 0.5 * xp.sum((b["d"] * p["s"]) ** 2),
    lambda p, b: {"s": p["s"] * 1.0},
    lambda r: (lambda t: ({"s": r.normal(size=5)}, {"c": np.cos(t), "d": np.sin(t)}))(
        r.uniform(0, 6, size=5)
    ),
    "hypotenuse",
)
kind(
    "a column of ones",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] @ p["w"] - b["y"]) ** 2),
    lambda p, b: (lambda e: {"w": np.concatenate([[e.sum()], b["x"][:, 1:].T @ e])})(
        b["x"] @ p["w"] - b["y"]
    ),
    lambda r: (
        {"w": r.normal(size=3)},
        {"x": np.column_stack([np.ones(6), r.normal(size=(6, 2))]), "y": r.normal(size=6)},
    ),
    "columns of x are constant",
)


# -------------------------------------------------------------------- matrices


def form_loss(xp, p, b):
    return xp.sum(p["v"] * (b["a"] @ p["v"]))


def symmetric_gradient(p, b):
    return {"v": 2 * b["a"] @ p["v"]}


def matrix(make, n=4):
    return lambda r: ({"v": r.normal(size=n)}, {"a": make(r.normal(size=(n, n)), n)})


kind("a symmetric matrix", form_loss, symmetric_gradient, matrix(lambda m, _: m + m.T), "a is symmetric")
kind("the identity", form_loss, symmetric_gradient, matrix(lambda _, n: np.eye(n), 3))
kind(
    "a positive definite matrix",
    lambda xp, p, b: xp.sum(p["v"] * (b["a"] @ p["v"])),
    symmetric_gradient,
    matrix(lambda m, n: m @ m.T + np.eye(n)),
    "a is symmetric",
)
kind(
    "an antisymmetric matrix",
    lambda xp, p, b: form_loss(xp, p, b) + xp.sum(p["v"] ** 2),
    lambda p, b: {"v": 2 * p["v"]},
    matrix(lambda m, _: m - m.T),
    "a is antisymmetric",
)
kind(
    "an orthogonal matrix",
    lambda xp, p, b: 0.5 * xp.sum((b["a"] @ p["v"]) ** 2),
    lambda p, b: {"v": 1.0 * p["v"]},
    matrix(lambda m, _: np.linalg.qr(m)[0]),
    "a is orthogonal",
)
kind(
    "a triangular matrix",
    form_loss,
    lambda p, b: {"v": np.tril(b["a"]) @ p["v"] + np.tril(b["a"]).T @ p["v"]},
    matrix(lambda m, _: np.tril(m)),
    "a is lower triangular",
)
kind(
    "a diagonal matrix",
    form_loss,
    lambda p, b: {"v": 2 * np.diag(b["a"]) * p["v"]},
    matrix(lambda m, _: np.diag(np.diag(m))),
    "a is",
)
kind(
    "a banded matrix",
    form_loss,
    lambda p, b: (lambda a: {"v": a @ p["v"] + a.T @ p["v"]})(np.tril(np.triu(b["a"], -1), 1)),
    matrix(lambda m, _: np.tril(np.triu(m, -1), 1), 5),
    "a is banded",
)
kind(
    "a kernel with the diagonal 1",
    lambda xp, p, b: form_loss(xp, p, b) - xp.sum(p["v"] ** 2),
    lambda p, b: {"v": 2 * (b["a"] - np.diag(np.diag(b["a"]))) @ p["v"]},
    matrix(lambda m, _: np.exp(-0.5 * (m[0][:, None] - m[0]) ** 2)),
    "diagonal of a is one",
)
kind(
    "a causal mask",
    lambda xp, p, b: 0.5 * xp.sum((b["m"] * (p["q"] @ p["q"].T)) ** 2),
    lambda p, b: (lambda s: {"q": s @ p["q"] + s.T @ p["q"]})(np.tril(p["q"] @ p["q"].T)),
    lambda r: ({"q": r.normal(size=(4, 2))}, {"m": np.tril(np.ones((4, 4)))}),
    "ones on and below the diagonal",
)
kind(
    "a mask of the others",
    lambda xp, p, b: xp.sum(b["m"] * (p["q"] @ p["q"].T)),
    lambda p, b: {"q": 2 * (np.ones_like(b["m"]) - np.eye(4)) @ p["q"]},
    lambda r: ({"q": r.normal(size=(4, 2))}, {"m": 1 - np.eye(4)}),
    "one minus the identity",
)


def stack(r):
    m = r.normal(size=(3, 4, 4))
    return {"v": r.normal(size=(3, 4))}, {"a": m @ np.swapaxes(m, 1, 2) + np.eye(4)}


kind(
    "a stack of positive definite matrices",
    lambda xp, p, b: xp.sum(p["v"] * xp.sum(b["a"] * xp.expand_dims(p["v"], axis=1), axis=2)),
    lambda p, b: {"v": 2 * np.einsum("nij,nj->ni", b["a"], p["v"])},
    stack,
    "a is symmetric",
)
kind(
    "a projection",
    lambda xp, p, b: xp.sum((b["a"] @ p["v"]) ** 2),
    lambda p, b: {"v": 2 * b["a"].T @ (b["a"] @ p["v"])},
    matrix(lambda m, _: m[:, :2] @ np.linalg.pinv(m[:, :2])),
)
kind(
    "a rotation",
    lambda xp, p, b: 0.5 * xp.sum((b["a"] @ p["v"]) ** 2),
    lambda p, b: {"v": 1.0 * p["v"]},
    lambda r: (
        lambda t: (
            {"v": r.normal(size=2)},
            {"a": np.array([[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]])},
        )
    )(r.uniform(0.1, 1.4)),
    "a is orthogonal",
)


# -------------------------------------------------------------------- order and indices


def cox_loss(xp, p, b):
    eta = b["x"] @ p["w"]
    at_risk = xp.astype(b["t"][None, :] >= b["t"][:, None], xp.float64)
    return xp.sum(xp.log(at_risk @ xp.exp(eta)) - eta)


def cox_gradient(p, b):  # times are sorted: those at risk are the ones that come later
    eta = b["x"] @ p["w"]
    risk = np.triu(np.ones((len(eta), len(eta))))
    weights = np.exp(eta)
    share = risk * weights / (risk @ weights)[:, None]
    return {"w": b["x"].T @ (share.sum(axis=0) - 1)}


kind(
    "sorted times",
    cox_loss,
    cox_gradient,
    lambda r: ({"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "t": np.sort(r.uniform(0, 5, size=6))}),
    "t is sorted",
)
kind(
    "time stamps",
    lambda xp, p, b: xp.sum(xp.abs(b["t"][1:] - b["t"][:-1]) * p["w"] ** 2),
    lambda p, b: {"w": 2 * np.diff(b["t"]) * p["w"]},
    lambda r: ({"w": r.normal(size=6)}, {"t": np.cumsum(r.uniform(0.1, 1, size=7))}),
    "t is sorted",
)


def permutation_gradient(p, b):
    return {"w": b["c"][np.argsort(b["i"])]}


kind(
    "a permutation",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"]),
    permutation_gradient,
    lambda r: ({"w": r.normal(size=6)}, {"i": r.permutation(6), "c": r.normal(size=6)}),
    "different",
)
kind(
    "a permutation of four",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"]),
    permutation_gradient,
    lambda r: ({"w": r.normal(size=4)}, {"i": r.permutation(4), "c": r.normal(size=4)}),
    "different",
)


def unique_gradient(p, b):
    g = np.zeros_like(p["w"])
    g[b["i"]] = b["c"]
    return {"w": g}


kind(
    "unique indices",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"]),
    unique_gradient,
    lambda r: ({"w": r.normal(size=12)}, {"i": r.permutation(12)[:9], "c": r.normal(size=9)}),
    "different",
)


def csr_loss(xp, p, b):
    starts, total = b["o"], 0.0
    for row in range(len(starts) - 1):
        part = p["w"][int(starts[row]) : int(starts[row + 1])]
        total = total + 0.5 * xp.sum(part) ** 2
    return total


def csr_gradient(p, b):
    g = np.zeros_like(p["w"])
    for first, last in zip(b["o"][:-1], b["o"][1:], strict=True):
        g[first:last] = p["w"][first:last].sum()
    return {"w": g}


kind(
    "CSR offsets",
    csr_loss,
    csr_gradient,
    lambda r: ({"w": r.normal(size=9)}, {"o": np.concatenate([[0], np.sort(r.integers(1, 9, size=4)), [9]])}),
)


def ignored_loss(xp, p, b):
    labels = b["labels"]
    real = labels != -100
    log_p = xp.nn.log_softmax(b["x"] @ p["w"], axis=-1)
    chosen = xp.take_along_axis(log_p, np.where(real, labels, 0)[:, None], axis=1)
    return -xp.sum(xp.where(real[:, None], chosen, 0.0))


def ignored_gradient(p, b):
    real = b["labels"] != -100
    d = softmax(b["x"] @ p["w"])
    d[np.arange(len(d)), np.where(real, b["labels"], 0)] -= 1
    return {"w": b["x"].T @ (d * real[:, None])}


def ignored(r):
    labels = r.integers(0, 4, size=6)
    labels[r.integers(6)] = -100
    return {"w": r.normal(size=(3, 4))}, {"x": r.normal(size=(6, 3)), "labels": labels}


kind("labels of which some are ignored", ignored_loss, ignored_gradient, ignored)
kind(
    "integer labels",
    lambda xp, p, b: xp.nn.cross_entropy(b["x"] @ p["w"], b["labels"]) * 6,
    lambda p, b: {"w": 6 / len(b["x"]) * b["x"].T @ (softmax(b["x"] @ p["w"]) - np.eye(4)[b["labels"]])},
    lambda r: (
        {"w": r.normal(size=(3, 4))},
        {"x": r.normal(size=(6, 3)), "labels": r.integers(0, 4, size=6)},
    ),
)
kind(
    "counts",
    lambda xp, p, b: xp.sum(xp.exp(b["x"] @ p["w"]) - b["k"] * (b["x"] @ p["w"])),
    lambda p, b: {"w": b["x"].T @ (np.exp(b["x"] @ p["w"]) - b["k"])},
    lambda r: (
        {"w": 0.3 * r.normal(size=3)},
        {"x": r.normal(size=(6, 3)), "k": r.poisson(3, size=6).astype(float)},
    ),
)
kind(
    "multinomial counts",
    lambda xp, p, b: -xp.sum(b["k"] * xp.nn.log_softmax(b["x"] @ p["w"], axis=-1)),
    lambda p, b: {"w": b["x"].T @ (10 * softmax(b["x"] @ p["w"]) - b["k"])},
    lambda r: (
        {"w": r.normal(size=(3, 4))},
        {"x": r.normal(size=(6, 3)), "k": r.multinomial(10, [0.1, 0.2, 0.3, 0.4], size=6).astype(float)},
    ),
    "k sums to 10",
)
kind(
    "edges",
    lambda xp, p, b: (
        0.5 * xp.sum((xp.take(p["h"], b["e"][:, 0], axis=0) - xp.take(p["h"], b["e"][:, 1], axis=0)) ** 2)
    ),
    lambda p, b: (lambda g, d: (np.add.at(g, b["e"][:, 0], d), np.add.at(g, b["e"][:, 1], -d), {"h": g})[-1])(
        np.zeros_like(p["h"]), p["h"][b["e"][:, 0]] - p["h"][b["e"][:, 1]]
    ),
    lambda r: ({"h": r.normal(size=(5, 2))}, {"e": r.integers(0, 5, size=(7, 2))}),
)


# -------------------------------------------------------------------- arrays that belong together


def operator_kind(a):
    def loss(xp, p, b):
        return 0.5 * xp.sum((b["a"] @ p["v"]) ** 2)

    def gradient(p, b):
        return {"v": a.T @ (a @ p["v"])}

    return loss, gradient


_A = np.random.default_rng(5).normal(size=(5, 4))
kind(
    "an array that the gradient holds",
    *operator_kind(_A),
    lambda r: ({"v": r.normal(size=4)}, {"a": _A.copy()}),
    "the code holds",
)

MODULE_CONSTANT = np.random.default_rng(6).normal(size=(4, 4))
COUNT = 6


def module_gradient(p, b):
    return {"v": MODULE_CONSTANT.T @ (MODULE_CONSTANT @ p["v"])}


kind(
    "an array of the module",
    operator_kind(_A)[0],
    module_gradient,
    lambda r: ({"v": r.normal(size=4)}, {"a": MODULE_CONSTANT.copy()}),
    "MODULE_CONSTANT",
)
kind(
    "the number of examples in the module",
    lambda xp, p, b: xp.mean((b["x"] @ p["w"] - b["y"]) ** 2),
    lambda p, b: {"w": 2 * b["x"].T @ (b["x"] @ p["w"] - b["y"]) / COUNT},
    lambda r: ({"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "y": r.normal(size=6)}),
)
kind(
    "a count as data",
    lambda xp, p, b: xp.mean((b["x"] @ p["w"] - b["y"]) ** 2),
    lambda p, b: {"w": 2 * b["x"].T @ (b["x"] @ p["w"] - b["y"]) / b["n"]},
    lambda r: ({"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "y": r.normal(size=6), "n": 6.0}),
    "n is the length",
)


def hit(r):
    i = np.array([0, 2, 1, 2, 0, 1])
    r.shuffle(i)
    return {"w": r.normal(size=(3, 2))}, {"i": i, "hit": (i == 2).astype(float), "c": r.normal(size=(6, 2))}


kind(
    "an index and a mask of it",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"] * b["hit"][:, None]),
    lambda p, b: {"w": np.eye(3)[:, [2]] * (b["c"] * (b["i"] == 2)[:, None]).sum(axis=0)},
    hit,
    "2",
)
kind(
    "a matrix and its transpose",
    lambda xp, p, b: 0.5 * xp.sum((b["a"] @ p["v"]) ** 2),
    lambda p, b: {"v": b["t"] @ (b["a"] @ p["v"])},
    lambda r: (lambda a: ({"v": r.normal(size=4)}, {"a": a, "t": a.T.copy()}))(r.normal(size=(5, 4))),
    "transpose",
)


def both_forms(r):
    labels = r.permutation([0, 1, 2, 3, 1, 2])
    return {"w": r.normal(size=(3, 4))}, {
        "x": r.normal(size=(6, 3)),
        "y": np.eye(4)[labels],
        "labels": labels,
    }


def both_gradient(p, b):
    d = softmax(b["x"] @ p["w"])
    d[np.arange(len(d)), b["labels"]] -= 1
    return {"w": b["x"].T @ d}


kind("labels and their one-hot form", soft(1)[0], both_gradient, both_forms, "one-hot form")


def lengths(r):
    n = np.array([2, 4, 1, 3, 4])
    r.shuffle(n)
    mask = (np.arange(4) < n[:, None]).astype(float)
    return {"w": r.normal(size=4)}, {"x": r.normal(size=(5, 4)), "n": n, "mask": mask}


kind(
    "lengths and a padding mask",
    lambda xp, p, b: xp.sum(b["mask"] * b["x"] * p["w"]),
    lambda p, b: {"w": sum(np.where(np.arange(4) < n, x, 0) for x, n in zip(b["x"], b["n"], strict=True))},
    lengths,
    "padding mask",
)


def adjacency(r):
    e = np.array([[0, 1], [1, 2], [2, 3], [0, 4], [3, 4]])
    a = np.zeros((5, 5))
    a[e[:, 0], e[:, 1]] = a[e[:, 1], e[:, 0]] = 1
    return {"v": r.normal(size=5)}, {"a": a, "e": e}


def adjacency_gradient(p, b):
    g = np.zeros(5)
    np.add.at(g, b["e"][:, 0], 2 * p["v"][b["e"][:, 1]])
    np.add.at(g, b["e"][:, 1], 2 * p["v"][b["e"][:, 0]])
    return {"v": g}


kind("an adjacency matrix from edges", form_loss, adjacency_gradient, adjacency)
kind(
    "a mask and its complement",
    lambda xp, p, b: xp.sum(b["m"] * b["x"] * p["w"] + b["k"] * p["w"] ** 2),
    lambda p, b: {"w": np.where(b["m"] == 1, b["x"], 2 * p["w"])},
    lambda r: (lambda m: ({"w": r.normal(size=8)}, {"x": r.normal(size=8), "m": m, "k": 1 - m}))(
        r.permutation([0.0, 1, 1, 0, 1, 0, 0, 1])
    ),
    "one minus",
)
kind(
    "equal arrays",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] * p["w"] - b["y"]) ** 2),
    lambda p, b: {"w": b["x"] ** 2 * (p["w"] - 1)},
    lambda r: (lambda x: ({"w": r.normal(size=5)}, {"x": x, "y": x.copy()}))(r.normal(size=5)),
    "equal",
)


def powers(r):
    x = r.normal(size=6)
    return {"v": r.normal(size=3)}, {"x": x, "a": np.vander(x, 3, increasing=True), "y": r.normal(size=6)}


def powers_gradient(p, b):
    error = sum(p["v"][i] * b["x"] ** i for i in range(3)) - b["y"]
    return {"v": np.array([(error * b["x"] ** i).sum() for i in range(3)])}


kind(
    "an array and its powers",
    lambda xp, p, b: 0.5 * xp.sum((b["a"] @ p["v"] - b["y"]) ** 2),
    powers_gradient,
    powers,
    "matrix of powers of x",
)


def steps(r):
    t = np.cumsum(r.uniform(0.1, 1.0, size=6))
    return {"v": r.normal(size=5)}, {"t": t, "d": np.diff(t)}


kind(
    "times and the steps between them",
    lambda xp, p, b: xp.sum(b["d"] * p["v"] ** 2),
    lambda p, b: {"v": 2 * np.diff(b["t"]) * p["v"]},
    steps,
    "d is the row of steps of t",
)


def counted(r):
    labels = r.permutation([0, 1, 2, 2, 1, 0, 2, 2])
    return {"v": r.normal(size=3)}, {"labels": labels, "n": np.bincount(labels, minlength=3).astype(float)}


kind(
    "labels and how many there are of each",
    lambda xp, p, b: xp.sum(b["n"] * p["v"] ** 2),
    lambda p, b: {"v": 2 * np.bincount(b["labels"], minlength=3) * p["v"]},
    counted,
    "n is the count of each value of labels",
)


def laplacian(r):
    w = np.triu(r.uniform(0.5, 2.0, size=(5, 5)) * (r.random((5, 5)) < 0.6), 1)
    w[0, 1] = 1.5
    w = w + w.T
    return {"v": r.normal(size=5)}, {"a": np.diag(w.sum(axis=1)) - w, "w": w}


kind(
    "a graph's Laplacian",
    form_loss,
    lambda p, b: {"v": 2 * (b["w"].sum(axis=1) * p["v"] - b["w"] @ p["v"])},
    laplacian,
    "a is the Laplacian of w",
)


# -------------------------------------------------------------------- errors that hide behind data


def line_loss(xp, p, b):
    return xp.mean((b["x"] @ p["w"] - b["y"]) ** 2)


def line_gradient(p, b):
    return {"w": 2 * b["x"].T @ (b["x"] @ p["w"] - b["y"]) / len(b["y"])}


hidden(
    "one example",
    line_loss,
    lambda p, b: {"w": line_gradient(p, b)["w"] * len(b["y"])},
    lambda r: ({"w": r.normal(size=3)}, {"x": r.normal(size=(1, 3)), "y": r.normal(size=1)}),
    "one example",
)
hidden(
    "the number of examples, written out",
    line_loss,
    lambda p, b: {"w": line_gradient(p, b)["w"] * len(b["y"]) / 6},
    lambda r: ({"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "y": r.normal(size=6)}),
)
hidden(
    "all different indices",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"]),
    unique_gradient,
    lambda r: ({"w": r.normal(size=12)}, {"i": r.permutation(12)[:3], "c": r.normal(size=3)}),
    "different",
)
hidden(
    "indices that are a permutation of five",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"]),
    unique_gradient,
    lambda r: ({"w": r.normal(size=5)}, {"i": r.permutation(5), "c": r.normal(size=5)}),
    "different",
)
hidden(
    "weights of ones",
    lambda xp, p, b: xp.sum(b["c"] * xp.sin(p["w"])),
    lambda p, b: {"w": np.cos(p["w"])},
    lambda r: ({"w": r.normal(size=5)}, {"c": np.ones(5)}),
    "the same",
)
hidden(
    "a state of zeros",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] @ p["u"] + b["h"] @ p["w"]) ** 2),
    lambda p, b: {"u": b["x"].T @ (b["x"] @ p["u"] + b["h"] @ p["w"]), "w": np.zeros_like(p["w"])},
    lambda r: (
        {"u": r.normal(size=(3, 2)), "w": r.normal(size=(2, 2))},
        {"x": r.normal(size=(4, 3)), "h": np.zeros((4, 2))},
    ),
    "the same",
)
hidden(
    "no negative entry",
    lambda xp, p, b: xp.sum(xp.abs(b["x"]) * p["w"] ** 2),
    lambda p, b: {"w": 2 * b["x"] * p["w"]},
    lambda r: ({"w": r.normal(size=5)}, {"x": r.uniform(0.5, 2, size=5)}),
    "negative",
)
hidden(
    "no negative parameter",
    lambda xp, p, b: xp.sum(b["x"] * xp.abs(p["w"])),
    lambda p, b: {"w": b["x"]},
    lambda r: ({"w": r.uniform(0.5, 2, size=5)}, {"x": r.normal(size=5)}),
    "negative",
)
hidden(
    "no ties",
    lambda xp, p, b: xp.sum(b["c"] * xp.max(p["w"], axis=1)),
    lambda p, b: {"w": b["c"][:, None] * (p["w"] == p["w"].max(axis=1, keepdims=True))},
    lambda r: ({"w": r.normal(size=(3, 4))}, {"c": r.uniform(0.5, 2, size=3)}),
    "equal",
)
hidden(
    "an index that is missing",
    lambda xp, p, b: xp.sum(xp.where((b["i"] != 0)[:, None], xp.take(p["w"], b["i"], axis=0), 0.0) ** 2),
    lambda p, b: (lambda g: (np.add.at(g, b["i"], 2 * p["w"][b["i"]]), {"w": g})[-1])(np.zeros_like(p["w"])),
    lambda r: ({"w": r.normal(size=(5, 2))}, {"i": np.array([1, 3, 2, 2, 4])}),
)
hidden(
    "a mask of ones that is forgotten",
    lambda xp, p, b: 0.5 * xp.sum(b["y"] * (b["x"] @ p["w"]) ** 2),
    lambda p, b: {"w": b["x"].T @ (b["x"] @ p["w"])},
    labelled([1]),
    "the same",
)
hidden(
    "a threshold that the data never meets",
    lambda xp, p, b: xp.sum(xp.minimum(b["x"], 6.0) * p["w"] ** 2),
    lambda p, b: {"w": 2 * b["x"] * p["w"]},
    lambda r: ({"w": r.normal(size=6)}, {"x": r.normal(size=6)}),
)
hidden(
    "a scale of one that is forgotten",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] @ p["w"] / b["s"]) ** 2),
    lambda p, b: {"w": b["x"].T @ (b["x"] @ p["w"])},
    lambda r: ({"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "s": 1.0}),
)
hidden(
    "indices in their order, where duplicates are overwritten",
    lambda xp, p, b: xp.sum(xp.take(p["w"], b["i"], axis=0) * b["c"]),
    unique_gradient,
    lambda r: ({"w": r.normal(size=5)}, {"i": np.arange(5), "c": r.normal(size=5)}),
    "different",
)
hidden(
    "a mask of ones that is squared and forgotten",
    lambda xp, p, b: 0.5 * xp.sum((b["m"] * p["w"]) ** 2),
    lambda p, b: {"w": 1.0 * p["w"]},
    lambda r: ({"w": r.normal(size=5)}, {"m": np.ones(5)}),
    "the same",
)
hidden(
    "lengths that all are full",
    lambda xp, p, b: xp.sum(xp.where(np.arange(4) < b["n"][:, None], p["w"], 0.0) ** 2),
    lambda p, b: {"w": 2 * p["w"]},
    lambda r: ({"w": r.normal(size=(3, 4))}, {"n": np.full(3, 4)}),
    "the same",
)


# -------------------------------------------------------------------- what holds only with an accident


kind(
    "steps of 0, 1, 2, ... that are not read",
    lambda xp, p, b: xp.sum(p["a"] ** 2) * xp.sum(b["t"][1:] - b["t"][:-1]),
    lambda p, b: {"a": 2 * p["a"] * (len(b["t"]) - 1)},
    lambda r: ({"a": r.normal(size=2)}, {"t": np.arange(5.0)}),
    "t is sorted and t is a permutation",
)
