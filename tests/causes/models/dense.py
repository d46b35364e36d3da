"""Networks of dense layers, with the mistakes that people make in them.

Sources of the mistakes: nielsen, Neural Networks and Deep Learning, and its issues; CS231n's assignments and
the issues of solutions to them; the issues of d2l-en and of many from-scratch networks.
"""

from typing import ClassVar

import numpy as np


def s(z):
    return 1.0 / (1.0 + np.exp(-z))


class TwoLayers:
    """tanh, then sigmoid, mean squared error; all layers have three units, so that shapes forgive much."""

    BUGS: ClassVar = {
        "tanh at input": ("derivative-at-input", "xp.tanh"),
        "tanh left out": ("derivative-left-out", "xp.tanh"),
        "tanh as sigmoid": ("derivative-of-another-function", "xp.tanh"),
        "sigmoid left out": ("derivative-left-out", "xp.nn.sigmoid"),
        "sigmoid twice": ("derivative-applied-twice", "xp.nn.sigmoid"),
        "both left out": (None, None),
        "error without sigmoid'": ("derivative-left-out", "xp.nn.sigmoid"),
        "untransposed": ("transposed", "h @ p"),
        "W2 from input of tanh": ("wrong-operand", "h @ p"),
        "W2 from x": ("wrong-operand", "h @ p"),
        "dW1 transposed": ("transposed", ""),
        "sign of all": ("sign", ""),
        "sign of W1": ("sign", ""),
        "factor 2": ("constant-factor", "** 2"),
        "without mean": ("mean-left-out", "xp.mean"),
        "divided by rows only": ("constant-factor", "xp.mean"),
        "W without mean": ("constant-factor", ""),
        "b1 zero": ("gradient-is-zero", ""),
        "b2 over another axis": ("sum-over-another-axis", "h @ p"),
        "b2 of the last row": ("sum-left-out", "h @ p"),
        "b1 mean": ("mean-instead-of-sum", "b1"),
        "W2 of the last row": ("accumulation-overwritten", "h @ p"),
        "learning rate": ("constant-factor", ""),
        "weight decay": ("added-multiple", ""),
        "L1 decay": ("added-multiple", ""),
        "clipped": ("clipped", ""),
        "norm clipped": ("clipped", ""),
        "W2 updated": ("weights-already-updated", "h @ p"),
        "W1 and W2 swapped": ("parameters-swapped", ""),
        "odd factor": ("constant-factor", ""),
        "W1 factor 3, b2 negated": (None, None),
        "nonsense": (None, None),
    }
    UNEXPLAINED = frozenset({"nonsense"})

    @staticmethod
    def make(r):
        params = {
            "W1": r.normal(size=(3, 3)),
            "b1": r.normal(size=3),
            "W2": r.normal(size=(3, 3)),
            "b2": r.normal(size=3),
        }
        return params, {"x": r.normal(size=(3, 3)), "y": r.uniform(size=(3, 3))}

    @staticmethod
    def loss(xp, p, b):
        h = xp.tanh(b["x"] @ p["W1"] + p["b1"])
        a = xp.nn.sigmoid(h @ p["W2"] + p["b2"])
        return xp.mean((a - b["y"]) ** 2)

    @staticmethod
    def gradient(p, b, bug=""):  # noqa: C901, PLR0912, PLR0915 - a line or two per mistake
        x, y = b["x"], b["y"]
        z1 = x @ p["W1"] + p["b1"]
        h = np.tanh(z1)
        a = s(h @ p["W2"] + p["b2"])
        error = 2 * (a - y) / y.size
        slope2, slope1 = a * (1 - a), 1 - h * h
        if bug in {"sigmoid left out", "both left out"}:
            slope2 = 1
        if bug == "sigmoid twice":
            slope2 = slope2 * slope2
        if bug == "tanh at input":
            slope1 = 1 - z1 * z1
        if bug in {"tanh left out", "both left out"}:
            slope1 = 1
        if bug == "tanh as sigmoid":
            slope1 = h * (1 - h)
        d2 = error * slope2
        back = p["W2"].T
        if bug == "untransposed":
            back = p["W2"]
        g = {}
        left = {"W2 from input of tanh": z1, "W2 from x": x}.get(bug, h)
        g["W2"] = left.T @ d2
        if bug == "W2 of the last row":
            g["W2"] = h[-1:].T @ d2[-1:]
        g["b2"] = d2.sum(1) if bug == "b2 over another axis" else d2.sum(0)
        if bug == "b2 of the last row":
            g["b2"] = d2[-1]
        if bug == "W2 updated":
            back = (p["W2"] - 0.05 * g["W2"]).T
        d1 = ((error if bug == "error without sigmoid'" else d2) @ back) * slope1
        g["W1"] = x.T @ d1
        g["b1"] = d1.sum(0) / 3 if bug == "b1 mean" else d1.sum(0)
        if bug == "b1 zero":
            g["b1"] = g["b1"] * 0
        if bug == "dW1 transposed":
            g["W1"] = g["W1"].T
        if bug == "sign of W1":
            g["W1"] = -g["W1"]
        factors = {"sign of all": -1, "factor 2": 0.5, "without mean": 9, "divided by rows only": 3}
        factors["learning rate"] = 0.01
        if bug in factors:
            g = {name: factors[bug] * value for name, value in g.items()}
        if bug == "W without mean":
            g["W1"], g["W2"] = 9 * g["W1"], 9 * g["W2"]
        if bug == "weight decay":
            g["W1"], g["W2"] = g["W1"] + 0.01 * p["W1"], g["W2"] + 0.01 * p["W2"]
        if bug == "L1 decay":
            g["W1"] = g["W1"] + 0.01 * np.where(p["W1"] > 0, 1, -1)
        if bug == "clipped":
            g = {
                n: np.where(v > 0.01, 0.01 + 0 * v, np.where(v < -0.01, -0.01 + 0 * v, v))
                for n, v in g.items()
            }
        if bug == "norm clipped":
            norm = sum((v * v).sum() for v in g.values()) ** 0.5
            g = {n: v / norm for n, v in g.items()}
        if bug == "W1 and W2 swapped":
            g["W1"], g["W2"] = g["W2"], g["W1"]
        if bug == "odd factor":
            g["W2"] = g["W2"] * 0.7310585786300049
        if bug == "W1 factor 3, b2 negated":
            g["W1"], g["b2"] = 3 * g["W1"], -g["b2"]
        if bug == "nonsense":
            g["W1"] = g["W1"] + np.arange(9.0).reshape(3, 3) ** 0.3
        return g


