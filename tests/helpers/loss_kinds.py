"""Right gradients of losses that real code has, of data as it has there: classifiers, ranking, survival.

Each is written as textbooks and code bases write it, so that it may use what its data is: labels of ±1,
targets that sum to one, times that are sorted. `model_kinds` has those of networks and of the sciences.
"""
# ruff: noqa: PLC3002 - losses and gradients have the arguments that they are called with; data is
# written where it is used

import numpy as np
from data_kinds import Kind, softmax

LOSSES: dict[str, Kind] = {}


def loss_kind(name, loss, gradient, data, told=""):
    LOSSES[name] = Kind(loss, gradient, data, told)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def linear(slope):
    """Give the gradient of a loss of z = x·w, from what it is by z."""
    return lambda p, b: {"w": b["x"].T @ slope(b["x"] @ p["w"], b)}


def scores(loss):
    """Make a loss of z a loss of x·w."""
    return lambda xp, p, b: loss(xp, b["x"] @ p["w"], b)


def classes(r, n=6, k=4):
    return np.eye(k)[r.integers(0, k, size=n)]


def data_of(target, outputs=None, n=6):
    shape = 3 if outputs is None else (3, outputs)
    return lambda r: ({"w": r.normal(size=shape)}, {"x": r.normal(size=(n, 3)), **target(r)})


def with_rows(**made):
    """Data of six rows, by name what makes each array."""
    return data_of(lambda r: {name: make(r) for name, make in made.items()})


def signs(r):
    return np.where(r.permutation(6) < 3, -1.0, 1.0)


def binary(r):
    return (r.permutation(6) < 3).astype(float)


def normal(r):
    return r.normal(size=6)


def positive(r):
    return r.uniform(0.2, 3.0, size=6)


# -------------------------------------------------------------------- classifiers

loss_kind(
    "softmax regression with weight decay",
    lambda xp, p, b: (
        -xp.mean(xp.sum(b["y"] * xp.nn.log_softmax(b["x"] @ p["w"], axis=1), axis=1))
        + 0.05 * xp.sum(p["w"] ** 2)
    ),
    lambda p, b: {"w": b["x"].T @ (softmax(b["x"] @ p["w"]) - b["y"]) / len(b["y"]) + 0.1 * p["w"]},
    data_of(lambda r: {"y": classes(r)}, 4),
    "each row of y sums to one",
)


def smoothing_loss(xp, z, b):
    log_p = xp.nn.log_softmax(z, axis=1)
    chosen = xp.take_along_axis(log_p, b["labels"][:, None], axis=1)
    return -xp.mean(0.9 * chosen[:, 0] + 0.1 * xp.mean(log_p, axis=1))


loss_kind(
    "label smoothing of integer labels",
    scores(smoothing_loss),
    linear(lambda z, b: (softmax(z) - 0.9 * np.eye(4)[b["labels"]] - 0.025) / len(z)),
    data_of(lambda r: {"labels": r.integers(0, 4, size=6)}, 4),
)
loss_kind(
    "mixup of two batches of targets",
    scores(
        lambda xp, z, b: -xp.sum((b["lam"] * b["y"] + (1 - b["lam"]) * b["v"]) * xp.nn.log_softmax(z, axis=1))
    ),
    linear(lambda z, b: softmax(z) - b["lam"] * b["y"] - (1 - b["lam"]) * b["v"]),
    data_of(lambda r: {"y": classes(r), "v": classes(r), "lam": r.uniform(0.1, 0.9)}, 4),
    "sums to one",
)
loss_kind(
    "distillation at a temperature",
    scores(lambda xp, z, b: -9.0 * xp.mean(xp.sum(b["q"] * xp.nn.log_softmax(z / 3.0, axis=1), axis=1))),
    linear(lambda z, b: 3.0 * (softmax(z / 3.0) - b["q"]) / len(z)),
    data_of(lambda r: {"q": softmax(r.normal(size=(6, 4)) / 3.0)}, 4),
    "each row of q sums to one",
)


def focal_loss(xp, z, b):
    q = xp.nn.sigmoid((2 * b["y"] - 1) * z)
    return -xp.sum((1 - q) ** 2 * xp.log(q))


def focal_slope(z, b):
    sign = 2 * b["y"] - 1
    q = sigmoid(sign * z)
    return sign * (2 * (1 - q) ** 2 * q * np.log(q) - (1 - q) ** 3)


loss_kind("focal loss", scores(focal_loss), linear(focal_slope), with_rows(y=binary))


def dice_loss(xp, z, b):
    q = xp.nn.sigmoid(z)
    return 1 - (2 * xp.sum(q * b["y"]) + 1.0) / (xp.sum(q) + xp.sum(b["y"]) + 1.0)


