"""What happens inside a process that gradproof started for runs."""

import os
import pickle
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from gradproof.running.limits import hold_memory

_LOOKS = 0.5
"""Seconds between two looks of a process at whether the one that started it is still there."""

SPOILED = 77
"""The exit status of a process that an earlier task left in a state which cannot be restored."""

EXITED = 78
"""The exit status of a process that code ended with status 0: `pebble` would wait for its task for ever."""

_spoiled = threading.Event()
_inside = threading.Event()


def prepare(parent: int, memory: int, modules: Sequence[str]) -> None:
    """Prepare this process: it ends when the one that started it has, and holds no more memory than it may.

    Args:
        parent: the process that started it, whatever ends that one; it may be in the middle of a long run.
        memory: bytes; 0 for no limit.
        modules: what is imported now, so that it takes none of a run's time.
    """
    for module in modules:
        import_module(module)
    _inside.set()
    hold_memory(memory)
    end = os._exit
    os._exit = lambda status: end(status or EXITED)

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOKS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def is_inside() -> bool:
    """Tell whether this process makes runs for another one."""
    return _inside.is_set()


def spoil() -> None:
    """Let this process be replaced before the next task."""
    _spoiled.set()


def perform(payload: bytes, output: str) -> Any:
    """Carry out a pickled call; what it prints, by whatever means, goes into files.

    Args:
        payload: the function and its arguments, pickled.
        output: the beginning of the path: `.1` for the standard output and `.2` for errors follow. They are
            written so that they may be cut while they grow.
    """
    if _spoiled.is_set():
        os._exit(SPOILED)
    with _printing_into(output):
        call: tuple[Callable[..., Any], tuple[Any, ...]] = pickle.loads(payload)  # noqa: S301 - our own process sent it
        function, arguments = call
        return function(*arguments)


@contextmanager
def _printing_into(output: str) -> Iterator[None]:
    kept = {1: os.dup(1), 2: os.dup(2)}
    _flush()
    for number in kept:
        descriptor = os.open(f"{output}.{number}", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(descriptor, number)
        os.close(descriptor)
    try:
        yield
    finally:
        _flush()
        for number, descriptor in kept.items():
            os.dup2(descriptor, number)
            os.close(descriptor)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (OSError, ValueError, AttributeError):  # closed, or put aside by what ran here
            continue


def tail(output: Path, lines: int = 5, most: int = 2000) -> str:
    """Give the last lines that were printed into a file; empty where there are none."""
    if not output.is_file():
        return ""
    with output.open("rb") as stream:
        stream.seek(max(0, stream.seek(0, os.SEEK_END) - most))
        text = stream.read().decode("utf-8", errors="replace")
    return "\n".join(text.strip().splitlines()[-lines:])
