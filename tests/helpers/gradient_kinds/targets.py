"""Gradients that are right of targets that sum to one, are one-hot, or are padded."""

# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax

KINDS = Kinds()
kind = KINDS.add


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
