"""Right gradients of quadrature, differences, transport, normalisation and mixtures."""
# ruff: noqa: ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax

KINDS = Kinds()
kind = KINDS.add


def quadrature(r):
    nodes, weights = np.polynomial.legendre.leggauss(4)
    return {"a": r.normal(size=3)}, {"x": nodes, "q": weights}


kind(
    "Gauss quadrature of a polynomial's square",
    lambda xp, p, b: 0.5 * xp.sum(b["q"] * (p["a"][0] + p["a"][1] * b["x"] + p["a"][2] * b["x"] ** 2) ** 2),
    lambda p, b: {"a": np.array([[2, 0, 2 / 3], [0, 2 / 3, 0], [2 / 3, 0, 2 / 5]]) @ p["a"]},
    quadrature,
    "x and q belong together",
)


def second_difference(n=6):
    return -2 * np.eye(n) + np.eye(n, k=1) + np.eye(n, k=-1)


def heat_gradient(p, b):
    e = p["u"] + 0.1 * (b["d"] @ p["u"]) - b["y"]
    pad = np.pad(e, 1)
    return {"u": e + 0.1 * (pad[2:] - 2 * e + pad[:-2])}


kind(
    "a step of the heat equation",
    lambda xp, p, b: 0.5 * xp.sum((p["u"] + 0.1 * (b["d"] @ p["u"]) - b["y"]) ** 2),
    heat_gradient,
    lambda r: ({"u": r.normal(size=6)}, {"d": second_difference(), "y": r.normal(size=6)}),
    "d is as it is in your data",
)


def variation_gradient(p, b):
    s = np.sign(np.diff(p["u"]))
    return {"u": p["u"] - b["y"] - np.diff(np.pad(s, 1))}


kind(
    "total variation with a matrix of differences",
    lambda xp, p, b: 0.5 * xp.sum((p["u"] - b["y"]) ** 2) + xp.sum(xp.abs(b["d"] @ p["u"])),
    variation_gradient,
    lambda r: ({"u": r.normal(size=6)}, {"d": np.diff(np.eye(6), axis=0), "y": r.normal(size=6)}),
    "d is as it is in your data",
)


def hats(r):
    x = np.sort(r.uniform(0, 3, size=7))
    return {"c": r.normal(size=4)}, {
        "x": x, "b": np.maximum(1 - np.abs(x[:, None] - np.arange(4)), 0.0), "y": r.normal(size=7),
    }  # fmt: skip


def hats_gradient(p, b):
    left = np.minimum(np.floor(b["x"]).astype(int), 2)
    t = b["x"] - left
    e = (1 - t) * p["c"][left] + t * p["c"][left + 1] - b["y"]
    g = np.zeros(4)
    np.add.at(g, left, (1 - t) * e)
    np.add.at(g, left + 1, t * e)
    return {"c": g}


kind(
    "linear interpolation with a matrix of hat functions",
    lambda xp, p, b: 0.5 * xp.sum((b["b"] @ p["c"] - b["y"]) ** 2),
    hats_gradient,
    hats,
    "x and b belong together",
)
kind(
    "transport between two distributions",
    lambda xp, p, b: (
        xp.sum(b["a"] * p["f"])
        + xp.sum(b["b"] * p["g"])
        - xp.sum(b["a"][:, None] * b["b"] * xp.exp(p["f"][:, None] + p["g"] - b["c"]))
    ),
    lambda p, b: (lambda t: {"f": b["a"] - t.sum(axis=1), "g": b["b"] - t.sum(axis=0)})(
        b["a"][:, None] * b["b"] * np.exp(p["f"][:, None] + p["g"] - b["c"])
    ),
    lambda r: (
        {"f": 0.3 * r.normal(size=4), "g": 0.3 * r.normal(size=3)},
        {"a": softmax(r.normal(size=4)), "b": softmax(r.normal(size=3)), "c": r.uniform(0, 1, size=(4, 3))},
    ),
)
kind(
    "an infection with rates of two groups",
    lambda xp, p, b: (
        0.5 * xp.sum((b["s"] * b["i"] * xp.exp(p["beta"]) - b["i"] * xp.exp(p["gamma"]) - b["d"]) ** 2)
    ),
    lambda p, b: (lambda u, v: (lambda e: {"beta": (e * u).sum(), "gamma": -(e * v).sum()})(u - v - b["d"]))(
        (1 - b["i"]) * b["i"] * np.exp(p["beta"]), b["i"] * np.exp(p["gamma"])
    ),
    lambda r: (
        lambda i: (
            {"beta": np.array(0.2), "gamma": np.array(-1.0)},
            {"s": 1 - i, "i": i, "d": r.normal(size=6)},
        )
    )(r.uniform(0.1, 0.5, size=6)),
    "one minus",
)


