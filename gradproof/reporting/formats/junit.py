"""A report as JUnit's XML, which Jenkins, GitLab and others show as tests.

A suite is a scenario, and a case one run's gradients or its updates, of all steps and parameters: so many
as a person reads, each with a name that stays the same from one report to the next. Formulas are cases of
their scenario. A claim is a case of its document's suite: one that is not confirmed is skipped, with what was
found, since it is a finding about the document and does not count for whether the report is ok.
"""

import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from junitparser import Error, JUnitXml, Skipped, TestCase, TestSuite
from junitparser import Failure as Failed

from gradproof.reporting.costs import side_by_side
from gradproof.reporting.failures import Failure, failures_of
from gradproof.reporting.names import implementation
from gradproof.reporting.overview import finding_text
from gradproof.reporting.text import visible
from gradproof.reporting.worst import QUANTITIES, RUN, records, run_key

if TYPE_CHECKING:
    import pandas as pd

    from gradproof.reporting.report import Report

Row = Mapping[str, Any]


def junit_xml(report: "Report") -> str:
    r"""Write a report as JUnit's XML.

    Characters that XML cannot hold are written as escapes (`\x1b`). A case's time is what its run took to
    compile and to train, in seconds; it stands with the gradients, so that a suite's sum counts it once.

    Raises:
        ImportError: when this module is imported without junitparser, which the extra `report` installs.
    """
    failures = failures_of(report)
    whole = JUnitXml("gradproof")
    for scenario, cases in _scenario_cases(report, failures).items():
        _add_suite(whole, scenario, cases, report.environment)
    for document, claims in report.claims.groupby("document", observed=True, sort=False):
        cases = [_claim_case(str(document), claim) for claim in records(claims)]
        _add_suite(whole, f"claims of {document}", cases, report.environment)
    if len(report.checks):
        cases = list(_check_cases(report.checks, failures))
        _add_suite(whole, "checks of tests", cases, report.environment)
    whole.update_statistics()  # type: ignore[no-untyped-call] # junitparser's types leave it out
    buffer = io.BytesIO()
    whole.write(buffer, pretty=True)
    return buffer.getvalue().decode()


def _add_suite(whole: JUnitXml, name: str, cases: Sequence[TestCase], environment: Mapping[str, Any]) -> None:
    suite = TestSuite(visible(name))
    # JUnit's schema has a time without a zone, and asks for a host; which one is nobody's business.
    if environment.get("time"):
        time = datetime.fromisoformat(str(environment["time"])).astimezone(UTC)
        suite.timestamp = time.replace(tzinfo=None).isoformat(timespec="seconds")
    suite.hostname = "localhost"
    for key, value in _properties(environment):
        suite.add_property(visible(key), visible(value))
    suite.add_testcases(list(cases))
    whole.add_testsuite(suite)


