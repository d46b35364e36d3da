"""Judging every entry of an array at T steps by the rule, and keeping the worst of each."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.judging.evidence import Known
from gradproof.verdicts.judging.floats import Assessment, assess, explain
from gradproof.verdicts.layout import worst_of_blocks
from gradproof.verdicts.needed_tolerances import needed_tolerances
from gradproof.verdicts.numerals import decimals, rounded_up
from gradproof.verdicts.records import ParameterRecord, WorstEntries, worst_step

Array = NDArray[Any]


def judge_entries(parameter: str, value: Array, known: Known, dtype: str) -> ParameterRecord:
    """Judge every entry as the rule does, and keep the worst of each step.

    Args:
        parameter: its dotted name.
        value: what the implementation gave, of shape (T, *parameter).
        known: of the same shape.
        dtype: what the parameter is held in.
    """
    steps = len(value)
    assessed = assess(value, known, dtype)
    worst = _worst_of_steps(assessed.verdict, assessed.spreads)
    pick = (np.arange(steps), worst)
    exact = known.exact.balls().reshape(steps, -1)
    verdict = assessed.verdict[pick]
    spreads = rounded_up(assessed.spreads[pick])
    return ParameterRecord(
        parameter=parameter,
        dtype=dtype,
        shape=value.shape[1:],
        index=worst,
        value=assessed.value[pick],
        exact=decimals(exact[pick]),
        error=rounded_up(assessed.error[pick]),
        relative_error=rounded_up(assessed.relative_error[pick]),
        ulps=rounded_up(assessed.ulps[pick]),
        spreads=spreads,
        verdict=verdict,
        reason=explain(assessed, verdict, known.reasons),
        tolerances=needed_tolerances(assessed, dtype),
        worst=_worst_entries(assessed, known, value.shape[1:], worst_step(verdict, spreads)),
    )


def _worst_of_steps(verdict: Array, spreads: Array) -> NDArray[np.intp]:
    # Verdicts count first; among entries of the same verdict, the more spreads.
    order = np.nan_to_num(spreads, nan=np.inf, posinf=np.inf)
    within = np.where(verdict == verdict.max(axis=1, keepdims=True), order, -1.0)
    worst: NDArray[np.intp] = np.argmax(within, axis=1)
    return worst


def _worst_entries(assessed: Assessment, known: Known, shape: tuple[int, ...], step: int) -> WorstEntries:
    """Lay out what the rule says of every entry of one parameter at one step; bounds are not yet rounded."""
    grid, block, index = worst_of_blocks(shape, assessed.verdict[step], assessed.spreads[step])
    return WorstEntries(
        step=step,
        grid=grid,
        block=block,
        index=index,
        value=assessed.value[step, index],
        exact=decimals(known.exact.balls().reshape(len(assessed.value), -1)[step, index]),
        error=assessed.error[step, index],
        ulps=assessed.ulps[step, index],
        spreads=assessed.spreads[step, index],
        verdict=assessed.verdict[step, index],
    )
