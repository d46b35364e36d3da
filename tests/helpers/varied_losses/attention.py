"""Attention and normalisations."""

import numpy as np

from varied_losses.case import R, case, normal, softmax


@case(
    {"q": normal(4, 4), "k": normal(4, 4), "v": normal(4, 4), "o": normal(4, 4)},
    {"x": normal(5, 4), "y": normal(5, 4), "mask": np.triu(np.full((5, 5), -1e4), 1)},
)
def causal_attention_forgets_its_scale():
    """The scale 1/√d is used forward, and not on the way back to queries and keys."""

    def loss(xp, p, b):
        x = b["x"]
        q, k, v = x @ p["q"], x @ p["k"], x @ p["v"]
        a = xp.nn.softmax(q @ xp.matrix_transpose(k) / 2.0 + b["mask"], axis=-1)
        return xp.mean((a @ v @ p["o"] - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = b["x"]
        q, k, v = x @ p["q"], x @ p["k"], x @ p["v"]
        a = softmax(q @ k.T / 2.0 + b["mask"])
        c = a @ v
        e = 2 * (c @ p["o"] - b["y"]) / b["y"].size
        dc = e @ p["o"].T
        da = dc @ v.T
        ds = a * (da - (da * a).sum(-1, keepdims=True))
        ds = ds if wrong else ds / 2.0
        return {"q": x.T @ (ds @ k), "k": x.T @ (ds.T @ q), "v": x.T @ (a.T @ dc), "o": c.T @ e}

    return loss, gradient


@case(
    {"x": normal(6, 4), "g": R.uniform(0.5, 2, 4), "b": normal(4)},
    {"y": normal(6, 4)},
)
def batch_norm_divides_by_one_less():
    """The way back takes the mean of dy·x̂ with n - 1, as an unbiased variance would have it."""

    def loss(xp, p, b):
        x = p["x"]
        centred = x - xp.mean(x, axis=0)
        n = centred / xp.sqrt(xp.mean(centred * centred, axis=0) + 1e-5)
        return 0.5 * xp.sum((xp.tanh(n * p["g"] + p["b"]) - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = p["x"]
        centred = x - x.mean(0)
        std = np.sqrt((centred * centred).mean(0) + 1e-5)
        n = centred / std
        t = np.tanh(n * p["g"] + p["b"])
        dy = (t - b["y"]) * (1 - t * t)
        dn = dy * p["g"]
        m = x.shape[0] - 1 if wrong else x.shape[0]
        dx = (dn - dn.mean(0) - n * (dn * n).sum(0) / m) / std
        return {"x": dx, "g": (dy * n).sum(0), "b": dy.sum(0)}

    return loss, gradient


@case({"x": normal(3, 8), "g": normal(8), "w": normal(8, 2)}, {"y": normal(3, 2)})
def group_norm_over_the_wrong_groups():
    """The mean's share is taken over the whole row and not over each group."""

    def loss(xp, p, b):
        x = xp.reshape(p["x"], (3, 2, 4))
        centred = x - xp.mean(x, axis=2, keepdims=True)
        n = centred / xp.sqrt(xp.mean(centred * centred, axis=2, keepdims=True) + 1e-3)
        return 0.5 * xp.sum(((xp.reshape(n, (3, 8)) * p["g"]) @ p["w"] - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = p["x"].reshape(3, 2, 4)
        centred = x - x.mean(2, keepdims=True)
        std = np.sqrt((centred * centred).mean(2, keepdims=True) + 1e-3)
        n = centred / std
        flat = n.reshape(3, 8) * p["g"]
        e = flat @ p["w"] - b["y"]
        df = e @ p["w"].T
        dn = (df * p["g"]).reshape(3, 2, 4)
        axes = (1, 2) if wrong else 2
        dx = (dn - dn.mean(axes, keepdims=True) - n * (dn * n).mean(2, keepdims=True)) / std
        return {"x": dx.reshape(3, 8), "g": (df * n.reshape(3, 8)).sum(0), "w": flat.T @ e}

    return loss, gradient
