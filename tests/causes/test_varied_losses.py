"""Losses of many fields, each with a right gradient and one slip in it: what the search says of it."""

from typing import NamedTuple

import numpy as np
import pytest

import gradproof as gp

R = np.random.default_rng(41)


class Case(NamedTuple):
    """A loss with a right and a wrong gradient: gradient(params, batch, False) is the right one."""

    loss: object
    gradient: object
    params: dict
    batch: dict


CASES = {}


def case(params, batch=None):
    def register(make):
        CASES[make.__name__] = Case(*make(), params, batch or {})
        return make

    return register


def normal(*shape):
    return R.normal(size=shape)


def softmax(x, axis=-1):
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


# ------------------------------------------------------------------------ attention, normalisation


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


# ------------------------------------------------------------------------ recurrent, convolution


@case(
    {"wz": normal(5, 3), "wr": normal(5, 3), "wh": normal(5, 3)},
    {"x": normal(4, 6, 2), "y": normal(6, 3), "h0": normal(6, 3)},
)
def gru_forgets_the_reset_gate_in_what_it_carries():
    """What goes back through the candidate to h is not multiplied by r."""

    def loss(xp, p, b):
        h = b["h0"]
        for t in range(4):
            x = b["x"][t, ...]
            joined = xp.concat([x, h], axis=1)
            z, r = xp.nn.sigmoid(joined @ p["wz"]), xp.nn.sigmoid(joined @ p["wr"])
            candidate = xp.tanh(xp.concat([x, r * h], axis=1) @ p["wh"])
            h = (1 - z) * h + z * candidate
        return 0.5 * xp.sum((h - b["y"]) ** 2)

    def gradient(p, b, wrong):
        h, kept = b["h0"], []
        for t in range(4):
            x = b["x"][t]
            joined = np.concatenate([x, h], 1)
            z, r = sigmoid(joined @ p["wz"]), sigmoid(joined @ p["wr"])
            other = np.concatenate([x, r * h], 1)
            c = np.tanh(other @ p["wh"])
            kept.append((h, joined, z, r, other, c))
            h = (1 - z) * h + z * c
        g = {name: 0 * w for name, w in p.items()}
        dh = h - b["y"]
        for h, joined, z, r, other, c in reversed(kept):
            dc = dh * z * (1 - c * c)
            dother = dc @ p["wh"].T
            dr = dother[:, 2:] * h * r * (1 - r)
            dz = dh * (c - h) * z * (1 - z)
            g["wh"] = g["wh"] + other.T @ dc
            g["wz"] = g["wz"] + joined.T @ dz
            g["wr"] = g["wr"] + joined.T @ dr
            through = dother[:, 2:] if wrong else dother[:, 2:] * r
            dh = dh * (1 - z) + through + (dz @ p["wz"].T + dr @ p["wr"].T)[:, 2:]
        return g

    return loss, gradient


