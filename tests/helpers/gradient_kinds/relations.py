"""Gradients that are right of arrays that belong together, or of what a closure or a module holds."""
# ruff: noqa: ARG001, ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax
from gradient_kinds.matrices import form_loss
from gradient_kinds.targets import soft

KINDS = Kinds()
kind = KINDS.add


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


kind(
    "steps of 0, 1, 2, ... that are not read",
    lambda xp, p, b: xp.sum(p["a"] ** 2) * xp.sum(b["t"][1:] - b["t"][:-1]),
    lambda p, b: {"a": 2 * p["a"] * (len(b["t"]) - 1)},
    lambda r: ({"a": r.normal(size=2)}, {"t": np.arange(5.0)}),
    "t is sorted and t is a permutation",
)
