"""The data that the steps of a run were given, and what they were made from."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.reference.numbers.formats import widened
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.stepping import Stepping
from gradproof.scenarios.scenario import Scenario


def batches_of(scenario: Scenario, run: Run, steps: slice) -> dict[str, NDArray[Any]]:
    """Give the data of each step with a leading axis of steps, of length 1 if all steps share them."""
    batch = {name: widened(array) for name, array in scenario.arrays(run.dtype)[1].items()}
    schedule = scenario.batch_schedule()
    if schedule is None:
        return {name: array[np.newaxis] for name, array in batch.items()}
    return {name: array[schedule[steps]] for name, array in batch.items()}


def formats_of(scenario: Scenario, run: Run) -> RunFormats:
    """Give the formats that a run computed in, with what its hardware may have rounded."""
    return replace(run.formats or scenario.formats(run.dtype), products=run.products)


def stepping_of(scenario: Scenario, run: Run, steps: slice) -> Stepping | None:
    """Give what some steps of a run were made from, its own weights and state; None without training."""
    training = scenario.training
    if training is None or not run.updates:
        return None
    planned = training.learning_rates if run.learning_rates is None else run.learning_rates
    return Stepping(
        training,
        {name: weight[steps] for name, weight in run.weights.items()},
        {
            entry: {name: array[steps] for name, array in arrays.items()}
            for entry, arrays in run.states.items()
        },
        np.arange(steps.start, steps.stop) + 1,
        planned[steps],
    )