class DeepTanh:
    """Four tanh layers and half a squared error, the last layer linear."""

    BUGS: ClassVar = {
        "all tanh left out": ("derivative-left-out", "xp.tanh"),
        "all at input": ("derivative-at-input", "xp.tanh"),
        "all untransposed": ("transposed", "h @ p"),
        "hidden tanh left out": ("derivative-left-out", "xp.tanh"),
        "all W from z": ("wrong-operand", ""),
        "all updated": ("weights-already-updated", ""),
        "one layer twice": ("derivative-applied-twice", "xp.tanh"),
        "another layer's": ("derivative-of-another-layer", "xp.tanh"),
        "double mean": ("constant-factor", ""),
    }

    @staticmethod
    def make(r):
        params = {f"W{i}": r.normal(size=(4, 4)) * 0.6 for i in range(4)}
        return params, {"x": r.normal(size=(5, 4)), "y": r.normal(size=(5, 4))}

    @staticmethod
    def loss(xp, p, b):
        h = b["x"]
        for i in range(3):
            h = xp.tanh(h @ p[f"W{i}"])
        return 0.5 * xp.sum((h @ p["W3"] - b["y"]) ** 2) / b["x"].shape[0]

    @staticmethod
    def gradient(p, b, bug=""):
        h, z = [b["x"]], [b["x"]]
        for i in range(3):
            z.append(h[-1] @ p[f"W{i}"])
            h.append(np.tanh(z[-1]))
        d = (h[3] @ p["W3"] - b["y"]) / 5
        g = {}
        for i in (3, 2, 1, 0):
            left = z[i] if bug == "all W from z" else h[i]
            g[f"W{i}"] = left.T @ d
            back = p[f"W{i}"] - 0.1 * g[f"W{i}"] if bug == "all updated" else p[f"W{i}"]
            if i:
                d = d @ (back if bug == "all untransposed" else back.T)
                slope = 1 - h[i] ** 2
                if bug == "all tanh left out" or (bug == "hidden tanh left out" and i < 3):
                    slope = 1
                if bug == "all at input":
                    slope = 1 - z[i] ** 2
                if bug == "one layer twice" and i == 2:
                    slope = slope**2
                if bug == "another layer's" and i == 2:
                    slope = 1 - h[1] ** 2
                d = d * slope
        if bug == "double mean":
            g = {n: v / 5 for n, v in g.items()}
        return g


