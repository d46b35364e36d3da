"""Normalisation, attention, convolution, dropout, embeddings.

Sources of the mistakes: CS231n's and d2l's exercises and the issues of their solutions; issues of tinygrad,
dfdx, burn, nd4j and oneflow about single operators.
"""

from typing import ClassVar

import numpy as np


class LayerNorm:
    """x normalised over its last axis, with gamma and beta."""

    BUGS: ClassVar = {
        "mean detached": ("path-not-carried-back", "xp.mean(p"),
        "variance detached": ("path-not-carried-back", "xp.mean(d * d"),
        "both detached": ("statistics-constant", "xp.sqrt(var"),
        "gamma from x": ("wrong-operand", "gamma"),
        "gamma from d": (None, None),
        "beta mean": ("mean-instead-of-sum", "beta"),
        "gamma left out of dx": ("derivative-left-out", "gamma"),
        "gamma not summed": ("broadcast-not-reduced", "gamma"),
        "n - 1": ("constant-factor", "xp.mean"),
        "gamma and beta wrong": (None, None),
    }
    UNEXPLAINED = frozenset({"gamma from d"})

    @staticmethod
    def make(r):
        params = {"x": r.normal(size=(4, 5)), "gamma": r.uniform(0.5, 1.5, size=5), "beta": r.normal(size=5)}
        return params, {"t": r.normal(size=(4, 5))}

    @staticmethod
    def loss(xp, p, b):
        d = p["x"] - xp.mean(p["x"], axis=-1, keepdims=True)
        var = xp.mean(d * d, axis=-1, keepdims=True)
        h = d / xp.sqrt(var + 1e-5)
        y = p["gamma"] * h + p["beta"]
        return xp.sum(xp.tanh(y) * b["t"])

    @staticmethod
    def gradient(p, b, bug=""):
        x = p["x"]
        d = x - x.mean(-1, keepdims=True)
        rstd = 1 / np.sqrt((d * d).mean(-1, keepdims=True) + 1e-5)
        h = d * rstd
        dy = b["t"] * (1 - np.tanh(p["gamma"] * h + p["beta"]) ** 2)
        dh = dy if bug == "gamma left out of dx" else dy * p["gamma"]
        mean = dh.mean(-1, keepdims=True)
        spread = h * (dh * h).mean(-1, keepdims=True)
        if bug == "n - 1":
            spread = h * (dh * h).sum(-1, keepdims=True) / 4
        if bug in {"mean detached", "both detached"}:
            # the mean's gradient comes from d alone: var does not change with it
            mean = 0 * mean
        if bug in {"variance detached", "both detached"}:
            spread = 0 * spread
        g = {"x": rstd * (dh - mean - spread)}
        value = {"gamma from x": x, "gamma from d": d + 0.1}.get(bug, h)
        g["gamma"] = (dy * value).sum(0)
        g["beta"] = dy.mean(0) if bug == "beta mean" else dy.sum(0)
        if bug == "gamma not summed":
            g["gamma"] = dy * h
        if bug == "gamma and beta wrong":
            g["gamma"], g["beta"] = g["gamma"] / 4, -g["beta"]
        return g


