"""Right gradients of what models compute, of data as it has there: attention, graphs, series, the sciences.

As in `loss_kinds`, each is written as textbooks and code bases write it.
"""
# ruff: noqa: ARG005, PLC3002 - losses and gradients have the arguments that they are called with; data is
# written where it is used

import numpy as np
from data_kinds import Kind, softmax

MODELS: dict[str, Kind] = {}


def model(name, loss, gradient, data, told=""):
    MODELS[name] = Kind(loss, gradient, data, told)


# -------------------------------------------------------------------- attention


def attention_loss(xp, p, b):
    """Let queries x·w attend to keys and values that a mask leaves, added as its logarithm."""
    z = (b["x"] @ p["w"]) @ b["k"].T + b["m"]
    return 0.5 * xp.sum((xp.nn.softmax(z, axis=1) @ b["v"] - b["y"]) ** 2)


def attention_gradient(p, b):
    a = softmax((b["x"] @ p["w"]) @ b["k"].T + b["m"])
    d = (a @ b["v"] - b["y"]) @ b["v"].T
    return {"w": b["x"].T @ (a * (d - (a * d).sum(axis=1, keepdims=True))) @ b["k"]}


def attention_data(mask, n=4):
    return lambda r: (
        {"w": r.normal(size=(3, 2))},
        {
            "x": r.normal(size=(n, 3)), "k": r.normal(size=(n, 2)), "v": r.normal(size=(n, 2)),
            "y": r.normal(size=(n, 2)), "m": mask(r, n),
        },
    )  # fmt: skip


model(
    "attention with a causal mask of great negative numbers",
    attention_loss,
    attention_gradient,
    attention_data(lambda r, n: np.triu(np.full((n, n), -1e9), 1)),
)
model(
    "attention with a padding mask of great negative numbers",
    attention_loss,
    attention_gradient,
    attention_data(lambda r, n: np.where(np.arange(n) < r.integers(1, n + 1, size=n)[:, None], 0.0, -1e9)),
)


def causal_loss(xp, p, b):
    z = (b["x"] @ p["w"]) @ b["x"].T
    weights = xp.exp(z) * b["m"]
    a = weights / xp.sum(weights, axis=1, keepdims=True)
    return xp.sum((a @ b["x"]) * b["c"])


def causal_gradient(p, b):
    z = (b["x"] @ p["w"]) @ b["x"].T
    a = softmax(np.where(np.tril(np.ones(z.shape)) == 1, z, z.min() - 40.0))
    a = np.tril(np.exp(z)) / np.tril(np.exp(z)).sum(axis=1, keepdims=True)
    d = b["c"] @ b["x"].T
    return {"w": b["x"].T @ (a * (d - (a * d).sum(axis=1, keepdims=True))) @ b["x"]}


model(
    "causal attention whose mask the code makes anew",
    causal_loss,
    causal_gradient,
    lambda r: (
        {"w": 0.5 * r.normal(size=(3, 3))},
        {"x": r.normal(size=(4, 3)), "c": r.normal(size=(4, 3)), "m": np.tril(np.ones((4, 4)))},
    ),
    "m is ones on and below the diagonal",
)


def pooled_loss(xp, p, b):
    some = xp.sum(b["m"], axis=1, keepdims=True)
    mean = xp.sum(b["x"] * b["m"][:, :, None], axis=1) / some
    return 0.5 * xp.sum((mean @ p["w"] - b["y"]) ** 2)


def pooled_gradient(p, b):
    mean = np.stack([x[:n].mean(axis=0) for x, n in zip(b["x"], b["n"], strict=True)])
    return {"w": mean.T @ (mean @ p["w"] - b["y"])}


def pooled_data(r):
    n = r.permutation([1, 3, 4, 2, 4])
    m = (np.arange(4) < n[:, None]).astype(float)
    return {"w": r.normal(size=3)}, {"x": r.normal(size=(5, 4, 3)), "m": m, "n": n, "y": r.normal(size=5)}


