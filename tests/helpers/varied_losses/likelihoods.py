"""Structured likelihoods."""

import numpy as np

from varied_losses.case import R, case, normal, softmax


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
