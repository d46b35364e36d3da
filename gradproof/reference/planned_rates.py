"""The learning rates that a training's schedule plans, exactly and with their rounding noise."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers import BallNumbers, Balls, Kind, Noisy, NoisyNumbers
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.tape import Namespace, Tape, never

_BITS = 192
"""The working precision."""

_SAMPLES = 8
"""How many noisy runs the spread is measured from."""


def exact_rates(training: GradientDescent, steps: int) -> BallNumbers:
    """Give the learning rates of the first steps as certified balls, one lane each.

    >>> from gradproof.reference.schedules import StepDecay
    >>> training = GradientDescent(learning_rate=2.0, steps=3, schedule=StepDecay(every=1, factor=0.5))
    >>> exact_rates(training, 3).values().tolist()
    [2.0, 1.0, 0.5]
    """
    rates: BallNumbers = _rates(training, steps, Balls(_BITS))
    return rates


def spread_of_rates(training: GradientDescent, steps: int, dtype: str) -> NDArray[np.float64]:
    """Give how far rounding in a format may move each learning rate, of shape (steps,).

    Programs compute a rate by the schedule's formula; or, as `torch.optim.lr_scheduler` does in Python's own
    float64, each from the one before, as a product with the quotient of two neighbouring factors. With σᵢ the
    relative noise of the formula at step i in float64, and u its unit roundoff, such a quotient and product
    are off by σᵢ + σᵢ₋₁ + u. The roundings of slowly changing numbers are alike, so these are added as they
    are: it was seen that they do add up so.
    """
    exact = exact_rates(training, steps).values()
    with np.errstate(all="ignore"):
        relative = np.where(exact == 0, 0.0, _formula(training, exact, "float64") / np.abs(exact))
    each = relative[1:] + relative[:-1] + FORMATS["float64"].unit_roundoff
    one_by_one = np.abs(exact) * np.concatenate([[0.0], np.cumsum(each)])
    spread: NDArray[np.float64] = np.maximum(_formula(training, exact, dtype), one_by_one)
    return spread


def _formula(training: GradientDescent, exact: NDArray[np.float64], dtype: str) -> NDArray[np.float64]:
    """Give the spread of the schedule's formula around the exact rates."""
    samples: NoisyNumbers = _rates(training, exact.size, Noisy(dtype, samples=_SAMPLES))
    return samples.spread(exact)


def _rates(training: GradientDescent, steps: int, kind: Kind[Any]) -> Any:
    """Give the rates in a kind of number, the steps as lanes."""
    tape = Tape(kind, never)
    at = np.arange(steps)
    with kind.context():
        factors = 1.0 if training.schedule is None else training.schedule.factors(Namespace(tape), at)
        rates = Namespace(tape).asarray(np.ones(steps)) * training.learning_rate * factors
    numbers = rates.value
    return numbers.like(numbers.data.reshape(len(numbers.data), steps))
