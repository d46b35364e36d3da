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


def add_report(command: argparse.ArgumentParser) -> None:
    """Add the options that say where a report is written, and in which formats."""
    from gradproof.reporting.formats import report_formats  # noqa: PLC0415 - looks into a folder

    command.add_argument(
        "--report",
        metavar="FOLDER",
        default="reports/latest",
        help="where to write (default: reports/latest)",
    )
    command.add_argument(
        "--formats",
        type=names,
        metavar="A,B",
        help=f"what to write: {', '.join(report_formats())} (default: all that what is installed can write, "
        "and of the tables that are large only Parquet)",
    )


def add_baseline(command: argparse.ArgumentParser) -> None:
    """Add the option that names an earlier report to compare with."""
    command.add_argument(
        "--baseline",
        metavar="FOLDER",
        help="an earlier report: tell what changed since, and exit with 1 only if a verdict got worse. What "
        "did not pass in the baseline either is told and does not count; it may be the folder of --report",
    )


def add_time_limit(command: argparse.ArgumentParser) -> None:
    """Add the option that says how long a file of the user's may run."""
    command.add_argument(
        "--time-limit",
        type=seconds,
        default=60.0,
        metavar="SECONDS",
        help="stop the file after so long (default: 60; 0 for no limit)",
    )
