"""One process that makes runs, seen from the process that started it."""

import os
import signal
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from multiprocessing.connection import wait
from typing import Any

from loky.backend import get_context

from gradproof.running.limits import Limits
from gradproof.running.worker import serve

_PATIENCE = 1.0
"""Seconds in which a process that has closed its connection is gone."""

_GRACE = 0.3
"""Seconds that a process has to end, once it was asked to: a command that is interrupted has one second."""

_LOOKS = 0.5
"""Seconds between two looks at whether the process is still there: a child of its own may hold its pipes."""


class ProcessEndedError(Exception):
    """A process ended before it gave a result.

    Attributes:
        code: its exit status; that of a signal is negative.
    """

    def __init__(self, code: int) -> None:
        """Keep the exit status."""
        super().__init__(f"it ended with {code}")
        self.code = code


class WorkerProcess:
    """A process that performs calls, one after the other.

    It is started afresh (a fork would copy the frameworks' threads in an undefined state), without the main
    module, so that a script needs no guard. Nothing is shared with other processes, and nothing waits in a
    queue inside it: however it ends, at whatever moment, it is known which call it was.

    Args:
        limits: of each call.
        folder: where its output goes, which it removes if this process is gone before.
        environment: what is added to its environment.
    """

    def __init__(self, limits: Limits, folder: str, environment: Mapping[str, str]) -> None:
        """Start it."""
        self.environment = environment
        context = get_context("loky")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(
            target=serve, args=(theirs, os.getpid(), limits.memory, folder), env={**environment}
        )
        self._process.start()
        theirs.close()
        self._seconds = limits.seconds
        self.is_usable = True

    def perform(self, payload: bytes, output: str) -> Any:
        """Give the result of a pickled call, or raise what it raises.

        Args:
            payload: the function and its arguments.
            output: where what it prints goes, see `gradproof.running.worker.serve`.

        Raises:
            ProcessEndedError: it ended the process.
            TimeoutError: it was not done in time.
        """
        self.is_usable = False  # unless it comes to a good end
        try:
            self._connection.send((payload, output))
            self._received(0)  # it begins: starting the process takes none of a run's time
            result, error, self.is_usable = self._received(self._seconds)
        except (EOFError, ConnectionError):
            raise self._ended() from None
        if error is not None:
            raise error
        return result

    def _received(self, seconds: float) -> Any:
        """Wait for what the process sends, for so many seconds; 0 for however long."""
        end = time.monotonic() + seconds if seconds else float("inf")
        while True:
            left = min(_LOOKS, end - time.monotonic())
            ready = wait([self._connection, self._process.sentinel], max(0.0, left))
            if self._connection in ready or self._connection.poll():
                return self._connection.recv()
            if ready or not self._process.is_alive():
                raise EOFError
            if time.monotonic() >= end:
                raise TimeoutError

    def _ended(self) -> ProcessEndedError:
        self._process.join(_PATIENCE)
        return ProcessEndedError(self._process.exitcode or 0)

    def ask_to_end(self) -> None:
        """Ask the process to end, whatever it is doing."""
        self._process.terminate()

    def kill_after(self, end: float) -> None:
        """Kill the process if it is still there at a time; who waits for its call is told."""
        if not wait([self._process.sentinel], max(0.0, end - time.monotonic())):
            with suppress(ProcessLookupError):  # loky's processes have no method that kills
                os.kill(self._process.pid, getattr(signal, "SIGKILL", signal.SIGTERM))

    def end(self) -> None:
        """End the process; it is killed if it does not in a moment."""
        end_together([self])
        self._process.join()
        self._connection.close()


def end_together(workers: Collection[WorkerProcess]) -> None:
    """Ask processes to end, and kill those that have not in a moment; any thread may."""
    for worker in workers:
        worker.ask_to_end()
    end = time.monotonic() + _GRACE
    for worker in workers:
        worker.kill_after(end)