model("means of sequences, without their padding", pooled_loss, pooled_gradient, pooled_data, "padding mask")

# -------------------------------------------------------------------- sequences


def chain_loss(xp, p, b):
    """Minus the log-likelihood of a linear chain of states: a conditional random field."""
    alpha = p["e"][0]
    for t in range(1, 5):
        alpha = p["e"][t] + xp.nn.logsumexp(alpha[:, None] + p["t"], axis=0)
    score = xp.sum(b["y"] * p["e"])
    for t in range(1, 5):
        score = score + b["y"][t - 1] @ p["t"] @ b["y"][t]
    return xp.nn.logsumexp(alpha, axis=0) - score


def chain_gradient(p, b):
    e, t, y = np.exp(p["e"]), np.exp(p["t"]), b["y"]
    a, c = [e[0]], [np.ones(3)]
    for k in range(1, 5):
        a.append(e[k] * (a[-1] @ t))
        c.insert(0, t @ (e[5 - k] * c[0]))
    total = a[-1].sum()
    single = np.stack([u * v for u, v in zip(a, c, strict=True)]) / total
    pairs = sum(np.outer(a[k], e[k + 1] * c[k + 1]) * t for k in range(4)) / total
    labels = y.argmax(axis=1)
    seen = np.zeros((3, 3))
    np.add.at(seen, (labels[:-1], labels[1:]), 1)
    return {"e": single - y, "t": pairs - seen}


model(
    "a conditional random field",
    chain_loss,
    chain_gradient,
    lambda r: (
        {"e": r.normal(size=(5, 3)), "t": r.normal(size=(3, 3))},
        {"y": np.eye(3)[r.integers(0, 3, size=5)]},
    ),
    "each row of y is one-hot",
)


def recurrent_loss(xp, p, b):
    h, total = b["h"], 0.0
    for t in range(4):
        new = xp.tanh(b["x"][:, t] @ p["u"] + h @ p["w"])
        h = xp.where(b["m"][:, t][:, None], new, h)
        total = total + xp.sum(h * b["c"][t])
    return total


def recurrent_gradient(p, b):
    states = [b["h"]]
    for t in range(4):
        new = np.tanh(b["x"][:, t] @ p["u"] + states[-1] @ p["w"])
        states.append(np.where(b["m"][:, t][:, None], new, states[-1]))
    d, u, w = 0 * states[0], 0 * p["u"], 0 * p["w"]
    for t in reversed(range(4)):
        d = d + b["c"][t]
        m = b["m"][:, t][:, None]
        z = np.where(m, d * (1 - states[t + 1] ** 2), 0)
        u, w = u + b["x"][:, t].T @ z, w + states[t].T @ z
        d = np.where(m, z @ p["w"].T, d)
    return {"u": u, "w": w}


model(
    "a recurrent network over sequences of several lengths",
    recurrent_loss,
    recurrent_gradient,
    lambda r: (
        {"u": r.normal(size=(3, 2)), "w": r.normal(size=(2, 2))},
        {
            "x": r.normal(size=(3, 4, 3)),
            "h": np.zeros((3, 2)),
            "c": r.normal(size=(4, 2)),
            "m": np.arange(4) < r.permutation([2, 4, 3])[:, None],
        },
    ),
)


def lags_gradient(p, b):
    y = b["y"]
    e = y[2:] - p["a"][0] * y[1:-1] - p["a"][1] * y[:-2]
    return {"a": -np.array([e @ y[1:-1], e @ y[:-2]])}


def lags(r):
    y = np.cumsum(r.normal(size=9))
    return {"a": r.normal(size=2)}, {"y": y, "x": np.stack([y[1:-1], y[:-2]], axis=1), "t": y[2:].copy()}


model(
    "an autoregression, its lags as columns",
    lambda xp, p, b: 0.5 * xp.sum((b["t"] - b["x"] @ p["a"]) ** 2),
    lags_gradient,
    lags,
    "y",
)


