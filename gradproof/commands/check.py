"""`gradproof check`: a gradient of the user's own, checked."""

import argparse

from gradproof.commands.json_output import add_json
from gradproof.commands.option_values import add_time_limit, whole_number

DESCRIPTION = (
    "Check the gradient that a file defines, as a formula in certified arithmetic, in "
    "floating point, and at points of the check's own. The file is run in a process of its own."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "target",
        metavar="FILE.py[::NAME]",
        help="a file that defines loss, gradient, params and batch, or Scenario objects; NAME chooses one "
        "Scenario, or another gradient function beside loss, params and batch",
    )
    parser.add_argument(
        "--dtype",
        default="float64",
        help="what to judge in: float64 (default), float32, float16, bfloat16; own: each array's own",
    )
    parser.add_argument(
        "--points",
        type=whole_number,
        default=12,
        metavar="N",
        help="points of its own (default: 12; 0 for none)",
    )
    parser.add_argument(
        "--seed", type=whole_number, default=0, metavar="N", help="what they are drawn with (default: 0)"
    )
    parser.add_argument(
        "--strict", action="store_true", help="let a gradient fail that is right only of data like the file's"
    )
    parser.add_argument("--point", default="", metavar="FILE.npz", help="check at this saved point alone")
    parser.add_argument("--save-point", default="", metavar="FILE.npz", help="where to save a failing point")
    parser.add_argument(
        "--learning-rate", type=float, metavar="R", help="a number to expect in the cause of a wrong gradient"
    )
    add_time_limit(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Check, print, and give the exit status."""
    from gradproof.check_files import check_all  # noqa: PLC0415 - see the room's docstring

    return check_all(options)
