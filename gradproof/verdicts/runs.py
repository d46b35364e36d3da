"""Judging a run: every gradient and every update, each from the implementation's own previous weights."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework
from gradproof.backends.protocol import Run
from gradproof.reference.stepping import After
from gradproof.scenarios.scenario import Scenario
from gradproof.verdicts.conditioning import where_digits_are_lost, who_loses_digits
from gradproof.verdicts.digests import digests
from gradproof.verdicts.entries import judge_entries
from gradproof.verdicts.explaining import with_causes
from gradproof.verdicts.judging.evidence import Evidence
from gradproof.verdicts.numerals import rounded_up
from gradproof.verdicts.rates import judged_rates
from gradproof.verdicts.records import Outcome, ParameterRecord, Subject, worst_step
from gradproof.verdicts.steps import batches_of, formats_of, stepping_of
from gradproof.verdicts.trajectories import checkpoints
from gradproof.verdicts.updates.facts import with_facts
from gradproof.verdicts.updates.told import following, with_causes_of_steps
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]

# Steps that are judged together: enough for NumPy to be fast, few enough for the memory of large parameters.
ENTRIES_AT_ONCE = 50_000


def judge(
    scenario: Scenario, run: Run, versions: Mapping[str, str], framework: Framework | None = None
) -> Outcome:
    """Judge every step of a run.

    Args:
        scenario: what was run.
        run: what the backend recorded.
        versions: what the backend tells of itself, kept for the report.
        framework: what ran it, whose functions are asked for what they give where a gradient is wrong.
    """
    start = time.perf_counter()
    run = run.widened
    chunks = [_judge_steps(scenario, run, steps) for steps in _chunks(scenario, run)]
    gradients, updates, states = (_joined([chunk[part] for chunk in chunks]) for part in range(3))
    states += judged_rates(scenario, run)
    gradients = with_causes(scenario, run, gradients, framework)
    updates, states = with_causes_of_steps(scenario, run, gradients, updates, states)
    updates, states = (tuple(with_facts(scenario, run, each) for each in part) for part in (updates, states))
    gradients = tuple(_located(scenario, run, _conditioned(scenario, run, each)) for each in gradients)
    return Outcome(
        subject=Subject(run.scenario, run.backend, run.variant, run.dtype),
        gradients=gradients,
        updates=tuple(
            following(scenario, run, _conditioned(scenario, run, each), gradients) for each in updates
        ),
        states=tuple(following(scenario, run, each, gradients) for each in states),
        losses=run.losses.astype(np.float64),
        digests=digests(run),
        checkpoints=checkpoints(run),
        predictions=run.predictions,
        steps=run.steps,
        planned_steps=run.planned_steps,
        stopped=run.stopped,
        timing=run.timing,
        judging=time.perf_counter() - start,
        versions={**versions, **_told(run)},
    )


def _told(run: Run) -> Mapping[str, str]:
    """Tell what hardware might round within products, which the verdicts rest on."""
    return (
        {f"{run.backend}/{run.variant} {run.dtype} products": str(run.products)} if str(run.products) else {}
    )


def _judge_steps(scenario: Scenario, run: Run, steps: slice) -> tuple[list[ParameterRecord], ...]:
    """Judge the gradients, the updates and the states of some steps."""
    weights = {name: weight[steps] for name, weight in run.weights.items()}
    stepping, formats = stepping_of(scenario, run, steps), formats_of(scenario, run)
    evidence = Evidence(scenario.flat_loss, weights, batches_of(scenario, run, steps), formats, stepping)
    gradients = [
        judge_entries(name, gradient[steps], evidence.gradients[name], formats.of_param(name))
        for name, gradient in run.gradients.items()
    ]
    if stepping is None:
        return gradients, [], []
    updates = [
        judge_entries(name, weight[1:][steps], evidence.steps[After(name)], formats.of_param(name))
        for name, weight in run.weights.items()
    ]
    states = [
        replace(
            judge_entries(name, array[1:][steps], evidence.steps[After(name, entry)], formats.of_param(name)),
            entry_of_state=entry,
        )
        for entry, arrays in run.states.items()
        for name, array in arrays.items()
    ]
    return gradients, updates, states


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
    """Say which operation loses a gradient's digits, at the worst of the inaccurate steps."""
    inaccurate = np.flatnonzero(judgement.verdict == CODE[Verdict.INACCURATE])
    if not inaccurate.size:
        return judgement
    step = int(inaccurate[np.argmax(judgement.spreads[inaccurate])])
    params, batch = _at_step(scenario, run, step)
    entry = judgement.parameter, int(judgement.index[step])
    exact, relative = float(judgement.exact[step]), float(judgement.relative_error[step])
    formats = formats_of(scenario, run)
    loser = who_loses_digits(scenario.flat_loss, params, batch, formats, entry, exact, relative)
    if loser is None:
        return judgement
    reason = judgement.reason.copy()
    reason[inaccurate] += f"; at step {step} {loser.text}"
    if judgement.worst_verdict() is not Verdict.INACCURATE:
        return replace(judgement, reason=reason)
    return replace(judgement, reason=reason, cause=loser.text, where=loser.where)


def _conditioned(scenario: Scenario, run: Run, judgement: ParameterRecord) -> ParameterRecord:
    """Say where in the loss the digits are lost, at the worst of the ill-conditioned steps."""
    conditioned = np.flatnonzero(judgement.verdict == CODE[Verdict.ILL_CONDITIONED])
    if not conditioned.size:
        return judgement
    step = int(conditioned[np.argmax(judgement.spreads[conditioned])])
    params, batch = _at_step(scenario, run, step)
    formats = formats_of(scenario, run)
    place = where_digits_are_lost(scenario.flat_loss, params, batch, formats, judgement.parameter)
    reason = judgement.reason.copy()
    reason[conditioned] += f"; at step {step} most are lost in {place}"
    return replace(judgement, reason=reason)


def _at_step(scenario: Scenario, run: Run, step: int) -> tuple[dict[str, Array], dict[str, Array]]:
    """Give the weights and the data of one step."""
    batch = batches_of(scenario, run, slice(step, step + 1))
    return (
        {name: weight[step] for name, weight in run.weights.items()},
        {name: array[0] for name, array in batch.items()},
    )


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
