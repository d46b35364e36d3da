"""Why a recorded gradient is wrong that is right for other data: of micro-batches, of more than one step."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.reference.numbers import Kind, Plain
from gradproof.reference.stepping import After
from gradproof.reference.tape import Choice, never
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.judging.floats import Assessment
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.tolerances import MISTAKE_SHARE
from gradproof.verdicts.updates.chosen_steps import is_wrong, looked_at
from gradproof.verdicts.updates.judged_steps import assessments, passing
from gradproof.verdicts.updates.mistakes import recorded_instead
from gradproof.verdicts.updates.suspected import Gradients, TakenSteps
from gradproof.verdicts.verdict import CODE, Verdict

Records: TypeAlias = tuple[ParameterRecord, ...]


def with_causes_of_batches(scenario: Scenario, run: Run, gradients: Records) -> Records:
    """Name the causes of wrong gradients that are those of other data, or of more than one step.

    Args:
        scenario: what was run.
        run: what was recorded.
        gradients: what is said of them.
    """
    wrong = [each for each in gradients if is_wrong(each)]
    at = looked_at(run, wrong) if run.updates else np.empty(0, dtype=np.intp)
    steps = TakenSteps.of(scenario, run, at) if at.size else None
    if steps is None:
        return gradients
    off = {each.parameter: each.verdict[at] >= CODE[Verdict.DISAGREES] for each in wrong}
    claimed = {After(name): array for name, array in steps.recorded.items()}
    for words, instead in recorded_instead(steps):
        if not _are_near(wrong, at, instead):
            continue
        judged = assessments(claimed, partial(_by_key, instead), steps)
        found = {name for name, where in off.items() if _all_pass(judged[After(name)], where)}
        if found == off.keys():
            once = "; this was seen at one step only" if max(map(np.count_nonzero, off.values())) == 1 else ""
            return tuple(
                replace(each, cause=f"the gradient of {each.parameter} {words}{once}")
                if each.parameter in found
                else each
                for each in gradients
            )
    return gradients


def _by_key(gradients: Gradients, kind: Kind[Any], accurately: Choice) -> dict[After, Any]:
    return {After(name): numbers for name, numbers in gradients(kind, accurately).items()}


def _are_near(wrong: Sequence[ParameterRecord], at: NDArray[np.intp], instead: Gradients) -> bool:
    """Tell whether other gradients may be what was recorded, from the worst entries alone."""
    plain = Plain()
    with plain.context():
        made = {name: numbers.values() for name, numbers in instead(plain, never).items()}
    return all(
        abs(float(record.value[step]) - made[record.parameter][row].flat[record.index[step]])
        <= MISTAKE_SHARE * record.error[step]
        for record in wrong
        for row, step in enumerate(at)
        if record.verdict[step] >= CODE[Verdict.DISAGREES] and np.isfinite(record.error[step])
    )


def _all_pass(assessed: Assessment, where: NDArray[np.bool_]) -> bool:
    return bool(passing(assessed)[where].all())
