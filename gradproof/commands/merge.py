"""`gradproof merge`: one report of all parts of a verification."""

import argparse

from gradproof.commands.json_output import add_json
from gradproof.commands.option_values import add_baseline, add_report
from gradproof.commands.showing import write_and_show

DESCRIPTION = (
    "Make one report of the reports that `gradproof verify --shard 1/3`, `2/3` and `3/3` wrote, on whatever "
    "machines: the one that a verification in one piece would have written."
)
EPILOG = (
    "The exit status is that of the whole verification. It is 2, and nothing is written, where a part is "
    "missing, is given twice, or was made of other scenarios, by another version, or with other arguments."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument("parts", nargs="+", metavar="PART", help="the folders of the parts' reports")
    add_report(parser)
    add_baseline(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Merge, write the report, print, and give the exit status."""
    from pathlib import Path  # noqa: PLC0415 - see the room's docstring

    from gradproof.reporting.comparison.joining import compare  # noqa: PLC0415
    from gradproof.reporting.folders import check_writable  # noqa: PLC0415
    from gradproof.reporting.formats import check_formats  # noqa: PLC0415
    from gradproof.reporting.merging import merge  # noqa: PLC0415
    from gradproof.reporting.reading import read_report  # noqa: PLC0415

    folder = Path(options.report)
    baseline = read_report(options.baseline) if options.baseline is not None else None
    report = merge([read_report(part) for part in options.parts])
    if baseline is not None:
        report.changes = compare(baseline, report)
    check_formats(options.formats)
    check_writable(folder)
    return write_and_show("merge", report, options)
