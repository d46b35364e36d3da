"""What the command shows while runs are made, and where that is interrupted."""

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from gradproof.reporting.console import make_console, say
from gradproof.texts import visible
from gradproof.verdicts.records import NotRun, Outcome

Show = Callable[[int, int, Outcome | NotRun], None]

_MOST = 10
"""Runs that are named where a verification is interrupted; a long list would not be read."""


@contextmanager
def make_progress() -> Iterator[Show]:
    """Show progress on standard error, and what was done until then if it is interrupted."""
    console = make_console(stderr=True)
    results: list[Outcome | NotRun] = []
    totals = [0]
    try:
        with _shown(console) as show:

            def progress(done: int, total: int, result: Outcome | NotRun) -> None:
                results.append(result)
                totals[:] = [total]
                show(done, total, result)

            yield progress
    except KeyboardInterrupt:
        for line in _until_now(results, totals[0]):
            say(console, line)
        raise


@contextmanager
def _shown(console: Console) -> Iterator[Show]:
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


def _until_now(results: Sequence[Outcome | NotRun], total: int) -> Iterator[str]:
    """Tell what was found before an interruption."""
    if not results:
        yield "No run was done."
        return
    off = [each for each in results if not _passes(each)]
    yield f"{len(results)} of {total} runs were done; {len(results) - len(off)} of them pass."
    yield from map(_line, off[:_MOST])
    if len(off) > _MOST:
        yield f"... and {len(off) - _MOST} more that do not pass"


def _passes(result: Outcome | NotRun) -> bool:
    return not result.failure if isinstance(result, NotRun) else result.worst_verdict().accepted()


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
