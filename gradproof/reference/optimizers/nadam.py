"""NAdam with the schedule of its momentum: Adam that looks a step ahead."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradproof.inputs import YES_OR_NO, check_inputs
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

_BASE = 0.96
"""Of the momentum's schedule; the paper's, section 2.1."""


@dataclass(frozen=True)
class NAdam(Optimizer):
    """NAdam: Adam with Nesterov's momentum, whose rate rises to beta1 step by step.

    With g = ∂L/∂w + weight_decay · w, t the number of the step from 1, μₜ = beta1 (1 - 0.96^(t ψ) / 2), ψ the
    momentum's decay, and Πₜ = μ₁ · … · μₜ:

        m ← beta1 · m + (1 - beta1) · g,   v ← beta2 · v + (1 - beta2) · g²
        m̄ = μₜ₊₁ · m / (1 - Πₜ₊₁) + (1 - μₜ) · g / (1 - Πₜ)
        w ← w - learning_rate · m̄ / (√v̂ + epsilon),   v̂ = v / (1 - beta2ᵗ)

    The step is that of the moment which the next gradient would make if it were this one again: so m comes
    with the next rate, and is corrected by the product of the rates up to it.

    Source: Dozat, Incorporating Nesterov Momentum into Adam (2016), algorithm 2, with the schedule of its
    section on experiments and m by the constant beta1, as `torch.optim.NAdam` has it. `optax.nadam` is
    `Adam(nesterov=True)`, which has no schedule and no product.

    Attributes:
        beta1: the rate of the first moment, in [0, 1).
        beta2: that of the second.
        epsilon: what keeps the divisor from 0.
        momentum_decay: ψ; 0 for the constant rate beta1 / 2.
        weight_decay: the factor of w that is added to the gradient (L² regularisation).
        decoupled: whether learning_rate · weight_decay · w is taken from w instead, as in AdamW.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> weight, rule = np.array(1.0), NAdam()
    >>> weight, state = rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.25))
    >>> float(weight.round(4)), float(state["momentum_product"].round(4))
    (0.7359, 0.4501)
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    momentum_decay: float = 0.004
    weight_decay: float = 0.0
    decoupled: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("NAdam", beta1=self.beta1, beta2=self.beta2)
        check_not_negative(
            "NAdam",
            epsilon=self.epsilon,
            momentum_decay=self.momentum_decay,
            weight_decay=self.weight_decay,
        )
        check_inputs("NAdam", decoupled=(self.decoupled, YES_OR_NO))

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the moments, and the product of the momentum's rates, one number a parameter."""
        product = np.ones((), dtype=weight.dtype)
        return {**zeros(weight, "first_moment", "second_moment"), "momentum_product": product}

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, its moments and the product of its rates."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay, decoupled=self.decoupled)
        first = average(self.beta1, state["first_moment"], gradient)
        second = average(self.beta2, state["second_moment"], gradient**2)
        rate, next_rate = self._rate(at.number), self._rate(at.number + 1)
        product = state["momentum_product"] * rate
        mean = next_rate * first / (1 - product * next_rate) + (1 - rate) * gradient / (1 - product)
        direction = mean / divisor(xp, second, self.epsilon, share=1 - self.beta2**at.number)
        kept = {"first_moment": first, "second_moment": second, "momentum_product": product}
        return weight - at.learning_rate * direction, kept

    def _rate(self, number: Any) -> Any:
        """Give the rate of the momentum in a step, μₜ."""
        return self.beta1 * (1 - 0.5 * _BASE ** (number * self.momentum_decay))
