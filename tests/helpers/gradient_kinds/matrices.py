"""Gradients that are right of symmetric, orthogonal, triangular and other matrices."""
# ruff: noqa: ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds

KINDS = Kinds()
kind = KINDS.add


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