def negatives_loss(xp, p, b):
    u, v = xp.take(p["u"], b["i"], axis=0), xp.take(p["v"], b["j"], axis=0)
    n = xp.take(p["v"], b["n"], axis=0)
    return xp.sum(xp.nn.softplus(-xp.sum(u * v, axis=1))) + xp.sum(
        xp.nn.softplus(xp.sum(u[:, None, :] * n, axis=2))
    )


def negatives_gradient(p, b):
    u, v, n = p["u"][b["i"]], p["v"][b["j"]], p["v"][b["n"]]
    s = -1 / (1 + np.exp((u * v).sum(axis=1)))
    t = 1 / (1 + np.exp(-(u[:, None] * n).sum(axis=2)))
    du, dv = np.zeros_like(p["u"]), np.zeros_like(p["v"])
    np.add.at(du, b["i"], s[:, None] * v + (t[..., None] * n).sum(axis=1))
    np.add.at(dv, b["j"], s[:, None] * u)
    np.add.at(dv, b["n"], t[..., None] * u[:, None])
    return {"u": du, "v": dv}


model(
    "word vectors with negative samples",
    negatives_loss,
    negatives_gradient,
    lambda r: (
        {"u": r.normal(size=(5, 2)), "v": r.normal(size=(5, 2))},
        {"i": r.integers(0, 5, size=4), "j": r.integers(0, 5, size=4), "n": r.integers(0, 5, size=(4, 3))},
    ),
)

# -------------------------------------------------------------------- graphs and matrices


def graph(r, n=5):
    a = np.triu((r.random((n, n)) < 0.5) * 1.0, 1)
    a[np.arange(n - 1), np.arange(1, n)] = 1.0
    return a + a.T


def convolution_data(r):
    a = graph(r) + np.eye(5)
    d = a.sum(axis=1)
    return {"w": r.normal(size=(3, 2))}, {
        "s": a / np.sqrt(np.outer(d, d)),
        "x": r.normal(size=(5, 3)),
        "c": r.normal(size=(5, 2)),
    }


model(
    "graph convolution with a normalised adjacency",
    lambda xp, p, b: xp.sum(b["c"] * xp.nn.relu(b["s"] @ b["x"] @ p["w"])),
    lambda p, b: (lambda z: {"w": b["x"].T @ b["s"] @ (b["c"] * (z > 0))})(b["s"] @ b["x"] @ p["w"]),
    convolution_data,
    "s is symmetric",
)


def neighbours_gradient(p, b):
    """Give the mean over neighbours from the list of edges."""
    mean = np.zeros((5, 3))
    np.add.at(mean, b["e"][0], b["x"][b["e"][1]])
    mean = mean / b["d"][:, None]
    return {"w": mean.T @ (mean @ p["w"] - b["y"])}


def neighbours(r):
    a = graph(r)
    return {"w": r.normal(size=3)}, {
        "a": a, "e": np.stack(np.nonzero(a)), "d": a.sum(axis=1),
        "x": r.normal(size=(5, 3)), "y": r.normal(size=5),
    }  # fmt: skip


model(
    "means of neighbours, from a matrix and from edges",
    lambda xp, p, b: (
        0.5 * xp.sum(((b["a"] @ b["x"]) / xp.sum(b["a"], axis=1)[:, None] @ p["w"] - b["y"]) ** 2)
    ),
    neighbours_gradient,
    neighbours,
    "edges",
)


def factors_loss(xp, p, b):
    return 0.5 * xp.sum(b["m"] * (p["u"] @ p["v"].T - b["r"]) ** 2)


def factors_gradient(p, b):
    e = np.where(b["m"] == 1, p["u"] @ p["v"].T - b["r"], 0)
    return {"u": e @ p["v"], "v": e.T @ p["u"]}


