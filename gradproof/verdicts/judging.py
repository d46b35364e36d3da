"""Judging a run: every gradient and every update, each from the implementation's own previous weights."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.protocol import Run
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.conditioning import where_digits_are_lost
from gradproof.verdicts.digests import digests
from gradproof.verdicts.evidence import Values, gather
from gradproof.verdicts.explaining import with_causes
from gradproof.verdicts.records import Outcome, ParameterRecord, Subject, worst_step
from gradproof.verdicts.rule import judge_entries, rounded_up
from gradproof.verdicts.steps import batches_of
from gradproof.verdicts.trajectories import checkpoints
from gradproof.verdicts.verdict import SEVERITY, Verdict

Array = NDArray[Any]

# Steps that are judged together: enough for NumPy to be fast, few enough for the memory of large parameters.
ENTRIES_AT_ONCE = 50_000


def judge(scenario: Scenario, run: Run, versions: Mapping[str, str]) -> Outcome:
    """Judge every step of a run.

    Args:
        scenario: what was run.
        run: what the backend recorded.
        versions: what the backend tells of itself, kept for the report.
    """
    start = time.perf_counter()
    chunks = [_judge_steps(scenario, run, steps) for steps in _chunks(scenario, run)]
    gradients = _joined([gradients for gradients, _ in chunks])
    updates = _joined([updates for _, updates in chunks])
    gradients, updates = with_causes(scenario, run, gradients, updates)
    return Outcome(
        subject=Subject(run.scenario, run.backend, run.variant, run.dtype),
        gradients=tuple(_located(scenario, run, judgement) for judgement in gradients),
        updates=tuple(_located(scenario, run, judgement) for judgement in updates),
        losses=run.losses.astype(np.float64),
        digests=digests(run),
        checkpoints=checkpoints(run),
        predictions=run.predictions,
        steps=run.steps,
        planned_steps=run.planned_steps,
        stopped=run.stopped,
        timing=run.timing,
        judging=time.perf_counter() - start,
        versions=versions,
    )


def _judge_steps(
    scenario: Scenario, run: Run, steps: slice
) -> tuple[list[ParameterRecord], list[ParameterRecord]]:
    values = Values(
        gradients={name: gradient[steps] for name, gradient in run.gradients.items()},
        updates={name: weight[1:][steps] for name, weight in run.weights.items()} if run.updates else {},
    )
    weights = {name: weight[steps] for name, weight in run.weights.items()}
    evidence = gather(scenario, weights, batches_of(scenario, run, steps), run.dtype, values)
    return (
        [judge_entries(n, v, evidence.gradients[n], run.dtype) for n, v in values.gradients.items()],
        [judge_entries(n, v, evidence.updates[n], run.dtype) for n, v in values.updates.items()],
    )


def _chunks(scenario: Scenario, run: Run) -> Iterator[slice]:
    entries = sum(array.size for array in scenario.flat_params.values())
    entries = max([entries, *(array.size for array in scenario.flat_batch.values())])
    size = max(1, ENTRIES_AT_ONCE // entries)
    if scenario.batch_schedule() is not None and _has_integers(scenario):
        size = 1  # integer data may be indices, which have to be the same for all steps judged together
    for start in range(0, run.steps, size):
        yield slice(start, min(start + size, run.steps))


def _has_integers(scenario: Scenario) -> bool:
    return any(array.dtype.kind in "iub" for array in scenario.flat_batch.values())


def _located(scenario: Scenario, run: Run, judgement: ParameterRecord) -> ParameterRecord:
    """Say where in the loss the digits are lost, at the worst of the ill-conditioned steps."""
    conditioned = np.flatnonzero(judgement.verdict == SEVERITY.index(Verdict.ILL_CONDITIONED))
    if not conditioned.size:
        return judgement
    step = int(conditioned[np.argmax(judgement.relative_error[conditioned])])
    place = where_digits_are_lost(
        scenario.flat_loss,
        {name: weight[step] for name, weight in run.weights.items()},
        {name: array[0] for name, array in batches_of(scenario, run, slice(step, step + 1)).items()},
        run.dtype,
        judgement.parameter,
    )
    reason = judgement.reason.copy()
    reason[conditioned] += f"; at step {step} most are lost in {place}"
    return replace(judgement, reason=reason)


def _joined(chunks: list[list[ParameterRecord]]) -> tuple[ParameterRecord, ...]:
    return tuple(_joined_parts(parts) for parts in zip(*chunks, strict=True))


def _joined_parts(parts: tuple[ParameterRecord, ...]) -> ParameterRecord:
    arrays: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name, value in vars(parts[0]).items()
        if isinstance(value, np.ndarray)
    }
    starts = np.cumsum([0, *(len(part.index) for part in parts)])
    step = worst_step(arrays["verdict"], arrays["spreads"])
    chosen = int(np.searchsorted(starts, step, side="right")) - 1
    worst = parts[chosen].worst
    # Rounded here, once a run: it is slow for large parameters.
    bounds: dict[str, Any] = {name: rounded_up(getattr(worst, name)) for name in ("error", "ulps", "spreads")}
    return replace(parts[0], **arrays, worst=replace(worst, step=step, **bounds))
