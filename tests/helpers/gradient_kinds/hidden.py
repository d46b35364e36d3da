"""Wrong gradients that equal the right ones at data with an accident."""
# ruff: noqa: ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds
from gradient_kinds.order import unique_gradient
from gradient_kinds.values import labelled

HIDDEN = Kinds()
hidden = HIDDEN.add


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
