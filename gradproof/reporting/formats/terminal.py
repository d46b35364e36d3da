"""What the command shows of a report: the table of verdicts, what fails, what was not run, and the costs."""

from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.text import Text

from gradproof.reporting.console import make_console, print_table, say
from gradproof.reporting.names import count
from gradproof.reporting.report import Report
from gradproof.reporting.run_costs import cost_cells, side_by_side
from gradproof.reporting.summary import MatrixCell, not_checked, remarks, verdict_matrix
from gradproof.reporting.telling import describe
from gradproof.reporting.writing import describe_written
from gradproof.verdicts.tolerances import SPREADS
from gradproof.verdicts.verdict import Verdict

name = "terminal"
files = ()  # what it gives is printed
needs = ()

_COLOURS = {"ok": "green", "-": "dim"}


def render(report: Report) -> str:
    """Write what the command prints of a report, as wide and as coloured as the terminal is."""
    console = make_console()
    with console.capture() as capture:
        _print(console, report)
    return capture.get()


def print_report(report: Report, folder: Path) -> None:
    """Print the table of verdicts, what does not agree, what was not run, what it cost, and where it is."""
    console = make_console()
    _print(console, report)
    for line in describe_written(folder):
        say(console, f"Report: {line}")


def _print(console: Console, report: Report) -> None:
    _print_matrix(console, verdict_matrix(report.runs, report.findings))
    say(
        console,
        "Cells: ok or the worst verdict, and the largest error in spreads of the measured rounding noise "
        f"(at most {SPREADS:g} are rounding).",
    )
    for line in (*remarks(report.frames), *not_checked(report.runs)):
        say(console, line)
    _print_costs(console, report)
    if not report.ok:
        say(console, "Not everything agrees.", "red")
        console.print(Text(describe(report.findings, console.width)), soft_wrap=True)
        return
    agrees = "Everything that was checked agrees"
    counted = (
        f"{count(len(report.gradients), 'gradient')} and {count(len(report.updates), 'update')} "
        f"in {count(int((report.runs['status'] == 'run').sum()), 'run')}."
    )
    say(console, f"{agrees}: {counted}", "green", len(agrees))


def _print_matrix(console: Console, matrix: pd.DataFrame) -> None:
    pairs = zip(matrix.index.to_list(), matrix.to_numpy().tolist(), strict=True)
    rows = [[*run, *row] for run, row in pairs]
    if rows:
        print_table(console, ["scenario", "dtype", *map(str, matrix.columns)], rows, fixed=2, style=_colour)


def _colour(cell: object) -> str:
    if not isinstance(cell, MatrixCell):
        return ""
    if cell.verdict == Verdict.INACCURATE:
        return "yellow"
    return _COLOURS.get(cell.word, "red")


def _print_costs(console: Console, report: Report) -> None:
    table = cost_cells(report.runs).rename(columns={"implementation": "cost"})
    if not table.empty:
        print_table(console, list(table.columns), table.to_numpy().tolist(), fixed=1)
        say(console, f"{side_by_side(report.environment)} A step: the median over the runs.")
