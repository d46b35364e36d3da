"""Processes for runs, lent to a worker of an executor and kept between the runs of one verification."""

import multiprocessing
import multiprocessing.util
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from gradproof.errors import InputError
from gradproof.running.isolated import IsolatedExecutor
from gradproof.running.limits import Limits

_IDLE = 60.0
"""Seconds that a process is kept which has nothing to do, with the frameworks that it has imported."""


@dataclass
class _Stock:
    """The processes of this worker, by the verification that they are for."""

    idle: dict[str, list[tuple[float, IsolatedExecutor]]] = field(default_factory=dict)
    busy: dict[str, set[IsolatedExecutor]] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    is_emptied_at_exit: bool = False
    is_looked_through: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)


_stock = _Stock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_stock.__init__)  # type: ignore[misc] # what it holds is the parent's


@contextmanager
def lent(verification: str, limits: Limits) -> Iterator[IsolatedExecutor]:
    """Lend a process for one run: one that made runs of this verification before, or a fresh one.

    Raises:
        InputError: the verification has ended meanwhile, or no process can be had.
    """
    if multiprocessing.current_process().daemon:
        # Workers of dask are, and may then not start processes: these end when this one does, in any case.
        multiprocessing.current_process().daemon = False
    with _stock.lock:
        if not _stock.is_emptied_at_exit:
            _stock.is_emptied_at_exit = True
            # Before this process ends its children one by one, as each of them would be replaced by another.
            multiprocessing.util.Finalize(None, _end_everything, exitpriority=1)
        if verification in _stock.ended:
            raise InputError("The verification that asked for this run has ended. Start it again.")
        kept = _stock.idle.get(verification)
        executor = kept.pop()[1] if kept else IsolatedExecutor(1, limits)
        _stock.busy.setdefault(verification, set()).add(executor)
    try:
        yield executor
    finally:
        with _stock.lock:
            if verification not in _stock.ended:
                _stock.busy[verification].discard(executor)
                _stock.idle.setdefault(verification, []).append((time.monotonic(), executor))
            if not _stock.is_looked_through:
                _look_through_later()


def _look_through_later() -> None:
    """End idle processes in a while; the lock is held."""
    _stock.is_looked_through = True
    timer = threading.Timer(_IDLE, _end_idle)
    timer.daemon = True
    timer.start()


def _end_idle() -> None:
    """End processes that were idle for long: who asked for their runs may be on another machine."""
    before = time.monotonic() - _IDLE
    with _stock.lock:
        long_idle = [each for kept in _stock.idle.values() for since, each in kept if since <= before]
        for verification, kept in [*_stock.idle.items()]:
            _stock.idle[verification] = [(since, each) for since, each in kept if since > before]
        _stock.is_looked_through = False
        if any(_stock.busy.values()) or any(_stock.idle.values()):
            _look_through_later()
    for executor in long_idle:
        executor.shutdown(cancel_futures=True)


def _end_everything() -> None:
    end_all(*_stock.idle, *_stock.busy)


def end_all(*verifications: str) -> None:
    """End the processes of verifications that this process has lent, whatever they are doing."""
    executors: set[IsolatedExecutor] = set()
    with _stock.lock:
        for each in verifications:
            _stock.ended.add(each)
            executors |= _stock.busy.pop(each, set())
            executors |= {executor for _, executor in _stock.idle.pop(each, [])}
    for executor in executors:
        executor.shutdown(cancel_futures=True)
