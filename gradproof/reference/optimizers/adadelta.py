"""Adadelta: the step has the size of the last steps, and so the weights' unit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradproof.reference.optimizers.optimizer import (
    Array,
    At,
    Optimizer,
    average,
    check_decay_rates,
    check_not_negative,
    decayed,
    divisor,
    zeros,
)


@dataclass(frozen=True)
class Adadelta(Optimizer):
    """Adadelta: the gradient times the quotient of the steps' and the gradients' root mean squares.

    With g = ∂L/∂w + weight_decay · w:

        v ← decay · v + (1 - decay) · g²
        Δ = √(d + epsilon) / √(v + epsilon) · g
        d ← decay · d + (1 - decay) · Δ²
        w ← w - learning_rate · Δ

    Source: Zeiler, ADADELTA: An Adaptive Learning Rate Method (2012), algorithm 1, which has a learning rate
    of 1; `torch.optim.Adadelta`, `optax.adadelta`.

    Attributes:
        decay: the rate of both means, in [0, 1); `rho` of torch.optim and of optax.
        epsilon: what the steps begin with, and what keeps the divisor from 0.
        weight_decay: the factor of w that is added to the gradient (L² regularisation).

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> weight, rule = np.array(1.0), Adadelta(decay=0.0, epsilon=9.0)
    >>> float(rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.25))[0])
    0.4
    """

    decay: float = 0.9
    epsilon: float = 1e-6
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("Adadelta", decay=self.decay)
        check_not_negative("Adadelta", epsilon=self.epsilon, weight_decay=self.weight_decay)

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the means of the squares, of gradients and of steps."""
        return zeros(weight, "second_moment", "squared_step")

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its means."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay)
        second = average(self.decay, state["second_moment"], gradient**2)
        size = divisor(xp, state["squared_step"], self.epsilon, "inside")
        step = size / divisor(xp, second, self.epsilon, "inside") * gradient
        squared = average(self.decay, state["squared_step"], step**2)
        return weight - at.learning_rate * step, {"second_moment": second, "squared_step": squared}
