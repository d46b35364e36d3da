"""Losses and single functions.

Sources of the mistakes: the issues of dlib, torch7 and nn, HIPS/autograd, pytensor; many VAEs from scratch.
"""

from math import erf
from typing import ClassVar

import numpy as np


def s(z):
    return 1.0 / (1.0 + np.exp(-z))


class Vae:
    """A variational autoencoder's loss: reconstruction and the KL divergence from a standard normal."""

    BUGS: ClassVar = {
        "sign of KL": ("sign", None),
        "KL left out": ("path-not-carried-back", None),
        "KL without 1/2": ("constant-factor", "0.5"),
        "noise left out": ("derivative-left-out", None),
        "half left out of exp": ("constant-factor", "0.5 * logvar"),
        "-1 left out": (None, None),
        "mean's KL left out": ("path-not-carried-back", None),
        "noise path left out": ("path-not-carried-back", None),
    }

    @staticmethod
    def make(r):
        params = {"Wm": r.normal(size=(3, 2)), "Wv": r.normal(size=(3, 2)) * 0.5, "D": r.normal(size=(2, 3))}
        return params, {"x": r.normal(size=(5, 3)), "noise": r.normal(size=(5, 2))}

    @staticmethod
    def loss(xp, p, b):
        mean, logvar = b["x"] @ p["Wm"], b["x"] @ p["Wv"]
        z = mean + xp.exp(0.5 * logvar) * b["noise"]
        fit = xp.sum((z @ p["D"] - b["x"]) ** 2)
        kl = -0.5 * xp.sum(1 + logvar - mean**2 - xp.exp(logvar))
        return (fit + kl) / 5

    @staticmethod
    def gradient(p, b, bug=""):
        x, noise = b["x"], b["noise"]
        mean, logvar = x @ p["Wm"], x @ p["Wv"]
        sigma = np.exp(0.5 * logvar)
        z = mean + sigma * noise
        e = 2 * (z @ p["D"] - x) / 5
        dz = e @ p["D"].T
        k = {"sign of KL": -1, "KL left out": 0, "KL without 1/2": 2}.get(bug, 1)
        dmean = dz + k * (0 if bug == "mean's KL left out" else 1) * mean / 5
        reparam = dz * sigma * (1 if bug == "noise left out" else noise)
        reparam = reparam * {"half left out of exp": 1, "noise path left out": 0}.get(bug, 0.5)
        dlogvar = reparam + k * 0.5 * (np.exp(logvar) - (0 if bug == "-1 left out" else 1)) / 5
        return {"Wm": x.T @ dmean, "Wv": x.T @ dlogvar, "D": z.T @ e}


class Factorisation:
    """Matrix factorisation with L2 on both factors."""

    BUGS: ClassVar = {
        "V after U's update": ("weights-already-updated", None),
        "decay of V left out": ("path-not-carried-back", ""),
        "decay halved": ("constant-factor", "** 2"),
        "sign of the error": (None, None),
        "mask left out": ("operation-left-out", "mask"),
    }

    @staticmethod
    def make(r):
        params = {"U": r.normal(size=(4, 2)), "V": r.normal(size=(5, 2))}
        return params, {"R": r.normal(size=(4, 5)), "mask": np.where(r.uniform(size=(4, 5)) < 0.7, 1.0, 0.0)}

    @staticmethod
    def loss(xp, p, b):
        e = (b["R"] - p["U"] @ p["V"].T) * b["mask"]
        return xp.sum(e**2) + 0.1 * (xp.sum(p["U"] ** 2) + xp.sum(p["V"] ** 2))

    @staticmethod
    def gradient(p, b, bug=""):
        u, v = p["U"], p["V"]
        e = b["R"] - u @ v.T
        # e^2 is masked once: the mask is of zeros and ones
        e = e * b["mask"]
        if bug == "sign of the error":
            e = -e
        if bug == "mask left out":
            e = b["R"] - u @ v.T
        decay = 0.1 if bug == "decay halved" else 0.2
        g = {"U": -2 * e @ v + decay * u}
        if bug == "V after U's update":
            u = u - 0.05 * g["U"]
            e = (b["R"] - u @ v.T) * b["mask"]
        g["V"] = -2 * e.T @ u
        if bug != "decay of V left out":
            g["V"] = g["V"] + decay * v
        return g


