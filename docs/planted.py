"""Scenarios with planted errors, for pictures: derivatives of sigmoid and of tanh are left out."""

import numpy as np

import gradproof as gp


def sigmoid(z):
    """Compute 1 / (1 + e^-z)."""
    return 1 / (1 + np.exp(-z))


def loss(xp, params, batch):
    """Compute half of the sum of squared errors of a 3-4-1 network."""
    hidden = xp.nn.sigmoid(batch["x"] @ params["w_ij"])
    output = xp.nn.sigmoid(hidden @ params["w_jk"])
    return 0.5 * xp.sum((batch["y"] - output) ** 2)


def gradient(params, batch):
    """Derive it by hand; the derivative of w_jk lacks the factor output · (1 - output)."""
    hidden = sigmoid(batch["x"] @ params["w_ij"])
    output = sigmoid(hidden @ params["w_jk"])
    delta = (output - batch["y"]) * output * (1 - output)
    return {
        "w_ij": batch["x"].T @ ((delta @ params["w_jk"].T) * hidden * (1 - hidden)),
        "w_jk": hidden.T @ (output - batch["y"]),
    }


random = np.random.default_rng(0)
my_network = gp.Scenario(
    name="my_network",
    loss=loss,
    gradient=gradient,
    params={"w_ij": random.normal(size=(3, 4)), "w_jk": random.normal(size=(4, 1))},
    batch={"x": random.normal(size=(5, 3)), "y": random.uniform(size=(5, 1))},
    training=gp.GradientDescent(learning_rate=0.5, steps=1000),
)


def bent_loss(xp, params, batch):
    """Compute the mean squared error of a bent line."""
    return xp.mean((xp.tanh(batch["x"] * params["slope"] + params["offset"]) - batch["y"]) ** 2)


def bent_gradient(params, batch):
    """Derive it by hand; the derivative of tanh is left out."""
    error = np.tanh(batch["x"] * params["slope"] + params["offset"]) - batch["y"]
    return {"slope": 2 * np.mean(error * batch["x"]), "offset": 2 * np.mean(error)}


inputs = random.normal(size=20)
my_curve = gp.Scenario(
    name="my_curve",
    loss=bent_loss,
    gradient=bent_gradient,
    params={"slope": np.array(0.3), "offset": np.array(-0.2)},
    batch={"x": inputs, "y": np.tanh(2 * inputs) + 0.1 * random.normal(size=20)},
    training=gp.GradientDescent(learning_rate=0.1, steps=50),
)
