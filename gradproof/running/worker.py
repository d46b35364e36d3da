"""What happens inside a process that gradproof started for runs."""

import os
import pickle
import shutil
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from loky.backend.reduction import dumps

from gradproof.running.limits import hold_memory

_LOOKS = 0.5
"""Seconds between two looks of a process at whether the one that started it is still there."""

_WANTED = ("gradproof.running.task",)
"""What is imported before the first task, so that it takes none of a run's time."""

_spoiled = threading.Event()
_inside = threading.Event()


def serve(connection: Connection, parent: int, memory: int, folder: str) -> None:
    """Carry out pickled calls, until there are no more or the process that started this one is gone.

    For each, b"begun" is sent, then its result, what it raised (one of them is None), and whether this
    process may carry out another. What a call prints, by whatever means, goes into files.

    Args:
        connection: gives the calls: the function and its arguments, pickled; and the beginning of a path:
            `.1` for the standard output and `.2` for errors follow. They are written so that they may be cut
            while they grow.
        parent: the process that started this one, whatever ends that one; it may be in the middle of a run.
        memory: bytes that this process may hold; 0 for no limit.
        folder: what is to be removed if that process is gone before it could.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # who started this process decides what becomes of it
    for module in _WANTED:
        import_module(module)
    _inside.set()
    hold_memory(memory)
    threading.Thread(target=_watch, args=(parent, folder), daemon=True).start()
    process = os.getpid()
    while True:
        try:
            payload, output = connection.recv()
        except EOFError:
            return
        connection.send(b"begun")
        reply = _reply(payload, output)
        if os.getpid() != process:
            os._exit(0)  # a copy of this process, which the call has made and let go on
        connection.send_bytes(reply)


def _watch(parent: int, folder: str) -> None:
    while os.getppid() == parent:
        time.sleep(_LOOKS)
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)


def _reply(payload: bytes, output: str) -> bytes:
    result, error = None, None
    try:
        with _printing_into(output):
            function, arguments = pickle.loads(payload)  # noqa: S301 - the process that started this one sent it
            result = function(*arguments)
    except BaseException as raised:  # noqa: BLE001 - what a call raises is told where it was asked for
        error = raised
    try:
        return bytes(dumps((result, error, not _spoiled.is_set())))
    except Exception as problem:  # noqa: BLE001 - objects of the user's may do anything when they are pickled
        told = RuntimeError(f"what it gives cannot be sent back ({type(problem).__name__}: {problem!s:.200})")
        return bytes(dumps((None, told, not _spoiled.is_set())))


def is_inside() -> bool:
    """Tell whether this process makes runs for another one."""
    return _inside.is_set()


def spoil() -> None:
    """Let this process be replaced before the next task."""
    _spoiled.set()


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
