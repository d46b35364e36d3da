"""Gradients that are right of sorted times, permutations, unique indices and offsets."""
# ruff: noqa: ARG001, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax

KINDS = Kinds()
kind = KINDS.add


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
