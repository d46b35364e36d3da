"""`gradproof list`: the scenarios and the backends that there are."""

import argparse

DESCRIPTION = None


def add_options(_parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser; it has none."""


def run(_options: argparse.Namespace) -> int:
    """Print both lists, and give the exit status."""
    from gradproof.backends import describe_backends  # noqa: PLC0415 - see the room's docstring
    from gradproof.reporting.console import make_console, say  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415

    console = make_console()
    say(console, "Scenarios:")
    for name, build in CATALOGUE.items():
        scenario = build()
        told = f"{name:22}{scenario.steps:>6} steps   {scenario.source}"
        say(console, told, indent=2, hanging=24)
    say(console, "Backends:")
    for name, told in describe_backends():
        say(console, f"{name:22}{told}", indent=2, hanging=24)
    return 0
