"""Files that no reader expects, and what a command may answer when it is given one."""

import contextlib
import io
import os
import pickle
import re
import resource
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from gradproof.cli import perform
from gradproof.streams import told_status


class Hang(BaseException):
    """An answer does not come."""


SECONDS = 20.0
MEMORY = 6 * 2**30
LONGEST = 12_000
"""An answer takes no longer, no more memory, and no more characters."""

ESCAPE = "\x1b[31mred\x1b[0m\x07"
_STEERING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]")


@dataclass(frozen=True)
class Case:
    """A hostile input.

    Attributes:
        name: what is hostile in it.
        make: makes it in an empty folder, and gives the command's arguments.
        refused: whether it has to be refused; else it may also be worked with.
    """

    name: str
    make: Callable[[Path], list[str]]
    refused: bool = True


@dataclass(frozen=True)
class Answer:
    """What a command answered: its status, None where it raised, and what it printed."""

    status: int | None
    raised: str
    errors: str
    output: str
    seconds: float


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(40 * 2**30)


def _link(path: Path, target: str) -> None:
    path.unlink(missing_ok=True)
    path.symlink_to(target)


BAD_FILES: Mapping[str, Callable[[Path], Any]] = {
    "a pipe": os.mkfifo,
    "endless zeros": lambda path: _link(path, "/dev/zero"),
    "endless noise": lambda path: _link(path, "/dev/urandom"),
    "a terminal": lambda path: _link(path, "/dev/tty"),
    "a link to itself": lambda path: _link(path, path.name),
    "a link to nothing": lambda path: _link(path, "nowhere"),
    "a folder": Path.mkdir,
    "40 GB of holes": _sparse,
    "missing": lambda _: None,
    "empty": lambda path: path.write_bytes(b""),
    "zeros": lambda path: path.write_bytes(bytes(10_000)),
    "a pickle": lambda path: path.write_bytes(pickle.dumps({"a": [1]})),
    "no UTF-8": lambda path: path.write_bytes(b"\xff\xfe\x00x" * 100),
    "a zip's beginning": lambda path: path.write_bytes(b"PK\x03\x04" + bytes(200)),
    "brackets": lambda path: path.write_bytes(b"[" * 100_000),
    "a long number": lambda path: path.write_bytes(b"1" * 100_000),
    "escapes": lambda path: path.write_bytes(ESCAPE.encode() * 100),
}
"""Kinds of files by what they are, with what makes them; nothing is at the path before."""

DANGEROUS = ("a pipe", "endless zeros", "endless noise", "a terminal", "40 GB of holes")
"""Those at which a careless reader never comes back."""


def put(path: Path, kind: str) -> None:
    """Put a bad file in a path's place."""
    path.unlink(missing_ok=True)
    BAD_FILES[kind](path)


@contextlib.contextmanager
def in_time(seconds: float = SECONDS) -> Iterator[None]:
    """Raise Hang in what does not come back."""

    hung = []

    def late(_number: int, _frame: FrameType | None) -> None:
        hung.append(seconds)
        raise Hang

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    if hung:  # and what was raised was told as something else
        raise Hang


def limit_memory() -> None:
    """Let this process have no more memory than an answer may need."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))


def answer(arguments: list[str]) -> Answer:
    """Run the command in this process, in bounded time."""
    output, errors, raised, status = io.StringIO(), io.StringIO(), "", None
    begin = time.monotonic()
    with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
        try:
            with in_time():
                status = told_status(lambda: perform(arguments))
        except SystemExit as error:
            status = int(error.code or 0)
        except BaseException as error:  # noqa: BLE001 - that is what is looked for
            raised = f"{type(error).__name__}: {error}"[:300]
    return Answer(status, raised, errors.getvalue(), output.getvalue(), time.monotonic() - begin)


def fault(found: Answer, *, refused: bool) -> str:
    """Tell what is wrong with an answer; empty if nothing is."""
    told = found.errors.partition("\ngradproof")[2] if found.errors.startswith("usage: ") else found.errors
    is_refusal = found.status == 2
    faults = {
        f"raises {found.raised}": bool(found.raised),
        f"exit status {found.status}": found.status not in ({2} if refused else {0, 1, 2}),
        "prints characters that steer a terminal": bool(_STEERING.search(found.errors + found.output)),
        "a traceback": "Traceback" in found.errors,
        f"an error of {len(told)} characters": is_refusal and len(told) > LONGEST,
        f"not two sentences: {told:.500}": is_refusal
        and told is found.errors
        and not re.fullmatch(r"gradproof: .*[.:]\s.*\.\n", told, re.DOTALL),
    }
    return next((text for text, there in faults.items() if there), "")
