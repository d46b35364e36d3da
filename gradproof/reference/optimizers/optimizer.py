"""What an optimizer is: the state that it keeps of each parameter, and the update that it makes from it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import NUMBER, check_inputs

Array = NDArray[Any]

State: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What a training keeps beside the weights: by entry (`first_moment`), by parameter, an array."""


@dataclass(frozen=True)
class At:
    """Where in a training a step is.

    Attributes:
        number: which step it is, counted from 1; a Python int, or an array of the tape where the steps of
            several lanes are made at once.
        learning_rate: of this step; a Python float, or likewise an array.
    """

    number: Any
    learning_rate: Any


class Optimizer(ABC):
    """The rule by which a training updates weights: a frozen dataclass of its hyperparameters.

    The rule treats each parameter on its own and is written once, with `xp` and Python's operators: in NumPy
    it is the reference, on certified balls it is exact, and in stochastic arithmetic it has the rounding
    noise that verdicts go by. So Python's numbers stay Python's (they do not widen an array of float32), and
    nothing is assigned in place.
    """

    def state(self, weight: Array) -> dict[str, Array]:
        """Give the state of one parameter before the first step, by entry; nothing, unless a rule keeps some.

        Args:
            weight: the parameter's first weights; the state has their dtype.
        """
        del weight
        return {}

    @abstractmethod
    def update(
        self, xp: Any, weight: Any, gradient: Any, state: Mapping[str, Any], at: At
    ) -> tuple[Any, dict[str, Any]]:
        """Give one parameter's weights after a step, and its state.

        Args:
            xp: the array namespace of the arrays.
            weight: the weights before the step.
            gradient: of the same shape.
            state: the parameter's, before the step.
            at: where the step is.
        """


def check_decay_rates(owner: str, **rates: float) -> None:
    """Refuse what is no rate of an exponential average, which lies in [0, 1).

    Raises:
        InputError: one is no number, or outside.

    >>> check_decay_rates("Adam", beta1=1.0)
    Traceback (most recent call last):
    gradproof.errors.InputError: Adam's beta1 is 1.0. Give a number from 0 up to, but not including, 1.
    """
    for name, rate in rates.items():
        check_inputs(owner, **{name: (rate, NUMBER)})
        if not 0 <= rate < 1:
            words = name.replace("_", " ")
            raise InputError(
                f"{owner}'s {words} is {rate}. Give a number from 0 up to, but not including, 1."
            )


def check_not_negative(owner: str, **values: float) -> None:
    """Refuse what is negative.

    Raises:
        InputError: one is no number, or less than 0.

    >>> check_not_negative("Adam", weight_decay=-0.1)
    Traceback (most recent call last):
    gradproof.errors.InputError: Adam's weight decay is -0.1. Give a number of at least 0.
    """
    for name, value in values.items():
        check_inputs(owner, **{name: (value, NUMBER)})
        if value < 0:
            raise InputError(f"{owner}'s {name.replace('_', ' ')} is {value}. Give a number of at least 0.")


def zeros(weight: Array, *entries: str) -> dict[str, Array]:
    """Give entries of a state that begin with zeros, in the weight's shape and dtype."""
    return {entry: np.zeros_like(weight) for entry in entries}
