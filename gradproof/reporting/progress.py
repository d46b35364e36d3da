"""Progress while the command works: a bar on a terminal, a line a run elsewhere (in CI, say)."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gradproof.reporting.console import make_console
from gradproof.verdicts.printing import visible
from gradproof.verdicts.records import NotRun, Outcome


@contextmanager
def make_progress() -> Iterator[Callable[[int, int, Outcome | NotRun], None]]:
    """Show progress on standard error."""
    console = make_console(stderr=True)
    if not console.is_terminal:
        yield lambda done, total, result: _written(f"[{done}/{total}] {_line(result)}\n")
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


def _written(line: str) -> None:
    sys.stderr.write(line)
    sys.stderr.flush()


def _line(result: Outcome | NotRun) -> str:
    who = visible(result.subject)
    if isinstance(result, NotRun):
        return f"{who}: not run: {visible(result.reason)}"
    verdict = result.worst_verdict()
    word = "ok" if verdict.accepted() else str(verdict)
    return (
        f"{who}: {word}, {result.steps} steps, "
        f"{result.timing.compiling + result.timing.training:.1f} s to run, {result.judging:.1f} s to judge"
    )
