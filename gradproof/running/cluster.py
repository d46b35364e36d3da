"""A cluster of dask.distributed, as an executor."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

from gradproof.errors import InputError

_CONNECTING = 10.0
"""Seconds that a scheduler has to answer."""

_WITHOUT_WORKERS = 60.0
"""Seconds that a cluster may be without a worker before its runs are given up."""

_LOOKS = 2.0
"""Seconds between two looks at which workers there are."""


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """Give an executor of a cluster: its runs are given up where it has had no worker for a minute.

    Args:
        address: of its scheduler, `tcp://HOST:8786` say.

    Raises:
        InputError: dask.distributed is not installed, or there is no scheduler, or it has no worker.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - only a cluster needs it
    except ImportError as error:
        raise InputError(
            "A cluster needs dask.distributed, which is not installed. Install it with: pip install "
            "'gradproof[dask]'"
        ) from error
    # What goes wrong is told in the rows; it would be told a second time, in the cluster's own words.
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        client = Client(address, timeout=_CONNECTING, set_as_default=False, name="gradproof")
    except (OSError, ValueError, TypeError) as error:
        raise InputError(
            f"There is no scheduler of dask at {address} ({error!s:.200}). Start one with `dask scheduler`, "
            "and give the address that it tells."
        ) from error
    try:
        _wait_for_a_worker(client, address)
        executor: Executor = client.get_executor(pure=False)
        closed = threading.Event()
        threading.Thread(target=_watch, args=(client, executor, closed), daemon=True).start()
        try:
            yield executor
        finally:
            closed.set()
    finally:
        client.close()


def _wait_for_a_worker(client: Any, address: str) -> None:
    try:
        client.wait_for_workers(1, timeout=_WITHOUT_WORKERS)
    except TimeoutError as error:
        raise InputError(
            f"The scheduler at {address} has no workers. Start some with `dask worker {address}`."
        ) from error


def _watch(client: Any, executor: Executor, closed: threading.Event) -> None:
    """Give runs up, which would else wait for ever, where all workers are gone and none comes."""
    looks = 0
    while not closed.wait(_LOOKS):
        try:
            looks = 0 if client.nthreads() else looks + 1
        except Exception:  # noqa: BLE001 - the scheduler is gone as well, in whatever way that shows
            looks += 1
        if looks * _LOOKS >= _WITHOUT_WORKERS:
            executor.shutdown(wait=False)
            return