class Functions:
    """Sums of single functions of a vector."""

    BUGS: ClassVar = {
        "gelu without x phi": ("derivative-incomplete", "gelu"),
        "silu without x s'": ("derivative-incomplete", "silu"),
        "sin' = sin": ("derivative-of-another-function", "xp.sin"),
        "cube without 3": ("constant-factor", "x**3"),
        "cumsum direction": ("wrong-order", "cumulative_sum"),
        "abs without sign": (None, "xp.abs"),
        "logsumexp unnormalised": ("derivative-incomplete", "logsumexp"),
        "softplus' left out": ("derivative-left-out", "softplus"),
        "reciprocal sign": ("sign", "1 /"),
        "reciprocal without square": (None, "1 /"),
    }

    @staticmethod
    def make(r):
        return {"x": r.uniform(0.5, 2.0, size=6) * np.array([1, -1, 1, 1, -1, 1])}, {
            "c": r.normal(size=(9, 6))
        }

    @staticmethod
    def loss(xp, p, b):
        x, c = p["x"], b["c"]
        total = xp.sum(c[0, :] * xp.nn.gelu(x))
        total = total + xp.sum(c[1, :] * xp.nn.silu(x))
        total = total + xp.sum(c[2, :] * xp.sin(x))
        total = total + xp.sum(c[3, :] * x**3)
        total = total + xp.sum(c[4, :] * xp.cumulative_sum(x))
        total = total + xp.sum(c[5, :] * xp.abs(x))
        total = total + xp.nn.logsumexp(x)
        total = total + xp.sum(c[6, :] * xp.nn.softplus(x))
        total = total + xp.sum(c[7, :] * (1 / x))
        return total + xp.sum(c[8, :] * xp.sqrt(x * x + 1))

    @staticmethod
    def gradient(p, b, bug=""):
        x, c = p["x"], b["c"]
        import flint

        cdf = np.array(
            [
                (1 + (v / flint.arb(2).sqrt()).erf()) / 2
                if isinstance(v, flint.arb)
                else (1 + erf(v / 2**0.5)) / 2
                for v in x
            ]
        )
        pi = flint.arb.pi() if isinstance(x[0], flint.arb) else np.pi
        phi = np.exp(-x * x / 2) / np.sqrt(np.array([2 * pi], dtype=x.dtype))
        sx = s(x)
        g = c[0] * (cdf + (0 if bug == "gelu without x phi" else x * phi))
        g = g + c[1] * (sx + (0 if bug == "silu without x s'" else x * sx * (1 - sx)))
        g = g + c[2] * (np.sin(x) if bug == "sin' = sin" else np.cos(x))
        g = g + c[3] * (1 if bug == "cube without 3" else 3) * x * x
        g = g + (np.cumsum(c[4]) if bug == "cumsum direction" else np.cumsum(c[4][::-1])[::-1])
        g = g + c[5] * (1 if bug == "abs without sign" else np.where(x > 0, 1, -1))
        e = np.exp(x)
        g = g + e / (1 if bug == "logsumexp unnormalised" else e.sum())
        g = g + c[6] * (1 if bug == "softplus' left out" else sx)
        g = g - (-1 if bug == "reciprocal sign" else 1) * c[7] / (
            x if bug == "reciprocal without square" else x * x
        )
        return {"x": g + c[8] * x / np.sqrt(x * x + 1)}


class Metric:
    """A triplet loss with cosine similarities, Huber on top, and a clipped value."""

    BUGS: ClassVar = {
        "sign of the negative": ("sign", None),
        "norm's gradient left out": ("path-not-carried-back", None),
        "hinge left out": ("derivative-left-out", None),
        "clip left out": ("derivative-left-out", "xp.clip"),
        "huber unmasked": (None, None),
    }

    @staticmethod
    def make(r):
        return {"A": r.normal(size=(6, 3)), "q": r.normal(size=6)}, {
            "P": r.normal(size=(6, 3)),
            "N": r.normal(size=(6, 3)),
            "t": r.normal(size=6) * 2,
        }

    @staticmethod
    def loss(xp, p, b):
        a = p["A"] / xp.sqrt(xp.sum(p["A"] ** 2, axis=1, keepdims=True))
        margin = xp.sum(a * b["N"], axis=1) - xp.sum(a * b["P"], axis=1) + 0.5
        triplet = xp.mean(xp.nn.relu(margin))
        d = p["q"] - b["t"]
        huber = xp.sum(xp.where(xp.abs(d) < 1.0, 0.5 * d**2, xp.abs(d) - 0.5))
        clipped = xp.sum(xp.clip(p["q"], -0.5, 0.5) * b["t"])
        return triplet + huber + clipped

    @staticmethod
    def gradient(p, b, bug=""):
        norm = np.sqrt((p["A"] ** 2).sum(1, keepdims=True))
        a = p["A"] / norm
        margin = (a * b["N"]).sum(1) - (a * b["P"]).sum(1) + 0.5
        mask = (margin > 0) * 1
        if bug == "hinge left out":
            mask = mask * 0 + 1
        da = mask[:, None] * (-b["N"] - b["P"] if bug == "sign of the negative" else b["N"] - b["P"]) / 6
        inner = 0 if bug == "norm's gradient left out" else a * (a * da).sum(1, keepdims=True)
        d = p["q"] - b["t"]
        small = (abs(d) < 1) * 1
        sign = np.where(d > 0, 1, -1)
        dq = small * d + (1 if bug == "huber unmasked" else 1 - small) * sign
        inside = (abs(p["q"]) < 0.5) * 1
        dq = dq + (1 if bug == "clip left out" else inside) * b["t"]
        return {"A": (da - inner) / norm, "q": dq}


MODELS = [Vae, Factorisation, Functions, Metric]
