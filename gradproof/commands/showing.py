"""How a command tells of the report that it made."""

import sys

from gradproof.commands.json_output import print_document, rows

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from argparse import Namespace
    from typing import Any

    from gradproof.reporting.comparison.changes import Changes
    from gradproof.reporting.report import Report


def write_and_show(command: str, report: "Report", options: "Namespace") -> int:
    """Write a report, print it, annotate in GitHub Actions, and give the exit status.

    Args:
        command: whose report it is.
        report: what was found.
        options: the command's `report` (a folder), `formats` and `json`.
    """
    from pathlib import Path  # noqa: PLC0415 - see the room's docstring

    from gradproof.reporting.formats.github import annotations, append_summary  # noqa: PLC0415 - see the room's docstring
    from gradproof.reporting.formats.lines import line_objects  # noqa: PLC0415
    from gradproof.reporting.formats.terminal import print_changes, print_report  # noqa: PLC0415

    folder = Path(options.report)
    report.write(folder, options.formats)
    warning = append_summary(report)
    if warning:
        print(f"gradproof: warning: {warning}", file=sys.stderr)
    if options.json:
        verdicts = list(line_objects(report))
        changes = None if report.changes is None else changed(report.changes)
        return print_document(
            command, status_of(report), report=str(folder), verdicts=verdicts, changes=changes
        )
    print_report(report, folder)
    for annotation in annotations(report.root_causes, report.findings):
        print(annotation)
    if report.changes is not None:
        print_changes(report.changes)
    return status_of(report)


def status_of(report: "Report") -> int:
    """Give the exit status: 0 where all is right; of a report with a baseline where no verdict got worse."""
    if report.changes is None:
        return 0 if report.ok else 1
    tried = (report.runs["status"] != "not run").any()
    return 1 if report.changes.worse or not tried else 0


def changed(changes: "Changes") -> "dict[str, Any]":
    """Give what changed, as JSON has it: whether a verdict got worse, sentences, a list for each table."""
    tables = ("verdicts", "errors", "bits", "totals", "environment")
    return {
        "worse": changes.worse,
        "sentences": changes.sentences(),
        "scenarios": changes.scenarios,
        **{name: rows(getattr(changes, name)) for name in tables},
    }
