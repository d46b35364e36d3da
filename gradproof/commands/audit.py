"""`gradproof audit`: what documents claim, checked."""

import argparse

from gradproof.commands.json_output import add_json, print_document, rows
from gradproof.commands.option_values import add_scenarios

DESCRIPTION = (
    "Check the claims that scenarios carry in certified arithmetic, and print a table per "
    "document: CONFIRMED, REFUTED with its cause, or NOT CHECKABLE (only in a picture, or an opinion)."
)
EPILOG = (
    "A refuted claim is a finding about a document, so the exit status is 0; with --strict it is "
    "1, for documents of your own in CI. Where there is no claim, nothing was checked, and it is 1, too."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_scenarios(parser, "the three documents'")
    parser.add_argument(
        "--strict",
        action="store_true",
        help="exit with 1 if a claim is refuted, or undecided although it can be computed",
    )
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Audit, print, and give the exit status."""
    from gradproof.auditing import audit  # noqa: PLC0415 - see the room's docstring
    from gradproof.reporting.formats.terminal import print_claims  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415
    from gradproof.scenarios.finding import find_scenarios  # noqa: PLC0415

    found = audit(find_scenarios(options.scenarios or CATALOGUE))
    status = 1 if not found.records or (options.strict and not found.ok) else 0
    if options.json:
        return print_document("audit", status, ok=found.ok, claims=rows(found.claims))
    print_claims(found.claims)
    return status