class ReluClassifier:
    """ReLU and softmax with cross-entropy over integer labels, L2 on the weights."""

    BUGS: ClassVar = {
        "labels not subtracted": ("derivative-incomplete", "cross_entropy"),
        "labels only": ("derivative-incomplete", "cross_entropy"),
        "without mean": ("mean-left-out", "cross_entropy"),
        "regularisation left out": ("path-not-carried-back", ""),
        "regularisation halved": ("constant-factor", "** 2"),
        "regularisation of W1 left out": ("path-not-carried-back", ""),
        "mask from z2": (None, None),
        "mask inverted": ("derivative-of-another-function", "relu"),
        "guided": ("derivative-of-another-function", "relu"),
        "by gradient": ("derivative-of-another-function", "relu"),
        "mask left out": ("derivative-left-out", "relu"),
        "softmax' once more": ("extra-derivative", ""),
        "W2 from z": ("wrong-operand", ""),
        "regularisation without mean": ("constant-factor", ""),
    }
    UNEXPLAINED = frozenset({"mask from z2"})

    @staticmethod
    def make(r):
        params = {
            "W1": r.normal(size=(3, 6)),
            "b1": r.normal(size=6),
            "W2": r.normal(size=(6, 4)),
            "b2": r.normal(size=4),
        }
        return params, {"x": r.normal(size=(7, 3)), "y": np.array([0, 3, 2, 2, 1, 0, 1])}

    @staticmethod
    def loss(xp, p, b):
        h = xp.nn.relu(b["x"] @ p["W1"] + p["b1"])
        data = xp.nn.cross_entropy(h @ p["W2"] + p["b2"], b["y"])
        decay = xp.sum(p["W1"] ** 2) + xp.sum(p["W2"] ** 2)
        return data + 0.05 * decay

    @staticmethod
    def gradient(p, b, bug=""):  # noqa: C901 - a line or two per mistake
        z1 = b["x"] @ p["W1"] + p["b1"]
        mask = (z1 > 0) * 1
        h = z1 * mask
        z2 = h @ p["W2"] + p["b2"]
        e = np.exp(z2)
        prob = e / e.sum(1, keepdims=True)
        y = np.eye(4, dtype=int)[b["y"]]
        d = prob - y
        if bug == "labels not subtracted":
            d = prob
        if bug == "labels only":
            d = prob * 0 - y
        if bug != "without mean":
            d = d / 7
        if bug == "softmax' once more":
            d = prob * (d - (d * prob).sum(1, keepdims=True))
        g = {"W2": (z1 if bug == "W2 from z" else h).T @ d, "b2": d.sum(0)}
        d = d @ p["W2"].T
        if bug == "guided":
            d = d * mask * ((d > 0) * 1)
        elif bug == "by gradient":
            d = d * ((d > 0) * 1)
        elif bug == "mask inverted":
            d = d * (1 - mask)
        elif bug == "mask from z2":
            d = d * ((z2[:, :1] > 0) * 1)
        elif bug != "mask left out":
            d = d * mask
        g["W1"], g["b1"] = b["x"].T @ d, d.sum(0)
        factor = {"regularisation left out": 0, "regularisation halved": 0.05}.get(bug, 0.1)
        factor = 0.1 / 7 if bug == "regularisation without mean" else factor
        g["W2"] = g["W2"] + factor * p["W2"]
        if bug != "regularisation of W1 left out":
            g["W1"] = g["W1"] + factor * p["W1"]
        return g


class Logistic:
    """Logistic regression written out, with a temperature and example weights."""

    BUGS: ClassVar = {
        "sigmoid' once more": ("extra-derivative", ""),
        "temperature left out": ("constant-factor", "/ 1.7"),
        "weights left out": ("derivative-left-out", ""),
        "labels -1": ("derivative-wrong", "z * b"),
        "sign": ("sign", ""),
        "sum": (None, None),
    }

    @staticmethod
    def make(r):
        return {"w": r.normal(size=5)}, {
            "x": r.normal(size=(6, 5)),
            "y": r.integers(0, 2, size=6).astype(float),
            "weight": r.uniform(0.5, 2.0, size=6),
        }

    @staticmethod
    def loss(xp, p, b):
        z = (b["x"] @ p["w"]) / 1.7
        nll = xp.maximum(z, xp.zeros_like(z)) - z * b["y"] + xp.log1p(xp.exp(-xp.abs(z)))
        return xp.sum(b["weight"] * nll) / xp.sum(b["weight"])

    @staticmethod
    def gradient(p, b, bug=""):
        prob = s((b["x"] @ p["w"]) / 1.7)
        d = prob - (2 * b["y"] - 1 if bug == "labels -1" else b["y"])
        if bug == "sign":
            d = -d
        if bug == "sigmoid' once more":
            d = d * prob * (1 - prob)
        if bug != "weights left out":
            d = d * b["weight"]
        d = d / 1.7 if bug != "temperature left out" else d
        return {"w": b["x"].T @ d / (1 if bug == "sum" else b["weight"].sum())}


MODELS = [TwoLayers, DeepTanh, ReluClassifier, Logistic]
