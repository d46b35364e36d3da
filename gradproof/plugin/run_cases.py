"""The plugin's work: which cases there are, running one, and collecting all for the report."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from itertools import count
from typing import Any
from uuid import uuid4

import pytest

from gradproof.backends import chosen_variants, default_backends
from gradproof.errors import DisagreementError, InputError
from gradproof.plugin.parts import amount, listed, parts_folder, report_folder, report_formats, setting
from gradproof.reporting.folders import check_replaceable
from gradproof.reporting.formats import check_formats
from gradproof.reporting.report import Report
from gradproof.running.executing import spread
from gradproof.running.isolated import IsolatedExecutor
from gradproof.running.limits import Limits
from gradproof.running.planning import plan
from gradproof.running.task import Task, carry_out, ended
from gradproof.scenarios import Scenario, scenario
from gradproof.scenarios.validation import validate
from gradproof.verdicts.records import NotRun, Outcome, RunStatus, Subject
from gradproof.verdicts.storage import save_outcome
from gradproof.verification import DTYPES, check_formulas, check_names


@dataclass(frozen=True, eq=False)
class RunCase:
    """A run to make, or the reason why it cannot be made.

    Attributes:
        task: what is run by whom.
        number: where the session's report has it.
        absent: what is told instead, where the backend cannot make it; a failure if `--gradproof-require`
            names the backend.
    """

    task: Task
    number: int
    absent: NotRun | None = None

    @property
    def label(self) -> str:
        """The test's parameter in pytest's output."""
        return "-".join(filter(None, vars(self.task.subject).values()))


# What is kept for the session: named scenarios, the cases' numbers, and what was made of each run.
_BUILT: pytest.StashKey[dict[str, Scenario]] = pytest.StashKey()
_NUMBERS: pytest.StashKey[Iterator[int]] = pytest.StashKey()
_MADE: pytest.StashKey[dict[tuple[int, Subject], Outcome | NotRun]] = pytest.StashKey()


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Make a parameter of every scenario × backend × variant × dtype.

    A backend that is not installed is one skipped case a scenario and dtype, with the reason; a failing one
    if `--gradproof-require` names it.
    """
    config = metafunc.config
    marker = metafunc.definition.get_closest_marker("gradproof_scenarios")
    try:
        scenarios = [*_scenarios(config, marker)]
        dtypes = listed(config, "dtypes") or list(DTYPES)
        check_names(scenarios, dtypes)
        check_formats(report_formats(config))
        check_replaceable(report_folder(config))
        cases = [*_cases(config, scenarios, dtypes)]
    except InputError as error:
        # pytest shows this one's message alone, without a traceback through gradproof.
        raise pytest.Collector.CollectError(str(error)) from error
    parameters = [pytest.param(case, id=case.label) for case in cases]
    metafunc.parametrize("gradproof_outcome", parameters, indirect=True, scope="session")


def _scenarios(config: pytest.Config, marker: pytest.Mark | None) -> Iterator[Scenario]:
    """Give the scenarios of a test; one that is named is built once a session."""
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415 - read when used, so that it can be replaced

    built = config.stash.setdefault(_BUILT, {})
    for entry in CATALOGUE if marker is None else marker.args:
        if isinstance(entry, Scenario):
            yield entry
            continue
        if entry not in built:
            built[entry] = scenario(entry)
        yield built[entry]


def _cases(config: pytest.Config, scenarios: list[Scenario], dtypes: list[str]) -> Iterator[RunCase]:
    numbers = config.stash.setdefault(_NUMBERS, count())
    entries = listed(config, "backends") or list(default_backends())
    required = listed(config, "require")
    entries += [name for name in required if name not in chosen_variants(entries)]
    device = setting(config, "device") or ""
    tasks, absent = plan(scenarios, entries, dtypes, _limits(config), device)
    for task in tasks:
        status = RunStatus.FAILED if task.subject.backend in required else RunStatus.NOT_RUN
        yield RunCase(replace(task, absent=status), next(numbers))
    by_name = {entry.name: entry for entry in scenarios}
    for each in absent:
        failed = each.failure and each.subject.backend in required
        told = replace(each, status=RunStatus.FAILED if failed else RunStatus.NOT_RUN)
        yield RunCase(Task(by_name[each.subject.scenario], each.subject), next(numbers), told)


def obtain(case: RunCase, config: pytest.Config) -> Outcome:
    """Make the run of a case, judge it, and leave the outcome for the report.

    Tests that ask for the same run share it.
    """
    scenario = case.task.scenario
    _ = scenario.fingerprint  # hashed before a run changes what its functions hold (a cache, say)
    made = config.stash.setdefault(_MADE, {})
    key = (id(scenario), case.task.subject)
    if key not in made:
        made[key] = case.absent or _result(case.task, config)
        _leave(case, made[key], config)
    result = made[key]
    if isinstance(result, Outcome):
        return result
    if not result.failure:
        pytest.skip(result.reason)
    why = " It was required by --gradproof-require." if case.absent else ""
    pytest.fail(f"{result.subject} could not be run: {result.reason}{why}", pytrace=False)


def _result(task: Task, config: pytest.Config) -> Outcome | NotRun:
    try:
        validate(task.scenario)
        executor = _executor(config)
        if executor is None:
            return carry_out(task)
        return next(spread(carry_out, [task], executor, ended))
    except InputError as error:
        return NotRun(task.subject, str(error), RunStatus.FAILED)


def _limits(config: pytest.Config) -> Limits | None:
    if config.getoption("--gradproof-in-process"):
        return None
    memory = amount(config, "memory-limit", 0.0)
    return Limits(amount(config, "time-limit", 3600.0), int(memory * 2**30))


def _executor(config: pytest.Config) -> IsolatedExecutor | None:
    """Give the process that this one's runs are made in, for all of the session; None for this one."""
    limits = _limits(config)
    if limits is not None and not hasattr(config, "gradproof_executor"):
        config.gradproof_executor = IsolatedExecutor(1, limits)  # type: ignore[attr-defined]
    return getattr(config, "gradproof_executor", None)


def _leave(case: RunCase, result: Outcome | NotRun, config: pytest.Config) -> None:
    """Write what is to be reported into the folder that all processes share."""
    # A name of its own for each part, whatever the scenario is called: two processes may make the same run.
    path = parts_folder(config) / uuid4().hex
    scenario = case.task.scenario
    solution = scenario.flat_solution
    part: dict[str, Any] = {
        "number": case.number,
        "scenario": {
            **{name: getattr(scenario, name) for name in ("name", "origin", "fingerprint")},
            "provenance": [vars(entry) for entry in scenario.provenance],
            "flat_solution": solution and {name: array.tolist() for name, array in solution.items()},
        },
    }
    if isinstance(result, NotRun):
        part["not run"] = asdict(result)
    else:
        save_outcome(result, path.with_suffix(".npz"))
        if case.task.subject.backend == "reference":
            part["formulas"] = [vars(check) for check in check_formulas([scenario], [result])]
    path.with_suffix(".json").write_text(json.dumps(part), encoding="utf-8")


def assert_agrees(outcome: Outcome) -> None:
    """Raise DisagreementError, with the worst entry in full, unless every step of the outcome passes.

    Raises:
        DisagreementError: the gradient or the update of a step does not pass.
    """
    try:
        Report.from_outcomes([], [outcome]).raise_if_disagree()
    except DisagreementError as error:
        raise DisagreementError(str(error)) from None  # without a traceback through the report
