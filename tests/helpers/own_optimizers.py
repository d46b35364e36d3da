"""Optimizers as people write them in NumPy: with a state of their own, and a place for mistakes."""

from collections.abc import Callable
from typing import Any

import numpy as np

RATE = 0.01
PARAMS = {"w": np.linspace(-1.0, 1.5, 6).reshape(3, 2), "b": np.array([0.3, -0.2])}
Arrays = dict[str, Any]


class OwnAdam:
    """Adam, with settings that are not always right ones; steps by `step(weights, gradients)`."""

    def __init__(self, mistake: str = "", *, epsilon: float = 1e-8, decay: float = 0.0) -> None:
        self.mistake, self.epsilon, self.decay = mistake, epsilon, decay
        self.beta1, self.beta2 = (0.999, 0.9) if mistake == "swapped" else (0.9, 0.999)
        self.m: Arrays = {}
        self.v: Arrays = {}
        self.number = 0

    def step(self, weights: Arrays, gradients: Arrays) -> Arrays:
        self.number += self.mistake != "counted by parameter"
        return {name: self._updated(name, weight, gradients[name]) for name, weight in weights.items()}

    def _updated(self, name: str, w: Any, g: Any) -> Any:
        self.number += self.mistake == "counted by parameter"
        g = g + self.decay * w if self.mistake == "coupled decay" else g
        m, v = self.m.get(name, np.zeros_like(w)), self.v.get(name, np.zeros_like(w))
        m = self.beta1 * m + (1 - self.beta1) * g
        v = self.beta2 * v + (1 - self.beta2) * (np.abs(g) if self.mistake == "not squared" else g**2)
        if self.mistake.startswith("kept in "):
            v = v.astype(self.mistake.removeprefix("kept in ")).astype(w.dtype)
        if self.mistake != "first moment not kept":
            self.m[name] = m
        if self.mistake != "second moment not kept":
            self.v[name] = v
        number = 1 if self.mistake == "always the first" else self.number
        if self.mistake != "no correction":
            m, v = m / (1 - self.beta1**number), v / (1 - self.beta2**number)
        divisor = np.sqrt(v + self.epsilon) if self.mistake == "inside" else np.sqrt(v) + self.epsilon
        decay = 0.0 if self.mistake == "coupled decay" else RATE * self.decay
        sign = -1 if self.mistake == "added" else 1
        return w - decay * w - sign * RATE * m / divisor


def in_one_array() -> Callable[..., None]:
    """Adam in place, whose two moments are one array: `m = v = zeros`."""
    kept: Arrays = {}
    count = [0]

    def step(weights: Arrays, gradients: Arrays) -> None:
        count[0] += 1
        for name in weights:
            if name not in kept:
                m = v = np.zeros_like(weights[name])
                kept[name] = m, v
            (m, v), g = kept[name], gradients[name]
            m *= 0.9
            m += 0.1 * g
            v *= 0.999
            v += 0.001 * g**2
            mean, square = m / (1 - 0.9 ** count[0]), v / (1 - 0.999 ** count[0])
            weights[name] -= RATE * mean / (np.sqrt(square) + 1e-8)

    return step


def with_momentum(*, copied: bool) -> Callable[..., None]:
    """Momentum in place; where the buffer begins as the gradient's own array, later steps change that."""
    kept: Arrays = {}

    def step(weights: Arrays, gradients: Arrays) -> None:
        for name, g in gradients.items():
            if name not in kept:
                kept[name] = g.copy() if copied else g
            else:
                kept[name] *= 0.9
                kept[name] += g
            weights[name] -= RATE * kept[name]

    return step
