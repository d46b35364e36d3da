"""A report as JUnit's XML, which Jenkins, GitLab and others show as tests.

A suite is a scenario, and a case one run's gradients or its updates, of all steps and parameters: so many
as a person reads, each with a name that stays the same from one report to the next. Formulas are cases of
their scenario. A claim is a case of its document's suite: one that is not confirmed is skipped, with what was
found, since it is a finding about the document and does not count for whether the report is ok. So is a check
that is expected to fail.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from gradproof.reporting.columns import records
from gradproof.reporting.findings import FAILED, NOT_RUN, QUANTITIES
from gradproof.reporting.names import finding_key, implementation, run_key
from gradproof.reporting.report import Report
from gradproof.reporting.run_costs import side_by_side
from gradproof.reporting.telling import finding_text, headline, text
from gradproof.texts import visible

name = "junit"
files = ("junit.xml",)
needs = ("junitparser",)

Row = Mapping[str, Any]


def render(report: Report) -> str:
    r"""Write a report as JUnit's XML.

    Characters that XML cannot hold are written as escapes (`\x1b`). A case's time is what its run took to
    compile and to train, in seconds; it stands with the gradients, so that a suite's sum counts it once.
    """
    runs = {run_key(row): row for row in records(report.runs)}
    claimed = {(row["scenario"], row["claim"]): row["text"] for row in records(report.claims)}
    shared = [cause for cause in report.root_causes if len(cause.findings) > 1]
    causes = {finding_key(row): str(cause) for cause in shared for row in cause.findings}
    cases: dict[str, dict[str, list[Row]]] = {key[0]: {} for key in runs}
    for row in records(report.findings):
        suite, name = _place(row)
        told = {
            **row,
            "text": claimed.get((row["scenario"], row["name"]), ""),
            "shared": causes.get(finding_key(row), ""),
        }
        cases.setdefault(suite, {}).setdefault(name, []).append(told)
    whole = JUnitXml("gradproof")
    for suite, named in cases.items():
        made = [_case(suite, name, rows, runs.get(run_key(rows[0]), {})) for name, rows in named.items()]
        whole.add_testsuite(_suite(suite, made, report.environment))
    whole.update_statistics()  # type: ignore[no-untyped-call] # junitparser's types leave it out
    buffer = io.BytesIO()
    whole.write(buffer, pretty=True)
    return buffer.getvalue().decode()


def _suite(name: str, cases: Sequence[TestCase], environment: Mapping[str, Any]) -> TestSuite:
    suite = TestSuite(visible(name))
    # JUnit's schema has a time without a zone, and asks for a host; which one is nobody's business.
    if environment.get("time"):
        time = datetime.fromisoformat(str(environment["time"])).astimezone(UTC)
        suite.timestamp = time.replace(tzinfo=None).isoformat(timespec="seconds")
    suite.hostname = "localhost"
    for key, value in _properties(environment):
        suite.add_property(visible(key), visible(value))
    suite.add_testcases(list(cases))
    return suite


def _properties(environment: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield "python", str(environment.get("python", ""))
    yield "platform", str(environment.get("platform", ""))
    yield "times", side_by_side(environment)
    for group in ("packages", "backends"):
        for name, version in environment.get(group, {}).items():
            yield f"{group}.{name}", str(version)


def _place(row: Row) -> tuple[str, str]:
    """Tell the suite and the case of a finding; a run that was not made is called as one that was."""
    if row["kind"] == "check":
        return "checks of tests", f"{row['name']} seed {row['seed']}"
    if row["kind"] == "claim":
        return f"claims of {row['document']}", f"{row['scenario']} {row['name']}"
    if row["kind"] == "formula":
        return row["scenario"], f"formula of {row['parameter']}"
    quantity = QUANTITIES.get(row["kind"], "gradients")
    return row["scenario"], f"{implementation(row['backend'], row['variant'])} {row['dtype']} {quantity}"


def _case(suite: str, name: str, rows: Sequence[Row], run: Row) -> TestCase:
    seconds = run["compiling_seconds"] + run["training_seconds"] if rows[0]["kind"] == "gradient" else 0.0
    case = TestCase(visible(name), visible(suite), round(seconds, 6))
    wrong = [row for row in rows if row["counts"] and not row["passes"]]
    if wrong:
        case.result = [_failed(wrong)]
    elif not rows[0]["passes"]:
        case.result = [_skipped(rows[0])]
    if rows[0]["kind"] in QUANTITIES and run["reason"]:
        case.system_out = visible(run["reason"], lines=True)
    return case


def _failed(rows: Sequence[Row]) -> Failure | Error:
    """Tell all failures of a case in one element: readers show the first alone."""
    first, more = rows[0], len(rows) - 1
    result: Failure | Error
    if first["verdict"] in FAILED:
        result = Error(visible(first["reason"]) or "it could not be run", visible(first["verdict"]))
    else:
        others = f", and {more} more parameter{'s' if more > 1 else ''}" if more else ""
        result = Failure(visible(headline(first)) + others, visible(first["verdict"]))
    shared = dict.fromkeys(f"Told the same cause: {row['shared']}." for row in rows if row["shared"])
    result.text = "\n".join([*(visible(each, lines=True) for each in shared), *map(text, rows)])
    return result


def _skipped(row: Row) -> Skipped:
    """Tell what does not count: a run that was not made, a claim, a check that is expected to fail."""
    if row["verdict"] == NOT_RUN:
        reason, what = row["reason"], "not run"
    elif row["kind"] == "claim":
        found = finding_text(row["cause"], row["reason"])
        reason, what = f"{row['verdict']}: {row['text']} {found}", row["verdict"]
    else:
        reason, what = f"expected to fail: {headline(row)}", row["verdict"]
    result = Skipped(visible(reason) or what, what)
    result.text = visible(reason, lines=True)
    return result
