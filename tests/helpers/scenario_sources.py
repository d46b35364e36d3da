"""The text of a Python file as a user writes it, to which tests add the scenarios that they make."""

MAKE = """\
import numpy as np
import gradproof as gp


def make(name, factor=2.0):
    return gp.Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"] - batch["y"]) ** 2),
        gradient=lambda params, batch: {
            "w": np.sum(factor * (params["w"] * batch["x"] - batch["y"]) * batch["x"])
        },
        params={"w": np.array(0.75)},
        batch={"x": np.array([1.0, 2.0]), "y": np.array([0.5, 0.25])},
        training=gp.GradientDescent(learning_rate=0.05, steps=3),
    )


"""
"""Defines `make(name, factor=2.0)`; the gradient is right with a factor of 2 alone."""
