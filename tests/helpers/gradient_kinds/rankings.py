"""Right gradients of losses of survival, ranking and similarity."""
# ruff: noqa: PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax
from gradient_kinds.scores import binary, linear, positive, scores, sigmoid, with_rows

KINDS = Kinds()
kind = KINDS.add


def cox_loss(xp, z, b):
    total = 0.0
    for i in range(len(b["t"])):
        total = total + b["d"][i] * (xp.nn.logsumexp(z[i:], axis=0) - z[i])
    return total


def cox_slope(z, b):
    at_risk = np.cumsum(np.exp(z)[::-1])[::-1]
    return np.exp(z) * np.cumsum(b["d"] / at_risk) - b["d"]


kind(
    "Cox's partial likelihood",
    scores(cox_loss),
    linear(cox_slope),
    with_rows(t=lambda r: np.sort(positive(r)), d=binary),
)


def cox_by_risk(xp, z, b):
    risk = xp.sum(xp.where(b["t"][None, :] >= b["t"][:, None], 1.0, 0.0) * xp.exp(z)[None, :], axis=1)
    return xp.sum(b["d"] * (xp.log(risk) - z))


kind(
    "Cox's partial likelihood of sorted times",
    scores(cox_by_risk),
    linear(cox_slope),
    with_rows(t=lambda r: np.sort(positive(r)), d=binary),
    "sorted",
)
kind(
    "Weibull survival with censoring",
    lambda xp, p, b: (
        xp.sum((b["t"] * xp.exp(b["x"] @ p["w"])) ** 1.5)
        - xp.sum(b["d"] * (1.5 * (b["x"] @ p["w"]) + 0.5 * xp.log(b["t"])))
    ),
    linear(lambda z, b: 1.5 * (b["t"] * np.exp(z)) ** 1.5 - 1.5 * b["d"]),
    with_rows(t=positive, d=binary),
)


def pairs_loss(xp, p, b):
    z = b["x"] @ p["w"]
    return xp.sum(xp.nn.softplus(xp.take(z, b["bad"], axis=0) - xp.take(z, b["good"], axis=0)))


def pairs_gradient(p, b):
    z = b["x"] @ p["w"]
    s = sigmoid(z[b["bad"]] - z[b["good"]])
    g = np.zeros(len(z))
    np.add.at(g, b["bad"], s)
    np.add.at(g, b["good"], -s)
    return {"w": b["x"].T @ g}


kind(
    "pairs of a better and a worse one",
    pairs_loss,
    pairs_gradient,
    with_rows(good=lambda r: r.integers(0, 6, size=5), bad=lambda r: r.integers(0, 6, size=5)),
)


def lists_slope(z, b):
    """Give softmax minus the shares of the relevances."""
    return softmax(z) - b["rel"] / b["rel"].sum()


kind(
    "lists of relevances",
    scores(lambda xp, z, b: -xp.sum(b["q"] * xp.nn.log_softmax(z, axis=0))),
    linear(lists_slope),
    lambda r: (
        lambda rel: ({"w": r.normal(size=3)}, {"x": r.normal(size=(6, 3)), "rel": rel, "q": rel / rel.sum()})
    )(r.permutation([0.0, 1, 1, 2, 3, 1])),
    "rel is",
)


def triplet_loss(xp, p, b):
    near, far = (b["a"] - b["p"]) @ p["w"], (b["a"] - b["n"]) @ p["w"]
    return xp.sum(xp.maximum(xp.sum(near**2, axis=1) - xp.sum(far**2, axis=1) + 1.0, 0.0))


def triplet_gradient(p, b):
    u, v = b["a"] - b["p"], b["a"] - b["n"]
    on = (((u @ p["w"]) ** 2).sum(axis=1) - ((v @ p["w"]) ** 2).sum(axis=1) + 1.0 > 0)[:, None]
    return {"w": 2 * u.T @ (on * (u @ p["w"])) - 2 * v.T @ (on * (v @ p["w"]))}


kind(
    "triplet loss",
    triplet_loss,
    triplet_gradient,
    lambda r: ({"w": r.normal(size=(3, 2))}, {name: r.normal(size=(5, 3)) for name in "apn"}),
)


def contrastive_loss(xp, p, b):
    d = xp.sum(((b["u"] - b["v"]) @ p["w"]) ** 2, axis=1)
    return xp.sum(xp.where(b["same"], d, xp.maximum(1.0 - xp.sqrt(d), 0.0) ** 2))


def contrastive_gradient(p, b):
    e = b["u"] - b["v"]
    far = np.sqrt(((e @ p["w"]) ** 2).sum(axis=1))
    s = np.where(b["same"], 2.0, -2.0 * np.where(far < 1, (1.0 - far) / far, 0.0))
    return {"w": e.T @ (s[:, None] * (e @ p["w"]))}


kind(
    "contrastive loss of pairs",
    contrastive_loss,
    contrastive_gradient,
    lambda r: (
        {"w": 0.5 * r.normal(size=(3, 2))},
        {"u": r.normal(size=(6, 3)), "v": r.normal(size=(6, 3)), "same": r.permutation(6) < 3},
    ),
)


def matching_loss(xp, p, b):
    logits = (b["u"] @ p["w"]) @ b["v"].T * 2.0
    return xp.nn.cross_entropy(logits, b["labels"])


kind(
    "contrastive loss of a batch, its own partners",
    matching_loss,
    lambda p, b: {
        "w": 2.0
        * b["u"].T
        @ (softmax(b["u"] @ p["w"] @ b["v"].T * 2.0) - np.eye(len(b["u"])))
        @ b["v"]
        / len(b["u"])
    },
    lambda r: (
        {"w": r.normal(size=(3, 2))},
        {"u": r.normal(size=(5, 3)), "v": r.normal(size=(5, 2)), "labels": np.arange(5)},
    ),
    "labels",
)


def cosine_loss(xp, p, b):
    z = p["w"] * b["x"]
    return xp.sum(1 - xp.sum(z * b["u"], axis=1) / xp.sqrt(xp.sum(z**2, axis=1)))


def cosine_gradient(p, b):
    z = p["w"] * b["x"]
    norm = np.sqrt((z**2).sum(axis=1, keepdims=True))
    cosine = (z * b["u"]).sum(axis=1, keepdims=True) / norm
    return {"w": (-(b["u"] - cosine * z / norm) / norm * b["x"]).sum(axis=0)}


kind(
    "cosine similarity with unit vectors",
    cosine_loss,
    cosine_gradient,
    lambda r: (
        lambda u: (
            {"w": r.normal(size=3)},
            {"x": r.normal(size=(5, 3)), "u": u / np.linalg.norm(u, axis=1, keepdims=True)},
        )
    )(r.normal(size=(5, 3))),
)


def angular_distance(xp, p, b):
    return 0.5 * xp.sum((p["s"] * b["u"] - b["t"]) ** 2)


kind(
    "squared distances of unit vectors",
    angular_distance,
    lambda p, b: {"s": p["s"] - (b["u"] * b["t"]).sum(axis=1, keepdims=True)},
    lambda r: (
        lambda u, t: (
            {"s": r.normal(size=(5, 1))},
            {"u": u / np.linalg.norm(u, axis=1, keepdims=True), "t": t},
        )
    )(*r.normal(size=(2, 5, 3))),
    "each row of u has norm one",
)
