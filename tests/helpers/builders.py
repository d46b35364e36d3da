"""Outcomes and reports made by hand, in which all agrees unless a test says otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradproof.backends import Timing
from gradproof.reporting.report import Report
from gradproof.scenarios import Provenance, Scenario
from gradproof.verdicts.records import (
    Checkpoints,
    NotRun,
    Outcome,
    ParameterRecord,
    RunStatus,
    Subject,
    WorstEntries,
    worst_step,
)
from gradproof.verdicts.verdict import SEVERITY, Verdict

SUBJECT = Subject("line", "torch", "eager", "float64")


def record(
    verdicts: Sequence[Verdict] = (Verdict.AGREES, Verdict.AGREES),
    spreads: Sequence[float] = (0.5, 1.25),
    *,
    parameter: str = "w",
    shape: tuple[int, ...] = (2, 3),
    **changed: Any,
) -> ParameterRecord:
    """What is said of a parameter at as many steps as there are verdicts."""
    steps = len(verdicts)
    arrays: dict[str, Any] = {
        "index": np.arange(steps) % max(1, int(np.prod(shape))),
        "value": np.full(steps, 0.125),
        "exact": np.array(["0.500000000000000000000000000000"] * steps),
        "error": np.full(steps, 0.375),
        "relative_error": np.full(steps, 0.75),
        "ulps": np.full(steps, 3.0),
        "reason": np.array([""] * steps, dtype=object),
        "tolerances": np.full((steps, 3), [0.75, 0.375, 0.375]),
    }
    codes = np.array([SEVERITY.index(verdict) for verdict in verdicts], dtype=np.int8)
    entries = max(1, int(np.prod(shape)))
    step = worst_step(codes, np.array(spreads))
    worst = WorstEntries(
        step=step,
        grid=(entries // shape[-1], shape[-1]) if shape else (1, 1),
        block=(1, 1),
        index=np.arange(entries),
        value=np.full(entries, 0.125),
        exact=np.array(["0.500000000000000000000000000000"] * entries),
        error=np.full(entries, 0.375),
        ulps=np.full(entries, 3.0),
        spreads=np.full(entries, spreads[step]),
        verdict=np.full(entries, codes[step], dtype=np.int8),
    )
    return ParameterRecord(
        parameter=parameter,
        shape=shape,
        spreads=np.array(spreads),
        verdict=codes,
        worst=worst,
        **{**arrays, **changed},
    )


def outcome(subject: Subject = SUBJECT, **changed: Any) -> Outcome:
    """An outcome of two steps in which all agrees."""
    whole = Outcome(
        subject=subject,
        gradients=(record(),),
        updates=(record(),),
        losses=np.array([2.0, 1.5]),
        digests=np.array(["0123456789abcdef", "fedcba9876543210"]),
        checkpoints=Checkpoints(
            steps=np.array([0, 1, 2]), weights={"w": np.arange(18.0).reshape(3, 2, 3)}, losses=np.ones(3)
        ),
        predictions=np.array([[0.25], [0.75]]),
        steps=2,
        planned_steps=2,
        stopped=False,
        timing=Timing(compiling=0.5, training=1.5),
        judging=2.5,
        versions={"torch": "2"},
    )
    return replace(whole, **changed)


def reference(**changed: Any) -> Outcome:
    return outcome(replace(SUBJECT, backend="reference", variant="numpy"), **changed)


def scenario(name: str = "line", *provenance: Provenance, **changed: Any) -> Scenario:
    return Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum(params["w"] * batch["x"]),
        params={"w": np.ones(2)},
        batch={"x": np.ones(2)},
        provenance=provenance,
        **changed,
    )


def report(*outcomes: Outcome, not_run: Sequence[NotRun] = ()) -> Report:
    return Report.from_outcomes([scenario()], list(outcomes), list(not_run))


REPORTS = {
    "nothing": report(),
    "nothing run": report(not_run=[NotRun(SUBJECT, "not installed", RunStatus.NOT_RUN)]),
    "one run": report(outcome()),
    "without updates or predictions": report(outcome(updates=(), predictions=None)),
    "two runs and one that failed": report(
        reference(),
        outcome(),
        not_run=[NotRun(replace(SUBJECT, backend="jax"), "it raised", RunStatus.FAILED)],
    ),
    "NaN everywhere": report(
        outcome(
            gradients=(
                record(
                    [Verdict.NOT_FINITE] * 2,
                    [np.nan, np.nan],
                    value=np.full(2, np.nan),
                    error=np.full(2, np.nan),
                    relative_error=np.full(2, np.nan),
                    ulps=np.full(2, np.nan),
                ),
            )
        )
    ),
}
