"""Runs in processes that gradproof starts, or in this one."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from gradproof.running.limits import Limits
from gradproof.running.task import Task, carry_out, ended
from gradproof.verdicts.records import NotRun, Outcome


class Runs(Protocol):
    """Where the runs of a verification are made."""

    @property
    def processes(self) -> int:
        """How many are made side by side."""

    def results(self, tasks: Sequence[Task]) -> Iterator[Outcome | NotRun]:
        """Give the results as they come."""


class OwnRuns:
    """Runs on this machine.

    Args:
        processes: how many to start.
        limits: of each run; None for runs in this process, one after the other.
    """

    def __init__(self, processes: int, limits: Limits | None) -> None:
        """Start nothing yet."""
        self.processes = 1 if limits is None else max(1, processes)
        self._limits = limits

    def results(self, tasks: Sequence[Task]) -> Iterator[Outcome | NotRun]:
        """Give the results as they come."""
        if self._limits is None:
            yield from map(carry_out, tasks)
            return
        from gradproof.running.executing import spread  # noqa: PLC0415 - not needed in this process
        from gradproof.running.isolated import IsolatedExecutor  # noqa: PLC0415 - see above

        executor = IsolatedExecutor(self.processes, self._limits)
        try:
            yield from spread(carry_out, longest_first(tasks), executor, ended)
        finally:
            executor.shutdown(cancel_futures=True)


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Order tasks so that no core is left with a long run at the end."""
    return sorted(tasks, key=lambda task: -task.scenario.steps)
