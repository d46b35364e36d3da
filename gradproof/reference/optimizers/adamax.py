"""Adamax: Adam with the greatest of the decayed gradients in the place of their root mean square."""

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
class Adamax(Optimizer):
    """Adamax: each entry's step is divided by the greatest |g| so far, which fades.

    With g = ∂L/∂w + weight_decay · w, and t the number of the step from 1:

        m ← beta1 · m + (1 - beta1) · g
        u ← max(beta2 · u, |g| + epsilon)
        w ← w - learning_rate · m / ((1 - beta1ᵗ) · u)

    u is the limit of (Σ beta2^(p i) |gᵢ|ᵖ)^(1/p) for p → ∞, Adam's divisor for p = 2. As a maximum it has no
    bias to be corrected. The paper has no epsilon; `torch.optim.Adamax` and `optax.adamax` have it here.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 2.

    Attributes:
        beta1: the rate of the first moment, in [0, 1).
        beta2: by which the greatest gradient fades, in [0, 1).
        epsilon: what keeps the divisor from 0.
        weight_decay: the factor of w that is added to the gradient (L² regularisation).

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> weight, rule = np.array(1.0), Adamax(epsilon=0.0)
    >>> float(rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.25))[0])
    0.75
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("Adamax", beta1=self.beta1, beta2=self.beta2)
        check_not_negative("Adamax", epsilon=self.epsilon, weight_decay=self.weight_decay)

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the first moment, and the greatest gradient."""
        return zeros(weight, "first_moment", "greatest_gradient")

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, its first moment and its greatest gradient."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay)
        first = average(self.beta1, state["first_moment"], gradient)
        faded = self.beta2 * state["greatest_gradient"]
        greatest = xp.maximum(faded, xp.abs(gradient) + self.epsilon)
        step = at.learning_rate * first / ((1 - self.beta1**at.number) * greatest)
        return weight - step, {"first_moment": first, "greatest_gradient": greatest}
