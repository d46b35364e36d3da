"""What the command prints: progress while it works, then the table of verdicts."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from gradproof.reporting.report import Report
from gradproof.reporting.summary import describe_failure, remarks, verdict_matrix
from gradproof.reporting.writing import describe_written
from gradproof.verdicts.records import NotRun, Outcome
from gradproof.verdicts.verdict import SPREADS

_COLOURS = {"ok": "green", "-": "dim"}


@contextmanager
def make_progress() -> Iterator[Callable[[int, int, Outcome | NotRun], None]]:
    """Show progress on standard error: a bar on a terminal, a line a run elsewhere (in CI, say)."""
    console = Console(stderr=True)
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
            task, completed=done, total=total, description=escape(str(result.subject))
        )


def _line(result: Outcome | NotRun) -> str:
    if isinstance(result, NotRun):
        return f"{result.subject}: not run: {result.reason}"
    verdict = result.worst_verdict()
    word = "ok" if verdict.passes else str(verdict)
    return (
        f"{result.subject}: {word}, {result.steps} steps, "
        f"{result.timing.compiling + result.timing.training:.1f} s to run, {result.judging:.1f} s to judge"
    )


def print_report(report: Report, folder: Path) -> None:
    """Print the table of verdicts, what does not agree, what was not run, and where the report is."""
    console = Console(highlight=False, soft_wrap=True)
    matrix = verdict_matrix(report.runs, report.gradients, report.updates)
    console.print(_matrix_table(matrix), soft_wrap=False)
    console.print(
        f"Cells: ok or the worst verdict, and the largest error in spreads of the measured rounding noise "
        f"(at most {SPREADS:g} are rounding)."
    )
    for line in remarks(report.frames):
        console.print(escape(line))
    for line in _not_to_the_end(report.runs):
        console.print(escape(line))
    if report.ok:
        console.print(
            f"[green]Everything that was checked agrees[/]: {_count(len(report.gradients), 'gradient')} and "
            f"{_count(len(report.updates), 'update')} in "
            f"{_count(int((report.runs['status'] == 'run').sum()), 'run')}."
        )
    else:
        console.print("[red]Not everything agrees.[/]")
        console.print(escape(describe_failure(report.frames)))
    for line in describe_written(folder):
        console.print(escape(f"Report: {line}"))


def _matrix_table(matrix: pd.DataFrame) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False)
    table.add_column("scenario", no_wrap=True)
    table.add_column("dtype", no_wrap=True)
    for name in matrix.columns:
        table.add_column(str(name).replace("/", "\n"), no_wrap=True)
    previous = None
    for (scenario, dtype), row in zip(matrix.index.to_list(), matrix.to_numpy().tolist(), strict=True):
        shown = "" if scenario == previous else scenario
        table.add_row(escape(shown), dtype, *(_coloured(cell) for cell in row))
        previous = scenario
    return table


def _coloured(cell: str) -> str:
    return f"[{_COLOURS.get(cell.partition(' ')[0], 'red')}]{escape(cell)}[/]"


def _not_to_the_end(runs: pd.DataFrame) -> Iterator[str]:
    limited = runs[(runs["status"] == "run") & (runs["steps"] < runs["planned_steps"]) & ~runs["stopped"]]
    for (backend, variant), group in limited.groupby(["backend", "variant"], observed=True):
        yield (
            f"Not checked: {backend}/{variant} is too slow for long trainings, so only its first "
            f"{group['steps'].max()} steps were run (in {_count(len(group), 'run')})."
        )
    left_out = runs[runs["status"] == "not run"]
    for reason, group in left_out.groupby("reason"):
        yield f"Not checked: {reason} ({_count(len(group), 'run')})"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
