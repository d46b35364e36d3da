"""Lion: every entry's step has the same size."""

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
    zeros,
)


@dataclass(frozen=True)
class Lion(Optimizer):
    """Lion: a step along the signs of an average of the momentum and the gradient.

    With g = ∂L/∂w, and m, which begins with 0:

        w ← w - learning_rate · (sign(beta1 · m + (1 - beta1) · g) + weight_decay · w)
        m ← beta2 · m + (1 - beta2) · g

    The sign of 0 is 0.

    Source: Chen et al., Symbolic Discovery of Optimization Algorithms (2023), algorithm 2; `optax.lion`,
    whose weight decay is 0.001 unless told.

    Attributes:
        beta1: the rate of the average whose sign is taken, in [0, 1).
        beta2: that of the momentum.
        weight_decay: decoupled, as in AdamW.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> weight, rule = np.array(1.0), Lion()
    >>> weight, state = rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.25))
    >>> float(weight), float(state["momentum"].round(12))
    (0.75, 0.04)
    """

    beta1: float = 0.9
    beta2: float = 0.99
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("Lion", beta1=self.beta1, beta2=self.beta2)
        check_not_negative("Lion", weight_decay=self.weight_decay)

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the momentum."""
        return zeros(weight, "momentum")

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its momentum."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay, decoupled=True)
        direction = xp.sign(average(self.beta1, state["momentum"], gradient))
        momentum = average(self.beta2, state["momentum"], gradient)
        return weight - at.learning_rate * direction, {"momentum": momentum}