def _properties(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "python", str(environment.get("python", ""))
    yield "platform", str(environment.get("platform", ""))
    yield "times", side_by_side(int(environment.get("processes", 1)))
    for group in ("packages", "backends"):
        for name, version in environment.get(group, {}).items():
            yield f"{group}.{name}", str(version)


def _scenario_cases(report: "Report", failures: Sequence[Failure]) -> dict[str, list[TestCase]]:
    """Give the cases of each scenario: those of its runs, then those of its formulas."""
    wrong = _grouped(failures, lambda failure: (failure.kind, *run_key(vars(failure))))
    judged = {
        (name, *run_key(row))
        for name in QUANTITIES
        for row in records(report.frames[name][RUN].drop_duplicates())
    }
    cases: dict[str, list[TestCase]] = {}
    for run in records(report.runs):
        made = cases.setdefault(run["scenario"], [])
        if run["status"] != "run":
            made.append(_missing_case(run, wrong.get(("run", *run_key(run)), [])))
            continue
        for quantity in QUANTITIES:
            key = (quantity, *run_key(run))
            if key in judged:
                made.append(_run_case(run, quantity, wrong.get(key, [])))
    formulas = report.formulas.astype(object)
    for (scenario, parameter), group in formulas.groupby(["scenario", "parameter"], sort=False):
        key = ("formula", str(scenario), "", "", "")
        proven = [failure for failure in wrong.get(key, []) if failure.parameter == parameter]
        case = _formula_case(str(scenario), str(parameter), group, proven)
        cases.setdefault(str(scenario), []).append(case)
    return cases


def _grouped(
    failures: Iterable[Failure], key: Callable[[Failure], tuple[str, ...]]
) -> dict[tuple[str, ...], list[Failure]]:
    groups: dict[tuple[str, ...], list[Failure]] = {}
    for failure in failures:
        groups.setdefault(key(failure), []).append(failure)
    return groups


def _case(classname: str, name: str, seconds: float = 0.0) -> TestCase:
    return TestCase(visible(name), visible(classname), round(seconds, 6))


def _run_title(run: Row, quantity: str) -> str:
    return f"{implementation(run['backend'], run['variant'])} {run['dtype']} {quantity}"


def _run_case(run: Row, quantity: str, failures: Sequence[Failure]) -> TestCase:
    seconds = run["compiling_seconds"] + run["training_seconds"] if quantity == "gradients" else 0.0
    case = _case(run["scenario"], _run_title(run, quantity), seconds)
    if failures:
        case.result = [_failed(failures)]
    if run["reason"]:
        case.system_out = visible(run["reason"], lines=True)
    return case


def _failed(failures: Sequence[Failure]) -> Failed:
    """Tell all failures of a case in one element: readers show the first alone."""
    more = len(failures) - 1
    message = visible(failures[0].headline)
    if more:
        message += f", and {more} more parameter{'s' if more > 1 else ''}"
    result = Failed(message, visible(failures[0].verdict))
    result.text = "\n".join(failure.text() for failure in failures)
    return result


def _missing_case(run: Row, failures: Sequence[Failure]) -> TestCase:
    """Make the case of a run that did not take place, under the name that it has where it does."""
    case = _case(run["scenario"], _run_title(run, "gradients"))
    if failures:
        error = Error(visible(run["reason"]) or "it could not be run", "FAILED")
        error.text = failures[0].text()
        case.result = [error]
    else:
        case.result = [_skipped(run["reason"], "not run")]
    return case


def _skipped(reason: str, what: str) -> Skipped:
    result = Skipped(visible(reason) or what, what)
    result.text = visible(reason, lines=True)
    return result


def _formula_case(
    scenario: str, parameter: str, points: "pd.DataFrame", failures: Sequence[Failure]
) -> TestCase:
    case = _case(scenario, f"formula of {parameter}")
    undecided = points[points["verdict"] != "EQUAL"]
    if failures:
        case.result = [_failed(failures)]
    elif len(undecided):
        first = undecided.iloc[0]
        case.result = [
            _skipped(f"{first['verdict']} at step {first['step']}: {first['reason']}", "UNDECIDED")
        ]
    return case


def _claim_case(document: str, claim: Row) -> TestCase:
    case = _case(f"claims of {document}", f"{claim['scenario']} {claim['claim']}")
    if claim["verdict"] != "CONFIRMED":
        found = finding_text(claim["cause"], claim["reason"])
        case.result = [_skipped(f"{claim['verdict']}: {claim['text']} {found}", claim["verdict"])]
    return case


def _check_cases(checks: "pd.DataFrame", failures: Sequence[Failure]) -> Iterator[TestCase]:
    wrong = iter([failure for failure in failures if failure.kind == "check"])
    for check in records(checks):
        case = _case("checks of tests", f"{check['test']} seed {check['seed']}")
        if not check["ok"]:
            # The failures come in the order of the checks, one for each that is not ok.
            case.result = [_failed([next(wrong)])]
        yield case
