"""Gradients that are right of weights with a sum, rows of length one and centred columns."""
# ruff: noqa: ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax

KINDS = Kinds()
kind = KINDS.add


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
