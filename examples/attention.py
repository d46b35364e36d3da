"""Scaled dot-product attention: `gradproof check examples/attention.py`, and `::wrong_gradient`.

Source: Vaswani et al., Attention Is All You Need (2017), equation 1.
"""

import numpy as np

WIDTH = 4

random = np.random.default_rng(2)
params = {name: random.normal(size=(5, WIDTH)) for name in ("query", "key", "value")}
batch = {"x": random.normal(size=(6, 5)), "y": random.normal(size=(6, WIDTH))}


def loss(xp, params, batch):
    """Compute half the sum of squared errors of softmax(q kᵀ / √width) v."""
    q, k, v = (batch["x"] @ params[name] for name in ("query", "key", "value"))
    weights = xp.nn.softmax(q @ k.T / WIDTH**0.5)
    return 0.5 * xp.sum((weights @ v - batch["y"]) ** 2)


def _backward(params, batch, scale):
    x = batch["x"]
    q, k, v = (x @ params[name] for name in ("query", "key", "value"))
    scores = q @ k.T / WIDTH**0.5
    exponential = np.exp(scores - np.max(scores, axis=1, keepdims=True))
    weights = exponential / np.sum(exponential, axis=1, keepdims=True)
    error = weights @ v - batch["y"]
    # ∂L/∂weights = error vᵀ;  through softmax: s = weights · (∂L/∂weights - Σ_j ∂L/∂weights · weights)
    backward = error @ v.T
    ds = weights * (backward - np.sum(backward * weights, axis=1, keepdims=True)) / scale
    return {"query": x.T @ (ds @ k), "key": x.T @ (ds.T @ q), "value": x.T @ (weights.T @ error)}


def gradient(params, batch):
    """Send the error back through the weights, the softmax and the scaled product."""
    return _backward(params, batch, WIDTH**0.5)


def wrong_gradient(params, batch):
    """Forget the factor 1/√width on the way back."""
    return _backward(params, batch, 1.0)
