"""What a command tells the outside: on its standard streams, whatever they lead to, and by its exit status.

Imports nothing that costs time.
"""

import errno
import io
import os
import sys

from gradproof.errors import GradproofError, InputError

TYPE_CHECKING = False  # see gradproof/__init__.py
if TYPE_CHECKING:
    from collections.abc import Callable


class _Output(io.BufferedWriter):
    """A stream that never raises: what prints may be code of the user's, which would be blamed for it.

    Beneath it lies no code of Python's own: an interruption in there would come after bytes were written and
    before that was noted, and they would be written again.

    Attributes:
        failure: what the first write that failed raised; None where a pipe's reader has seen enough.
    """

    failure: OSError | None = None

    def write(self, data: object, /) -> int:
        """Write, or remember why not."""
        try:
            return super().write(data)  # type: ignore[arg-type] # whatever a text hands on
        except OSError as error:
            self._remember(error)
            return len(data)  # type: ignore[arg-type]

    def flush(self) -> None:
        """Write out what is kept, or remember why not."""
        try:
            super().flush()
        except OSError as error:
            self._remember(error)

    def _remember(self, error: OSError) -> None:
        if error.errno != errno.EPIPE:
            self.failure = self.failure or error


def prepare_streams() -> None:
    """Make printing safe in the process of the command.

    Characters that an encoding lacks are printed as escapes. The reader of a pipe may leave (`| head -1`),
    which changes nothing else. Any other failure is kept for `check_written`.

    Raises:
        InputError: standard output is closed.
    """
    if sys.stderr is None:  # it was closed when Python started; nobody wants what goes there
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - no pathlib; as long as the process
    if sys.stdout is None:
        raise InputError(
            "Standard output is closed, so that nothing can be told. Send it to a file, or to /dev/null."
        )
    for number, name in ((1, "stdout"), (2, "stderr")):
        old = getattr(sys, name)
        safe = io.TextIOWrapper(
            _Output(io.FileIO(number, "w", closefd=False)),
            encoding=old.encoding,
            errors="backslashreplace" if old.errors == "strict" else old.errors,
            line_buffering=old.line_buffering,
        )
        setattr(sys, name, safe)


def check_written() -> None:
    """Write out what is left of the output.

    Raises:
        InputError: something of it could not be written.
    """
    sys.stdout.flush()
    output = getattr(sys.stdout, "buffer", None)
    failure = output.failure if isinstance(output, _Output) else None
    if failure is not None:
        why = (failure.strerror or str(failure)).lower()
        raise InputError(
            f"Standard output cannot be written: {why}. Send it elsewhere and call again: what was found "
            "could not be told."
        )


def told_status(run: "Callable[[], int]") -> int:
    """Run a command's work in this process, tell what ends it, and give the exit status.

    An exception that is nobody's fault but gradproof's is not caught.
    """
    try:
        status = run()
        check_written()
    except GradproofError as error:
        print(f"gradproof: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        import signal  # noqa: PLC0415 - takes as long as the rest of this module

        number = error.args[0] if error.args else signal.SIGINT
        number = number if isinstance(number, signal.Signals) else signal.SIGINT
        what = "interrupted" if number == signal.SIGINT else f"ended by {number.name}"
        print(f"gradproof: {what}; no report was written.", file=sys.stderr)
        return 128 + number
    return status