@case({"k": normal(3, 3), "v": normal(5)}, {"x": normal(4, 7, 7), "y": normal(4, 5)})
def convolution_with_an_unflipped_kernel():
    """The second layer's input gets its kernel unflipped on the way back."""

    def loss(xp, p, b):
        x = b["x"]
        out = sum(x[:, i : i + 5, j : j + 5] * p["k"][i, j] for i in range(3) for j in range(3))
        h = xp.tanh(xp.mean(out, axis=2))
        s = sum(h[:, i : i + 1] * p["v"][4 - i] for i in range(5))
        return 0.5 * xp.sum((xp.sin(s) - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = b["x"]
        out = sum(x[:, i : i + 5, j : j + 5] * p["k"][i, j] for i in range(3) for j in range(3))
        h = np.tanh(out.mean(2))
        v = p["v"][::-1]
        s = (h * v).sum(1, keepdims=True)
        ds = ((np.sin(s) - b["y"]) * np.cos(s)).sum(1, keepdims=True)
        dh = ds * (p["v"] if wrong else v)
        dout = np.repeat((dh * (1 - h * h))[:, :, None], 5, axis=2) / 5
        dk = [[(dout * x[:, i : i + 5, j : j + 5]).sum() for j in range(3)] for i in range(3)]
        return {"k": np.stack([np.stack(row) for row in dk]), "v": (h * ds).sum(0)[::-1]}

    return loss, gradient


@case({"k": normal(2, 3), "w": normal(2, 4)}, {"x": normal(3, 10), "y": normal(3, 4)})
def strided_convolution_with_stride_one():
    """The gradient of the filters reads the input at stride 1 where the loss has stride 2."""

    def loss(xp, p, b):
        windows = xp.stack([b["x"][:, i : i + 7 : 2] for i in range(3)], axis=2)
        h = xp.nn.relu(windows @ xp.matrix_transpose(p["k"]))
        pooled = xp.mean(h, axis=1)
        return 0.5 * xp.sum((pooled @ p["w"] - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x = b["x"]
        windows = np.stack([x[:, i : i + 7 : 2] for i in range(3)], axis=2)
        z = windows @ p["k"].T
        h = np.where(z > 0, z, 0 * z)
        pooled = h.mean(1)
        e = pooled @ p["w"] - b["y"]
        dh = (e @ p["w"].T)[:, None, :] * (z > 0) / 4
        used = np.stack([x[:, i : i + 4] for i in range(3)], axis=2) if wrong else windows
        return {"k": np.einsum("btf,bti->fi", dh, used), "w": pooled.T @ e}

    return loss, gradient


# ------------------------------------------------------------------------ structured likelihoods


@case({"e": normal(4, 3), "t": normal(3, 3)}, {"tags": np.eye(3)[[0, 2, 1, 1]]})
def crf_with_transposed_marginals():
    """The expected transitions are (to, from), and the score's (from, to)."""

    def loss(xp, p, b):
        alpha = p["e"][0, :]
        for i in range(1, 4):
            alpha = xp.nn.logsumexp(alpha[:, None] + p["t"], axis=0) + p["e"][i, :]
        steps = xp.matrix_transpose(b["tags"][:-1, :]) @ b["tags"][1:, :]
        gold = xp.sum(p["e"] * b["tags"]) + xp.sum(steps * p["t"])
        return xp.nn.logsumexp(alpha, axis=0) - gold

    def lse(x, axis):
        m = x.max(axis, keepdims=True)
        return (np.log(np.exp(x - m).sum(axis, keepdims=True)) + m).sum(axis)

    def gradient(p, b, wrong):
        e, t = p["e"], p["t"]
        alphas = [e[0]]
        for i in range(1, 4):
            alphas.append(lse(alphas[-1][:, None] + t, 0) + e[i])
        betas = [0 * e[0]]
        for i in (3, 2, 1):
            betas.append(lse(t + (e[i] + betas[-1])[None, :], 1))
        betas.reverse()
        z = lse(alphas[-1], 0)
        unary = np.stack([np.exp(a + c - z) for a, c in zip(alphas, betas, strict=True)])
        pair = 0 * t
        for i in range(1, 4):
            pair = pair + np.exp(alphas[i - 1][:, None] + t + (e[i] + betas[i])[None, :] - z)
        tags = b["tags"]
        return {"e": unary - tags, "t": (pair.T if wrong else pair) - tags[:-1].T @ tags[1:]}

    return loss, gradient


@case({"a": np.array(0.8), "q": np.array(0.3), "r": np.array(0.5)}, {"y": normal(6)})
def kalman_filter_with_a_frozen_gain():
    """The gain's dependence on the variances is left out of the state's derivative."""

    def loss(xp, p, b):
        m, s, total = 0.0, 1.0, 0.0
        for i in range(6):
            m, s = p["a"] * m, p["a"] ** 2 * s + xp.exp(p["q"])
            f = s + xp.exp(p["r"])
            k = s / f
            v = b["y"][i] - m
            total = total + 0.5 * (xp.log(f) + v * v / f)
            m, s = m + k * v, (1 - k) * s
        return total

    def gradient(p, b, wrong):
        a, q, r = p["a"], np.exp(p["q"]), np.exp(p["r"])
        zero = 0 * a
        m, s = zero, zero + 1.0
        dm, ds = [zero] * 3, [zero] * 3
        g = [zero] * 3
        for i in range(6):
            dm = [a * dm[0] + m, a * dm[1], a * dm[2]]
            ds = [a * a * ds[0] + 2 * a * s, a * a * ds[1] + q, a * a * ds[2]]
            m, s = a * m, a * a * s + q
            f = s + r
            df = [ds[0], ds[1], ds[2] + r]
            k = s / f
            v = b["y"][i] - m
            dk = [(ds[j] * f - s * df[j]) / (f * f) for j in range(3)]
            for j in range(3):
                g[j] = g[j] + 0.5 * (df[j] / f - 2 * v * dm[j] / f - v * v * df[j] / (f * f))
            dm = [dm[j] - k * dm[j] + (0 if wrong else dk[j] * v) for j in range(3)]
            ds = [(1 - k) * ds[j] - dk[j] * s for j in range(3)]
            m, s = m + k * v, (1 - k) * s
        return {"a": g[0], "q": g[1], "r": g[2]}

    return loss, gradient


@case(
    {"beta": normal(3)},
    {"x": normal(8, 3), "event": np.array([1.0, 0, 1, 1, 0, 1, 1, 0])},
)
def cox_risk_set_without_the_failing():
    """The mean over the risk set leaves out whoever fails (rows are sorted by time)."""

    def loss(xp, p, b):
        score = b["x"] @ p["beta"]
        risk = xp.flip(xp.cumulative_sum(xp.flip(xp.exp(score))))
        return -xp.sum(b["event"] * (score - xp.log(risk)))

    def gradient(p, b, wrong):
        x = b["x"]
        weight = np.exp(x @ p["beta"])
        risk = np.cumsum(weight[::-1])[::-1]
        above = weight[:, None] * x
        sums = np.cumsum(above[::-1], axis=0)[::-1]
        if wrong:
            sums = sums - above
        return {"beta": -(b["event"][:, None] * (x - sums / risk[:, None])).sum(0)}

    return loss, gradient


@case({"mu": normal(3, 2), "s": normal(3), "w": normal(3)}, {"x": normal(7, 2)})
def mixture_of_gaussians_with_its_dimension_forgotten():
    """d/ds of the log normaliser is -d of a d-dimensional Gaussian, and -1 is taken."""

    def loss(xp, p, b):
        apart = b["x"][:, None, :] - p["mu"][None, :, :]
        square = xp.sum(apart * apart, axis=2)
        each = -0.5 * square * xp.exp(-2 * p["s"]) - 2 * p["s"] + xp.nn.log_softmax(p["w"], axis=0)
        return -xp.sum(xp.nn.logsumexp(each, axis=1))

    def gradient(p, b, wrong):
        apart = b["x"][:, None, :] - p["mu"][None]
        square = (apart * apart).sum(2)
        precision = np.exp(-2 * p["s"])
        w = softmax(p["w"])
        each = -0.5 * square * precision - 2 * p["s"] + np.log(w)
        r = softmax(each, 1)
        d = 1 if wrong else 2
        return {
            "mu": -((r * precision)[:, :, None] * apart).sum(0),
            "s": -(r * (square * precision - d)).sum(0),
            "w": -(r.sum(0) - r.sum() * w),
        }

    return loss, gradient


@case({"a": normal(4), "c": np.array(0.4)}, {"x": normal(9, 4), "y": R.integers(0, 6, 9).astype(float)})
def negative_binomial_without_the_mean_in_the_dispersion():
    """∂/∂r of log(r + μ) is forgotten in the gradient of the dispersion."""

    def loss(xp, p, b):
        mean, r = xp.exp(b["x"] @ p["a"]), xp.exp(p["c"])
        return -xp.sum(r * xp.log(r) + b["y"] * xp.log(mean) - (r + b["y"]) * xp.log(r + mean))

    def gradient(p, b, wrong):
        mean, r = np.exp(b["x"] @ p["a"]), np.exp(p["c"])
        y = b["y"]
        dm = y / mean - (r + y) / (r + mean)
        dr = np.log(r) + 1 - np.log(r + mean) - (0 if wrong else (r + y) / (r + mean))
        return {"a": -(b["x"].T @ (dm * mean)), "c": -(dr * r).sum()}

    return loss, gradient


# ------------------------------------------------------------------------ physics, differential equations


@case({"k": np.array(1.3), "c": np.array(0.2), "x0": normal(2)}, {"y": normal(12)})
def leapfrog_with_the_old_position():
    """The second half step of the velocity is differentiated at the old position."""

    def loss(xp, p, b):
        x, v, total = p["x0"][0], p["x0"][1], 0.0
        for i in range(12):
            v = v - 0.05 * (p["k"] * xp.sin(x) + p["c"] * v)
            x = x + 0.1 * v
            total = total + 0.5 * (x - b["y"][i]) ** 2
        return total

    def gradient(p, b, wrong):
        x, v = p["x0"][0], p["x0"][1]
        old = []
        xs = []
        for _ in range(12):
            old.append((x, v))
            v = v - 0.05 * (p["k"] * np.sin(x) + p["c"] * v)
            x = x + 0.1 * v
            xs.append(x)
        zero = 0 * p["k"]
        gx, gv, gk, gc = zero, zero, zero, zero
        for i in range(11, -1, -1):
            gx = gx + xs[i] - b["y"][i]
            gv = gv + 0.1 * gx
            x, v = old[i]
            at = xs[i] if wrong else x
            gk = gk - 0.05 * np.sin(x) * gv
            gc = gc - 0.05 * v * gv
            gx = gx - 0.05 * p["k"] * np.cos(at) * gv
            gv = gv - 0.05 * p["c"] * gv
        return {"k": gk, "c": gc, "x0": np.stack([gx, gv])}

    return loss, gradient


@case({"x": normal(6, 3) * 2})
def lennard_jones_without_the_chain_of_the_root():
    """dE/dr of 1/r¹² is written as if the energy were a function of r²."""

    def loss(xp, p, _):
        i, j = [0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 4, 5]
        apart = p["x"][i, :] - p["x"][j, :]
        r = xp.sqrt(xp.sum(apart * apart, axis=1))
        s = 1.0 / r
        return 4 * xp.sum(s**12 - s**6)

    def gradient(p, _, wrong):
        i, j = [0, 0, 0, 1, 1, 2], [1, 2, 3, 2, 4, 5]
        apart = p["x"][i] - p["x"][j]
        r = np.sqrt((apart * apart).sum(1))
        slope = 4 * (-12 / r**13 + 6 / r**7)
        force = slope[:, None] * apart if wrong else (slope / r)[:, None] * apart
        g = 0 * p["x"]
        np.add.at(g, i, force)
        np.add.at(g, j, -force)
        return {"x": g}

    return loss, gradient


@case({"w": normal(2, 2) * 0.3, "b": normal(2)}, {"x": normal(5, 2), "y": normal(5, 2)})
def runge_kutta_without_the_inner_stages():
    """The way back through a step of Heun's method does not go through the first stage inside the second."""

    def loss(xp, p, b):
        x = b["x"]
        for _ in range(3):
            k1 = xp.tanh(x @ p["w"] + p["b"])
            k2 = xp.tanh((x + 0.2 * k1) @ p["w"] + p["b"])
            x = x + 0.1 * (k1 + k2)
        return 0.5 * xp.sum((x - b["y"]) ** 2)

    def gradient(p, b, wrong):
        x, kept = b["x"], []
        for _ in range(3):
            k1 = np.tanh(x @ p["w"] + p["b"])
            inner = x + 0.2 * k1
            k2 = np.tanh(inner @ p["w"] + p["b"])
            kept.append((x, k1, inner, k2))
            x = x + 0.1 * (k1 + k2)
        g = {name: 0 * w for name, w in p.items()}
        dx = x - b["y"]
        for x, k1, inner, k2 in reversed(kept):
            d2 = 0.1 * dx * (1 - k2 * k2)
            dinner = d2 @ p["w"].T
            d1 = (0.1 * dx if wrong else 0.1 * dx + 0.2 * dinner) * (1 - k1 * k1)
            g["w"] = g["w"] + inner.T @ d2 + x.T @ d1
            g["b"] = g["b"] + d2.sum(0) + d1.sum(0)
            dx = dx + dinner + d1 @ p["w"].T
        return g

    return loss, gradient


@case({"u": normal(9), "nu": np.array(0.3)}, {"f": normal(9)})
def burgers_with_a_wrong_adjoint_of_the_difference():
    """The adjoint of a periodic central difference is its negative; the sign is kept."""

    def loss(xp, p, b):
        u = p["u"]
        slope = (xp.roll(u, -1) - xp.roll(u, 1)) / 2
        bend = xp.roll(u, -1) - 2 * u + xp.roll(u, 1)
        r = u * slope - p["nu"] * bend - b["f"]
        return 0.5 * xp.sum(r * r)

    def gradient(p, b, wrong):
        u = p["u"]

        def d(v):
            return (np.roll(v, -1) - np.roll(v, 1)) / 2

        bend = np.roll(u, -1) - 2 * u + np.roll(u, 1)
        r = u * d(u) - p["nu"] * bend - b["f"]
        back = d(r * u) if wrong else -d(r * u)
        laplace = np.roll(r, -1) - 2 * r + np.roll(r, 1)
        return {"u": r * d(u) + back - p["nu"] * laplace, "nu": -(r * bend).sum()}

    return loss, gradient


# ------------------------------------------------------------------------ contrastive, dropout, scans, others


@case({"w": normal(4, 3)}, {"a": normal(5, 4), "b": normal(5, 4)})
def contrastive_loss_without_the_norms_slope():
    """The embeddings are normalised, and the way back only divides by the norm."""

    def loss(xp, p, b):
        u, v = b["a"] @ p["w"], b["b"] @ p["w"]
        u = u / xp.sqrt(xp.sum(u * u, axis=1, keepdims=True))
        v = v / xp.sqrt(xp.sum(v * v, axis=1, keepdims=True))
        scores = u @ xp.matrix_transpose(v) / 0.1
        return -xp.mean(xp.linalg.diagonal(xp.nn.log_softmax(scores, axis=1)))

    def gradient(p, b, wrong):
        x, y = b["a"] @ p["w"], b["b"] @ p["w"]
        m, n = (np.sqrt((z * z).sum(1, keepdims=True)) for z in (x, y))
        u, v = x / m, y / n
        ds = (softmax(u @ v.T / 0.1, 1) - np.eye(5)) / 5 / 0.1
        du, dv = ds @ v, ds.T @ u
        if wrong:
            dx, dy = du / m, dv / n
        else:
            dx = (du - u * (du * u).sum(1, keepdims=True)) / m
            dy = (dv - v * (dv * v).sum(1, keepdims=True)) / n
        return {"w": b["a"].T @ dx + b["b"].T @ dy}

    return loss, gradient


@case(
    {"w1": normal(3, 6), "w2": normal(6, 2)},
    {"x": normal(5, 3), "y": normal(5, 2), "keep": (R.uniform(size=(5, 6)) < 0.7).astype(float)},
)
def dropout_mask_without_its_scale():
    """The mask is applied on the way back, and 1/(1 - p) is not."""

    def loss(xp, p, b):
        h = xp.nn.silu(b["x"] @ p["w1"]) * b["keep"] / 0.7
        return xp.mean((h @ p["w2"] - b["y"]) ** 2)

    def gradient(p, b, wrong):
        z = b["x"] @ p["w1"]
        s = sigmoid(z)
        h = z * s * b["keep"] / 0.7
        e = 2 * (h @ p["w2"] - b["y"]) / b["y"].size
        dh = (e @ p["w2"].T) * b["keep"]
        dh = dh if wrong else dh / 0.7
        return {"w1": b["x"].T @ (dh * (s + z * s * (1 - s))), "w2": h.T @ e}

    return loss, gradient


@case({"a": normal(3), "b": normal(3), "c": normal(3)}, {"x": normal(7), "y": normal(7)})
def linear_scan_with_the_decay_of_the_wrong_step():
    """What a linear state space model carries back skips the last multiplication by its decay."""

    def loss(xp, p, b):
        decay = xp.nn.sigmoid(p["a"])
        h, total = 0 * decay, 0.0
        for t in range(7):
            h = decay * h + p["b"] * b["x"][t]
            total = total + 0.5 * (xp.sum(p["c"] * h) - b["y"][t]) ** 2
        return total

    def gradient(p, b, wrong):
        decay = sigmoid(p["a"])
        hs, h = [], 0 * decay
        for t in range(7):
            hs.append(h)
            h = decay * h + p["b"] * b["x"][t]
        hs.append(h)
        dh, dd, db, dc = 0 * decay, 0 * decay, 0 * decay, 0 * decay
        for t in range(6, -1, -1):
            e = (p["c"] * hs[t + 1]).sum() - b["y"][t]
            dc = dc + e * hs[t + 1]
            dh = dh + e * p["c"]
            dd = dd + dh * (hs[t + 1] if wrong else hs[t])
            db = db + dh * b["x"][t]
            dh = dh * decay
        return {"a": dd * decay * (1 - decay), "b": db, "c": dc}

    return loss, gradient


@case({"x": normal(4, 3)}, {"y": normal(4, 3)})
def label_smoothing_forgotten():
    """The gradient is softmax - one-hot, and the loss smooths the labels."""

    def loss(xp, p, b):
        one_hot = xp.astype(b["y"] == xp.max(b["y"], axis=1, keepdims=True), b["y"].dtype)
        target = 0.9 * one_hot + 0.1 / 3
        return -xp.mean(xp.sum(target * xp.nn.log_softmax(p["x"], axis=1), axis=1))

    def gradient(p, b, wrong):
        one_hot = (b["y"] == b["y"].max(1, keepdims=True)) * 1.0
        target = one_hot if wrong else 0.9 * one_hot + 0.1 / 3
        return {"x": (softmax(p["x"], 1) - target) / 4}

    return loss, gradient


@case({"l": normal(3, 3)}, {"s": np.cov(normal(3, 20))})
def gaussian_likelihood_with_half_the_log_determinant():
    """The covariance is L·Lᵀ, so log det gives 2·L⁻ᵀ; half of it is taken."""

    def loss(xp, p, b):
        lower = xp.tril(p["l"]) + 2 * xp.eye(3)
        covariance = lower @ xp.matrix_transpose(lower)
        return xp.linalg.slogdet(covariance)[1] + xp.linalg.trace(xp.linalg.solve(covariance, b["s"]))

    def gradient(p, b, wrong):
        lower = np.tril(p["l"]) + 2 * np.eye(3)
        inverse = np.linalg.inv(lower @ lower.T)
        outer = inverse @ b["s"] @ inverse
        inside = inverse * (0.5 if wrong else 1.0) - outer
        return {"l": np.tril(2 * inside @ lower)}

    return loss, gradient


@case({"w": normal(4, 5)}, {"x": normal(6, 4), "p": np.abs(normal(6, 5))})
def distillation_without_the_temperature():
    """Logits are divided by T = 3; the way back does not divide by it."""

    def loss(xp, p, b):
        target = xp.nn.softmax(b["p"] / 3.0, axis=1)
        found = xp.nn.log_softmax(b["x"] @ p["w"] / 3.0, axis=1)
        return 9.0 * xp.mean(xp.sum(target * (xp.log(target) - found), axis=1))

    def gradient(p, b, wrong):
        target = softmax(b["p"] / 3.0, 1)
        e = 9.0 * (softmax(b["x"] @ p["w"] / 3.0, 1) - target) / 6
        return {"w": b["x"].T @ (e if wrong else e / 3.0)}

    return loss, gradient


@case({"mu": normal(4), "s": normal(4), "w": normal(4, 3)}, {"e": normal(8, 4), "y": normal(8, 3)})
def vae_with_the_standard_deviation_for_the_variance():
    """s is a log variance; the reparametrised path multiplies by e·σ and forgets the half."""

    def loss(xp, p, b):
        z = p["mu"] + xp.exp(0.5 * p["s"]) * b["e"]
        fit = 0.5 * xp.mean(xp.sum((xp.tanh(z @ p["w"]) - b["y"]) ** 2, axis=1))
        return fit - 0.5 * xp.sum(1 + p["s"] - p["mu"] ** 2 - xp.exp(p["s"]))

    def gradient(p, b, wrong):
        deviation = np.exp(0.5 * p["s"])
        z = p["mu"] + deviation * b["e"]
        t = np.tanh(z @ p["w"])
        dt = (t - b["y"]) * (1 - t * t) / 8
        dz = dt @ p["w"].T
        ds = (dz * b["e"]).sum(0) * deviation
        ds = ds if wrong else 0.5 * ds
        return {
            "mu": dz.sum(0) + p["mu"],
            "s": ds - 0.5 * (1 - np.exp(p["s"])),
            "w": z.T @ dt,
        }

    return loss, gradient


@case({"u": normal(5, 3), "i": normal(6, 3)}, {"r": normal(7), "lam": np.array(0.1)})
def factorisation_regularised_once_per_rating():
    """The penalty of the factors is added once for every rating of a user."""

    def loss(xp, p, b):
        us, it = [0, 1, 1, 2, 3, 3, 3], [5, 0, 2, 3, 4, 1, 0]
        e = xp.sum(p["u"][us, :] * p["i"][it, :], axis=1) - b["r"]
        return 0.5 * xp.sum(e * e) + 0.5 * b["lam"] * (xp.sum(p["u"] ** 2) + xp.sum(p["i"] ** 2))

    def gradient(p, b, wrong):
        us, it = [0, 1, 1, 2, 3, 3, 3], [5, 0, 2, 3, 4, 1, 0]
        e = (p["u"][us] * p["i"][it]).sum(1) - b["r"]
        gu, gi = 0 * p["u"], 0 * p["i"]
        penalty = b["lam"] * p["u"][us] if wrong else 0.0
        np.add.at(gu, us, e[:, None] * p["i"][it] + penalty)
        np.add.at(gi, it, e[:, None] * p["u"][us])
        return {"u": gu if wrong else gu + b["lam"] * p["u"], "i": gi + b["lam"] * p["i"]}

    return loss, gradient


@case({"w": normal(5, 3)}, {"x": normal(6, 5), "t": np.array([0, 2, 1, 1, 0, 2])})
def hinge_counts_every_violated_margin_once():
    """The row of the right class gets -1 if any margin is violated, and not -1 for each."""

    def loss(xp, p, b):
        s = b["x"] @ p["w"]
        right = xp.take_along_axis(s, b["t"][:, None], axis=1)
        return (xp.sum(xp.maximum(s - right + 1.0, 0.0)) - 6.0) / 6

    def gradient(p, b, wrong):
        s = b["x"] @ p["w"]
        rows = np.arange(6)
        margin = s - s[rows, b["t"]][:, None] + 1.0
        active = np.where(margin > 0, 1.0, 0.0)
        active[rows, b["t"]] = 0.0
        count = active.sum(1)
        active[rows, b["t"]] = -np.minimum(count, 1.0) if wrong else -count
        return {"w": b["x"].T @ active / 6}

    return loss, gradient


NAMED = {
    "causal_attention_forgets_its_scale": (
        "constant-factor",
        "the division by 2 of the derivative of divide",
    ),
    "batch_norm_divides_by_one_less": ("constant-factor", "5 instead of 6 in the derivative of var"),
    "group_norm_over_the_wrong_groups": (
        "sum-over-all-axes",
        "the mean of g taken over axis 1 too in the derivative of standardize",
    ),
    "gru_forgets_the_reset_gate_in_what_it_carries": (
        "derivative-left-out",
        "the other factor of each of 3 operations multiply",
    ),
    "convolution_with_an_unflipped_kernel": ("another-step", "the values of the steps in the reverse order"),
    "crf_with_transposed_marginals": ("transposed", "hands back transposed"),
    "kalman_filter_with_a_frozen_gain": ("path-not-carried-back", "each of 5 operations multiply"),
    "cox_risk_set_without_the_failing": ("derivative-incomplete", "left out of its own running sum"),
    "mixture_of_gaussians_with_its_dimension_forgotten": ("constant-factor", "the factor 2"),
    "negative_binomial_without_the_mean_in_the_dispersion": (
        "path-not-carried-back",
        "left out of the sum in add `r + mean`",
    ),
    "leapfrog_with_the_old_position": ("another-step", "the value of the step after at every step"),
    "lennard_jones_without_the_chain_of_the_root": ("derivative-incomplete", "1/b instead of 1/b^2"),
    "runge_kutta_without_the_inner_stages": ("path-not-carried-back", "each of 3 operations multiply"),
    "burgers_with_a_wrong_adjoint_of_the_difference": ("sign", "negated"),
    "contrastive_loss_without_the_norms_slope": ("path-not-carried-back", "each of 2 operations square"),
    "dropout_mask_without_its_scale": ("constant-factor", "the division by 0.7"),
    "linear_scan_with_the_decay_of_the_wrong_step": ("wrong-operand", "each of 7 operations multiply"),
    "label_smoothing_forgotten": ("wrong-operand", "the operand of multiply ("),
    "gaussian_likelihood_with_half_the_log_determinant": ("constant-factor", "multiplied by 1/2"),
    "distillation_without_the_temperature": ("constant-factor", "the division by 3"),
    "vae_with_the_standard_deviation_for_the_variance": ("constant-factor", "the factor 1/2"),
    "factorisation_regularised_once_per_rating": (
        "slice-counted-wrongly",
        "counted once for each time that gather",
    ),
}
"""What the search names: the kind, and words of its text."""

LOCATED = {
    "strided_convolution_with_stride_one": "If it is a single fault",
    "hinge_counts_every_violated_margin_once": "If it is a single fault",
}
"""What it gives a place: words of its text."""


def test_every_case_is_expected_somewhere():
    assert CASES.keys() == NAMED.keys() | LOCATED.keys()


@pytest.mark.parametrize("name", CASES)
def test_the_right_gradient_passes(name):
    each = CASES[name]
    check = gp.check(each.loss, lambda p, b: each.gradient(p, b, False), each.params, each.batch, points=1)
    assert check.verdict is gp.Verdict.EQUAL, check.reason


@pytest.mark.parametrize("name", CASES)
def test_the_slip_is_named_or_has_a_place(name):
    each = CASES[name]
    check = gp.check(each.loss, lambda p, b: each.gradient(p, b, True), each.params, each.batch, points=0)
    assert check.verdict is gp.Verdict.WRONG
    if name in NAMED:
        kind, words = NAMED[name]
        assert check.cause is not None, check.reason
        assert check.cause.kind == kind, check.cause.text
        assert words in check.cause.text
    else:
        told = check.cause.text if check.cause is not None else check.unexplained
        assert LOCATED[name] in told
