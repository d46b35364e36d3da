"""How long the command takes to start."""

import subprocess
import sys
from pathlib import Path

from benchmarks.timing import print_ratios, side_by_side


def help_against_pass() -> None:
    """Time `gradproof --help` against `python -c pass`."""
    command = Path(sys.executable).with_name("gradproof")
    seconds = side_by_side(
        {
            "python -c pass": lambda: subprocess.run([sys.executable, "-c", "pass"], check=True),
            "gradproof --help": lambda: subprocess.run(
                [command, "--help"], check=True, stdout=subprocess.DEVNULL
            ),
        },
        rounds=21,
    )
    print_ratios("starting", seconds, "goal: at most 2.5")
