"""Timing things side by side in one run, so that a shared machine's moods hit all of them alike."""

import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median

from rich.console import Console
from rich.table import Table


def side_by_side(subjects: Mapping[str, Callable[[], object]], rounds: int = 5) -> dict[str, float]:
    """Time each subject once a round, in turn, and give the median of each in seconds."""
    seconds: dict[str, list[float]] = {name: [] for name in subjects}
    for subject in subjects.values():
        subject()  # once for what only the first call pays: imports, caches
    for _ in range(rounds):
        for name, subject in subjects.items():
            start = time.perf_counter()
            subject()
            seconds[name].append(time.perf_counter() - start)
    return {name: median(times) for name, times in seconds.items()}


def print_ratios(title: str, seconds: Mapping[str, float], goal: str) -> None:
    """Print times and their ratios to the first subject's."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for column in ("", "median", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    base = next(iter(seconds.values()))
    for name, value in seconds.items():
        table.add_row(name, f"{1000 * value:.1f} ms", f"{value / base:.2f}")
    console = Console()
    console.print(f"[bold]{title}[/] ({goal})", highlight=False)
    console.print(table)
    console.print()


def print_figures(title: str, goal: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table of figures."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number else "left")
    for row in rows:
        table.add_row(*row)
    # As wide as it needs, also in a file.
    console = Console(width=200)
    console.print(f"[bold]{title}[/] ({goal})", highlight=False)
    console.print(table)
    console.print()