def ratings(r):
    m = (r.random((4, 3)) < 0.6).astype(float)
    m[0] = [1, 0, 1]
    return {"u": r.normal(size=(4, 2)), "v": r.normal(size=(3, 2))}, {
        "m": m, "r": m * r.integers(1, 6, size=(4, 3)),
    }  # fmt: skip


model("factors of ratings, some missing", factors_loss, factors_gradient, ratings, "m")


def generalised_data(r):
    m = r.normal(size=(5, 5))
    return {"w": r.normal(size=3)}, {
        "x": r.normal(size=(5, 3)), "y": r.normal(size=5), "s": np.linalg.inv(m @ m.T + 5 * np.eye(5)),
    }  # fmt: skip


model(
    "generalised least squares with a precision matrix",
    lambda xp, p, b: (lambda e: 0.5 * e @ b["s"] @ e)(b["y"] - b["x"] @ p["w"]),
    lambda p, b: {"w": -b["x"].T @ b["s"] @ (b["y"] - b["x"] @ p["w"])},
    generalised_data,
    "s is symmetric",
)


def kernel_data(r):
    x = r.normal(size=(4, 2))
    d = ((x[:, None] - x) ** 2).sum(axis=-1)
    return {"a": r.normal(size=4), "s": np.array(0.7)}, {"x": x, "d": d, "y": r.normal(size=4)}


def kernel_gradient(p, b):
    d = ((b["x"][:, None] - b["x"]) ** 2).sum(axis=-1)
    k = np.exp(-p["s"] * d)
    e = k @ p["a"] - b["y"]
    return {"a": k @ e + k @ p["a"], "s": -((e + p["a"] / 2) @ (k * d) @ p["a"])}


model(
    "kernel ridge regression from squared distances",
    lambda xp, p, b: (lambda k: 0.5 * xp.sum((k @ p["a"] - b["y"]) ** 2) + 0.5 * p["a"] @ k @ p["a"])(
        xp.exp(-p["s"] * b["d"])
    ),
    kernel_gradient,
    kernel_data,
    "squared distances",
)


def process_loss(xp, p, b):
    """Minus the log marginal likelihood of a Gaussian process, in the kernel's eigenvectors."""
    s = xp.exp(p["a"]) * b["l"] + xp.exp(p["n"])
    return 0.5 * xp.sum((b["q"].T @ b["y"]) ** 2 / s) + 0.5 * xp.sum(xp.log(s))


def process_gradient(p, b):
    """Give tr((K⁻¹ - ααᵀ) ∂K) / 2, with the kernel's matrix itself."""
    k = b["q"] @ np.diag(b["l"]) @ b["q"].T
    inverse = np.linalg.inv(np.exp(p["a"]) * k + np.exp(p["n"]) * np.eye(4))
    alpha = inverse @ b["y"]
    by_k = 0.5 * (inverse - np.outer(alpha, alpha))
    return {"a": np.exp(p["a"]) * (by_k * k).sum(), "n": np.exp(p["n"]) * np.trace(by_k)}


def process_data(r):
    x = r.normal(size=4)
    values, vectors = np.linalg.eigh(np.exp(-0.5 * (x[:, None] - x) ** 2) + 0.1 * np.eye(4))
    return {"a": np.array(0.3), "n": np.array(-1.0)}, {"l": values, "q": vectors, "y": r.normal(size=4)}


model(
    "the marginal likelihood of a Gaussian process",
    process_loss,
    process_gradient,
    process_data,
    "q is orthogonal",
)
model(
    "risk of weights with a covariance",
    lambda xp, p, b: p["w"] @ b["s"] @ p["w"] - xp.sum(b["m"] * p["w"]),
    lambda p, b: {"w": 2 * b["s"] @ p["w"] - b["m"]},
    lambda r: (lambda x: ({"w": softmax(r.normal(size=4))}, {"s": np.cov(x.T), "m": x.mean(axis=0)}))(
        r.normal(size=(9, 4))
    ),
    "s is symmetric",
)
model(
    "rotated points",
    lambda xp, p, b: 0.5 * xp.sum((p["v"] @ b["r"].T - b["y"]) ** 2),
    lambda p, b: {"v": p["v"] - b["y"] @ b["r"]},
    lambda r: (
        {"v": r.normal(size=(5, 3))},
        {"r": np.linalg.qr(r.normal(size=(3, 3)))[0], "y": r.normal(size=(5, 3))},
    ),
    "r is orthogonal",
)


