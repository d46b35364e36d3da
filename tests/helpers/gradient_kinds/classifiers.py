"""Right gradients of classifiers' losses."""

# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax
from gradient_kinds.scores import binary, classes, data_of, linear, scores, sigmoid, signs, with_rows

KINDS = Kinds()
kind = KINDS.add


kind(
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


kind(
    "label smoothing of integer labels",
    scores(smoothing_loss),
    linear(lambda z, b: (softmax(z) - 0.9 * np.eye(4)[b["labels"]] - 0.025) / len(z)),
    data_of(lambda r: {"labels": r.integers(0, 4, size=6)}, 4),
)
kind(
    "mixup of two batches of targets",
    scores(
        lambda xp, z, b: -xp.sum((b["lam"] * b["y"] + (1 - b["lam"]) * b["v"]) * xp.nn.log_softmax(z, axis=1))
    ),
    linear(lambda z, b: softmax(z) - b["lam"] * b["y"] - (1 - b["lam"]) * b["v"]),
    data_of(lambda r: {"y": classes(r), "v": classes(r), "lam": r.uniform(0.1, 0.9)}, 4),
    "sums to one",
)
kind(
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


kind("focal loss", scores(focal_loss), linear(focal_slope), with_rows(y=binary))


def dice_loss(xp, z, b):
    q = xp.nn.sigmoid(z)
    return 1 - (2 * xp.sum(q * b["y"]) + 1.0) / (xp.sum(q) + xp.sum(b["y"]) + 1.0)


def dice_slope(z, b):
    q, y = sigmoid(z), b["y"]
    top, bottom = 2 * (q * y).sum() + 1.0, q.sum() + y.sum() + 1.0
    return (top / bottom**2 - 2 * y / bottom) * q * (1 - q)


kind("dice loss of a mask", scores(dice_loss), linear(dice_slope), with_rows(y=binary))


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


kind("Tversky loss of a mask", scores(tversky_loss), linear(tversky_slope), with_rows(y=binary), "0 or 1")
kind(
    "hinge loss",
    scores(lambda xp, z, b: xp.mean(xp.maximum(1 - b["y"] * z, 0.0))),
    linear(lambda z, b: -b["y"] * (b["y"] * z < 1) / len(z)),
    with_rows(y=signs),
)
kind(
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


kind(
    "hinge loss of several classes",
    scores(multiclass_hinge),
    linear(multiclass_slope),
    data_of(lambda r: {"y": classes(r)}, 4),
    "one-hot",
)
kind(
    "logistic loss of labels ±1",
    scores(lambda xp, z, b: xp.mean(xp.log1p(xp.exp(-b["y"] * z)))),
    linear(lambda z, b: (sigmoid(z) - (b["y"] + 1) / 2) / len(z)),
    with_rows(y=signs),
    "-1 or 1",
)
kind(
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


kind(
    "ordinal regression",
    ordinal_loss,
    ordinal_gradient,
    lambda r: (
        {"w": r.normal(size=3), "t": np.array([-1.0, 0.2, 1.5]) + 0.1 * r.normal(size=3)},
        {"x": r.normal(size=(6, 3)), "y": classes(r)},
    ),
    "It is right wherever each row of y is one-hot",
)
