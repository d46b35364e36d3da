"""`gradproof compare`: what changed from one report to another."""

import argparse

from gradproof.commands.json_output import add_json, print_document
from gradproof.commands.showing import changed

DESCRIPTION = "Compare two reports that `verify` wrote, and tell what changed."
EPILOG = (
    "The exit status is 1 only if a verdict got worse: it passed and no longer does; it does not "
    "pass and is more severe than before; a run raised or was not made that was made before; a new run "
    "or formula does not pass. Changes between verdicts that pass alike, of bits, errors, times and the "
    "environment are told and do not change the exit status. It is 2 if the reports have nothing in common."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("before", metavar="BEFORE", help="the folder of the earlier report")
    parser.add_argument("after", metavar="AFTER", help="the folder of the later report")
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Compare, print, and give the exit status."""
    from os.path import realpath  # noqa: PLC0415 - Path.resolve() raises at a link that leads to itself
    from pathlib import Path  # noqa: PLC0415 - see the room's docstring

    from gradproof.errors import InputError  # noqa: PLC0415
    from gradproof.reporting.comparison.joining import compare  # noqa: PLC0415
    from gradproof.reporting.formats.terminal import print_changes  # noqa: PLC0415
    from gradproof.reporting.reading import read_report  # noqa: PLC0415

    # A report may be named by its manifest, too.
    folders = {
        path.parent if path.name == "report.json" else path
        for path in map(Path, map(realpath, (options.before, options.after)))
    }
    if len(folders) == 1:
        raise InputError(
            f"{options.before} and {options.after} are the same report. Give the folders of two reports."
        )
    changes = compare(read_report(options.before), read_report(options.after))
    if not (changes.compared or changes.worse):
        raise InputError(
            f"{options.before} and {options.after} have no run, formula, claim or check in common, so that "
            "nothing was compared. Give two reports of the same scenarios and backends."
        )
    status = 1 if changes.worse else 0
    if options.json:
        return print_document("compare", status, **changed(changes))
    print_changes(changes)
    return status
