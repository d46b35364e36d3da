"""The learning rate of another step, without its schedule, or rounded."""

from collections.abc import Iterator
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

Rates: TypeAlias = NDArray[np.float64]


def wrong_rates(steps: TakenSteps) -> Iterator[Suspicion]:
    """The learning rate is another step's, has no schedule or has it twice, or is rounded."""
    rates = steps.stepping.learning_rates
    for words, other in other_rates(steps.stepping.training, rates, steps.at):
        yield Suspicion(f"{steps.name}'s with {words}", steps.stepped(learning_rates=other))
    for coarser, rounded in rounded_rates(rates, steps.formats.finest):
        yield Suspicion(
            f"the step of {{name}} has the learning rate rounded to {coarser}, {float(rounded[0])!r} in "
            f"place of {float(rates[0])!r}",
            steps.stepped(learning_rates=rounded),
        )


def other_rates(training: GradientDescent, rates: Rates, at: NDArray[np.intp]) -> Iterator[tuple[str, Rates]]:
    """Give what may stand in the place of the learning rates of some steps, where there is a schedule."""
    base, schedule, xp = training.learning_rate, training.schedule, NumpyNamespace()
    if schedule is None:
        return
    # after the last step the schedule goes on, or its last rate stays
    yield "the learning rate of the next step", base * schedule.factors(xp, at + 1)
    last = training.steps - 1
    yield "the learning rate of the next step", base * schedule.factors(xp, np.minimum(at + 1, last))
    yield "the learning rate of the step before", base * schedule.factors(xp, np.maximum(at - 1, 0))
    yield "the learning rate without its schedule", np.full_like(rates, base)
    yield "the schedule of the learning rate applied twice", rates * rates / base


def rounded_rates(rates: NDArray[np.float64], dtype: str) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Give what learning rates are in the formats that are coarser than the run's, the finest first."""
    for coarser in ("float32", "tf32", "float16", "bfloat16"):
        rounded = FORMATS[coarser].rounded(rates).astype(np.float64)
        if FORMATS[coarser].unit_roundoff > FORMATS[dtype].unit_roundoff and np.any(rounded != rates):
            yield coarser, rounded
