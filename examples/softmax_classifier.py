"""A softmax classifier: `gradproof check examples/softmax_classifier.py`, and `::wrong_gradient`.

Source of the formula: Bishop, Pattern Recognition and Machine Learning (2006), equation 4.109.
"""

import numpy as np

random = np.random.default_rng(0)
params = {"w": random.normal(size=(4, 3)), "b": random.normal(size=3)}
batch = {"x": random.normal(size=(6, 4)), "label": random.integers(0, 3, size=6)}


def loss(xp, params, batch):
    """Compute the mean cross-entropy of the labels."""
    return xp.nn.cross_entropy(batch["x"] @ params["w"] + params["b"], batch["label"])


def _error(params, batch):
    # ∂/∂z [ln Σ_k e^(z_k) - z_label] = softmax(z) - onehot(label)
    z = batch["x"] @ params["w"] + params["b"]
    exponential = np.exp(z - np.max(z, axis=1, keepdims=True))
    probability = exponential / np.sum(exponential, axis=1, keepdims=True)
    return probability - np.eye(z.shape[1])[batch["label"]]


def gradient(params, batch):
    """Give the gradient of the mean: the sum over the examples, divided by their number."""
    error = _error(params, batch) / len(batch["label"])
    return {"w": batch["x"].T @ error, "b": np.sum(error, axis=0)}


def wrong_gradient(params, batch):
    """Forget that the loss is a mean."""
    error = _error(params, batch)
    return {"w": batch["x"].T @ error, "b": np.sum(error, axis=0)}
