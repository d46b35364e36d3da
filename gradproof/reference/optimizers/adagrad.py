"""Adagrad: each entry's step is divided by the root of the sum of all its squared gradients."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradproof.inputs import check_inputs
from gradproof.reference.optimizers.optimizer import (
    UNCORRECTED_PLACES,
    Array,
    At,
    Optimizer,
    check_not_negative,
    decayed,
    divisor,
)


@dataclass(frozen=True)
class Adagrad(Optimizer):
    """Adagrad: entries that have moved much move little.

    With g = ∂L/∂w + weight_decay · w, and t the number of the step from 1:

        s ← s + g²
        w ← w - learning_rate / (1 + (t - 1) · learning_rate_decay) · g / (√s + epsilon)

    Source: Duchi, Hazan and Singer, Adaptive Subgradient Methods for Online Learning and Stochastic
    Optimization, JMLR 12 (2011), figure 1, with diagonal matrices.

    Attributes:
        epsilon: what keeps the divisor from 0.
        epsilon_place: `outside` the root (torch.optim) or `inside` it (optax).
        initial_accumulator: what s begins with; 0 in torch.optim, 0.1 in optax, unless told.
        learning_rate_decay: by which the learning rate falls; an option of torch.optim.
        weight_decay: the factor of w that is added to the gradient (L² regularisation).

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> weight, rule = np.array(1.0), Adagrad(epsilon=0.0)
    >>> float(rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.25))[0])
    0.75
    """

    epsilon: float = 1e-10
    epsilon_place: Literal["outside", "inside"] = "outside"
    initial_accumulator: float = 0.0
    learning_rate_decay: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_not_negative(
            "Adagrad",
            epsilon=self.epsilon,
            initial_accumulator=self.initial_accumulator,
            learning_rate_decay=self.learning_rate_decay,
            weight_decay=self.weight_decay,
        )
        check_inputs("Adagrad", epsilon_place=(self.epsilon_place, UNCORRECTED_PLACES))

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the sum of squares."""
        return {"sum_of_squares": np.full_like(weight, self.initial_accumulator)}

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its sum of squares."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay)
        total = state["sum_of_squares"] + gradient**2
        rate = at.learning_rate
        if self.learning_rate_decay:
            rate = rate / (1 + (at.number - 1) * self.learning_rate_decay)
        step = rate * gradient / divisor(xp, total, self.epsilon, self.epsilon_place)
        return weight - step, {"sum_of_squares": total}
