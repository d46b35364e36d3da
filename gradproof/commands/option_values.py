"""The values of options, read from the texts of a command line."""

import argparse


def names(text: str) -> list[str]:
    """Read names that commas part.

    >>> names("torch, jax/jit,")
    ['torch', 'jax/jit']
    """
    return [name.strip() for name in text.split(",") if name.strip()]


def whole_number(text: str) -> int:
    """Read a whole number of 0 or more."""
    if text.strip().isdecimal():
        return int(text)
    raise argparse.ArgumentTypeError(f"{text!r} is no whole number of 0 or more")


def seconds(text: str) -> float:
    """Read a number of seconds, of which 0 is no limit."""
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds. Give 0 for no limit, or more")
    return value


def amount(text: str) -> float:
    """Read an amount of memory in GiB."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no amount of memory. Give GiB, 4 or 0.5, say")
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return -1.0


def add_scenarios(command: argparse.ArgumentParser, default: str) -> None:
    """Add the argument that names scenarios; `default` says which are meant where none is named."""
    command.add_argument(
        "scenarios",
        nargs="*",
        metavar="SCENARIO|FILE.py[::NAME]",
        help="names that `gradproof list` shows, or Python files that define Scenario objects, of which NAME "
        f"chooses one; {default} if none is given",
    )
