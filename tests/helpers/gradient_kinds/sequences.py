"""Right gradients of attention, recurrent networks and series."""
# ruff: noqa: ARG005 - losses and gradients have the arguments that they are called with; data
# is written where it is used

import numpy as np

from gradient_kinds.kind import Kinds, softmax

KINDS = Kinds()
kind = KINDS.add


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


kind(
    "attention with a causal mask of great negative numbers",
    attention_loss,
    attention_gradient,
    attention_data(lambda r, n: np.triu(np.full((n, n), -1e9), 1)),
)
kind(
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


kind(
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


kind("means of sequences, without their padding", pooled_loss, pooled_gradient, pooled_data, "padding mask")


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


kind(
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


kind(
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


kind(
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


kind(
    "word vectors with negative samples",
    negatives_loss,
    negatives_gradient,
    lambda r: (
        {"u": r.normal(size=(5, 2)), "v": r.normal(size=(5, 2))},
        {"i": r.integers(0, 5, size=4), "j": r.integers(0, 5, size=4), "n": r.integers(0, 5, size=(4, 3))},
    ),
)
