"""Steps of an optimizer whose state no one has recorded, judged from all gradients that it was given.

What it keeps beside the weights follows from the gradients, from the first step on. So the steps are made
anew one after the other, each from the run's own weights and from the state that the gradients so far make;
the rounding of the whole way counts. A mistake in the state shows in the weights.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradproof.backends.protocol import Run
from gradproof.reference.advance import first_state
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers import Plain
from gradproof.reference.stepping import After, Stepping
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.entries import judge_entries
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.updates.chosen_steps import is_wrong
from gradproof.verdicts.updates.judged_steps import JudgedSteps, judged_steps, known_of
from gradproof.verdicts.updates.looked_for import StepInquiry, told
from gradproof.verdicts.updates.mistakes import wrong_settings
from gradproof.verdicts.updates.suspected import TakenSteps

_FAR = 16
"""Times what rounding allows, which is as much or more of steps that are alike."""


def steps_without_states(scenario: Scenario, training: GradientDescent, run: Run) -> TakenSteps:
    """Take all steps of a run that recorded no state.

    Args:
        scenario: what was run.
        training: how; from the training's first state.
        run: what was recorded, in arrays of NumPy's own dtypes.
    """
    steps = np.arange(run.steps)
    weights = {name: array[:-1] for name, array in run.weights.items()}
    first = first_state(training, {name: array[0] for name, array in weights.items()})
    states = {
        entry: {name: np.broadcast_to(array, (run.steps, *array.shape)) for name, array in arrays.items()}
        for entry, arrays in first.items()
    }
    rates = training.learning_rates[steps]
    return TakenSteps(
        scenario, run, steps, Stepping(training, weights, states, steps + 1, rates, carried=True)
    )


def judged_updates(steps: TakenSteps) -> tuple[ParameterRecord, ...]:
    """Judge the weights after each step, and name what is wrong with them.

    Args:
        steps: all steps of a run that recorded no state.
    """
    known = known_of(steps.after, steps, textbook=True)
    records = tuple(
        judge_entries(name, array, known[After(name)], steps.formats.of_param(name))
        for name, array in ((key.parameter, each) for key, each in steps.claimed.items())
    )
    if not any(map(is_wrong, records)):
        return records
    inquiry = StepInquiry.of(steps)

    def cause(record: ParameterRecord) -> str:
        wrong = inquiry.wrong.get(record.parameter)
        found = inquiry.best(record.parameter)
        return "" if wrong is None else told(found, record.parameter, "", int(wrong.sum()))

    return tuple(replace(each, cause=cause(each)) if is_wrong(each) else each for each in records)


def alike(steps: TakenSteps) -> Iterator[str]:
    """Tell, of right steps, which other settings of the rule make the same within rounding.

    Args:
        steps: all steps of a run that recorded no state, right as they are.
    """
    truth = judged_steps(steps)
    for suspicion in wrong_settings(steps):
        if _may_be_alike(truth, suspicion.steps):
            judged = judged_steps(suspicion.steps)
            if all(passes.all() for passes in judged.passes.values()):
                yield suspicion.words


def _may_be_alike(truth: JudgedSteps, steps: TakenSteps) -> bool:
    """Tell from float64 alone whether other steps may make the same, which is cheap."""
    made = steps.after(Plain())
    return all(
        bool(np.all(np.abs(made[key].values() - array) <= _FAR * truth.allowed(key, array.shape)))
        for key, array in steps.claimed.items()
    )
