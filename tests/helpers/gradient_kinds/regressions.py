"""Right gradients of losses of real values and counts."""

# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax
from gradient_kinds.scores import linear, normal, positive, scores, with_rows

KINDS = Kinds()
kind = KINDS.add


def huber_loss(xp, z, b):
    e = xp.abs(z - b["y"])
    return xp.sum(xp.where(e <= 1.0, 0.5 * e**2, e - 0.5))


kind("Huber's loss", scores(huber_loss), linear(lambda z, b: np.clip(z - b["y"], -1, 1)), with_rows(y=normal))
kind(
    "pinball loss of a quantile",
    scores(lambda xp, z, b: xp.mean(xp.maximum(0.9 * (b["y"] - z), -0.1 * (b["y"] - z)))),
    linear(lambda z, b: np.where(b["y"] > z, -0.9, 0.1) / len(z)),
    with_rows(y=normal),
)
kind(
    "logarithm of the hyperbolic cosine",
    scores(lambda xp, z, b: xp.sum(z - b["y"] + xp.nn.softplus(-2 * (z - b["y"])) - np.log(2.0))),
    linear(lambda z, b: np.tanh(z - b["y"])),
    with_rows(y=normal),
)
kind(
    "loss that is insensitive to small errors",
    scores(lambda xp, z, b: xp.sum(xp.maximum(xp.abs(z - b["y"]) - 0.1, 0.0))),
    linear(lambda z, b: np.sign(z - b["y"]) * (np.abs(z - b["y"]) > 0.1)),
    with_rows(y=normal),
)
kind(
    "weighted least squares, weights that sum to one",
    scores(lambda xp, z, b: xp.sum(b["q"] * (z - xp.sum(b["q"] * z) - b["y"]) ** 2) / 2),
    linear(lambda z, b: b["q"] * (z - b["q"] @ z - b["y"] + b["q"] @ b["y"])),
    with_rows(y=normal, q=lambda r: softmax(r.normal(size=6))),
    "q sums to one",
)
kind(
    "Student's t",
    scores(lambda xp, z, b: 2.5 * xp.sum(xp.log1p((b["y"] - z) ** 2 / 4.0))),
    linear(lambda z, b: 5.0 * (z - b["y"]) / (4.0 + (z - b["y"]) ** 2)),
    with_rows(y=normal),
)
kind(
    "Poisson counts with an exposure",
    scores(lambda xp, z, b: xp.sum(b["t"] * xp.exp(z) - b["k"] * (z + xp.log(b["t"])))),
    linear(lambda z, b: b["t"] * np.exp(z) - b["k"]),
    with_rows(t=positive, k=lambda r: r.poisson(2.0, size=6).astype(float)),
)
kind(
    "negative binomial counts",
    scores(lambda xp, z, b: xp.sum((b["k"] + 2.0) * xp.log(2.0 + xp.exp(z)) - b["k"] * z)),
    linear(lambda z, b: (b["k"] + 2.0) * np.exp(z) / (2.0 + np.exp(z)) - b["k"]),
    with_rows(k=lambda r: r.poisson(2.0, size=6)),
)
kind(
    "gamma deviance",
    scores(lambda xp, z, b: 2 * xp.sum(b["y"] / xp.exp(z) - 1 - xp.log(b["y"]) + z)),
    linear(lambda z, b: 2 * (1 - b["y"] * np.exp(-z))),
    with_rows(y=positive),
)