def dice_slope(z, b):
    q, y = sigmoid(z), b["y"]
    top, bottom = 2 * (q * y).sum() + 1.0, q.sum() + y.sum() + 1.0
    return (top / bottom**2 - 2 * y / bottom) * q * (1 - q)


loss_kind("dice loss of a mask", scores(dice_loss), linear(dice_slope), with_rows(y=binary))


def tversky_loss(xp, z, b):
    q, y = xp.nn.sigmoid(z), b["y"]
    hit = xp.sum(q * y)
    return 1 - hit / (hit + 0.3 * xp.sum(q * (1 - y)) + 0.7 * xp.sum((1 - q) * y))


def tversky_slope(z, b):
    q, y = sigmoid(z), b["y"]
    hit = q[y == 1].sum()
    bottom = hit + 0.3 * q[y == 0].sum() + 0.7 * (1 - q)[y == 1].sum()
    by_q = -(y * bottom - hit * (0.3 * (1 - y) + 0.3 * y)) / bottom**2
    return by_q * q * (1 - q)


loss_kind(
    "Tversky loss of a mask", scores(tversky_loss), linear(tversky_slope), with_rows(y=binary), "0 or 1"
)
loss_kind(
    "hinge loss",
    scores(lambda xp, z, b: xp.mean(xp.maximum(1 - b["y"] * z, 0.0))),
    linear(lambda z, b: -b["y"] * (b["y"] * z < 1) / len(z)),
    with_rows(y=signs),
)
loss_kind(
    "squared hinge loss",
    scores(lambda xp, z, b: 0.5 * xp.sum(xp.maximum(1 - b["y"] * z, 0.0) ** 2)),
    linear(lambda z, b: np.where(b["y"] * z < 1, z - b["y"], 0)),  # y² = 1
    with_rows(y=signs),
    "-1 or 1",
)


def multiclass_hinge(xp, z, b):
    right = xp.sum(b["y"] * z, axis=1, keepdims=True)
    return xp.sum(xp.maximum(z - right + 1 - b["y"], 0.0))


def multiclass_slope(z, b):
    right = z[np.arange(len(z)), b["y"].argmax(axis=1)][:, None]
    over = ((z - right + 1 > 0) & (b["y"] == 0)) * 1.0
    return over - b["y"] * over.sum(axis=1, keepdims=True)


loss_kind(
    "hinge loss of several classes",
    scores(multiclass_hinge),
    linear(multiclass_slope),
    data_of(lambda r: {"y": classes(r)}, 4),
    "one-hot",
)
loss_kind(
    "logistic loss of labels ±1",
    scores(lambda xp, z, b: xp.mean(xp.log1p(xp.exp(-b["y"] * z)))),
    linear(lambda z, b: (sigmoid(z) - (b["y"] + 1) / 2) / len(z)),
    with_rows(y=signs),
    "-1 or 1",
)
loss_kind(
    "weighted binary cross-entropy",
    scores(lambda xp, z, b: xp.sum(3.0 * b["y"] * xp.nn.softplus(-z) + (1 - b["y"]) * xp.nn.softplus(z))),
    linear(lambda z, b: np.where(b["y"] == 1, 3.0 * (sigmoid(z) - 1), sigmoid(z))),
    with_rows(y=binary),
    "0 or 1",
)


def ordinal_loss(xp, p, b):
    z = (b["x"] @ p["w"])[:, None]
    s = xp.nn.sigmoid(p["t"] - z)  # P(level <= k)
    above = xp.concat([s, xp.ones((6, 1))], axis=1)
    below = xp.concat([xp.zeros((6, 1)), s], axis=1)
    return -xp.sum(b["y"] * xp.log(above - below))


def ordinal_gradient(p, b):
    s = sigmoid(p["t"] - (b["x"] @ p["w"])[:, None])
    slope = np.pad(s * (1 - s), ((0, 0), (1, 1)))
    full = np.concatenate([np.zeros((6, 1)), s, np.ones((6, 1))], axis=1)
    rows, level = np.arange(6), b["y"].argmax(axis=1)
    share = full[rows, level + 1] - full[rows, level]
    up, down = slope[rows, level + 1] / share, slope[rows, level] / share
    t = np.zeros_like(p["t"])
    for k in range(3):
        t[k] = down[level == k + 1].sum() - up[level == k].sum()
    return {"t": t, "w": b["x"].T @ (up - down)}


loss_kind(
    "ordinal regression",
    ordinal_loss,
    ordinal_gradient,
    lambda r: (
        {"w": r.normal(size=3), "t": np.array([-1.0, 0.2, 1.5]) + 0.1 * r.normal(size=3)},
        {"x": r.normal(size=(6, 3)), "y": classes(r)},
    ),
    "It is right wherever y is of the same kind",
)

# -------------------------------------------------------------------- regression and counts


def huber_loss(xp, z, b):
    e = xp.abs(z - b["y"])
    return xp.sum(xp.where(e <= 1.0, 0.5 * e**2, e - 0.5))


