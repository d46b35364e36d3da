"""Is a hand-derived gradient right as a formula? It is run, unchanged, in certified arithmetic."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.truth import EQUAL_DIGITS
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.checking.formula import check_formula as check
from gradproof.verdicts.checking.subject import Place, Subject
from gradproof.verdicts.records import FormulaRecord
from gradproof.verdicts.verdict import Verdict

__all__ = ["EQUAL_DIGITS", "check_formula"]

Array = NDArray[Any]


def check_formula(
    scenario: Scenario, steps: Sequence[int], weights: Mapping[str, Array]
) -> list[FormulaRecord]:
    """Compare a scenario's hand-derived gradient with the exact one at some points.

    Args:
        scenario: one that has a hand-derived gradient.
        steps: how many steps were taken to each point; the labels of the points.
        weights: per parameter, of shape (points, *parameter).
    """
    checks = []
    schedule = scenario.batch_schedule()
    for position, step in enumerate(steps):
        point = {name: array[position] for name, array in weights.items()}
        batch = scenario.flat_batch
        if schedule is not None:
            batch = {name: array[schedule[min(step, len(schedule) - 1)]] for name, array in batch.items()}
        checks += _check_point(scenario, step, point, batch)
    return checks


def _check_point(
    scenario: Scenario, step: int, point: Mapping[str, Array], batch: Mapping[str, Array]
) -> list[FormulaRecord]:
    assert scenario.gradient is not None  # noqa: S101 - check_formula is called for no other
    subject = Subject(scenario, scenario.gradient)
    formula = check(subject, Place(point, batch))
    checks = []
    for name in point:
        each = formula.agreement.get(name)
        if each is None:
            reason = formula.reason or "its gradient is missing, or has another shape than the parameter"
            checks.append(FormulaRecord(scenario.name, name, step, 0.0, "UNDECIDED", reason))
            continue
        verdict, reason = "EQUAL", ""
        if not np.all(each.equal) and formula.verdict is not Verdict.EQUAL:
            proven = formula.verdict is Verdict.WRONG and bool(np.any(each.apart))
            verdict = "WRONG" if proven else "UNDECIDED"
            reason = formula.reason or "the balls are too wide: a kink, or cancellation"
        checks.append(FormulaRecord(scenario.name, name, step, each.worst, verdict, reason))
    return checks
