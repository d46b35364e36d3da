"""Tasks on an executor: the results as they come, and how those ended that gave none."""

import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, wait
from typing import TypeVar

from gradproof.running.isolated import IsolatedExecutor
from gradproof.running.limits import Limits
from gradproof.running.task import told
from gradproof.running.worker_process import ProcessEndedError
from gradproof.verdicts.records import RunStatus

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    executor: Executor,
    ended: Callable[[Item, RunStatus, str], Result],
) -> Iterator[Result]:
    """Apply a function to each item on an executor, and give the results as they come.

    Args:
        function: what is called there; an exception that it raises is one that it should not, and ends that
            item's task alone.
        items: in the order in which they are started; they may hold closures.
        executor: where.
        ended: gives the result for an item whose task ended without one: how, and what is known of it.
    """
    futures = {_submitted(executor, function, item): number for number, item in enumerate(items)}
    try:
        while futures:
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                number = futures.pop(future)
                error = CancelledError() if future.cancelled() else future.exception()
                printed = executor.printed(future) if isinstance(executor, IsolatedExecutor) else ""
                if error is None:
                    yield future.result()
                else:
                    yield ended(items[number], *how(error, executor, printed))
    finally:
        for future in futures:
            future.cancel()


def _submitted(executor: Executor, function: Callable[[Item], Result], item: Item) -> "Future[Result]":
    """Give a task to an executor; one of the user's that takes none any more gives a future that tells so."""
    try:
        return executor.submit(function, item)
    except (BrokenExecutor, RuntimeError) as error:  # the second of one that was shut down
        failed: Future[Result] = Future()
        failed.set_exception(error if isinstance(error, BrokenExecutor) else BrokenExecutor(str(error)))
        return failed


def ordered(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    limits: Limits,
    ended: Callable[[Item, RunStatus, str], Result],
) -> list[Result]:
    """Apply a function to a few items in a fresh process, and give the results in the items' order."""
    if not items:
        return []
    executor = IsolatedExecutor(1, limits)
    try:
        return [result for item in items for result in spread(function, [item], executor, ended)]
    finally:
        executor.shutdown(cancel_futures=True)


def how(error: BaseException, executor: Executor, printed: str) -> tuple[RunStatus, str]:
    """Tell how a task ended that gave no result."""
    last = f" The last that it printed: {printed}" if printed else ""
    if isinstance(error, TimeoutError) and isinstance(executor, IsolatedExecutor):
        seconds = executor.limits.seconds
        return (
            RunStatus.TIMED_OUT,
            f"it was not done after {seconds:g} seconds, the time limit of a run.{last}",
        )
    if isinstance(error, ProcessEndedError):
        memory = "bad_alloc" in printed or "MemoryError" in printed
        status = RunStatus.OUT_OF_MEMORY if memory else RunStatus.CRASHED
        return status, f"it ended the process that made it ({_code(error.code)}).{last}"
    lost = _lost(error)
    if lost:
        return RunStatus.CRASHED, lost + last
    if isinstance(error, MemoryError):
        return RunStatus.OUT_OF_MEMORY, told(error) + last
    return RunStatus.FAILED, told(error) + last


def _lost(error: BaseException) -> str:
    """Tell what an executor of the user's did with a task that nothing came back of; empty where it did."""
    if isinstance(error, BrokenExecutor):
        return f"the executor that it was given to is broken ({told(error)})."
    if isinstance(error, CancelledError):
        return "the executor that it was given to has dropped it."
    if type(error).__name__ == "KilledWorker":  # by name: dask is not imported for it
        times = getattr(error, "allowed_failures", 0) + 1
        return f"the cluster lost each of the {times} workers that it was given to, in turn."
    return ""


def _code(code: int) -> str:
    """Name how a process ended.

    >>> _code(-11), _code(3)
    ('SIGSEGV', 'exit status 3')
    """
    if code == -getattr(signal, "SIGKILL", 9):  # Windows lacks it
        return "SIGKILL, which the system sends where memory runs out, too"
    if code < 0:
        try:
            return signal.Signals(-code).name
        except ValueError:
            return f"signal {-code}"
    return f"exit status {code}"