loss_kind(
    "Huber's loss", scores(huber_loss), linear(lambda z, b: np.clip(z - b["y"], -1, 1)), with_rows(y=normal)
)
loss_kind(
    "pinball loss of a quantile",
    scores(lambda xp, z, b: xp.mean(xp.maximum(0.9 * (b["y"] - z), -0.1 * (b["y"] - z)))),
    linear(lambda z, b: np.where(b["y"] > z, -0.9, 0.1) / len(z)),
    with_rows(y=normal),
)
loss_kind(
    "logarithm of the hyperbolic cosine",
    scores(lambda xp, z, b: xp.sum(z - b["y"] + xp.nn.softplus(-2 * (z - b["y"])) - np.log(2.0))),
    linear(lambda z, b: np.tanh(z - b["y"])),
    with_rows(y=normal),
)
loss_kind(
    "loss that is insensitive to small errors",
    scores(lambda xp, z, b: xp.sum(xp.maximum(xp.abs(z - b["y"]) - 0.1, 0.0))),
    linear(lambda z, b: np.sign(z - b["y"]) * (np.abs(z - b["y"]) > 0.1)),
    with_rows(y=normal),
)
loss_kind(
    "weighted least squares, weights that sum to one",
    scores(lambda xp, z, b: xp.sum(b["q"] * (z - xp.sum(b["q"] * z) - b["y"]) ** 2) / 2),
    linear(lambda z, b: b["q"] * (z - b["q"] @ z - b["y"] + b["q"] @ b["y"])),
    with_rows(y=normal, q=lambda r: softmax(r.normal(size=6))),
    "q sums to one",
)
loss_kind(
    "Student's t",
    scores(lambda xp, z, b: 2.5 * xp.sum(xp.log1p((b["y"] - z) ** 2 / 4.0))),
    linear(lambda z, b: 5.0 * (z - b["y"]) / (4.0 + (z - b["y"]) ** 2)),
    with_rows(y=normal),
)
loss_kind(
    "Poisson counts with an exposure",
    scores(lambda xp, z, b: xp.sum(b["t"] * xp.exp(z) - b["k"] * (z + xp.log(b["t"])))),
    linear(lambda z, b: b["t"] * np.exp(z) - b["k"]),
    with_rows(t=positive, k=lambda r: r.poisson(2.0, size=6).astype(float)),
)
loss_kind(
    "negative binomial counts",
    scores(lambda xp, z, b: xp.sum((b["k"] + 2.0) * xp.log(2.0 + xp.exp(z)) - b["k"] * z)),
    linear(lambda z, b: (b["k"] + 2.0) * np.exp(z) / (2.0 + np.exp(z)) - b["k"]),
    with_rows(k=lambda r: r.poisson(2.0, size=6)),
)
loss_kind(
    "gamma deviance",
    scores(lambda xp, z, b: 2 * xp.sum(b["y"] / xp.exp(z) - 1 - xp.log(b["y"]) + z)),
    linear(lambda z, b: 2 * (1 - b["y"] * np.exp(-z))),
    with_rows(y=positive),
)
# -------------------------------------------------------------------- survival, ranking, similarity


def cox_loss(xp, z, b):
    total = 0.0
    for i in range(len(b["t"])):
        total = total + b["d"][i] * (xp.nn.logsumexp(z[i:], axis=0) - z[i])
    return total


def cox_slope(z, b):
    at_risk = np.cumsum(np.exp(z)[::-1])[::-1]
    return np.exp(z) * np.cumsum(b["d"] / at_risk) - b["d"]


loss_kind(
    "Cox's partial likelihood",
    scores(cox_loss),
    linear(cox_slope),
    with_rows(t=lambda r: np.sort(positive(r)), d=binary),
)


def cox_by_risk(xp, z, b):
    risk = xp.sum(xp.where(b["t"][None, :] >= b["t"][:, None], 1.0, 0.0) * xp.exp(z)[None, :], axis=1)
    return xp.sum(b["d"] * (xp.log(risk) - z))


loss_kind(
    "Cox's partial likelihood of sorted times",
    scores(cox_by_risk),
    linear(cox_slope),
    with_rows(t=lambda r: np.sort(positive(r)), d=binary),
    "sorted",
)
loss_kind(
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


loss_kind(
    "pairs of a better and a worse one",
    pairs_loss,
    pairs_gradient,
    with_rows(good=lambda r: r.integers(0, 6, size=5), bad=lambda r: r.integers(0, 6, size=5)),
)


def lists_slope(z, b):
    """Give softmax minus the shares of the relevances."""
    return softmax(z) - b["rel"] / b["rel"].sum()


loss_kind(
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


loss_kind(
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


loss_kind(
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


loss_kind(
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


loss_kind(
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


loss_kind(
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