def batch_norm_loss(xp, p, b):
    z = b["x"] @ p["w"]
    z = (z - xp.mean(z, axis=0)) / xp.std(z, axis=0)
    return xp.sum(z * b["c"])


def batch_norm_gradient(p, b):
    z = b["x"] @ p["w"]
    s = z.std(axis=0)
    h = (z - z.mean(axis=0)) / s
    return {"w": b["x"].T @ ((b["c"] - b["c"].mean(axis=0) - h * (h * b["c"]).mean(axis=0)) / s)}


kind(
    "batch normalisation without a constant",
    batch_norm_loss,
    batch_norm_gradient,
    lambda r: ({"w": r.normal(size=(3, 2))}, {"x": r.normal(size=(6, 3)), "c": r.normal(size=(6, 2))}),
)


def mixture_loss(xp, p, b):
    log_p = xp.log(b["q"]) - 0.5 * (b["x"][:, None] - p["m"]) ** 2
    return -xp.sum(xp.nn.logsumexp(log_p, axis=1))


def mixture_gradient(p, b):
    e = b["x"][:, None] - p["m"]
    share = b["q"] * np.exp(-0.5 * e**2)
    share = share / share.sum(axis=1, keepdims=True)
    return {"m": -(share * e).sum(axis=0)}


kind(
    "a mixture of normal distributions",
    mixture_loss,
    mixture_gradient,
    lambda r: ({"m": r.normal(size=3)}, {"x": r.normal(size=6), "q": softmax(r.normal(size=3))}),
)
kind(
    "a variational bound with given noise",
    lambda xp, p, b: (
        0.5 * xp.sum((p["m"] + xp.exp(0.5 * p["l"]) * b["e"] - b["x"]) ** 2)
        + 0.5 * xp.sum(xp.exp(p["l"]) + p["m"] ** 2 - 1 - p["l"])
    ),
    lambda p, b: (
        lambda s: (
            lambda d: {
                "m": d.sum(axis=0) + len(d) * 0 + p["m"],
                "l": (d * b["e"] * s).sum(axis=0) / 2 + (s**2 - 1) / 2,
            }
        )(p["m"] + s * b["e"] - b["x"])
    )(np.exp(0.5 * p["l"])),
    lambda r: (
        {"m": r.normal(size=3), "l": r.normal(size=3)},
        {"e": r.normal(size=(5, 3)), "x": r.normal(size=(5, 3))},
    ),
)


def standardised(r):
    x = r.normal(size=(8, 3))
    return {"w": r.normal(size=3)}, {"x": (x - x.mean(axis=0)) / x.std(axis=0), "y": r.normal(size=8)}


kind(
    "a regression on each of some standardised columns",
    lambda xp, p, b: 0.5 * xp.sum((b["y"][:, None] - b["x"] * p["w"]) ** 2),
    lambda p, b: {"w": len(b["x"]) * p["w"] - b["x"].T @ b["y"]},
    standardised,
    "x is as it is",
)
kind(
    "principal axes of centred data",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] @ p["w"] - xp.mean(b["x"] @ p["w"])) ** 2),
    lambda p, b: {"w": b["x"].T @ (b["x"] @ p["w"])},
    lambda r: (lambda x: ({"w": r.normal(size=3)}, {"x": x - x.mean(axis=0)}))(r.normal(size=(6, 3))),
    "each column of x sums to zero",
)