class Attention:
    """One head of attention with its projections."""

    BUGS: ClassVar = {
        "scale left out": ("constant-factor", "4**0.5"),
        "scale left out of Q": (None, None),
        "scale twice": ("constant-factor", "4**0.5"),
        "diagonal": ("jacobian-diagonal", "softmax"),
        "softmax axis": ("sum-over-another-axis", "softmax"),
        "softmax left out": ("derivative-left-out", "softmax"),
        "V from scores": ("wrong-operand", "weights @"),
        "weights untransposed": ("transposed", "weights @"),
        "Q and K swapped": ("parameters-swapped", ""),
        "output path left out": ("path-not-carried-back", ""),
        "K path of x": (None, None),
        "residual left out": ("path-not-carried-back", ""),
    }

    @staticmethod
    def make(r):
        params = {n: r.normal(size=(4, 4)) * 0.7 for n in ("Wq", "Wk", "Wv")} | {"E": r.normal(size=(5, 4))}
        return params, {"t": r.normal(size=(5, 4))}

    @staticmethod
    def loss(xp, p, b):
        x = xp.tanh(p["E"])
        q, k, v = x @ p["Wq"], x @ p["Wk"], x @ p["Wv"]
        scores = (q @ xp.matrix_transpose(k)) / 4**0.5
        weights = xp.nn.softmax(scores, axis=-1)
        out = weights @ v
        y = out + x
        return 0.5 * xp.sum((y - b["t"]) ** 2)

    @staticmethod
    def gradient(p, b, bug=""):
        x = np.tanh(p["E"])
        q, k, v = x @ p["Wq"], x @ p["Wk"], x @ p["Wv"]
        scores = q @ k.T / 2
        e = np.exp(scores)
        w = e / e.sum(-1, keepdims=True)
        dy = w @ v + x - b["t"]
        dw = dy @ v.T
        dv = (scores if bug == "V from scores" else w).T @ dy
        if bug == "weights untransposed":
            dv = w @ dy
        if bug == "diagonal":
            ds = dw * w * (1 - w)
        elif bug == "softmax left out":
            ds = dw
        else:
            ds = w * (dw - (dw * w).sum(0 if bug == "softmax axis" else 1, keepdims=True))
        scale = {"scale left out": 1, "scale twice": 0.25}.get(bug, 0.5)
        dq, dk = ds @ k * scale, ds.T @ q * scale
        if bug == "scale left out of Q":
            dq = dq * 2
        g = {"Wq": x.T @ dq, "Wk": x.T @ dk, "Wv": x.T @ dv}
        dx = dq @ p["Wq"].T + dv @ p["Wv"].T
        if bug != "K path of x":
            dx = dx + dk @ p["Wk"].T
        if bug == "output path left out":
            dx = dx - dv @ p["Wv"].T
        if bug != "residual left out":
            dx = dx + dy
        g["E"] = dx * (1 - x * x)
        if bug == "Q and K swapped":
            g["Wq"], g["Wk"] = g["Wk"], g["Wq"]
        return g


class Convolution:
    """A one-dimensional convolution by slices, ReLU, maximum over windows, a bias per channel."""

    BUGS: ClassVar = {
        "flipped": ("wrong-order", ""),
        "overwritten": ("accumulation-overwritten", ""),
        "bias over time only": ("sum-left-out", None),
        "bias mean": ("mean-instead-of-sum", ""),
        "relu left out": ("derivative-left-out", "relu"),
    }
    UNEXPLAINED = frozenset({"bias over time only"})

    @staticmethod
    def make(r):
        params = {"K": r.normal(size=(3, 2)), "c": r.normal(size=2) - 1.5, "x": r.normal(size=(4, 8))}
        return params, {"t": r.normal(size=(4, 3, 2))}

    @staticmethod
    def loss(xp, p, b):
        z = xp.zeros((4, 6, 2))
        for i in range(3):
            z = z + xp.expand_dims(p["x"][:, i : i + 6], axis=-1) * p["K"][i, :]
        h = xp.nn.relu(z + p["c"])
        pooled = xp.max(xp.reshape(h, (4, 3, 2, 2)), axis=2)
        return xp.sum(pooled * b["t"])

    @staticmethod
    def gradient(p, b, bug=""):
        x, k = p["x"], p["K"]
        z = sum(x[:, i : i + 6, None] * k[i] for i in range(3)) + p["c"]
        h = z * ((z > 0) * 1)
        windows = h.reshape(4, 3, 2, 2)
        first = (windows[:, :, :1] >= windows[:, :, 1:]) * 1
        tied = (windows[:, :, :1] == windows[:, :, 1:]) * 1
        share = np.concatenate([first, 1 - first], axis=2) * (1 - 0.5 * tied) + 0.5 * tied * (
            1 - np.concatenate([first, 1 - first], axis=2)
        )
        d = (b["t"][:, :, None, :] * share).reshape(4, 6, 2)
        if bug != "relu left out":
            d = d * ((z > 0) * 1)
        g = {"K": np.array([(x[:, i : i + 6, None] * d).sum((0, 1)) for i in range(3)])}
        g["c"] = d.mean((0, 1)) if bug == "bias mean" else d.sum((0, 1))
        if bug == "bias over time only":
            g["c"] = d.sum(1)[0]
        g["x"] = x * 0
        for i in range(3):
            part = (d * k[i]).sum(-1)
            if bug == "overwritten":
                g["x"][:, i : i + 6] = part
            else:
                g["x"][:, i : i + 6] = g["x"][:, i : i + 6] + part
        if bug == "flipped":
            g["K"] = g["K"][::-1]
        return g


