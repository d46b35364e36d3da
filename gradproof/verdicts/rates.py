"""Judging the learning rates that a run was made with: those that the training plans?"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.planned_rates import exact_rates, spread_of_rates
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.entries import judge_entries
from gradproof.verdicts.judging.evidence import Known
from gradproof.verdicts.records import ParameterRecord, worst_step
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[np.float64]

LEARNING_RATE = "learning_rate"
"""The entry of the state that learning rates are told as; it is of no parameter."""


def judged_rates(scenario: Scenario, run: Run) -> tuple[ParameterRecord, ...]:
    """Judge the learning rate of each step against the planned one: the training's, by its schedule's factor.

    Updates are judged with the rate that they were made with, so a wrong one that was recorded is seen here
    alone. Rates are judged in the run's dtype, and at least in float32: that is what they are computed in, or
    a finer one. A rate that is right in a coarser format alone (float32 in a run in float64) is INACCURATE.

    Args:
        scenario: what was run.
        run: what was recorded.

    Returns:
        a record, of no parameter. None where no rates were recorded, since updates are then judged with the
        planned ones; and none where all are the one number that a training without a schedule has.
    """
    training, rates = scenario.training, run.learning_rates
    if training is None or rates is None or not run.updates:
        return ()
    if training.schedule is None and np.array_equal(rates, np.full(len(rates), training.learning_rate)):
        return ()
    steps = len(rates)
    own = (
        run.dtype if FORMATS[run.dtype].significand_bits >= FORMATS["float32"].significand_bits else "float32"
    )
    exact = exact_rates(training, steps)

    def judged(dtype: str) -> ParameterRecord:
        known = Known(
            exact,
            spread_of_rates(training, steps, dtype),
            np.zeros(steps, dtype=bool),
            np.full(steps, "", dtype=object),
            np.full(steps, training.learning_rate),
        )
        return replace(judge_entries("", rates, known, dtype), entry_of_state=LEARNING_RATE)

    record = judged(own)
    for coarser in ("float32", run.dtype):
        if FORMATS[coarser].significand_bits < FORMATS[own].significand_bits:
            record = _excused(record, judged(coarser), coarser)
    return (record,)


def _excused(record: ParameterRecord, coarse: ParameterRecord, dtype: str) -> ParameterRecord:
    """Call rates that are right in a coarser format inaccurate."""
    excused = (record.verdict == CODE[Verdict.DISAGREES]) & (coarse.verdict < CODE[Verdict.INACCURATE])
    if not excused.any():
        return record
    verdict = np.where(excused, CODE[Verdict.INACCURATE], record.verdict)
    text = f"the learning rate has no more digits than {dtype}"
    step = worst_step(verdict, record.spreads)
    at = slice(step, step + 1)
    worst = replace(
        record.worst,
        step=step,
        value=record.value[at],
        exact=record.exact[at],
        error=record.error[at],
        ulps=record.ulps[at],
        spreads=record.spreads[at],
        verdict=verdict[at],
    )
    reason = np.where(excused, text, record.reason)
    return replace(record, verdict=verdict, reason=reason, worst=worst, cause=text)
