"""An executor whose tasks run in fresh processes, with limits; however one ends, the others go on."""

import os
import sys
import tempfile
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError, Executor, Future
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any

from gradproof.errors import InputError
from gradproof.running.limits import Limits
from gradproof.running.pickling import pickled
from gradproof.running.task import Task
from gradproof.running.worker import is_inside, tail
from gradproof.running.worker_process import WorkerProcess, end_together

_MOST_PRINTED = 2**20
"""Bytes that a run's output may take before what came first is dropped."""

FOLDERS: set[str] = set()
"""What is to be removed when this process has to end at once."""

_CUTS = 0.2
"""Seconds between two looks at how much was printed."""


@dataclass(frozen=True, eq=False)
class _Call:
    """A call that waits for a process.

    Attributes:
        future: of its result.
        payload: the function and its arguments, pickled.
        output: the beginning of the path of what it prints.
        environment: what its process must have in its environment from the start.
    """

    future: "Future[Any]"
    payload: bytes = field(repr=False)
    output: str
    environment: Mapping[str, str]


class IsolatedExecutor(Executor):
    """Runs each task in a process that nothing else shares at that time.

    A task that crashes its process, or runs out of time, takes no other along: its future has the exception
    that `WorkerProcess.perform` raises, and the process is replaced.

    Args:
        workers: how many processes.
        limits: of each task.

    Raises:
        InputError: this process is itself one that makes runs: it imports a module that verifies.
    """

    def __init__(self, workers: int, limits: Limits) -> None:
        """Start nothing yet: the first task does."""
        if is_inside():
            raise InputError(
                "A module that a run imports starts a verification itself, which would go on without end. "
                "Start it under `if __name__ == '__main__':`."
            )
        self.limits = limits
        try:
            self._folder = tempfile.TemporaryDirectory(prefix="gradproof_output-")
        except OSError as error:
            why = (error.strerror or str(error)).lower()
            raise InputError(
                f"There is no folder for what runs print: {why}. Make room in a temporary folder (TMPDIR "
                "names one), or make the runs in this process, with --in-process."
            ) from error
        FOLDERS.add(self._folder.name)
        self._numbers = count()
        self._outputs: dict[Future[Any], tuple[Path, Path]] = {}
        self._closed = threading.Event()
        self._calls: SimpleQueue[_Call | None] = SimpleQueue()
        self._workers: set[WorkerProcess] = set()
        self._lock = threading.Lock()  # of the set of workers: none is started once this is closed
        self._threads = [threading.Thread(target=self._carry_out, daemon=True) for _ in range(workers)]
        threading.Thread(target=self._cut_outputs, daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Give a future of a call, which may hold closures and functions of the main module.

        Raises:
            InputError: what is called holds something that no other process can be sent.
        """
        assert not kwargs  # noqa: S101 - nobody passes them
        output = str(Path(self._folder.name, str(next(self._numbers))))
        environment = next((each.environment for each in args if isinstance(each, Task)), {})
        call = _Call(Future(), pickled(fn, args), output, environment)
        self._outputs[call.future] = Path(f"{output}.1"), Path(f"{output}.2")
        self._calls.put(call)
        idle = [thread for thread in self._threads if thread.ident is None]
        if idle:
            idle[0].start()
        return call.future

    def _carry_out(self) -> None:
        """Let one process after the other carry out calls, as long as there are any."""
        worker: WorkerProcess | None = None
        while (call := self._calls.get()) is not None:
            if not call.future.set_running_or_notify_cancel():
                continue
            try:
                if worker is not None and worker.environment != call.environment:
                    self._end(worker)
                    worker = None
                worker = worker or self._started(call.environment)
                result = worker.perform(call.payload, call.output)
            except BaseException as error:  # noqa: BLE001 - whatever it is, who waits for the call is told
                answer = partial(call.future.set_exception, error)
            else:
                answer = partial(call.future.set_result, result)
            try:
                if worker is not None and not worker.is_usable:
                    self._end(worker)
                    worker = None
            finally:
                answer()
        if worker is not None:
            self._end(worker)

    def _started(self, environment: Mapping[str, str]) -> WorkerProcess:
        with self._lock:
            if self._closed.is_set():
                raise CancelledError
            worker = WorkerProcess(self.limits, self._folder.name, environment)
            self._workers.add(worker)
            return worker

    def _end(self, worker: WorkerProcess) -> None:
        worker.end()
        with self._lock:
            self._workers.discard(worker)

    def printed(self, future: "Future[Any]") -> str:
        """Pass on what a task that is done printed, and give its last lines."""
        last = []
        for path, stream in zip(self._outputs.pop(future), (sys.stdout, sys.stderr), strict=True):
            if path.is_file():
                stream.write(path.read_text(encoding="utf-8", errors="replace"))
                last += [tail(path)]
                path.unlink()
        return "\n".join(filter(None, last))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """End the processes; with `cancel_futures` in the middle of their work."""
        if cancel_futures:
            self._closed.set()
            with suppress(Empty):
                while True:
                    call = self._calls.get_nowait()
                    if call is not None:
                        call.future.cancel()
            with self._lock:
                end_together(self._workers)
        for _ in self._threads:
            self._calls.put(None)
        if wait:
            for thread in self._threads:
                if thread.ident is not None:
                    thread.join()
            self._closed.set()
            self._folder.cleanup()
            FOLDERS.discard(self._folder.name)

    def _cut_outputs(self) -> None:
        """Keep what is printed by the gigabyte from filling the disk."""
        while not self._closed.wait(_CUTS):
            for output in [path for paths in [*self._outputs.values()] for path in paths]:
                try:
                    if output.stat().st_size > _MOST_PRINTED:
                        os.truncate(output, 0)
                        with output.open("a", encoding="utf-8") as stream:
                            stream.write("(what was printed before is left out)\n")
                except FileNotFoundError:
                    continue
