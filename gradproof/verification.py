"""`verify`: run scenarios on backends, judge every step, and make the report."""

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gradproof.backends import Backend
from gradproof.backends.protocol import parted
from gradproof.errors import InputError
from gradproof.inputs import (
    FUNCTION,
    SEED,
    TEXT,
    YES_OR_NO,
    Wanted,
    check_inputs,
    instance_of,
    optional,
    sequence_of,
)
from gradproof.reference.numbers.run_formats import OWN
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.report import Report
from gradproof.reporting.shard import Shard
from gradproof.running.limits import ORDINARY, Limits
from gradproof.running.own_runs import OwnRuns, Runs, worth_starting
from gradproof.running.planning import plan
from gradproof.running.splitting import Group, groups_of, part_of
from gradproof.running.task import Task
from gradproof.scenarios import Scenario
from gradproof.scenarios.finding import find_scenarios
from gradproof.scenarios.user_code import called, ends_nothing
from gradproof.scenarios.validation import validate
from gradproof.verdicts.audited import check_claims
from gradproof.verdicts.hand_derived import check_formula
from gradproof.verdicts.records import FormulaRecord, NotRun, Outcome, RunStatus, Subject

DTYPES = ("float64", "float32")
"""What is run in if nothing is said."""

KNOWN_DTYPES = (*DTYPES, "float16", "bfloat16", OWN)
"""What can be run in; `own` is each array's own dtype."""

Progress = Callable[[int, int, Outcome | NotRun], None]


_BACKENDS = sequence_of(
    Wanted(lambda value: isinstance(value, str) or hasattr(value, "run"), "a name, or a backend"),
    "a name, an object that is a backend, or a sequence of these",
)


@ends_nothing()
def verify(  # noqa: PLR0913 - all but three are given by name, and have a default
    scenarios: Scenario | str | Sequence[Scenario | str],
    backends: str | Backend | Sequence[str | Backend] | None = None,
    dtypes: str | Sequence[str] = DTYPES,
    *,
    device: str | None = None,
    jobs: int = 1,
    limits: Limits | None = ORDINARY,
    executor: Executor | None = None,
    shard: str | None = None,
    progress: Progress | None = None,
    baseline: Report | None = None,
    strict: bool = False,
) -> Report:
    """Run scenarios on backends, judge every gradient and every update, and report.

    Args:
        scenarios: what to run, one or several: Scenario objects, names that `gradproof list` shows, or files,
            as `FILE.py` or `FILE.py::NAME`.
        backends: their names, or `BACKEND/VARIANT` for one variant alone (`jax/eager`, say); None for all
            that are installed (the others are reported as not run). Either may be followed by `@DEVICE`, as
            in `torch/eager@cuda`. An object with a backend's attributes and methods is taken, too (see
            docs/reference/backends.md), and sent to the processes that run it.
        dtypes: float64, float32, float16, bfloat16, one or several; `own` for each array's own, as a model of
            several dtypes has them.
        device: where PyTorch and JAX compute: `cpu`, `cuda`, or one of several as `cuda:1`; None for wherever
            they do by themselves. Backends that cannot be told run as ever. What runs on the device is called
            so in the report, `torch/eager@cuda`; where none does, that it could not is a failure.
        jobs: processes to run in; 0 for as many as are worth starting, one a processor core at most.
        limits: what one run may take. Runs are made in processes of their own: whatever one does, from
            a crash to an endless loop, the others are made and the report is whole. None for runs in this
            process, one after the other and without limits, which a debugger can follow.
        executor: where to make the runs, any `concurrent.futures.Executor`: `Client(address).get_executor()`
            of dask.distributed for a cluster, say. Each of its workers makes a run in a process of its own
            beside itself, with the same limits; `jobs` does not count. What the workers' machines are is
            told in the report. It is not shut down.
        shard: `2/5` for the second of five parts of the verification, which `merge` makes one report of. A
            scenario's runs in one dtype are in the same part.
        progress: called after each run as `progress(done, total, outcome)`.
        baseline: an earlier report; what changed since is then told by `Report.changes`.
        strict: whether INACCURATE, a right formula that gives wrong digits, does not pass.

    Raises:
        InputError: a scenario, a backend, a variant or a dtype that cannot be worked with.

    >>> verify("line_fit", backends="reference", dtypes="float64").ok
    True
    """
    names = sequence_of(TEXT, "a name, or a sequence of names")
    if isinstance(backends, str | Backend):
        backends = [backends]
    dtypes = [dtypes] if isinstance(dtypes, str) else dtypes
    check_inputs(
        "the verification",
        backends=(backends, optional(_BACKENDS)),
        dtypes=(dtypes, names),
        device=(device, optional(TEXT)),
        jobs=(jobs, SEED),
        limits=(limits, optional(instance_of(Limits, "a gradproof.Limits"))),
        executor=(executor, optional(instance_of(Executor, "a concurrent.futures.Executor"))),
        shard=(shard, optional(TEXT)),
        progress=(progress, optional(FUNCTION)),
        strict=(strict, YES_OR_NO),
        baseline=(baseline, optional(instance_of(Report, "a gradproof.Report"))),
    )
    scenarios = find_scenarios(scenarios)
    check_names(scenarios, dtypes)
    for scenario in scenarios:
        _ = scenario.fingerprint  # hashed before a run changes what its functions hold (a cache, say)
        validate(scenario)
    if shard is not None and baseline is not None:
        raise InputError("A part has no baseline: compare the report that `merge` makes of all parts.")
    share = _share(scenarios, *plan(scenarios, backends, dtypes, limits, device or ""), shard)
    claims = check_claims(share.claimed)
    runs = _runs(min(jobs, len(share.tasks)) or worth_starting(share.tasks), limits, executor)
    results = _made(runs, share.tasks, progress)
    outcomes = [result for result in results if isinstance(result, Outcome)]
    not_run = [*share.not_run, *(result for result in results if isinstance(result, NotRun))]
    if device is not None and not any(_is_on(device, each.subject) for each in outcomes):
        # What was asked for by name and did not take place must not look as if all were well.
        not_run = [
            replace(each, status=RunStatus.FAILED) if _is_on(device, each.subject) else each
            for each in not_run
        ]
    formulas = check_formulas(share.claimed, outcomes)
    report = Report.from_outcomes(
        share.scenarios, outcomes, not_run, formulas, claims, processes=runs.processes, strict=strict
    )
    report.environment |= {} if share.shard is None else share.shard.entry()
    if baseline is not None:
        report.changes = compare(baseline, report)
    return report


