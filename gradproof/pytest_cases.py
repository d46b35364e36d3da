"""The plugin's work: which cases there are, running one, and collecting all for the report."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from uuid import uuid4

import pytest

from gradproof.backends import backend_names, load_backend
from gradproof.errors import BackendUnavailableError, DisagreementError, InputError
from gradproof.reporting.report import Report
from gradproof.scenarios import CATALOGUE, Scenario, scenario
from gradproof.scenarios.validation import validate
from gradproof.verdicts.records import NotRun, Outcome, Subject
from gradproof.verdicts.storage import load_outcome, save_outcome
from gradproof.verification import DTYPES, Task, carry_out, check_formulas, check_names


@dataclass(frozen=True)
class Case:
    """A run to make, or the reason why it cannot be made."""

    scenario: Scenario
    subject: Subject
    unavailable: str = ""


def parametrise(metafunc: pytest.Metafunc) -> None:
    """Make a parameter of every scenario × backend × variant × dtype.

    A backend that is not installed is one skipped case a scenario and dtype, with the reason; a failing one
    if `--gradproof-require` names it.
    """
    config = metafunc.config
    marker = metafunc.definition.get_closest_marker("gradproof_scenarios")
    chosen = marker.args if marker is not None else tuple(CATALOGUE)
    scenarios = [entry if isinstance(entry, Scenario) else scenario(entry) for entry in chosen]
    dtypes = _option(config, "--gradproof-dtypes") or list(DTYPES)
    required = _option(config, "--gradproof-require")
    backends = _option(config, "--gradproof-backends") or list(backend_names())
    try:
        check_names(scenarios, dtypes)
        parameters = [
            parameter
            for name in dict.fromkeys([*backends, *required])
            for parameter in _cases(name, scenarios, dtypes, required=name in required)
        ]
    except InputError as error:
        raise pytest.UsageError(str(error)) from error
    metafunc.parametrize("gradproof_outcome", parameters, indirect=True, scope="session")


def _option(config: pytest.Config, name: str) -> list[str]:
    text = config.getoption(name) or ""
    return [part.strip() for part in text.split(",") if part.strip()]


def _cases(
    backend_name: str, scenarios: list[Scenario], dtypes: list[str], *, required: bool
) -> list["pytest.ParameterSet"]:
    try:
        backend = load_backend(backend_name)
    except BackendUnavailableError as error:
        marks = () if required else (pytest.mark.skip(reason=str(error)),)
        return [
            pytest.param(
                Case(entry, Subject(entry.name, backend_name, "", dtype), unavailable=str(error)),
                marks=marks,
                id=f"{entry.name}-{backend_name}-{dtype}",
            )
            for entry in scenarios
            for dtype in dtypes
        ]
    return [
        pytest.param(
            Case(entry, Subject(entry.name, backend_name, variant, dtype)),
            id=f"{entry.name}-{backend_name}-{variant}-{dtype}",
        )
        for entry in scenarios
        for variant in backend.variants
        for dtype in dtypes
        if dtype in backend.dtypes
    ]


def obtain(case: Case, config: pytest.Config) -> Outcome:
    """Make the run of a case, judge it, and leave the outcome for the report."""
    if case.unavailable:
        pytest.fail(f"{case.unavailable} It was required by --gradproof-require.", pytrace=False)
    validate(case.scenario)
    result = carry_out(Task(case.scenario, case.subject))
    if isinstance(result, NotRun):
        pytest.fail(f"{result.subject} could not be run: {result.reason}", pytrace=False)
    _scenarios(config)[case.scenario.name] = case.scenario
    # A name of its own for each outcome, whatever the scenario is called: two tests may judge the same run.
    save_outcome(result, parts_folder(config) / f"{uuid4().hex}.npz")
    return result


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


def _scenarios(config: pytest.Config) -> dict[str, Scenario]:
    if not hasattr(config, "gradproof_scenarios"):
        config.gradproof_scenarios = {}  # type: ignore[attr-defined] # kept for the session
    return cast("dict[str, Scenario]", config.gradproof_scenarios)  # type: ignore[attr-defined]


def parts_folder(config: pytest.Config) -> Path:
    """Give the folder where all processes of the session leave their outcomes; it is made if need be."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput["gradproof_parts"])
    if not hasattr(config, "gradproof_parts"):
        config.gradproof_parts = Path(tempfile.mkdtemp(prefix="gradproof-"))  # type: ignore[attr-defined]
    return cast("Path", config.gradproof_parts)  # type: ignore[attr-defined]


def write_report(config: pytest.Config) -> None:
    """Write the report of all outcomes that were left, if there are any, and remove the folder."""
    parts = parts_folder(config)
    outcomes = [load_outcome(path) for path in sorted(parts.glob("*.npz"))]
    shutil.rmtree(parts)
    if not outcomes:
        return
    unique = {outcome.subject: outcome for outcome in outcomes}
    names = dict.fromkeys(subject.scenario for subject in unique)
    known = _scenarios(config)
    scenarios = [known.get(name) or scenario(name) for name in names if name in known or name in CATALOGUE]
    folder = Path(config.rootpath) / config.getoption("--gradproof-report")
    judged = list(unique.values())
    Report.from_outcomes(scenarios, judged, formulas=check_formulas(scenarios, judged)).write(folder)
    config.gradproof_written = folder  # type: ignore[attr-defined] # for the terminal summary
