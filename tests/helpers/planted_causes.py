"""Reports whose failures have several causes: planted by hand, step by step."""

from collections.abc import Sequence
from typing import Any

import builders

from gradproof.reporting.report import Report
from gradproof.verdicts.records import NotRun, Outcome, ParameterRecord, RunStatus, Subject
from gradproof.verdicts.verdict import Verdict

SIGMOID = "the gradient of {} is the true one with the derivative of sigmoid (mine.py:{}) left out"
SIGMOIDS = "the gradients of {} are the true ones with the derivative of sigmoid (mine.py:{}) left out"
FOLLOWS = "the update of {} follows its gradient, which is wrong"
SHORT = "the step of {} is 0.9 times the learning rate times the gradient"
STEPS = 20


def record(wrong: Sequence[int], name: str = "w", cause: str = "", **changed: Any) -> ParameterRecord:
    """What is said of a parameter that is wrong in some of 20 steps."""
    verdict = changed.pop("verdict", Verdict.DISAGREES)
    verdicts = [verdict if step in wrong else Verdict.AGREES for step in range(STEPS)]
    spreads = [5e4 if step in wrong else 1.0 for step in range(STEPS)]
    return builders.record(verdicts, spreads, parameter=name, cause=cause, **changed)


def outcome(scenario: str, who: str, dtype: str, **records: Sequence[ParameterRecord]) -> Outcome:
    backend, _, variant = who.partition("/")
    right = [builders.record([Verdict.AGREES] * STEPS, [1.0] * STEPS)]
    return builders.outcome(
        Subject(scenario, backend, variant, dtype),
        gradients=tuple(records.get("gradients", right)),
        updates=tuple(records.get("updates", right)),
        states=tuple(records.get("states", ())),
    )


def report(*outcomes: Outcome, not_run: Sequence[NotRun] = (), **more: Any) -> Report:
    names = dict.fromkeys(each.subject.scenario for each in (*outcomes, *not_run))
    scenarios = [builders.scenario(name, origin="mine.py::first") for name in names]
    return Report.from_outcomes(scenarios, list(outcomes), not_run, **more)


ALWAYS = range(STEPS)


def without_sigmoid(scenario: str, who: str, dtype: str, line: int = 12) -> Outcome:
    """Two parameters' gradients are wrong, told together, and the updates follow."""
    cause = SIGMOIDS.format("w and b", line)
    return outcome(
        scenario, who, dtype,
        gradients=[record(ALWAYS, "w", cause), record(ALWAYS, "b", cause)],
        updates=[record(ALWAYS, name, FOLLOWS.format(name)) for name in ("w", "b")],
    )  # fmt: skip


def short_steps(who: str, steps: Sequence[int], dtype: str = "float64") -> Outcome:
    return outcome("line", who, dtype, updates=[record(steps, "w", SHORT.format("w"), shape=())])


def two_causes_and_a_crash() -> Report:
    """Twelve runs lack a derivative, four take steps that are too short every seventh time, two crashed."""
    dtypes = ("float64", "float32")
    runs = [
        without_sigmoid(name, who, dtype)
        for name in ("one", "two")
        for who in ("torch/eager", "jax/jit", "jax/eager")
        for dtype in dtypes
    ]
    runs += [
        outcome(name, who, dtype)
        for name in ("one", "two", "line")
        for who in ("reference/numpy", "torch/func")
        for dtype in dtypes
    ]
    runs += [
        short_steps(who, range(3, STEPS, 7), dtype) for who in ("torch/eager", "jax/jit") for dtype in dtypes
    ]
    reason = "The process ended with signal 11 (SIGSEGV). Its last lines: Segmentation fault (core dumped)"
    crashed = [NotRun(Subject("line", "jax", "eager", dtype), reason, RunStatus.CRASHED) for dtype in dtypes]
    return report(*runs, not_run=crashed)
