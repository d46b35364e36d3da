"""Adam, and AdamW, whose weight decay stays out of the moments."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from gradproof.inputs import YES_OR_NO, check_inputs, one_of
from gradproof.reference.optimizers.optimizer import (
    EPSILON_PLACES,
    Array,
    At,
    EpsilonPlace,
    Optimizer,
    average,
    check_decay_rates,
    check_not_negative,
    decayed,
    divisor,
    zeros,
)


@dataclass(frozen=True)
class Adam(Optimizer):
    """Adam: each entry's step is divided by the root of a running mean of its squared gradient.

    With g = ∂L/∂w + weight_decay · w, t the number of the step from 1:

        m ← beta1 · m + (1 - beta1) · g               the first moment
        v ← beta2 · v + (1 - beta2) · g²              the second moment
        w ← w - learning_rate · m̂ / (√v̂ + epsilon),  m̂ = m / (1 - beta1ᵗ),  v̂ = v / (1 - beta2ᵗ)

    m and v begin with 0, and so are too small at first by the factors 1 - betaᵗ: the sum of the weights
    (1 - β) βⁱ of the t gradients that there were. Dividing by it corrects that bias.

    Source: Kingma and Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.

    Attributes:
        beta1: the rate of the first moment, in [0, 1).
        beta2: that of the second.
        epsilon: what keeps the divisor from 0.
        epsilon_place: `outside` the root, √v̂ + ε (the paper's, torch.optim's, `eps` of optax); `inside` it,
            √(v̂ + ε) (`eps_root` of optax); or `before correction`, √v + ε under which the corrections are
            factors of the learning rate (the paper's section 2, Keras).
        weight_decay: the factor of w that is added to the gradient (L² regularisation).
        amsgrad: whether the greatest second moment so far is divided by: "" (not), `moment` (of v, corrected
            afterwards: torch.optim's) or `corrected` (of v̂: optax's). Source: Reddi et al., On the
            Convergence of Adam and Beyond (2018).
        nesterov: whether m̂ looks a step ahead: beta1 · m / (1 - beta1ᵗ⁺¹) + (1 - beta1) · g / (1 - beta1ᵗ),
            as `optax.nadam` does. Source: Dozat, Incorporating Nesterov Momentum into Adam (2016).
        correct_first: whether m is divided by 1 - beta1ᵗ.
        correct_second: whether v is divided by 1 - beta2ᵗ; AMSGrad's paper divides neither.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> rule = Adam(epsilon=0.0)
    >>> weight, state = rule.update(np, np.array(1.0), np.array(4.0), rule.state(np.array(1.0)), At(1, 0.25))
    >>> float(weight), float(state["second_moment"].round(6))
    (0.75, 0.016)
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-8
    epsilon_place: EpsilonPlace = "outside"
    weight_decay: float = 0.0
    amsgrad: Literal["", "moment", "corrected"] = ""
    nesterov: bool = False
    correct_first: bool = True
    correct_second: bool = True

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        name = type(self).__name__
        check_decay_rates(name, beta1=self.beta1, beta2=self.beta2)
        check_not_negative(name, epsilon=self.epsilon, weight_decay=self.weight_decay)
        check_inputs(
            name,
            epsilon_place=(self.epsilon_place, EPSILON_PLACES),
            amsgrad=(self.amsgrad, one_of("", "moment", "corrected")),
            nesterov=(self.nesterov, YES_OR_NO),
            correct_first=(self.correct_first, YES_OR_NO),
            correct_second=(self.correct_second, YES_OR_NO),
        )

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the moments, and the greatest second one with AMSGrad."""
        return zeros(weight, "first_moment", "second_moment", *(["greatest_moment"] if self.amsgrad else []))

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its moments."""
        weight, gradient = self.decayed(weight, gradient, at)
        direction, kept = self.direction(xp, gradient, state, at)
        return weight - at.learning_rate * direction, kept

    def direction(
        self, xp: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give what the learning rate is multiplied with, without weight decay, and the moments."""
        first = average(self.beta1, state["first_moment"], gradient)
        second = average(self.beta2, state["second_moment"], gradient**2)
        kept = {"first_moment": first, "second_moment": second}
        share1 = 1 - self.beta1**at.number if self.correct_first else 1.0
        share2 = 1 - self.beta2**at.number if self.correct_second else 1.0
        if self.amsgrad:
            counted = second if self.amsgrad == "moment" else second / share2
            kept["greatest_moment"] = second = xp.maximum(state["greatest_moment"], counted)
            share2 = share2 if self.amsgrad == "moment" else 1.0
        mean = first / share1
        if self.nesterov:
            ahead = 1 - self.beta1 ** (at.number + 1) if self.correct_first else 1.0
            mean = self.beta1 * first / ahead + (1 - self.beta1) * gradient / share1
        return mean / divisor(xp, second, self.epsilon, self.epsilon_place, share2), kept

    def decayed(self, weight: Any, gradient: Any, at: At) -> tuple[Any, Any]:
        """Give the weight and the gradient that the step is made from: the gradient has the decay."""
        return decayed(weight, gradient, at, self.weight_decay)


@dataclass(frozen=True)
class AdamW(Adam):
    """Adam with decoupled weight decay: w ← w - learning_rate · weight_decay · w, and then Adam's own step.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2, with the decay
    multiplied by the learning rate, as `torch.optim.AdamW` and `optax.adamw` have it.

    >>> import numpy as np
    >>> weight = np.array(1.0)
    >>> rule = AdamW(weight_decay=0.5)
    >>> float(rule.update(np, weight, np.array(0.0), rule.state(weight), At(1, 0.25))[0])
    0.875
    """

    weight_decay: float = 0.01

    def decayed(self, weight: Any, gradient: Any, at: At) -> tuple[Any, Any]:
        """Give the weight and the gradient that the step is made from: the decay is a part of the weight."""
        return decayed(weight, gradient, at, self.weight_decay, decoupled=True)
