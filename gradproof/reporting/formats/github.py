"""What GitHub Actions shows of a report: annotations beside the code, and a step's summary.

The variables GITHUB_ACTIONS, GITHUB_WORKSPACE and GITHUB_STEP_SUMMARY, which GitHub's runner sets, decide.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.describing import paragraph
from gradproof.reporting.findings import NOT_RUN, something_was_checked
from gradproof.reporting.formats.markdown import summary_sections
from gradproof.reporting.names import count, implementation
from gradproof.reporting.report import Report
from gradproof.reporting.root_causes import RootCause
from gradproof.reporting.telling import text
from gradproof.texts import visible

name = "github"
files = ()  # what it gives is printed
needs = ()

SHOWN = 10
"""How many annotations of one kind GitHub shows of a step; further ones would be dropped unseen."""

SUMMARY_LIMIT = 1024 * 1024
"""Bytes that a step's summary may have; GitHub shows nothing of a longer one."""

_CUT = (
    "**The rest of this summary is left out here: GitHub shows 1 MiB at most. The report's files hold all.**"
)


def render(report: Report) -> str:
    """Write the workflow commands of `annotations`; an empty text outside of GitHub Actions."""
    return "".join(f"{line}\n" for line in annotations(report.root_causes, report.findings))


def annotations(
    causes: Sequence[RootCause], findings: pd.DataFrame, environ: Mapping[str, str] = os.environ
) -> list[str]:
    """Give the workflow commands that annotate what does not pass and what was not run; a line each.

    A cause is one error, at the line that it names, where that is in the repository, else at the first line
    of the scenario's or the test's file. Beyond ten a notice tells how many more there are. A run that a
    backend refused is a warning, a backend that is not installed and was not asked for a notice.

    Args:
        causes: of what fails.
        findings: of the same report.
        environ: the environment; without GITHUB_ACTIONS=true the list is empty.
    """
    if environ.get("GITHUB_ACTIONS") != "true":
        return []
    lines = [_error(cause, environ) for cause in causes[:SHOWN]]
    if len(causes) > SHOWN:
        more = f"{len(causes) - SHOWN:,} more causes; the report holds all."
        lines.append(_command("notice", {"title": "gradproof"}, more))
    if not causes and not something_was_checked(findings):
        lines.append(_command("error", {"title": "gradproof"}, "Nothing was run, so nothing was checked."))
    return lines + _not_run(findings[findings["verdict"] == NOT_RUN])


def append_summary(report: Report, environ: Mapping[str, str] = os.environ) -> str:
    """Append the report's summary to the step's, cut at a whole section where GitHub would show none of it.

    Args:
        report: what to tell of.
        environ: the environment; without GITHUB_STEP_SUMMARY nothing is written.

    Returns:
        a warning if the file cannot be written, which changes no verdict; else an empty text.
    """
    name = environ.get("GITHUB_STEP_SUMMARY", "")
    if not name:
        return ""
    sections = summary_sections(report)
    try:
        with Path(name).open("ab") as file:
            there = file.tell()
            text = cut(sections, SUMMARY_LIMIT - there - 1)
            if text:
                file.write((f"\n{text}" if there else text).encode("utf-8", "backslashreplace"))
                return ""
            reason = "what is there leaves no room in the 1 MiB that GitHub shows"
    except OSError as error:
        reason = error.strerror or str(error)
    return (
        f"The summary of this step was not written to {visible(name)}: {reason}. "
        "Check GITHUB_STEP_SUMMARY; the report itself is complete."
    )


def cut(sections: Sequence[str], room: int) -> str:
    """Join as many sections as fit, and say so where some do not.

    Args:
        sections: of a summary, the first ones first.
        room: bytes.

    >>> print(cut(["# one", "## two", "## three" * 50], 120))
    # one
    <BLANKLINE>
    ## two
    <BLANKLINE>
    **The rest of this summary is left out here: GitHub shows 1 MiB at most. The report's files hold all.**
    <BLANKLINE>
    """
    for kept in range(len(sections), 0, -1):
        parts = [*sections[:kept], *([_CUT] if kept < len(sections) else [])]
        text = "\n\n".join(parts) + "\n"
        if len(text.encode("utf-8", "backslashreplace")) <= room:
            return text
    return f"{_CUT}\n" if len(_CUT) < room else ""


def _error(cause: RootCause, environ: Mapping[str, str]) -> str:
    row = cause.worst
    if len(cause.findings) > 1:
        message = "\n".join(paragraph(cause, "", None, in_full=True))
        return _command("error", {**_place(row, environ), "title": f"{cause.verdict}: {cause}"}, message)
    who = (
        row["scenario"] or row["name"],
        implementation(row["backend"], row["variant"]),
        row["dtype"],
        row["parameter"],
    )
    title = f"{row['verdict']}: {' '.join(filter(None, who))}"
    return _command("error", {**_place(row, environ), "title": title}, text(row))


def _place(row: Mapping[str, Any], environ: Mapping[str, str]) -> dict[str, str]:
    """Tell the file and the line, as GitHub looks for them: from the folder that holds the repository."""
    workspace = Path(environ.get("GITHUB_WORKSPACE", ".")).resolve()
    file, _, line = row["where"].rpartition(" at ")[2].rpartition(":")
    if file.endswith(".py") and Path(file).resolve().is_relative_to(workspace):
        return {"file": Path(file).resolve().relative_to(workspace).as_posix(), "line": line}
    origin = row["origin"]
    file = origin if origin.endswith(".py") else origin.rpartition("::")[0]
    if not file.endswith(".py"):
        return {}
    path = Path(file).resolve()
    shown = path.relative_to(workspace) if path.is_relative_to(workspace) else path
    return {"file": shown.as_posix(), "line": "1"}


def _not_run(findings: pd.DataFrame) -> list[str]:
    lines: dict[str, list[str]] = {"warning": [], "notice": []}
    for reason, group in findings.groupby("reason", sort=False):
        first = records(group)[0]
        # A variant is known where its backend is there: it was asked to run, and refused.
        kind = "warning" if first["variant"] else "notice"
        who = implementation(first["backend"], first["variant"])
        title = f"not run: {who} ({count(len(group), 'run')})"
        lines[kind].append(_command(kind, {"title": title}, str(reason)))
    return [*lines["warning"][:SHOWN], *lines["notice"][:SHOWN]]


def _command(name: str, properties: Mapping[str, Any], message: str) -> str:
    """Write a workflow command; what would end a property or the line is escaped as GitHub reads it."""
    listed = ",".join(f"{key}={_property(value)}" for key, value in properties.items())
    return f"::{name} {listed}::{_data(visible(message, lines=True))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: object) -> str:
    return _data(visible(text)).replace(":", "%3A").replace(",", "%2C")
