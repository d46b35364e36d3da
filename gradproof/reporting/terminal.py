"""What the command prints: progress while it works, then the table of verdicts, failures and costs."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.text import Text

from gradproof.reporting.costs import costs, duration, side_by_side
from gradproof.reporting.failures import describe_failure
from gradproof.reporting.names import count, implementation
from gradproof.reporting.overview import not_checked, remarks, verdict_matrix
from gradproof.reporting.report import Report
from gradproof.reporting.terminal_tables import make_console, print_table, say
from gradproof.reporting.text import visible
from gradproof.reporting.worst import records
from gradproof.reporting.writing import describe_written
from gradproof.verdicts.records import NotRun, Outcome
from gradproof.verdicts.tolerances import SPREADS

_COLOURS = {"ok": "green", "-": "dim"}


@contextmanager
def make_progress() -> Iterator[Callable[[int, int, Outcome | NotRun], None]]:
    """Show progress on standard error: a bar on a terminal, a line a run elsewhere (in CI, say)."""
    console = make_console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, result: print(f"[{done}/{total}] {_line(result)}", file=sys.stderr)
        return
    columns = (
        TextColumn("verifying"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total, result: bar.update(
            task, completed=done, total=total, description=escape(visible(result.subject))
        )


def _line(result: Outcome | NotRun) -> str:
    who = visible(result.subject)
    if isinstance(result, NotRun):
        return f"{who}: not run: {visible(result.reason)}"
    verdict = result.worst_verdict()
    word = "ok" if verdict.passes else str(verdict)
    return (
        f"{who}: {word}, {result.steps} steps, "
        f"{result.timing.compiling + result.timing.training:.1f} s to run, {result.judging:.1f} s to judge"
    )


def print_report(report: Report, folder: Path) -> None:
    """Print the table of verdicts, what does not agree, what was not run, what it cost, and where it is."""
    console = make_console()
    _print_matrix(console, verdict_matrix(report.runs, report.gradients, report.updates))
    say(
        console,
        "Cells: ok or the worst verdict, and the largest error in spreads of the measured rounding noise "
        f"(at most {SPREADS:g} are rounding).",
    )
    for line in (*remarks(report.frames), *not_checked(report.runs)):
        say(console, line)
    _print_costs(console, report)
    if report.ok:
        agrees = "Everything that was checked agrees"
        runs = int((report.runs["status"] == "run").sum())
        counted = (
            f"{count(len(report.gradients), 'gradient')} and {count(len(report.updates), 'update')} "
            f"in {count(runs, 'run')}."
        )
        say(console, f"{agrees}: {counted}", "green", len(agrees))
    else:
        say(console, "Not everything agrees.", "red")
        console.print(Text(describe_failure(report, console.width)), soft_wrap=True)
    for line in describe_written(folder):
        say(console, f"Report: {line}")


def _print_matrix(console: Console, matrix: pd.DataFrame) -> None:
    rows = [
        [scenario, dtype, *row]
        for (scenario, dtype), row in zip(matrix.index.to_list(), matrix.to_numpy().tolist(), strict=True)
    ]
    if rows:
        print_table(console, ["scenario", "dtype", *map(str, matrix.columns)], rows, fixed=2, style=_colour)


def _colour(cell: str) -> str:
    return _COLOURS.get(cell.partition(" ")[0], "red")


def _print_costs(console: Console, report: Report) -> None:
    table = costs(report.runs)
    if table.empty:
        return
    times = ("compiling_seconds", "training_seconds", "seconds_per_step", "judging_seconds")
    rows = [
        [implementation(row["backend"], row["variant"]), str(row["runs"]), f"{row['steps']:,}"]
        + [duration(row[name]) for name in times]
        for row in records(table)
    ]
    header = ["cost", "runs", "steps", "compiling", "training", "a step", "judging"]
    print_table(console, header, rows, fixed=1, style=lambda _: "")
    processes = int(report.environment.get("processes", 1))
    say(console, f"{side_by_side(processes)} A step: the median over the runs.")
