"""An executor whose tasks run in fresh processes, with limits; however one ends, the others go on."""

import marshal
import os
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from types import CodeType, SimpleNamespace
from typing import Any

import cloudpickle
import pebble
from loky.backend import get_context
from loky.backend.reduction import dumps

from gradproof.errors import InputError
from gradproof.running.limits import Limits
from gradproof.running.user_modules import users_file
from gradproof.running.worker import is_inside, perform, prepare, tail

_MOST_PRINTED = 2**20
"""Bytes that a run's output may take before what came first is dropped."""

_CUTS = 0.2
"""Seconds between two looks at how much was printed."""

_WANTED = ("gradproof.running.task",)
"""What a process imports before its first task."""

_PATIENCE = 1.0
"""Seconds that a process has to end, once it was asked to; then it is killed."""


class IsolatedExecutor(Executor):
    """Runs each task in a process that nothing else shares at that time.

    A task that crashes its process, or runs out of time, takes no other along: its future has the exception,
    which `pebble` raises, and the process is replaced. Processes are started afresh (a fork would copy the
    frameworks' threads in an undefined state), without the main module, so that a script needs no guard.

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
        self._numbers = count()
        self._outputs: dict[Future[Any], tuple[Path, Path]] = {}
        self._closed = threading.Event()
        pebble.CONSTS.term_timeout = _PATIENCE
        self._pool = pebble.ProcessPool(
            max_workers=workers,
            initializer=prepare,
            initargs=(os.getpid(), limits.memory, _WANTED),
            context=get_context("loky"),
        )
        threading.Thread(target=self._cut_outputs, daemon=True).start()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Give a future of a call, which may hold closures and functions of the main module.

        Raises:
            InputError: what is called holds something that no other process can be sent.
        """
        assert not kwargs  # noqa: S101 - nobody passes them
        payload = pickled(fn, args)
        output = str(Path(self._folder.name, str(next(self._numbers))))
        future: Future[Any] = self._pool.schedule(
            perform, args=(payload, output), timeout=self.limits.seconds or None
        )
        self._outputs[future] = Path(f"{output}.1"), Path(f"{output}.2")
        return future

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
        self._closed.set()
        if cancel_futures:
            self._pool.stop()
        else:
            self._pool.close()
        if wait:
            self._pool.join()
            self._folder.cleanup()

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


def pickled(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Pickle a call by loky's pickler, which sends the closures that scenarios are made of.

    Raises:
        InputError: it holds something that cannot be pickled.
    """
    try:
        with _by_value(arguments):
            return bytes(dumps((function, arguments), reducers={CodeType: _reduced_code}))
    except Exception as error:
        raise InputError(
            f"What a scenario holds cannot be sent to a process of its own ({type(error).__name__}: "
            f"{error!s:.200}). Take it out of its functions, or make the runs in this process, with "
            "limits=None or --in-process."
        ) from error


@contextmanager
def _by_value(arguments: tuple[Any, ...]) -> Iterator[None]:
    """Send the functions of tasks as they are: the user's modules may not be found by name, or do much."""
    names = {
        getattr(function, "__module__", None)
        for task in arguments
        for function in vars(getattr(task, "scenario", None) or SimpleNamespace()).values()
        if callable(function)
    }
    found = [module for name in names - {"__main__"} if (module := sys.modules.get(str(name)))]
    modules = [module for module in found if users_file(module)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _reduced_code(code: CodeType) -> tuple[Any, ...]:
    """Reduce code to bytes that keep its file's name, without which no line of a file could be told."""
    return marshal.loads, (marshal.dumps(code),)
