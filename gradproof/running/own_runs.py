"""Runs in processes that gradproof starts, or in this one."""

import os
from collections.abc import Iterator, Sequence
from typing import Protocol

from gradproof.running.limits import Limits
from gradproof.running.task import Task, carry_out, ended
from gradproof.scenarios import Scenario
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


def worth_starting(tasks: Sequence[Task]) -> int:
    """Tell how many processes are worth starting for runs: each imports the frameworks anew, in seconds.

    The documents' larger systems are worth one a core; a few steps of a small loss are worth one in all.
    """
    work = sum(task.scenario.steps * (_A_STEP + _entries(task.scenario)) for task in tasks)
    return max(1, min(os.cpu_count() or 1, len(tasks), work // _A_PROCESS + 1))


def _entries(scenario: Scenario) -> int:
    return sum(array.size for array in scenario.flat_params.values())


_A_STEP = 100
"""What a step costs beside its parameters' entries, in entries."""

_A_PROCESS = 6_000_000
"""What is worth a process of its own: 60 000 steps of a few parameters, in entries."""


def longest_first(tasks: Sequence[Task]) -> list[Task]:
    """Order tasks so that no core is left with a long run at the end."""
    return sorted(tasks, key=lambda task: -task.scenario.steps)
