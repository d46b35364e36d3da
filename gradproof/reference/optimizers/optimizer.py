"""What an optimizer is: the state that it keeps of each parameter, and the update that it makes from it."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import NUMBER, check_inputs, one_of

Array = NDArray[Any]

EpsilonPlace = Literal["outside", "inside", "before correction"]

UNCORRECTED_PLACES = one_of("outside", "inside")
"""Where epsilon may be in a rule that corrects nothing."""

EPSILON_PLACES = one_of("outside", "inside", "before correction")

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


def average(rate: float, old: Any, new: Any) -> Any:
    """Give the exponential average after a new term: rate · old + (1 - rate) · new."""
    return rate * old + (1 - rate) * new


def divisor(xp: Any, mean: Any, epsilon: float, place: EpsilonPlace = "outside", share: Any = 1.0) -> Any:
    """Give what a step is divided by: the root of a mean of squares, kept from 0 by epsilon.

    With v̂ = mean / share, where share is that of the weights which a mean of few terms has: √v̂ + ε
    (`outside`), √(v̂ + ε) (`inside`), or (√mean + ε) / √share (`before correction`), which is √v̂ + ε / √share.

    >>> [float(divisor(np, np.array(1.0), 3.0, place, 0.25)) for place in ("outside", "before correction")]
    [5.0, 8.0]
    """
    if place == "inside":
        return root(xp, mean / share + epsilon)
    if place == "outside":
        return root(xp, mean / share) + epsilon
    return (root(xp, mean) + epsilon) / share**0.5


def root(xp: Any, x: Any) -> Any:
    """Give the root of what is no less than 0.

    Balls of squares of numbers around 0 reach below 0, where there are no roots; so does, in floats, v - m².
    """
    return xp.sqrt(xp.maximum(x, 0.0))


def decayed(weight: Any, gradient: Any, at: At, factor: float, *, decoupled: bool = False) -> tuple[Any, Any]:
    """Give the weight and the gradient that a step with weight decay is made from.

    L² regularisation adds factor · w to the gradient; decoupled decay takes learning_rate · factor · w from
    the weight.
    """
    if not factor:
        return weight, gradient
    if decoupled:
        return weight - at.learning_rate * factor * weight, gradient
    return weight, gradient + factor * weight


def chosen(xp: Any, condition: Any, x1: Any, x2: Any) -> Any:
    """Choose between two scalars, which stay Python's numbers where the condition is Python's."""
    return (x1 if condition else x2) if isinstance(condition, bool) else xp.where(condition, x1, x2)


def at_least(xp: Any, x: Any, least: float) -> Any:
    """Give a scalar, or the least that it may be; a Python number stays one."""
    return max(x, least) if isinstance(x, float) else xp.maximum(x, least)
