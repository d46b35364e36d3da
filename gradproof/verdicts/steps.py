"""The data that the steps of a run were given."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.reference.numbers.formats import widened
from gradproof.scenarios.scenario import Scenario


def batches_of(scenario: Scenario, run: Run, steps: slice) -> dict[str, NDArray[Any]]:
    """Give the data of each step with a leading axis of steps, of length 1 if all steps share them."""
    batch = {name: widened(array) for name, array in scenario.arrays(run.dtype)[1].items()}
    schedule = scenario.batch_schedule()
    if schedule is None:
        return {name: array[np.newaxis] for name, array in batch.items()}
    return {name: array[schedule[steps]] for name, array in batch.items()}
