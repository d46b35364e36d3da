"""`gradproof compare`: what changed from one report to another."""

import argparse

from gradproof.commands.json_output import add_json, print_document, rows
from gradproof.commands.showing import changed

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from pathlib import Path

    from gradproof.reporting.comparison.history import History

DESCRIPTION = (
    "Compare reports that `verify` wrote: tell what changed from the first to the last, and of more than "
    "two how verdicts, largest errors and times went from one to the next."
)
EPILOG = (
    "The exit status is 1 only if a verdict got worse: it passed and no longer does; it does not "
    "pass and is more severe than before; a run raised or was not made that was made before; a new run "
    "or formula does not pass. Changes between verdicts that pass alike, of bits, errors, times and the "
    "environment are told and do not change the exit status. It is 2 if the reports have nothing in common."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("before", metavar="BEFORE", help="the folder of the earliest report")
    parser.add_argument("between", metavar="BETWEEN", nargs="*", help="those of reports in between, in order")
    parser.add_argument("after", metavar="AFTER", help="the folder of the latest report")
    parser.add_argument(
        "--page",
        metavar="FILE.html",
        help="write a page that draws verdicts, largest errors and times over the reports",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compare, print, and give the exit status."""
    from os.path import realpath  # noqa: PLC0415 - Path.resolve() raises at a link that leads to itself
    from pathlib import Path  # noqa: PLC0415 - see the room's docstring

    from gradproof.errors import InputError  # noqa: PLC0415
    from gradproof.reporting.comparison.history import history  # noqa: PLC0415
    from gradproof.reporting.comparison.joining import compare  # noqa: PLC0415
    from gradproof.reporting.formats.terminal import print_changes, print_history  # noqa: PLC0415
    from gradproof.reporting.reading import read_report  # noqa: PLC0415

    names = [options.before, *options.between, options.after]
    seen: dict[Path, str] = {}
    for name, path in zip(names, map(Path, map(realpath, names)), strict=True):
        # A report may be named by its manifest, too.
        other = seen.setdefault(path.parent if path.name == "report.json" else path, name)
        if other != name or names.count(name) > 1:
            raise InputError(f"{other} and {name} are the same report. Give the folder of each report once.")
    reports = [read_report(name) for name in names]
    changes = compare(reports[0], reports[-1])
    if not (changes.compared or changes.worse):
        raise InputError(
            f"{options.before} and {options.after} have no run, formula, claim or check in common, so that "
            "nothing was compared. Give two reports of the same scenarios and backends."
        )
    status = 1 if changes.worse else 0
    found = history(reports, names)
    if options.page:
        write_page(Path(options.page), found)
    if options.json:
        return print_document("compare", status, **changed(changes), history=rows(found.table()))
    print_changes(changes)
    if options.between:
        print_history(found)
    if options.page:
        print(f"Page: {options.page}")
    return status


def write_page(path: "Path", found: "History") -> None:
    """Write the page of several reports, whole or not at all.

    Raises:
        InputError: what the page needs is not installed, or the file cannot be written.
    """
    from importlib.util import find_spec  # noqa: PLC0415 - see the room's docstring

    from gradproof.errors import InputError  # noqa: PLC0415

    if find_spec("jinja2") is None:
        raise InputError(
            "The page needs jinja2, which is not installed. Install it with 'gradproof[report]'."
        )
    from gradproof.reporting.page.history_page import render_history  # noqa: PLC0415

    temporary = path.with_name(f"{path.name}.tmp")
    try:
        temporary.write_text(render_history(found), encoding="utf-8")
        temporary.replace(path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"{path} cannot be written: {reason}. Give --page another file.") from error
