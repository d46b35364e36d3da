"""What is said of the causes of wrong updates and states, record by record."""

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from gradproof.backends.protocol import Run
from gradproof.reference.stepping import After
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.tolerances import SAME_RATE
from gradproof.verdicts.updates.chosen_steps import finite_before, is_wrong, looked_at
from gradproof.verdicts.updates.judged_steps import judged_steps
from gradproof.verdicts.updates.looked_for import StepInquiry, told
from gradproof.verdicts.updates.mistakes import other_rates
from gradproof.verdicts.updates.suspected import TakenSteps
from gradproof.verdicts.verdict import CODE, Verdict

Records: TypeAlias = tuple[ParameterRecord, ...]


def with_causes_of_steps(
    scenario: Scenario, run: Run, gradients: Records, updates: Records, states: Records
) -> tuple[Records, Records]:
    """Name the causes of wrong updates and of a wrong state; costs nothing where all pass.

    Args:
        scenario: what was run.
        run: what was recorded.
        gradients: what is said of them.
        updates: likewise.
        states: likewise.
    """
    states = tuple(_with_cause_of_rates(scenario, run, each) for each in states)
    wrong = [each for each in (*updates, *states) if is_wrong(each) and each.parameter]
    at = looked_at(run, wrong)
    steps = TakenSteps.of(scenario, run, at) if at.size else None
    if steps is None:
        return updates, states
    inquiry = StepInquiry.of(steps)
    led = [each.parameter for each in gradients if is_wrong(each)]

    def explained(record: ParameterRecord) -> ParameterRecord:
        is_explained = is_wrong(record) and record.parameter
        return replace(record, cause=_cause(inquiry, record, led)) if is_explained else record

    return tuple(map(explained, updates)), tuple(map(explained, states))


def _with_cause_of_rates(scenario: Scenario, run: Run, record: ParameterRecord) -> ParameterRecord:
    """Name the cause of wrong learning rates, which are of no parameter: other steps', or a multiple."""
    if record.parameter or not is_wrong(record) or scenario.training is None or run.learning_rates is None:
        return record
    rates, at = run.learning_rates, np.arange(run.steps)
    planned = scenario.training.learning_rates[at]
    for words, other in other_rates(scenario.training, planned, at):
        if np.allclose(rates, other, rtol=SAME_RATE, atol=0.0):
            return replace(record, cause=f"what is recorded is {words}")
    largest = int(np.argmax(np.abs(planned)))
    factor = rates[largest] / planned[largest] if planned[largest] else np.nan
    if np.allclose(rates, factor * planned, rtol=SAME_RATE, atol=0.0):
        return replace(record, cause=f"what is recorded is {factor:g} times the learning rate")
    return record


def _cause(inquiry: StepInquiry, record: ParameterRecord, led: Sequence[str]) -> str:
    """Say why one record is wrong: by a mistake in the step, or by the gradient that it is made from."""
    name, what = record.parameter, record.entry_of_state or "update"
    passes = inquiry.truth.passes[After(name, record.entry_of_state)]
    off = record.verdict[inquiry.steps.at] >= CODE[Verdict.DISAGREES]
    if not off.any():
        first = int(np.argmin(finite_before(inquiry.steps.run)))
        return (
            f"the {what} of {name} follows weights or a state with NaN or infinities since step {first - 1}"
        )
    if not passes[off].all():
        found = inquiry.best(name)
        return told(found, name, record.entry_of_state, int(inquiry.wrong[name].sum()))
    # The step itself is right: what is wrong is the gradient that it is made from.
    if name in led:
        return f"the {what} of {name} follows its gradient, which is wrong"
    if led and inquiry.steps.clipping is not None:
        others = "that of " + led[0] if len(led) == 1 else "those of " + ", ".join(led)
        verb = "is" if len(led) == 1 else "are"
        return f"the {what} of {name} follows the clipped gradients, of which {others} {verb} wrong"
    return ""


def following(scenario: Scenario, run: Run, record: ParameterRecord, gradients: Records) -> ParameterRecord:
    """Say which operation loses the digits of an update or of a state that follows a gradient."""
    gradient = next((each for each in gradients if each.parameter == record.parameter), None)
    losing = (each and each.worst_verdict() is Verdict.INACCURATE for each in (record, gradient))
    if gradient is None or not all(losing) or not gradient.cause:
        return record
    steps = TakenSteps.of(scenario, run, np.array([record.worst_step()]))
    if steps is None or not judged_steps(steps).passes[After(record.parameter, record.entry_of_state)].all():
        return record
    what = record.entry_of_state or "update"
    cause = f"the {what} of {record.parameter} follows its gradient, in which {gradient.cause}"
    return replace(record, cause=cause, where=gradient.where)
