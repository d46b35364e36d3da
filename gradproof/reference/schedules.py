"""Schedules: by which factor the learning rate of each step differs from the training's."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import COUNT, NUMBER, POSITIVE, check_inputs, instance_of, optional

Steps = NDArray[np.intp]
"""Numbers of steps, counted from 0."""


class Schedule(ABC):
    """What each step's learning rate is, as a factor of the training's; a frozen dataclass of settings."""

    length: int | None = None
    """How many steps it is made for; None for any number."""

    @abstractmethod
    def factors(self, xp: Any, steps: Steps) -> Any:
        """Give the factor of each step, of shape (T,).

        Args:
            xp: the array namespace to compute with.
            steps: counted from 0, of shape (T,).
        """

    def check(self, steps: int) -> None:
        """Raise InputError if the schedule ends before a training of so many steps does."""
        if self.length is not None and self.length < steps:
            raise InputError(
                f"The schedule {type(self).__name__} ends after {self.length} steps, and the training has "
                f"{steps}. Give it as many steps as the training has."
            )


def _fraction(owner: str, **values: float) -> None:
    for name, value in values.items():
        check_inputs(owner, **{name: (value, NUMBER)})
        if not 0 <= value <= 1:
            raise InputError(f"The {owner}'s {name} is {value}. Give a number from 0 to 1.")


@dataclass(frozen=True)
class StepDecay(Schedule):
    """The learning rate times `factor` after every so many steps: factor^⌊k / every⌋ at step k from 0.

    `torch.optim.lr_scheduler.StepLR`; `optax.exponential_decay` with `staircase=True`.

    >>> StepDecay(every=2, factor=0.5).factors(np, np.arange(5)).tolist()
    [1.0, 1.0, 0.5, 0.5, 0.25]
    """

    every: int
    factor: float = 0.1

    def __post_init__(self) -> None:
        """Refuse what cannot be scheduled by."""
        check_inputs("the step decay", every=(self.every, COUNT), factor=(self.factor, POSITIVE))
        object.__setattr__(self, "every", int(self.every))

    def factors(self, xp: Any, steps: Steps) -> Any:
        """Give the factor of each step."""
        return float(self.factor) ** xp.asarray((steps // self.every).astype(np.float64))


@dataclass(frozen=True)
class CosineDecay(Schedule):
    """Half a period of a cosine, from 1 to a floor.

    At step k from 0 the factor is floor + (1 - floor) (1 + cos(π k / steps)) / 2.

    Source: Loshchilov and Hutter, SGDR: Stochastic Gradient Descent with Warm Restarts (2017), equation 5;
    `torch.optim.lr_scheduler.CosineAnnealingLR`, `optax.cosine_decay_schedule`.

    >>> CosineDecay(steps=2, floor=0.5).factors(np, np.arange(2)).round(12).tolist()
    [1.0, 0.75]
    """

    steps: int
    floor: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be scheduled by."""
        check_inputs("the cosine decay", steps=(self.steps, COUNT))
        _fraction("cosine decay", floor=self.floor)
        object.__setattr__(self, "steps", int(self.steps))
        object.__setattr__(self, "length", self.steps)

    def factors(self, xp: Any, steps: Steps) -> Any:
        """Give the factor of each step."""
        turned = xp.pi * (xp.asarray(steps.astype(np.float64)) / self.steps)
        return self.floor + (1 - self.floor) * (0.5 * (1 + xp.cos(turned)))


@dataclass(frozen=True)
class WarmUp(Schedule):
    """A line from `start` to 1 over the first steps, and then another schedule.

    At step k from 0 the factor is start + (1 - start) k / steps.

    `torch.optim.lr_scheduler.LinearLR`, in a `SequentialLR` with what follows; `optax.linear_schedule`, in
    `optax.join_schedules`.

    >>> WarmUp(steps=2, then=StepDecay(every=1, factor=0.5)).factors(np, np.arange(5)).tolist()
    [0.0, 0.5, 1.0, 0.5, 0.25]
    """

    steps: int
    then: Schedule | None = None
    start: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be scheduled by."""
        wanted = optional(instance_of(Schedule, "a schedule such as CosineDecay(...)"))
        check_inputs("the warm-up", steps=(self.steps, COUNT), then=(self.then, wanted))
        _fraction("warm-up", start=self.start)
        object.__setattr__(self, "steps", int(self.steps))
        later = None if self.then is None else self.then.length
        object.__setattr__(self, "length", None if later is None else later + self.steps)

    def factors(self, xp: Any, steps: Steps) -> Any:
        """Give the factor of each step."""
        rising = self.start + (1 - self.start) * (xp.asarray(steps.astype(np.float64)) / self.steps)
        after = np.maximum(steps - self.steps, 0)
        then = 1.0 if self.then is None else self.then.factors(xp, after)
        return xp.where(steps < self.steps, rising, then)
