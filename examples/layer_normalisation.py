"""Layer normalisation: `gradproof check examples/layer_normalisation.py`, and `::wrong_gradient`.

Source: Ba, Kiros and Hinton, Layer Normalization (2016), equation 4.
"""

import numpy as np

EPSILON = 1e-5

random = np.random.default_rng(1)
params = {
    "w": random.normal(size=(4, 5)),
    "scale": random.normal(size=5),
    "shift": random.normal(size=5),
}
batch = {"x": random.normal(size=(3, 4)), "y": random.normal(size=(3, 5))}


def loss(xp, params, batch):
    """Compute half the sum of squared errors of the normalised, scaled and shifted layer."""
    z = batch["x"] @ params["w"]
    centred = z - xp.mean(z, axis=1, keepdims=True)
    variance = xp.mean(centred**2, axis=1, keepdims=True)
    normalised = centred / xp.sqrt(variance + EPSILON)
    return 0.5 * xp.sum((params["scale"] * normalised + params["shift"] - batch["y"]) ** 2)


def _backward(params, batch, *, through_variance):
    z = batch["x"] @ params["w"]
    centred = z - np.mean(z, axis=1, keepdims=True)
    deviation = np.sqrt(np.mean(centred**2, axis=1, keepdims=True) + EPSILON)
    normalised = centred / deviation
    error = params["scale"] * normalised + params["shift"] - batch["y"]
    # h = normalised:  ∂L/∂z = (1/σ) [ ∂L/∂h - mean(∂L/∂h) - h · mean(∂L/∂h · h) ]
    #                                       through the mean    through the variance
    dh = error * params["scale"]
    dz = dh - np.mean(dh, axis=1, keepdims=True)
    if through_variance:
        dz = dz - normalised * np.mean(dh * normalised, axis=1, keepdims=True)
    return {
        "w": batch["x"].T @ (dz / deviation),
        "scale": np.sum(error * normalised, axis=0),
        "shift": np.sum(error, axis=0),
    }


def gradient(params, batch):
    """Send the error back through the mean and through the variance."""
    return _backward(params, batch, through_variance=True)


def wrong_gradient(params, batch):
    """Forget that the variance depends on the layer's output."""
    return _backward(params, batch, through_variance=False)
