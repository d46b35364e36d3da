"""`verify`: run scenarios on backends, judge every step, and make the report."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from gradproof.backends import Backend, backend_names, chosen_variants, load_backend, variants_of
from gradproof.backends.laws import check_record
from gradproof.errors import BackendError, BackendUnavailableError, InputError, UnsupportedError
from gradproof.inputs import (
    FUNCTION,
    SEED,
    TEXT,
    YES_OR_NO,
    check_inputs,
    instance_of,
    optional,
    sequence_of,
)
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.environment import thread_pools
from gradproof.reporting.report import Report
from gradproof.scenarios import Scenario
from gradproof.scenarios.finding import find_scenarios
from gradproof.scenarios.user_code import called, ends_nothing
from gradproof.scenarios.validation import validate
from gradproof.verdicts.audited import check_claims
from gradproof.verdicts.hand_derived import check_formula
from gradproof.verdicts.records import FormulaRecord, NotRun, Outcome, Subject
from gradproof.verdicts.runs import judge

DTYPES = ("float64", "float32")

Progress = Callable[[int, int, Outcome | NotRun], None]


@dataclass(frozen=True)
class Task:
    """One run to make and to judge."""

    scenario: Scenario
    subject: Subject


@ends_nothing()
def verify(
    scenarios: Scenario | str | Sequence[Scenario | str],
    backends: str | Sequence[str] | None = None,
    dtypes: str | Sequence[str] = DTYPES,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
    baseline: Report | None = None,
    strict: bool = False,
) -> Report:
    """Run scenarios on backends, judge every gradient and every update, and report.

    Args:
        scenarios: what to run, one or several: Scenario objects, names that `gradproof list` shows, or files,
            as `FILE.py` or `FILE.py::NAME`.
        backends: their names, or `BACKEND/VARIANT` for one variant alone (`jax/eager`, say); None for all
            that are installed (the others are reported as not run).
        dtypes: float64, float32 or both.
        jobs: processes to run in; 0 for one a processor core.
        progress: called after each run as `progress(done, total, outcome)`.
        baseline: an earlier report; what changed since is then told by `Report.changes`.
        strict: whether INACCURATE, a right formula that gives wrong digits, does not pass.

    Raises:
        InputError: a scenario, a backend, a variant or a dtype that cannot be worked with.

    >>> verify("line_fit", backends="reference", dtypes="float64").ok
    True
    """
    names = sequence_of(TEXT, "a name, or a sequence of names")
    backends = [backends] if isinstance(backends, str) else backends
    dtypes = [dtypes] if isinstance(dtypes, str) else dtypes
    check_inputs(
        "the verification",
        backends=(backends, optional(names)),
        dtypes=(dtypes, names),
        jobs=(jobs, SEED),
        progress=(progress, optional(FUNCTION)),
        strict=(strict, YES_OR_NO),
        baseline=(baseline, optional(instance_of(Report, "a gradproof.Report"))),
    )
    scenarios = find_scenarios(scenarios)
    check_names(scenarios, dtypes)
    for scenario in scenarios:
        _ = scenario.fingerprint  # hashed before a run changes what its functions hold (a cache, say)
        validate(scenario)
    tasks, not_run = plan(scenarios, backends, dtypes)
    claims = check_claims(scenarios)
    results: dict[Subject, Outcome | NotRun] = {}
    processes = max(1, min(jobs or os.cpu_count() or 1, len(tasks)))
    for result in _results(tasks, processes):
        results[result.subject] = result
        if progress is not None:
            called("function progress", partial(progress, len(results), len(tasks), result))
    ordered = [results[task.subject] for task in tasks]
    outcomes = [result for result in ordered if isinstance(result, Outcome)]
    not_run += [result for result in ordered if isinstance(result, NotRun)]
    formulas = check_formulas(scenarios, outcomes)
    report = Report.from_outcomes(
        scenarios, outcomes, not_run, formulas, claims, processes=processes, strict=strict
    )
    if baseline is not None:
        report.changes = compare(baseline, report)
    return report


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
    unknown = [dtype for dtype in dtypes if dtype not in DTYPES]
    if unknown or not dtypes:
        what = f"There is no dtype called {unknown[0]!r}" if unknown else "No dtype was chosen"
        raise InputError(f"{what}. Choose from {', '.join(DTYPES)}.")


def plan(
    scenarios: Sequence[Scenario], backends: Sequence[str] | None, dtypes: Sequence[str]
) -> tuple[list[Task], list[NotRun]]:
    """List the runs to make, and those that cannot be made with the reason."""
    tasks: list[Task] = []
    not_run: list[NotRun] = []
    dtypes = list(dict.fromkeys(dtypes))
    for name, chosen in chosen_variants(backend_names() if backends is None else backends).items():
        named = chosen or ("",)  # what is told not to have run: all of the backend, or what was named
        try:
            backend = load_backend(name)
        except BackendUnavailableError as error:
            subjects = _subjects(scenarios, name, named, dtypes)
            not_run += [NotRun(subject, str(error), failure=backends is not None) for subject in subjects]
            continue
        tasks += _tasks_of(backend, variants_of(backend, chosen), scenarios, dtypes)
        cannot = [dtype for dtype in dtypes if dtype not in backend.dtypes]
        not_run += [
            NotRun(subject, f"backend {name!r} cannot run {subject.dtype}", failure=False)
            for subject in _subjects(scenarios, name, named, cannot)
        ]
    if not tasks and not not_run:
        raise InputError(f"No backend was chosen. Choose from {', '.join(backend_names())}.")
    return tasks, not_run


def _subjects(
    scenarios: Sequence[Scenario], backend: str, variants: Sequence[str], dtypes: Sequence[str]
) -> list[Subject]:
    return [
        Subject(scenario.name, backend, variant, dtype)
        for scenario in scenarios
        for variant in variants
        for dtype in dtypes
    ]


def _tasks_of(
    backend: Backend, variants: Sequence[str], scenarios: Sequence[Scenario], dtypes: Sequence[str]
) -> list[Task]:
    can = [dtype for dtype in dtypes if dtype in backend.dtypes]
    return [
        Task(scenario, subject)
        for scenario in scenarios
        for subject in _subjects([scenario], backend.name, variants, can)
    ]


def _results(tasks: Sequence[Task], workers: int) -> Iterator[Outcome | NotRun]:
    if workers == 1:
        yield from map(carry_out, tasks)
        return
    from gradproof.processes import spread  # noqa: PLC0415 - not needed in one process

    # The longest first, so that no core is left with a long run at the end.
    longest_first = sorted(tasks, key=lambda task: -task.scenario.steps)
    yield from spread(carry_out, longest_first, workers, _ended)


def _ended(task: Task, how: str) -> NotRun:
    return NotRun(task.subject, f"the run ended the process that made it ({how})", failure=True)


def carry_out(task: Task) -> Outcome | NotRun:
    """Make one run and judge it; an exception that a framework raises is reported, not raised.

    Raises:
        InputError: the scenario itself cannot be worked with.
    """
    subject = task.subject
    try:
        backend = load_backend(subject.backend)
        run = backend.run(task.scenario, dtype=subject.dtype, variant=subject.variant)
        check_record(run, backend, task.scenario, dtype=subject.dtype, variant=subject.variant)
        versions = backend.versions()
    except (InputError, KeyboardInterrupt):
        raise
    except BackendError as error:
        return NotRun(subject, str(error), failure=True)
    except UnsupportedError as error:
        return NotRun(subject, str(error), failure=False)
    except BaseException as error:  # noqa: BLE001 - what ends a framework's run is a result to report
        reason = f"{type(error).__name__}: {error}".strip().partition("\n")[0]
        return NotRun(subject, reason, failure=True)
    threads = thread_pools()  # of the process that ran it, once its libraries are loaded
    return replace(judge(task.scenario, run, versions), threads=threads)
