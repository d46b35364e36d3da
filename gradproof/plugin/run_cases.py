"""The plugin's work: which cases there are, running one, and collecting all for the report."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any, NoReturn, cast
from uuid import uuid4

import pytest

from gradproof.backends import backend_names, chosen_variants, load_backend, variants_of
from gradproof.errors import BackendUnavailableError, DisagreementError, InputError
from gradproof.plugin.parts import parts_folder, report_folder, report_formats
from gradproof.reporting.folders import check_replaceable
from gradproof.reporting.formats import check_formats
from gradproof.reporting.report import Report
from gradproof.scenarios import Scenario, scenario
from gradproof.scenarios.validation import validate
from gradproof.verdicts.records import NotRun, Outcome, Subject
from gradproof.verdicts.storage import save_outcome
from gradproof.verification import DTYPES, Task, carry_out, check_formulas, check_names


@dataclass(frozen=True, eq=False)
class RunCase:
    """A run to make, or the reason why it cannot be made.

    Attributes:
        scenario: what to run.
        subject: who runs it.
        number: where the session's report has it.
        unavailable: why the backend cannot be used; empty if it can.
        required: whether `--gradproof-require` names the backend.
    """

    scenario: Scenario
    subject: Subject
    number: int
    unavailable: str = ""
    required: bool = False

    @property
    def label(self) -> str:
        """The test's parameter in pytest's output."""
        subject = self.subject
        parts = (subject.scenario, subject.backend, subject.variant, subject.dtype)
        return "-".join(part for part in parts if part)


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Make a parameter of every scenario × backend × variant × dtype.

    A backend that is not installed is one skipped case a scenario and dtype, with the reason; a failing one
    if `--gradproof-require` names it.
    """
    config = metafunc.config
    marker = metafunc.definition.get_closest_marker("gradproof_scenarios")
    dtypes = list(dict.fromkeys(_option(config, "--gradproof-dtypes"))) or list(DTYPES)
    required = _option(config, "--gradproof-require")
    try:
        chosen = chosen_variants(_option(config, "--gradproof-backends") or backend_names())
        scenarios = [*_scenarios(config, marker)]
        check_names(scenarios, dtypes)
        chosen |= {name: () for name in required if name not in chosen}
        check_formats(report_formats(config))
        check_replaceable(report_folder(config))
        cases = [
            case
            for name, variants in chosen.items()
            for case in _cases(config, name, variants, scenarios, dtypes)
        ]
    except InputError as error:
        # pytest shows this one's message alone, without a traceback through gradproof.
        raise pytest.Collector.CollectError(str(error)) from error
    parameters = [pytest.param(case, id=case.label) for case in cases]
    metafunc.parametrize("gradproof_outcome", parameters, indirect=True, scope="session")


def _option(config: pytest.Config, name: str) -> list[str]:
    text = config.getoption(name) or ""
    return [part.strip() for part in text.split(",") if part.strip()]


def _scenarios(config: pytest.Config, marker: pytest.Mark | None) -> Iterator[Scenario]:
    """Give the scenarios of a test; one that is named is built once a session."""
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415 - read when used, so that it can be replaced

    built = _kept(config, "gradproof_built")
    for entry in CATALOGUE if marker is None else marker.args:
        if isinstance(entry, Scenario):
            yield entry
            continue
        if entry not in built:
            built[entry] = scenario(entry)
        yield built[entry]


def _kept(config: pytest.Config, name: str) -> dict[Any, Any]:
    """Give a mapping that is kept for the session."""
    if not hasattr(config, name):
        setattr(config, name, {})
    return cast("dict[Any, Any]", getattr(config, name))


def _cases(
    config: pytest.Config,
    backend_name: str,
    chosen: tuple[str, ...],
    scenarios: list[Scenario],
    dtypes: list[str],
) -> Iterator[RunCase]:
    number = _kept(config, "gradproof_numbers").setdefault("next", count())
    required = backend_name in _option(config, "--gradproof-require")
    try:
        backend = load_backend(backend_name)
    except BackendUnavailableError as error:
        for entry in scenarios:
            for dtype in dtypes:
                for variant in chosen or ("",):
                    subject = Subject(entry.name, backend_name, variant, dtype)
                    yield RunCase(entry, subject, next(number), str(error), required)
        return
    for entry in scenarios:
        for variant in variants_of(backend, chosen):
            for dtype in dtypes:
                if dtype in backend.dtypes:
                    yield RunCase(entry, Subject(entry.name, backend_name, variant, dtype), next(number))


def obtain(case: RunCase, config: pytest.Config) -> Outcome:
    """Make the run of a case, judge it, and leave the outcome for the report.

    Tests that ask for the same run share it.
    """
    if case.unavailable:
        _leave(case, NotRun(case.subject, case.unavailable, failure=case.required), config)
        if not case.required:
            pytest.skip(case.unavailable)
        _fail(f"{case.unavailable} It was required by --gradproof-require.")
    _ = case.scenario.fingerprint  # hashed before a run changes what its functions hold (a cache, say)
    made = _kept(config, "gradproof_made")
    key = (id(case.scenario), case.subject)
    if key not in made:
        made[key] = _result(case)
        _leave(case, made[key], config)
    result = made[key]
    if isinstance(result, NotRun) and not result.failure:
        pytest.skip(result.reason)
    if isinstance(result, NotRun):
        _fail(f"{result.subject} could not be run: {result.reason}")
    return cast("Outcome", result)


def _result(case: RunCase) -> Outcome | NotRun:
    try:
        validate(case.scenario)
        return carry_out(Task(case.scenario, case.subject))
    except InputError as error:
        return NotRun(case.subject, str(error), failure=True)


def _fail(message: str) -> NoReturn:
    pytest.fail(message, pytrace=False)


def _leave(case: RunCase, result: Outcome | NotRun, config: pytest.Config) -> None:
    """Write what is to be reported into the folder that all processes share."""
    # A name of its own for each part, whatever the scenario is called: two processes may make the same run.
    path = parts_folder(config) / uuid4().hex
    described: dict[str, Any] = {
        "number": case.number,
        "scenario": case.scenario.name,
        "origin": case.scenario.origin,
        "fingerprint": case.scenario.fingerprint,
        "provenance": [vars(entry) for entry in case.scenario.provenance],
        "solution": None,
    }
    if case.scenario.flat_solution is not None:
        described["solution"] = {name: a.tolist() for name, a in case.scenario.flat_solution.items()}
    if isinstance(result, NotRun):
        described["not run"] = {
            "subject": vars(result.subject),
            "reason": result.reason,
            "failure": result.failure,
        }
    else:
        save_outcome(result, path.with_suffix(".npz"))
        if case.subject.backend == "reference":
            described["formulas"] = [vars(check) for check in check_formulas([case.scenario], [result])]
    path.with_suffix(".json").write_text(json.dumps(described), encoding="utf-8")


def assert_agrees(outcome: Outcome) -> None:
    """Raise DisagreementError, with the worst entry in full, unless every step of the outcome passes.

    Raises:
        DisagreementError: the gradient or the update of a step does not pass.
    """
    if not outcome.worst_verdict().passes:
        raise DisagreementError(_describe(outcome))


def _describe(outcome: Outcome) -> str:
    try:
        Report.from_outcomes([], [outcome]).raise_if_disagree()
    except DisagreementError as error:
        return str(error)
    raise AssertionError(outcome)  # pragma: no cover - only called for an outcome that does not pass