class Embedding:
    """Embedding, dropout by a given mask, the mean of a bag of words, tied output weights."""

    BUGS: ClassVar = {
        "mask left out": ("derivative-left-out", "mask"),
        "scale left out": ("derivative-incomplete", "mask"),
        "last wins": ("accumulation-overwritten", "xp.take"),
        "first wins": ("accumulation-overwritten", "xp.take"),
        "averaged": ("contributions-averaged", "xp.take"),
        "input path left out": ("path-not-carried-back", None),
        "output path left out": ("path-not-carried-back", "bag @"),
        "mean left out": ("mean-left-out", "xp.mean"),
        "frozen": ("gradient-is-zero", ""),
    }

    @staticmethod
    def make(r):
        params = {"E": r.normal(size=(6, 3)), "b": r.normal(size=6)}
        mask = np.where(r.uniform(size=(4, 5, 3)) < 0.6, 1.0, 0.0)
        words = np.array([[0, 1, 1, 5, 2], [3, 3, 0, 0, 1], [2, 2, 2, 4, 5], [1, 0, 1, 0, 1]])
        return params, {"mask": mask, "words": words, "y": np.array([2, 0, 5, 1])}

    @staticmethod
    def loss(xp, p, b):
        e = xp.take(p["E"], b["words"].reshape(-1), axis=0)
        e = xp.reshape(e, (4, 5, 3)) * (b["mask"] / 0.6)
        bag = xp.mean(xp.tanh(e), axis=1)
        logits = bag @ p["E"].T + p["b"]
        return xp.nn.cross_entropy(logits, b["y"])

    @staticmethod
    def gradient(p, b, bug=""):
        words, mask = b["words"], b["mask"] / 0.6
        a = np.tanh(p["E"][words] * mask)
        bag = a.sum(1) / 5
        e = np.exp(bag @ p["E"].T + p["b"])
        d = (e / e.sum(1, keepdims=True) - np.eye(6, dtype=int)[b["y"]]) / 4
        g = {"E": p["E"] * 0, "b": d.sum(0)}
        da = (d @ p["E"])[:, None, :] * (1 - a * a) / (1 if bug == "mean left out" else 5)
        if bug == "scale left out":
            da = da * b["mask"]
        elif bug != "mask left out":
            da = da * mask
        flat, rows = words.reshape(-1), da.reshape(-1, 3)
        places = list(range(20)) if bug != "first wins" else list(range(19, -1, -1))
        for i in places:
            if bug in {"last wins", "first wins"}:
                g["E"][flat[i]] = rows[i]
            elif bug == "averaged":
                g["E"][flat[i]] = g["E"][flat[i]] + rows[i] / int((flat == flat[i]).sum())
            elif bug != "input path left out":
                g["E"][flat[i]] = g["E"][flat[i]] + rows[i]
        if bug != "output path left out":
            g["E"] = g["E"] + d.T @ bag
        if bug == "frozen":
            g["E"] = g["E"] * 0
        return g


MODELS = [LayerNorm, Attention, Convolution, Embedding]
