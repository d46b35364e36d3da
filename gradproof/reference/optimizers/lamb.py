"""LAMB: Adam's direction, as long as each parameter's weights."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from gradproof.inputs import check_inputs
from gradproof.reference.optimizers.adam import Adam
from gradproof.reference.optimizers.optimizer import (
    UNCORRECTED_PLACES,
    Array,
    At,
    Optimizer,
    check_decay_rates,
    check_not_negative,
    root,
)


@dataclass(frozen=True)
class LAMB(Optimizer):
    """LAMB: Adam's direction times the quotient of the weights' norm and its own, parameter by parameter.

    With Adam's m̂ and v̂ of g = ∂L/∂w:

        r = m̂ / (√v̂ + epsilon) + weight_decay · w
        w ← w - learning_rate · ‖w‖ / ‖r‖ · r

    The norms are Euclidean, of all entries of a parameter. Where either is 0, the quotient is 1.

    Source: You et al., Large Batch Optimization for Deep Learning: Training BERT in 76 minutes (2020),
    algorithm 2, with φ(x) = x; `optax.lamb`. PyTorch has none of its own.

    Attributes:
        beta1: the rate of the first moment, in [0, 1).
        beta2: that of the second.
        epsilon: what keeps the divisor from 0.
        epsilon_place: `outside` the root (`eps` of optax) or `inside` it (`eps_root`).
        weight_decay: decoupled, and a part of the direction whose norm is taken.

    Raises:
        InputError: a hyperparameter that no descent is made with.

    >>> import numpy as np
    >>> weight, rule = np.array([3.0, 0.0]), LAMB(epsilon=0.0)
    >>> rule.update(np, weight, np.array([4.0, -4.0]), rule.state(weight), At(1, 0.1))[0].round(4).tolist()
    [2.7879, 0.2121]
    """

    beta1: float = 0.9
    beta2: float = 0.999
    epsilon: float = 1e-6
    epsilon_place: Literal["outside", "inside"] = "outside"
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_decay_rates("LAMB", beta1=self.beta1, beta2=self.beta2)
        check_not_negative("LAMB", epsilon=self.epsilon, weight_decay=self.weight_decay)
        check_inputs("LAMB", epsilon_place=(self.epsilon_place, UNCORRECTED_PLACES))

    @cached_property
    def _adam(self) -> Adam:
        return Adam(self.beta1, self.beta2, self.epsilon, self.epsilon_place)

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the moments."""
        return self._adam.state(weight)

    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its moments."""
        direction, kept = self._adam.direction(xp, gradient, state, at)
        if self.weight_decay:
            direction = direction + self.weight_decay * weight
        size, length = (root(xp, xp.sum(each**2)) for each in (weight, direction))
        is_any_0 = (size == 0) | (length == 0)
        trust = xp.where(is_any_0, 1.0, size / xp.where(is_any_0, 1.0, length))
        return weight - at.learning_rate * trust * direction, kept