def _is_on(device: str, subject: Subject) -> bool:
    return parted(subject.variant)[1] == device


@dataclass(frozen=True)
class _Share:
    """What is made of a verification: all of it, or one part.

    Attributes:
        tasks: the runs to make.
        not_run: those that cannot be made.
        scenarios: whose runs they are.
        claimed: whose formulas and claims are checked.
        shard: which part it is; None where it is all.
    """

    tasks: Sequence[Task]
    not_run: Sequence[NotRun]
    scenarios: Sequence[Scenario]
    claimed: Sequence[Scenario]
    shard: Shard | None = None


def _share(
    scenarios: Sequence[Scenario], tasks: Sequence[Task], not_run: Sequence[NotRun], shard: str | None
) -> _Share:
    if shard is None:
        return _Share(tasks, not_run, scenarios, scenarios)
    part, parts = part_of(shard)
    subjects = [each.subject for each in not_run] + [each.subject for each in tasks]
    dtypes = list(dict.fromkeys(subject.dtype for subject in subjects))
    groups = groups_of(scenarios, dtypes, part, parts)
    names = {group.scenario for group in groups}
    return _Share(
        [task for task in tasks if Group.of(task.subject) in groups],
        [each for each in not_run if Group.of(each.subject) in groups],
        [each for each in scenarios if each.name in names],
        # Along the reference's run in the last dtype, which one part alone has.
        [each for each in scenarios if Group(each.name, dtypes[-1]) in groups],
        Shard(part, parts, [*map(str, subjects)], {each.name: each.fingerprint for each in scenarios}),
    )


def _made(runs: Runs, tasks: Sequence[Task], progress: Progress | None) -> list[Outcome | NotRun]:
    """Make runs, and give their results in the order of the tasks."""
    results: dict[Subject, Outcome | NotRun] = {}
    for result in runs.results(tasks):
        results[result.subject] = result
        if progress is not None:
            called("function progress", partial(progress, len(results), len(tasks), result))
    return [results[task.subject] for task in tasks]


def check_formulas(scenarios: Sequence[Scenario], outcomes: Sequence[Outcome]) -> list[FormulaRecord]:
    """Check each hand-derived gradient as a formula, along the reference's run if there is one."""
    runs = {
        outcome.subject.scenario: outcome.checkpoints
        for outcome in outcomes
        if outcome.subject.backend == "reference"
    }
    checks: list[FormulaRecord] = []
    for scenario in scenarios:
        if scenario.gradient is None:
            continue
        points = runs.get(scenario.name)
        if points is None:
            start = {name: array[np.newaxis] for name, array in scenario.flat_params.items()}
            checks += check_formula(scenario, [0], start)
        else:
            checks += check_formula(scenario, points.steps.tolist(), points.weights)
    return checks


def check_names(scenarios: Sequence[Scenario], dtypes: Sequence[str]) -> None:
    """Raise InputError for no scenario, for two of the same name, and for an unknown dtype."""
    if not scenarios:
        raise InputError("There is no scenario to run. Name at least one.")
    names = [scenario.name for scenario in scenarios]
    repeated = [name for name in names if names.count(name) > 1]
    if repeated:
        raise InputError(f"Two scenarios are called {repeated[0]!r}. Rename one of them.")
    unknown = [dtype for dtype in dtypes if dtype not in KNOWN_DTYPES]
    if unknown or not dtypes:
        what = f"There is no dtype called {unknown[0]!r}" if unknown else "No dtype was chosen"
        raise InputError(f"{what}. Choose from {', '.join(KNOWN_DTYPES)}.")


def _runs(jobs: int, limits: Limits | None, executor: Executor | None) -> Runs:
    """Choose where runs are made.

    Raises:
        InputError: they cannot be made on an executor and in this process.
    """
    if limits is None and executor is not None:
        raise InputError(
            "With limits=None runs are made in this process, and an executor was given, too. Leave one of "
            "them out."
        )
    if executor is not None:
        from gradproof.running.foreign_runs import ForeignRuns  # noqa: PLC0415 - not needed in this process

        return ForeignRuns(executor, limits or ORDINARY)
    return OwnRuns(jobs, limits)
