"""RMSprop: each entry's step is divided by the root of a running mean of its squared gradient."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from gradproof.errors import InputError
from gradproof.inputs import YES_OR_NO, check_inputs, one_of
from gradproof.reference.optimizers.optimizer import (
    UNCORRECTED_PLACES,
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
class RMSprop(Optimizer):
    """RMSprop, as it is, centered, or with momentum.

    With g = ∂L/∂w + weight_decay · w:

        v ← decay · v + (1 - decay) · g²
        w ← w - learning_rate · g / (√v + epsilon)

    Centered, m ← decay · m + (1 - decay) · g is kept, too, and v - m², an estimate of the variance, stands
    under the root. With momentum, the step goes into a buffer first:

        b ← momentum · b + g / (√v + epsilon)
        w ← w - learning_rate · b

    Source: Tieleman and Hinton, Lecture 6.5 of Neural Networks for Machine Learning (2012); centered: Graves,
    Generating Sequences With Recurrent Neural Networks (2013), equations 38 to 41.

    Attributes:
        decay: the rate of the means, in [0, 1); `alpha` of torch.optim.
        epsilon: what keeps the divisor from 0.
        epsilon_place: `outside` the root (torch.optim; optax with `eps_in_sqrt=False`) or `inside` it.
        centered: whether the square of the mean gradient is subtracted.
        momentum: the rate of the buffer, in [0, 1); 0 for none.
        momentum_of: whether the buffer is of the `direction`, and multiplied by the learning rate afterwards
            (torch.optim), or of the `step` (optax, whose buffer is the negative one). With a constant rate
            both make the same weights.
        nesterov: whether the step looks ahead along the buffer; an option of optax.
        initial_scale: what v begins with.
        correct: whether v (and m) are divided by 1 - decayᵗ; an option of optax.
        weight_decay: the factor of w that is added to the gradient (L² regularisation).

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> weight, rule = np.array(1.0), RMSprop(decay=0.75, epsilon=0.0)
    >>> float(rule.update(np, weight, np.array(4.0), rule.state(weight), At(1, 0.25))[0])
    0.5
    """

    decay: float = 0.99
    epsilon: float = 1e-8
    epsilon_place: Literal["outside", "inside"] = "outside"
    centered: bool = False
    momentum: float = 0.0
    momentum_of: Literal["direction", "step"] = "direction"
    nesterov: bool = False
    initial_scale: float = 0.0
    correct: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("RMSprop", decay=self.decay, momentum=self.momentum)
        check_not_negative(
            "RMSprop",
            epsilon=self.epsilon,
            initial_scale=self.initial_scale,
            weight_decay=self.weight_decay,
        )
        check_inputs(
            "RMSprop",
            epsilon_place=(self.epsilon_place, UNCORRECTED_PLACES),
            centered=(self.centered, YES_OR_NO),
            momentum_of=(self.momentum_of, one_of("direction", "step")),
            nesterov=(self.nesterov, YES_OR_NO),
            correct=(self.correct, YES_OR_NO),
        )
        if self.nesterov and not self.momentum:
            raise InputError("RMSprop has Nesterov's momentum, but no momentum. Give a positive one.")

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the second moment, the first one where it is centered, and the momentum's buffer."""
        more = ["first_moment"] * self.centered + ["momentum"] * bool(self.momentum)
        return {"second_moment": np.full_like(weight, self.initial_scale), **zeros(weight, *more)}

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its state."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay)
        kept = {"second_moment": average(self.decay, state["second_moment"], gradient**2)}
        share = 1 - self.decay**at.number if self.correct else 1.0
        spread = kept["second_moment"] / share
        if self.centered:
            kept["first_moment"] = average(self.decay, state["first_moment"], gradient)
            spread = spread - (kept["first_moment"] / share) ** 2
        moved = gradient / divisor(xp, spread, self.epsilon, self.epsilon_place)
        if self.momentum_of == "step":
            moved = at.learning_rate * moved
        if self.momentum:
            kept["momentum"] = buffer = self.momentum * state["momentum"] + moved
            moved = moved + self.momentum * buffer if self.nesterov else buffer
        return weight - (moved if self.momentum_of == "step" else at.learning_rate * moved), kept
