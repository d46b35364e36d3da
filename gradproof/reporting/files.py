"""Writing files whole or not at all."""

import contextlib
import os
import tempfile
from pathlib import Path

from gradproof.errors import InputError


def write_whole(path: Path, text: str) -> None:
    """Write a text file so that a reader sees either what was there before or all of the new text.

    The text goes into a temporary file beside it, which is then renamed: a killed process, a full disk or an
    exception leaves the file that was there before.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    except OSError as error:
        raise cannot_write(path, error) from error
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        # mkstemp makes files that only their owner may read; a report is for others too.
        umask = os.umask(0)
        os.umask(umask)
        Path(temporary).chmod(0o666 & ~umask)
        Path(temporary).replace(path)
    except OSError as error:
        raise cannot_write(path, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(temporary).unlink()


def cannot_write(path: Path, error: OSError) -> InputError:
    """Make the exception that tells why a file or folder cannot be written."""
    reason = error.strerror or str(error)
    return InputError(
        f"{path} cannot be written: {reason[:1].lower()}{reason[1:]}. Give another folder, or free this one."
    )
