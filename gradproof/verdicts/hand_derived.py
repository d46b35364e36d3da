"""Is a hand-derived gradient right along a run? At each of some weights it is judged as `check` judges it."""

from collections.abc import Mapping, Sequence
from typing import Any

from numpy.typing import NDArray

from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.explaining import explained
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.records import FormulaRecord
from gradproof.verdicts.verdict import Verdict

DTYPE = "float64"
"""What the floating-point values of a formula are judged in."""


def check_formula(
    scenario: Scenario, steps: Sequence[int], weights: Mapping[str, NDArray[Any]]
) -> list[FormulaRecord]:
    """Judge a scenario's hand-derived gradient at some points.

    Args:
        scenario: one that has a hand-derived gradient.
        steps: how many steps were taken to each point; the labels of the points.
        weights: per parameter, of shape (points, *parameter).
    """
    checks: list[FormulaRecord] = []
    schedule = scenario.batch_schedule()
    for position, step in enumerate(steps):
        params = {name: array[position] for name, array in weights.items()}
        batch = scenario.flat_batch
        if schedule is not None:
            batch = {name: array[schedule[min(step, len(schedule) - 1)]] for name, array in batch.items()}
        checks += _records(scenario, step, Place(params, batch))
    return checks


def _records(scenario: Scenario, step: int, place: Place) -> list[FormulaRecord]:
    assert scenario.gradient is not None  # noqa: S101 - check_formula is called for no other
    found = judge_at(UserGradient(scenario, scenario.gradient), place, DTYPE)
    found = explained(found, scenario.flat_loss)
    return [_record(scenario.name, name, step, found) for name in place.params]


def _record(scenario: str, name: str, step: int, found: Judgement) -> FormulaRecord:
    judged = found.parameters.get(name)
    if judged is None:
        reason = found.reason or "its gradient is missing, or has another shape than the parameter"
        return FormulaRecord(scenario, name, step, 0.0, str(Verdict.UNDECIDED), reason)
    told = f"{found.reason} {found.unexplained}".strip() if judged.worst is found.verdict else ""
    said = (scenario, name, step, judged.digits, str(judged.worst), told)
    if found.cause is None or name not in found.cause.parameters:
        return FormulaRecord(*said)
    return FormulaRecord(*said, found.cause.text, found.cause.where)
