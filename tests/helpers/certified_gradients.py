"""Runs hand-written gradients on certified balls, as claims are made."""

import numpy as np

from gradproof.reference.numbers import Balls

KIND = Balls(192)


def lifted(arrays):
    return {
        name: KIND.lift(np.asarray(array)[np.newaxis]).balls()[0, ...]
        if np.asarray(array).dtype.kind == "f"
        else array
        for name, array in arrays.items()
    }


def certified(gradient, params, batch, *arguments):
    """What a gradient in plain NumPy gives in certified arithmetic."""
    with KIND.context():
        claimed = gradient(lifted(params), lifted(batch), *arguments)
        return {name: np.asarray(value, dtype=object) for name, value in claimed.items()}
