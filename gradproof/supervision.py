"""Running a command in a process of its own, because the code that it runs is the user's and may do anything.

It may end the process (`os._exit(0)` is no success), crash it, or go on for ever. So the process that a user
starts runs none of that code: it starts another, waits for it, and believes only the status that this one
leaves in a file when its work is done. What it starts, it ends: all processes of the command are one group.
The file has no name, so that nothing is left of it, whatever ends the two.
Imports nothing that costs time.
"""

import faulthandler
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, NoReturn

from gradproof.streams import prepare_streams, told_status

_GRACE = 5.0
"""Seconds beyond a time limit in which a process tells where it is."""

_PATIENCE = 1.0
"""Seconds that a process has to end, once it was asked to."""

_PAUSE = 0.1
"""Seconds between two looks at whether a group of processes has ended."""

_TRIES = 20
"""How often a folder is removed that another thread is writing into."""

_FRAMES = 6
_ENDING = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


@dataclass(frozen=True)
class Work:
    """What is run in a process of its own.

    Attributes:
        arguments: of the command.
        name: what runs, as the subject of a sentence.
        goal: what it was to end with.
        time_limit: seconds for all of it; 0 for no limit.
        advice: what to do where it ended before.
    """

    arguments: Sequence[str]
    name: str
    goal: str
    time_limit: float = 0.0
    advice: str = "Take out what ends it (os._exit, a crash)."


# -------------------------------------------------------------------- the parent


def supervise(work: Work, perform: Callable[[Sequence[str]], int]) -> int:
    """Carry a command's work out in a process of its own, and give the exit status.

    It is 2 if the process ends before its work is done.

    Args:
        work: what to do.
        perform: what does it, and is called here only where the system has no groups of processes (Windows).
    """
    if not hasattr(os, "killpg"):
        return perform(work.arguments)
    with tempfile.TemporaryFile() as left, tempfile.TemporaryFile() as stack:
        status, signals = _carried_out(work, left, stack)
        if own_status := _text_of(left):
            return int(own_status)
        if signals:
            return 128 + signals[0]
        told = _ended(work, status, _text_of(stack))
        from gradproof.texts import visible  # noqa: PLC0415 - seldom needed

        print(f"gradproof: {visible(told, lines=True)}", file=sys.stderr)
        return 2


def _text_of(file: IO[bytes]) -> str:
    """Give what another process has written into a file that both have open."""
    file.seek(0)
    return file.read().decode("utf-8")


def _carried_out(work: Work, left: IO[bytes], stack: IO[bytes]) -> tuple[int, list[int]]:
    """Start the process and wait for it; give its own status, and the signals that came meanwhile."""
    alive, held = os.pipe()  # the process ends when nobody holds this any more
    descriptors = (alive, left.fileno(), stack.fileno())
    try:
        process = subprocess.Popen(  # noqa: S603 - this very Python
            [
                *(sys.executable, *_flags(), "-m", "gradproof.supervised"),
                *(*map(str, descriptors), str(work.time_limit), *work.arguments),
            ],
            stdin=subprocess.DEVNULL,
            pass_fds=descriptors,
            process_group=0,
        )
        os.close(alive)
        with _signals_handed_on(process) as signals:
            try:
                status = process.wait(work.time_limit + _GRACE if work.time_limit else None)
            except subprocess.TimeoutExpired:
                status = -signal.SIGKILL
            if not _text_of(left):
                _end_group(process)
    finally:
        os.close(held)
    return status, signals


def _flags() -> Iterator[str]:
    """Give the interpreter's flags with which modules are found, and warnings told, as in this process."""
    if sys.path[:1] not in ([""], [str(Path.cwd())]):
        yield "-P"
    yield from (f"-W{option}" for option in sys.warnoptions)


@contextmanager
def _signals_handed_on(process: "subprocess.Popen[bytes]") -> Iterator[list[int]]:
    """Hand signals that ask for an end on, give them, and end what does not heed the first one in time."""
    signals: list[int] = []

    def hand_on(number: int, _frame: FrameType | None) -> None:
        if not signals:
            timer = threading.Timer(_PATIENCE, _end_group, (process,))
            timer.daemon = True
            timer.start()
        signals.append(number)
        process.send_signal(number)

    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                before[number] = signal.signal(number, hand_on)
    try:
        yield signals
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_group(process: "subprocess.Popen[bytes]") -> None:
    """End a process and all that it started."""
    for number in (signal.SIGTERM, 0, 0, 0, 0, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except (ProcessLookupError, PermissionError):  # all have ended; macOS says the second
            break
        time.sleep(_PAUSE)
    process.wait()


def _ended(work: Work, status: int, stack: str) -> str:
    """Say why the process ended before its work was done."""
    if stack:
        where = "".join(f"\n{line}" for line in _users_frames(stack))
        return (
            f"{work.name} was still running after the time limit of {work.time_limit:g} s; it was at:"
            f"{where}\nMend the loop, or give more time with --time-limit."
        )
    if status == -signal.SIGKILL and work.time_limit:
        return (
            f"{work.name} was stopped after the time limit of {work.time_limit:g} s. Mend the loop, or give "
            "more time with --time-limit."
        )
    how = f"was ended by signal {-status}" if status < 0 else f"ended the process with status {status}"
    return f"{work.name} {how} before there was {work.goal}. {work.advice}"


def _users_frames(text: str) -> Iterator[str]:
    """Give the innermost lines of the user's own code from a dump of all threads; the main one is last."""
    package = str(Path(__file__).parent)
    lines = [
        line
        for line in text.rpartition("hread 0x")[2].splitlines()
        if line.startswith('  File "') and package not in line
    ]
    shown = [line for line in lines if "importlib" not in line and "<frozen" not in line]
    return iter(shown[:_FRAMES])


# -------------------------------------------------------------------- the child


def _interrupt(number: int, _frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt(signal.Signals(number))


def _end_with_parent(alive: int) -> None:
    """Wait until the parent is gone, whatever ended it, and end this process and all that it started.

    What it would have removed is removed here.
    """
    os.read(alive, 1)
    isolated = sys.modules.get("gradproof.running.isolated")
    for each in isolated.FOLDERS if isolated is not None else ():
        for _ in range(_TRIES):  # the other threads go on until this process ends, and may write into it
            shutil.rmtree(each, ignore_errors=True)
            if not Path(each).exists():
                break
    os.killpg(0, signal.SIGKILL)


def carry_out(
    perform: Callable[[Sequence[str]], int],
    alive: str,
    left: str,
    stack: str,
    time_limit: str,
    *arguments: str,
) -> NoReturn:
    """Carry a command's work out in this process, leave its status in a file, and end the process.

    Args:
        perform: what does the work.
        alive: a file descriptor that is at its end when the parent is.
        left: that of the file in which the status is left.
        stack: that of the file for where the process is when its time is up.
        time_limit: seconds; 0 for no limit.
        arguments: of the command.
    """
    threading.Thread(target=_end_with_parent, args=(int(alive),), daemon=True).start()
    for number in _ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    prepare_streams()
    if float(time_limit):
        faulthandler.dump_traceback_later(float(time_limit), exit=True, file=int(stack))
    try:
        status = told_status(lambda: perform(arguments))
    except BaseException:  # noqa: BLE001 - a fault of gradproof's, which is shown as Python would
        traceback.print_exc()
        status = 1
    faulthandler.cancel_dump_traceback_later()
    os.write(int(left), str(status).encode("ascii"))
    sys.stderr.flush()
    # Neither threads that the user's code started nor what it registered with atexit have a say any more.
    os._exit(status)
