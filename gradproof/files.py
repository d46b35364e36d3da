"""Reading files that others wrote, whatever they are; every room may import it.

A pipe, a device or a file of 40 GB is told, not waited for. Imports nothing that costs time.
"""

import os
import stat
from pathlib import Path

from gradproof.errors import InputError

# A pipe is not waited for, and a terminal does not become this process's own; Windows has neither.
_QUIETLY = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOCTTY", 0) | getattr(os, "O_BINARY", 0)


def check_file(path: str | Path, most: int, advice: str = "Give a file.") -> int:
    """Give the size of a regular file that is small enough to be read, without opening it.

    Args:
        path: the file.
        most: bytes that it may have.
        advice: the sentence that tells what to do where it is none.

    Raises:
        InputError: it is a folder, a pipe or a device, or it is too large.
        OSError: there is no such file, or it cannot be looked at.
    """
    try:
        found = os.stat(path)  # noqa: PTH116 - a text may be a path, too
    except ValueError as error:  # a NUL in it
        raise InputError(f"{str(path)!r} cannot be the name of a file. Give another path.") from error
    return _checked(path, found, most, advice)


def read_bytes(path: str | Path, most: int, advice: str = "Give a file.") -> bytes:
    """Read a regular file, of at most so many bytes; `advice` as for `check_file`.

    Raises:
        InputError: as `check_file`.
        OSError: there is no such file, or it cannot be read.
    """
    check_file(path, most, advice)
    descriptor = os.open(path, os.O_RDONLY | _QUIETLY)
    with os.fdopen(descriptor, "rb") as file:
        _checked(path, os.fstat(descriptor), most, advice)  # another may stand there by now
        data = file.read(most + 1)
    if len(data) > most:  # some files of the system have no size
        raise _too_large(path, "more", most, advice)
    return data


def _checked(path: str | Path, found: os.stat_result, most: int, advice: str) -> int:
    if not stat.S_ISREG(found.st_mode):
        what = "a folder" if stat.S_ISDIR(found.st_mode) else "a pipe, a device or the like"
        raise InputError(f"{path} is no file but {what}. {advice}")
    if found.st_size > most:
        raise _too_large(path, f"{found.st_size:,}", most, advice)
    return found.st_size


def _too_large(path: str | Path, size: str, most: int, advice: str) -> InputError:
    return InputError(f"{path} has {size} bytes, and such a file has at most {most:,}. {advice}")
