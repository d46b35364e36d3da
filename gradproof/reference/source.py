"""Where in the user's own code something happens."""

import inspect
import linecache
import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import islice
from pathlib import Path
from types import CodeType, FrameType, TracebackType
from typing import NamedTuple

import numpy as np

_HERE = Path(__file__).resolve()

OURS = str(_HERE.parents[1]) + os.sep
"""What the paths of gradproof's own files begin with."""

_REFERENCE = str(_HERE.parent) + os.sep

_BENEATH = (_REFERENCE, str(Path(np.__file__).resolve().parent) + os.sep, "<__array_function__")
"""What lies beneath a loss or a gradient that is run: this room, and NumPy, which calls it back."""


_DOCUMENTS = str(_HERE.parents[1] / "scenarios" / "documents") + os.sep
"""Whose losses and gradients are written as a user's are."""


_SCENARIOS = str(_HERE.parents[1] / "scenarios") + os.sep
"""Whose losses are gradproof's own, and told as such."""

INSTALLED = frozenset({"site-packages", "dist-packages"})
"""The folders that installers put packages into."""

_seen_from: list[Path] = []


def see_from(folder: str) -> None:
    """Let this process tell where files are as one with another working folder does, on another machine."""
    _seen_from[:] = [Path(folder)]


class Source(NamedTuple):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        """As compilers write it, so that editors can follow it; relative below the working folder.

        What is no line of a file has the number 0, and is called so.
        """
        if not self.line:
            return self.file
        path = Path(self.file)
        folder = _seen_from[-1] if _seen_from else Path.cwd()
        shown = path.relative_to(folder) if path.is_relative_to(folder) else path
        return f"{shown}:{self.line}"

    @property
    def expression(self) -> str:
        """What of the line it is, as it is written there; empty where that is not known."""
        return ""

    @property
    def module(self) -> str:
        """The part of a model that it belongs to (`encoder.layers.0.norm1`); empty where there is none."""
        return ""

    @property
    def backward(self) -> str:
        """Where the user's own derivative of it is written (`MyGelu.backward at model.py:40`), if one is."""
        return ""


class Instruction(Source):
    """A line of a file, of which the instruction is known, too; equal to any other source on the line."""

    code: CodeType
    instruction: int

    @property
    def expression(self) -> str:
        """What of the line it is, as it is written there; empty where it goes over several lines.

        Source: PEP 657, fine-grained error locations in tracebacks.
        """
        positions = next(islice(self.code.co_positions(), self.instruction // 2, None), (None,) * 4)
        line, last_line, start, end = positions
        if line is None or line != last_line or start is None or end is None:
            return ""
        # Columns count bytes of UTF-8.
        return linecache.getline(self.file, line).encode()[start:end].decode(errors="replace")


class ModelSource(Source):
    """A line of a model's forward pass; equal to any other source on it.

    >>> source = ModelSource.of("model.py", 31, "blocks.0.norm")
    >>> source.module, source == Source("model.py", 31)
    ('blocks.0.norm', True)
    """

    _module: str
    _backward: str

    @classmethod
    def of(cls, file: str, line: int, module: str, backward: str = "") -> "ModelSource":
        """Make one of its place; see `Source.module` and `Source.backward`."""
        made = cls(file, line)
        made._module, made._backward = module, backward
        return made

    @property
    def module(self) -> str:
        """The part of a model that it belongs to."""
        return self._module

    @property
    def backward(self) -> str:
        """Where the user's own derivative of it is written."""
        return self._backward


UNKNOWN = Source("an unknown line", 0)
UPSTREAM = Source("the upstream gradient", 0)
"""Where gradproof weights the outputs of an operation, so that an upstream gradient reaches it."""

_standing: ContextVar[Source | None] = ContextVar("standing", default=None)


@contextmanager
def standing_at(source: Source) -> Iterator[None]:
    """Let `caller` answer a line of code that is not run itself: of a model whose traced graph is replayed.

    >>> with standing_at(Source("model.py", 31)):
    ...     str(caller())
    'model.py:31'
    """
    token = _standing.set(source)
    try:
        yield
    finally:
        _standing.reset(token)


def caller() -> Source:
    """The nearest calling line outside of the reference and NumPy, or the one stood at: the user's own."""
    standing = _standing.get()
    if standing is not None:
        return standing
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_BENEATH):
        frame = frame.f_back
    if frame is None:
        return UNKNOWN
    found = Instruction(frame.f_code.co_filename, frame.f_lineno)
    found.code, found.instruction = frame.f_code, frame.f_lasti
    return found


def callers(code: CodeType) -> list[tuple[FrameType, Source]]:
    """The user's own functions that are being run, with the line that each is at, the outermost first.

    Code of installed packages that the user's calls is passed over.

    Args:
        code: of the function that calls the user's; what calls that is not looked at.
    """
    found: list[tuple[FrameType, Source]] = []
    frame = inspect.currentframe()
    while frame is not None and frame.f_code is not code:
        file = frame.f_code.co_filename
        if _is_users(file) and not INSTALLED & set(Path(file).parts):
            found.append((frame, Source(frame.f_code.co_filename, frame.f_lineno)))
        frame = frame.f_back
    return found[::-1]


def _is_users(file: str) -> bool:
    return not file.startswith((OURS, *_BENEATH)) or file.startswith(_DOCUMENTS)


def is_users(source: Source) -> bool:
    """Tell whether a line is the user's own, or a model's, and none that gradproof adds to a loss.

    >>> is_users(Source("mine.py", 3)), is_users(UPSTREAM)
    (True, False)
    """
    is_ours = source.file.startswith(OURS) and not source.file.startswith(_SCENARIOS)
    return source.line > 0 and not is_ours


def raised_at(error: BaseException) -> str:
    """Tell the innermost line of the user's own code that an exception came through, as ` at mine.py:3`.

    Code of installed packages that the user's calls is passed over; where all of it is installed, it is the
    user's. Empty if it came through none: the code was called with other arguments than it takes, say.
    """
    found, installed, place = UNKNOWN, UNKNOWN, error.__traceback__
    while place is not None:
        file = place.tb_frame.f_code.co_filename
        if _is_users(file):
            if INSTALLED & set(Path(file).parts):
                installed = _of(place)
            else:
                found = _of(place)
        place = place.tb_next
    found = installed if found is UNKNOWN else found
    return "" if found is UNKNOWN else f" at {found}"


def _of(place: TracebackType) -> Source:
    return Source(place.tb_frame.f_code.co_filename, place.tb_lineno)
