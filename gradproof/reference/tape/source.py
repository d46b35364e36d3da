"""Where in the user's loss an operation was called."""

import inspect
import os
from pathlib import Path
from typing import NamedTuple

OURS = str(Path(__file__).resolve().parents[2]) + os.sep
"""What the paths of gradproof's own files begin with."""

_REFERENCE = str(Path(__file__).resolve().parents[1]) + os.sep


class Source(NamedTuple):
    """A line of a file."""

    file: str
    line: int

    def __str__(self) -> str:
        """As compilers write it, so that editors can follow it; relative below the working folder."""
        path = Path(self.file)
        shown = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
        return f"{shown}:{self.line}"


UNKNOWN = Source("<unknown>", 0)


def caller() -> Source:
    """The nearest calling line outside gradproof/reference: the user's own."""
    frame = inspect.currentframe()
    while frame is not None and frame.f_code.co_filename.startswith(_REFERENCE):
        frame = frame.f_back
    return UNKNOWN if frame is None else Source(frame.f_code.co_filename, frame.f_lineno)