def spectrum(r, n=6):
    angle = 2 * np.pi * np.outer(np.arange(n), np.arange(n)) / n
    return {"v": r.normal(size=n)}, {"c": np.cos(angle), "s": np.sin(angle), "y": r.normal(size=n)}


def spectrum_gradient(p, b):
    """Use Parseval's theorem: the transform is √n times a unitary matrix."""
    return {"v": len(p["v"]) * p["v"] - b["c"] @ b["y"]}


model(
    "a discrete Fourier transform",
    lambda xp, p, b: 0.5 * xp.sum((b["c"] @ p["v"] - b["y"]) ** 2) + 0.5 * xp.sum((b["s"] @ p["v"]) ** 2),
    spectrum_gradient,
    spectrum,
    "c and s belong together",
)

# -------------------------------------------------------------------- quadrature, differences, transport


def quadrature(r):
    nodes, weights = np.polynomial.legendre.leggauss(4)
    return {"a": r.normal(size=3)}, {"x": nodes, "q": weights}


model(
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


model(
    "a step of the heat equation",
    lambda xp, p, b: 0.5 * xp.sum((p["u"] + 0.1 * (b["d"] @ p["u"]) - b["y"]) ** 2),
    heat_gradient,
    lambda r: ({"u": r.normal(size=6)}, {"d": second_difference(), "y": r.normal(size=6)}),
    "d is as it is in your data",
)


def variation_gradient(p, b):
    s = np.sign(np.diff(p["u"]))
    return {"u": p["u"] - b["y"] - np.diff(np.pad(s, 1))}


model(
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


model(
    "linear interpolation with a matrix of hat functions",
    lambda xp, p, b: 0.5 * xp.sum((b["b"] @ p["c"] - b["y"]) ** 2),
    hats_gradient,
    hats,
    "x and b belong together",
)
model(
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
model(
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

# -------------------------------------------------------------------- normalisation, mixtures, divergences


def batch_norm_loss(xp, p, b):
    z = b["x"] @ p["w"]
    z = (z - xp.mean(z, axis=0)) / xp.std(z, axis=0)
    return xp.sum(z * b["c"])


def batch_norm_gradient(p, b):
    z = b["x"] @ p["w"]
    s = z.std(axis=0)
    h = (z - z.mean(axis=0)) / s
    return {"w": b["x"].T @ ((b["c"] - b["c"].mean(axis=0) - h * (h * b["c"]).mean(axis=0)) / s)}


model(
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


model(
    "a mixture of normal distributions",
    mixture_loss,
    mixture_gradient,
    lambda r: ({"m": r.normal(size=3)}, {"x": r.normal(size=6), "q": softmax(r.normal(size=3))}),
)
model(
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


model(
    "a regression on each of some standardised columns",
    lambda xp, p, b: 0.5 * xp.sum((b["y"][:, None] - b["x"] * p["w"]) ** 2),
    lambda p, b: {"w": len(b["x"]) * p["w"] - b["x"].T @ b["y"]},
    standardised,
    "x is as it is",
)
model(
    "principal axes of centred data",
    lambda xp, p, b: 0.5 * xp.sum((b["x"] @ p["w"] - xp.mean(b["x"] @ p["w"])) ** 2),
    lambda p, b: {"w": b["x"].T @ (b["x"] @ p["w"])},
    lambda r: (lambda x: ({"w": r.normal(size=3)}, {"x": x - x.mean(axis=0)}))(r.normal(size=(6, 3))),
    "each column of x sums to zero",
)
