"""Stochastic gradient descent, plain or with momentum."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from gradproof.errors import InputError
from gradproof.inputs import YES_OR_NO, check_inputs
from gradproof.reference.optimizers.optimizer import (
    Array,
    At,
    Optimizer,
    check_decay_rates,
    check_not_negative,
    decayed,
    zeros,
)


@dataclass(frozen=True)
class SGD(Optimizer):
    """Gradient descent with momentum (heavy ball, or Nesterov's), dampening and weight decay.

    With g = ∂L/∂w + weight_decay · w, and the momentum's buffer b, which begins with 0:

        b ← momentum · b + (1 - dampening) · g        (b ← g in the first step)
        w ← w - learning_rate · b                     (of g + momentum · b with Nesterov's)

    Without momentum there is no buffer, and w ← w - learning_rate · g.

    Source: Polyak, Some methods of speeding up the convergence of iteration methods (1964); Nesterov's as
    Sutskever et al., On the importance of initialization and momentum in deep learning (2013), equations 3
    and 4, in the form that takes the gradient at w: `torch.optim.SGD`, `optax.sgd`.

    Attributes:
        momentum: from 0 up to, but not including, 1.
        dampening: of the gradient in the buffer, from the second step on.
        nesterov: whether the step looks ahead along the buffer.
        weight_decay: the factor of w that is added to the gradient.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> rule = SGD(momentum=0.5)
    >>> weight, state = np.array(1.0), rule.state(np.array(1.0))
    >>> for number in (1, 2):
    ...     weight, state = rule.update(np, weight, np.array(1.0), state, At(number, 0.25))
    >>> float(weight), float(state["momentum"])
    (0.375, 1.5)
    """

    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("SGD", momentum=self.momentum)
        check_not_negative("SGD", dampening=self.dampening, weight_decay=self.weight_decay)
        check_inputs("SGD", nesterov=(self.nesterov, YES_OR_NO))
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise InputError(
                f"SGD has Nesterov's momentum with momentum {self.momentum} and dampening {self.dampening}, "
                "for which it is not defined. Give a positive momentum and no dampening."
            )

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the momentum's buffer, where there is one."""
        return zeros(weight, "momentum") if self.momentum else {}

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its buffer."""
        weight, gradient = decayed(weight, gradient, at, self.weight_decay)
        if not self.momentum:
            return weight - at.learning_rate * gradient, {}
        added = gradient
        if self.dampening:
            added = xp.where(at.number <= 1, gradient, (1 - self.dampening) * gradient)
        buffer = self.momentum * state["momentum"] + added
        direction = gradient + self.momentum * buffer if self.nesterov else buffer
        return weight - at.learning_rate * direction, {"momentum": buffer}
