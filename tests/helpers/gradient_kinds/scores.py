"""What losses of scores x·w are written with: their gradient from the slope by the score, and their data."""

import numpy as np


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
