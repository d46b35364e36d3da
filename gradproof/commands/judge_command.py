"""`gradproof judge`: a gradient that was computed elsewhere, judged."""

import argparse

from gradproof.commands.json_output import add_json
from gradproof.commands.option_values import add_time_limit

DESCRIPTION = (
    "Judge a gradient that was computed elsewhere (on a GPU, by several machines): is it as near to the "
    "exact one as its dtype allows, which entry is not, and why. The file is run in a process of its own."
)


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    parser.add_argument(
        "target",
        metavar="FILE.py[::NAME]",
        help="a file that defines loss, params and batch where the gradient was computed, or Scenario "
        "objects, of which NAME chooses one",
    )
    parser.add_argument(
        "gradients",
        metavar="GRADIENTS.npz",
        help="the gradients, by the parameters' dotted names, as numpy.savez(path, **gradients) writes them",
    )
    parser.add_argument(
        "--dtype",
        help="what they were computed in: float64, float32, float16, bfloat16, a float8, or own (default: "
        "what the arrays of the gradients and the parameters tell)",
    )
    parser.add_argument(
        "--strict", action="store_true", help="let a right formula fail whose evaluation loses digits"
    )
    add_time_limit(parser)
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Judge, print, and give the exit status."""
    from gradproof.judge_files import judge_file  # noqa: PLC0415 - see the room's docstring

    return judge_file(options)
