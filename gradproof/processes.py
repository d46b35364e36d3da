"""Work that is spread over processes, which end when nobody waits for them any more."""

import marshal
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import as_completed
from concurrent.futures.process import BrokenProcessPool
from types import CodeType
from typing import Any, TypeVar

from loky import ProcessPoolExecutor

Item = TypeVar("Item")
Result = TypeVar("Result")

_LOOKS = 0.5
"""Seconds between two looks of a process at whether the one that started it is still there."""


def spread(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    workers: int,
    ended: Callable[[Item, str], Result],
) -> Iterator[Result]:
    """Apply a function to each item in fresh processes, and give the results as they come.

    Where a process ends in the middle of its work, what was not done yet is done once more, one by one, so
    that the item that ends it is known, and takes none of the others along.

    Args:
        function: what is called in the processes; an exception that it raises is raised here.
        items: in the order in which they are started; they may hold closures.
        workers: how many processes.
        ended: gives the result for an item that ends its process, from how it ended.
    """
    executor = _pool(workers)
    try:
        futures = {executor.submit(function, item): number for number, item in enumerate(items)}
        left = []
        for future in as_completed(futures):
            if isinstance(future.exception(), BrokenProcessPool):
                left.append(futures[future])
            else:
                yield future.result()
        broken = True
        for number in sorted(left):
            if broken:
                executor.shutdown(wait=True, kill_workers=True)
                executor = _pool(1)
            future = executor.submit(function, items[number])
            broken = isinstance(future.exception(), BrokenProcessPool)
            yield ended(items[number], _how(future.exception())) if broken else future.result()
    finally:
        executor.shutdown(wait=True, kill_workers=True)


def _pool(workers: int) -> Any:
    # loky starts fresh processes (a fork would copy the frameworks' threads in an undefined state) and can
    # send them the closures that scenarios are made of.
    return ProcessPoolExecutor(
        max_workers=workers,
        job_reducers={CodeType: _reduced_code},
        initializer=_end_with,
        initargs=(os.getpid(),),
    )


def _reduced_code(code: CodeType) -> tuple[Any, ...]:
    """Reduce code to bytes that keep its file's name, without which no line of a file could be told."""
    return marshal.loads, (marshal.dumps(code),)


def _end_with(parent: int) -> None:
    """Let this process end when its parent has, whatever ended it; it may be in the middle of a long run."""

    def look() -> None:
        while os.getppid() == parent:
            time.sleep(_LOOKS)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


def _how(error: BaseException | None) -> str:
    """Tell how a process ended, which loky's message ends with: `{EXIT(0)}`, `{SIGSEGV(-11)}`."""
    return str(error).rpartition("{")[2].partition("}")[0]
