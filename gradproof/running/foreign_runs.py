"""Runs on an executor of the user's: what is sent there, what is done there, and what comes back.

Whatever the executor is made of (threads, processes, machines), each of its workers makes a run in a fresh
process beside itself, with the limits that hold everywhere. So all that is asked of an executor is to call a
function on bytes, and of a worker that gradproof is installed there, of the same version.
"""

import os
import pickle
import platform
import secrets
import sys
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cache
from importlib.metadata import version
from typing import Any

from gradproof.reference.source import see_from
from gradproof.reporting.environment import machine
from gradproof.running.executing import spread
from gradproof.running.lending import end_all, lent
from gradproof.running.limits import Limits
from gradproof.running.own_runs import longest_first
from gradproof.running.pickling import pickled
from gradproof.running.task import Task, carry_out
from gradproof.running.user_modules import UserModules
from gradproof.verdicts.records import NotRun, Outcome, RunStatus, Subject

_QUICKLY = 1
"""How hard zlib compresses what travels: the digits of records shrink to a third in little time."""


@dataclass(frozen=True)
class Parcel:
    """One run, as it travels to a worker.

    Attributes:
        subject: which one.
        limits: what it may take.
        verification: which one it belongs to.
        versions: what has to be the same there.
        contents: the working folder, the user's modules and the task, packed.
    """

    subject: Subject
    limits: Limits
    verification: str
    versions: Mapping[str, str]
    contents: bytes = field(repr=False)


@dataclass(frozen=True)
class Reply:
    """What a worker gives back.

    Attributes:
        lane: the thread, of whichever machine, that waited for the run; None where none gave an answer.
        machine: what the result may depend on there.
        contents: an Outcome or a NotRun, packed.
    """

    lane: tuple[str, int, int] | None
    machine: Mapping[str, Any]
    contents: bytes = field(repr=False)


class ForeignRuns:
    """The runs of one verification on an executor that is not gradproof's own.

    Args:
        executor: where.
        limits: of each run.
    """

    def __init__(self, executor: Executor, limits: Limits) -> None:
        """Start nothing yet."""
        self._executor = executor
        self._limits = limits
        self._verification = secrets.token_hex(8)
        self._lanes: set[object] = set()

    @property
    def processes(self) -> int:
        """How many runs were made side by side."""
        return max(1, len(self._lanes))

    def results(self, tasks: Sequence[Task]) -> Iterator[Outcome | NotRun]:
        """Give the results as they come; those of a machine like this one do not say where they are from."""
        here = machine()
        modules = UserModules.loaded([each for task in tasks for each in vars(task.scenario).values()])
        parcels = [self._parcel(task, modules) for task in longest_first(tasks)]
        try:
            for reply in spread(carry_out_sent, parcels, self._executor, _no_reply):
                self._lanes |= {reply.lane} - {None}
                result = _unpacked(reply.contents)
                yield result if reply.machine == here else replace(result, machine=reply.machine)
        finally:
            end_all(self._verification)

    def _parcel(self, task: Task, modules: UserModules) -> Parcel:
        contents = _packed((os.getcwd(), modules, pickled(carry_out, (task,))))  # noqa: PTH109 - it travels as a text
        return Parcel(task.subject, self._limits, self._verification, _versions(), contents)


def _no_reply(parcel: Parcel, status: RunStatus, reason: str) -> Reply:
    return Reply(None, {}, _packed(NotRun(parcel.subject, reason, status)))


@cache
def _versions() -> dict[str, str]:
    return {"gradproof": version("gradproof"), "Python": ".".join(map(str, sys.version_info[:2]))}


def _packed(value: Any) -> bytes:
    return zlib.compress(pickle.dumps(value), _QUICKLY)


def _unpacked(contents: bytes) -> Any:
    """Unpack what this user's own processes packed, here or on a machine of theirs."""
    return pickle.loads(zlib.decompress(contents))  # noqa: S301 - see above


# -------------------------------------------------------------------- on a worker


def carry_out_sent(parcel: Parcel) -> Reply:
    """Make the run of a parcel in a process of its own, and tell where."""

    def lost(_: bytes, status: RunStatus, reason: str) -> bytes:
        return _packed(NotRun(parcel.subject, reason, status))

    wrong = {name: own for name, own in _versions().items() if parcel.versions.get(name) != own}
    if wrong:
        name, own = next(iter(wrong.items()))
        told = (
            f"the worker on {platform.node()} has {name} {own}, and the run was asked for by "
            f"{parcel.versions.get(name)}. Give all workers the same."
        )
        contents = lost(b"", RunStatus.FAILED, told)
    else:
        with lent(parcel.verification, parcel.limits) as executor:
            (contents,) = spread(_carry_out_packed, [parcel.contents], executor, lost)
    return Reply((platform.node(), os.getpid(), threading.get_ident()), machine(), contents)


def _carry_out_packed(contents: bytes) -> bytes:
    """Make a run in this process, which makes runs of one verification alone."""
    folder, modules, call = _unpacked(contents)
    see_from(folder)
    with modules.importable():
        function, arguments = pickle.loads(call)  # noqa: S301 - this user's own process pickled it
        return _packed(function(*arguments))
