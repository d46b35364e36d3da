"""`gradproof list`: the scenarios and the backends that there are."""

import argparse
from collections.abc import Iterable

from gradproof.commands.json_output import add_json, print_document

DESCRIPTION = None


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the command's options to its parser."""
    add_json(parser)


def run(options: argparse.Namespace) -> int:
    """Print both lists, and give the exit status."""
    from gradproof.backends import describe_backends  # noqa: PLC0415 - see the room's docstring
    from gradproof.reporting.console import make_console, say  # noqa: PLC0415
    from gradproof.scenarios import CATALOGUE  # noqa: PLC0415
    from gradproof.scenarios.gallery import GALLERY  # noqa: PLC0415

    if options.json:
        scenarios = [(name, build()) for name, build in CATALOGUE.items()]
        return print_document(
            "list",
            0,
            scenarios=[
                {"name": name, "steps": each.steps, "source": each.source} for name, each in scenarios
            ],
            gallery=list(GALLERY),
            backends=[{"name": name, "told": told} for name, told in describe_backends()],
        )
    console = make_console()
    say(console, "Scenarios:")
    for name, build in CATALOGUE.items():
        scenario = build()
        told = f"{name:22}{scenario.steps:>6} steps   {scenario.source}"
        say(console, told, indent=2, hanging=24)
    say(console, "Gallery of trainings (`gradproof verify --gallery` runs them all):")
    for system, names in _by_system(GALLERY).items():
        say(console, f"{system:22}{', '.join(names)}", indent=2, hanging=24)
    say(console, "Backends:")
    for name, told in describe_backends():
        say(console, f"{name:22}{told}", indent=2, hanging=24)
    return 0


def _by_system(names: Iterable[str]) -> dict[str, list[str]]:
    """Give the trainings' names by the system's, `sigmoid_network.` before `adam`, say."""
    found: dict[str, list[str]] = {}
    for name in names:
        system, _, training = name.partition(".")
        found.setdefault(f"{system}.", []).append(training)
    return found
