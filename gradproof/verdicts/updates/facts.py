"""What is known of steps that do not agree and are no mistake: squares that underflow, division by 0."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.reference.numbers.formats import FORMATS
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.records import ParameterRecord
from gradproof.verdicts.steps import formats_of
from gradproof.verdicts.tolerances import DROWNED
from gradproof.verdicts.verdict import CODE, Verdict

SECOND_MOMENT = "second_moment"
"""The entry of a state that holds a running mean of the squares of the gradient."""


def with_facts(scenario: Scenario, run: Run, record: ParameterRecord) -> ParameterRecord:
    """Tell in a record's reasons what its rule makes of very small gradients; nothing where all agrees.

    Args:
        scenario: what was run.
        run: what was recorded.
        record: what is said of an update, or of an entry of the state.
    """
    told = np.flatnonzero(record.verdict > CODE[Verdict.KINK])
    squares = run.states.get(SECOND_MOMENT, {}).get(record.parameter)
    if not told.size or squares is None or record.entry_of_state not in {"", SECOND_MOMENT}:
        return record
    epsilon = getattr(scenario.training.optimizer, "epsilon", None) if scenario.training else None
    rows = (told.size, -1)
    second = squares[1:][told].astype(np.float64).reshape(rows)
    gradient = run.gradients[record.parameter][told].astype(np.float64).reshape(rows)
    dtype = formats_of(scenario, run).of_param(record.parameter)
    reason = record.reason.copy()
    facts = list(_facts(record.entry_of_state, second, gradient, epsilon, dtype))
    for row, step in enumerate(told):
        for where, text in facts:
            if count := int(np.count_nonzero(where[row])):
                reason[step] += f"; in {count:,} of {second.shape[1]:,} entries {text}"
    return replace(record, reason=reason)


def _facts(
    entry: str, second: NDArray[Any], gradient: NDArray[Any], epsilon: float | None, dtype: str
) -> Iterator[tuple[NDArray[np.bool_], str]]:
    """Give facts, and in which entries they hold."""
    smallest, second = FORMATS[dtype].smallest_normal, np.abs(second)  # negative where it is wrong
    underflows = (gradient != 0) & (second < smallest)
    yield (
        underflows,
        f"the second moment is below {dtype}'s smallest normal number, {smallest:.3g}",
    )
    if entry or epsilon is None:
        return
    if epsilon == 0:
        yield second == 0, "the rule divides by 0: the second moment is 0 and epsilon is 0"
    drowned = (np.sqrt(second) < epsilon / DROWNED) & ~underflows
    yield (
        drowned,
        f"epsilon is more than {DROWNED:g} times the root of the second moment",
    )
