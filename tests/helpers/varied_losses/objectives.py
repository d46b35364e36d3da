"""Contrastive losses, dropout, scans and other objectives."""

import numpy as np

from varied_losses.case import R, case, normal, sigmoid, softmax


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
