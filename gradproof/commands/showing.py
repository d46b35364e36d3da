"""How a command tells of the report that it made."""

import sys

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gradproof.reporting.report import Report


def write_and_show(report: "Report", folder: "Path", formats: "Sequence[str] | None") -> int:
    """Write a report, print it, annotate in GitHub Actions, and give the exit status."""
    from gradproof.reporting.formats.github import annotations, append_summary  # noqa: PLC0415 - see the room's docstring
    from gradproof.reporting.formats.terminal import print_changes, print_report  # noqa: PLC0415

    report.write(folder, formats)
    print_report(report, folder)
    for annotation in annotations(report.root_causes, report.findings):
        print(annotation)
    warning = append_summary(report)
    if warning:
        print(f"gradproof: warning: {warning}", file=sys.stderr)
    if report.changes is None:
        return 0 if report.ok else 1
    print_changes(report.changes)
    tried = (report.runs["status"] != "not run").any()
    return 1 if report.changes.worse or not tried else 0
