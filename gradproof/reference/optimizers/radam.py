"""RAdam: Adam whose adaptive step is held back while few gradients tell of the second moment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradproof.errors import InputError
from gradproof.inputs import NUMBER, YES_OR_NO, check_inputs
from gradproof.reference.optimizers.optimizer import (
    EPSILON_PLACES,
    Array,
    At,
    EpsilonPlace,
    Optimizer,
    at_least,
    average,
    check_decay_rates,
    check_not_negative,
    chosen,
    decayed,
    divisor,
    zeros,
)

_LEAST_THRESHOLD = 4.0
"""Of up to so many terms the variance of the adaptive step is infinite, and r has no root."""


@dataclass(frozen=True)
class RAdam(Optimizer):
    """Rectified Adam: where the second moment is of few gradients, the step is not divided by its root.

    With g = ∂L/∂w + weight_decay · w, t the number of the step from 1, and Adam's m̂ and v̂:

        ρ∞ = 2 / (1 - beta2) - 1,   ρ = ρ∞ - 2 t beta2ᵗ / (1 - beta2ᵗ)
        w ← w - learning_rate · r · m̂ / (√v̂ + epsilon)     where ρ > threshold
        w ← w - learning_rate · m̂                           elsewhere
        r = √((ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ))

    ρ is how long a simple mean would be that is as old as the exponential one; r² is the quotient of the
    variances that the adaptive step has at ρ∞ and at ρ.

    Computed is ρ = 2 (1 - (1 - beta2) t beta2ᵗ / (1 - beta2ᵗ)) / (1 - beta2) - 1, which is the same: so no
    rounding of ρ∞ is left where ρ is small.

    Source: Liu et al., On the Variance of the Adaptive Learning Rate and Beyond (2020), algorithm 2.

    Attributes:
        beta1: the rate of the first moment, in [0, 1).
        beta2: that of the second.
        epsilon: what keeps the divisor from 0.
        epsilon_place: as for `Adam`: `before correction` in torch.optim and the authors' program, `outside`
            for `eps` of optax, `inside` for its `eps_root`.
        threshold: of ρ; 5 in torch.optim, optax and the authors' program, 4 in the paper.
        weight_decay: the factor of w that is added to the gradient (L² regularisation).
        decoupled: whether learning_rate · weight_decay · w is taken from w instead, as in AdamW.
        nesterov: whether m̂ looks a step ahead, as for `Adam`; an option of optax.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> weight, rule = np.array(1.0), RAdam()
    >>> float(rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.125))[0].round(12))
    0.5
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_place: EpsilonPlace = "before correction"
    threshold: float = 5.0
    weight_decay: float = 0.0
    decoupled: bool = False
    nesterov: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("RAdam", beta1=self.beta1, beta2=self.beta2)
        check_not_negative("RAdam", epsilon=self.epsilon, weight_decay=self.weight_decay)
        check_inputs(
            "RAdam",
            epsilon_place=(self.epsilon_place, EPSILON_PLACES),
            threshold=(self.threshold, NUMBER),
            decoupled=(self.decoupled, YES_OR_NO),
            nesterov=(self.nesterov, YES_OR_NO),
        )
        if self.threshold < _LEAST_THRESHOLD:
            raise InputError(
                f"RAdam's threshold is {self.threshold}, and up to {_LEAST_THRESHOLD:g} there is no root of "
                f"the variances' quotient. Give a number of at least {_LEAST_THRESHOLD:g}."
            )

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the moments."""
        return zeros(weight, "first_moment", "second_moment")

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its moments."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay, decoupled=self.decoupled)
        first = average(self.beta1, state["first_moment"], gradient)
        second = average(self.beta2, state["second_moment"], gradient**2)
        share1, share2 = 1 - self.beta1**at.number, 1 - self.beta2**at.number
        mean = first / share1
        if self.nesterov:
            ahead = 1 - self.beta1 ** (at.number + 1)
            mean = self.beta1 * first / ahead + (1 - self.beta1) * gradient / share1
        direction = mean
        longest = 2 / (1 - self.beta2) - 1
        if longest > self.threshold:
            length = 2 * (1 - (1 - self.beta2) * at.number * self.beta2**at.number / share2)
            length = length / (1 - self.beta2) - 1
            adaptive = length > self.threshold
            # So that there is a root in either case, and where rounding might decide for the other one.
            length = at_least(xp, chosen(xp, adaptive, length, longest), self.threshold)
            rectified = ((length - 4) * (length - 2) * longest) / ((longest - 4) * (longest - 2) * length)
            divided = mean / divisor(xp, second, self.epsilon, self.epsilon_place, share2)
            direction = chosen(xp, adaptive, rectified**0.5 * divided, mean)
        return weight - at.learning_rate * direction, {"first_moment": first, "second_moment": second}
