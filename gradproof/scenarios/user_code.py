"""Running a user's Python file, and telling where the user's own code raises."""

import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from gradproof.errors import GradproofError, InputError
from gradproof.files import check_file
from gradproof.reference.source import OURS
from gradproof.texts import shortened

_MOST_BYTES = 2**24
_FRAMES = 20
_LONGEST = 1_000
"""No file of code is larger; of a traceback no more is shown: frames, and characters of a line or message."""


def run_file(path: str | Path) -> ModuleType:
    """Run a Python file as a module that finds its imports as under `python FILE.py`: also beside the file.

    Returns:
        the module, under a name that is no other module's. It stays in `sys.modules`, because some code looks
        its own module up (dataclasses, say).

    Raises:
        InputError: there is no such file, it has a syntax error, or it raises.
    """
    path = Path(path).absolute()  # as tracebacks have it
    try:
        check_file(path, _MOST_BYTES, "Give a Python file.")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(
            f"There is no file {path}. Check the path, or name a scenario without .py."
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. Give another file.") from error
    name = f"gradproof_file_{path.stem}"
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be read as a Python file. Give a file whose name ends in .py.")
    module = module_from_spec(spec)
    sys.modules[name] = module
    if str(path.parent) not in sys.path:
        # Last, so that a file of the user's called random.py, say, is not taken for Python's own by others.
        sys.path.append(str(path.parent))
    try:
        spec.loader.exec_module(module)
    except (GradproofError, KeyboardInterrupt):
        raise
    except BaseException as error:
        what = "is no valid Python" if isinstance(error, SyntaxError) else "raises when it is run"
        raise InputError(f"{path} {what}:\n{own_traceback(error)}Mend the file and call again.") from error
    return module


def own_traceback(error: BaseException) -> str:
    """Give the traceback of an exception without gradproof's own frames, and shortened."""
    frames = traceback.extract_tb(error.__traceback__)
    shown = [frame for frame in frames if not frame.filename.startswith((OURS, "<frozen importlib"))]
    lines = [shortened(line, _LONGEST) for line in traceback.format_list(shown)]
    left_out = [f"  ... {len(lines) - _FRAMES} lines of the traceback ...\n"] if len(lines) > _FRAMES else []
    message = "".join(traceback.format_exception_only(error))
    return "".join([*left_out, *lines[-_FRAMES:], shortened(message.rstrip(), _LONGEST), "\n"])


@contextmanager
def ends_nothing(*, anything: bool = False) -> Iterator[None]:
    """Let nothing that runs a user's code end the process as if all were well; also a decorator.

    Args:
        anything: whether anything else that is no Exception is told, too. A test runner has such of its own,
            to skip a test, say.

    Raises:
        InputError: the code raised SystemExit (by sys.exit, say) or GeneratorExit.
    """
    try:
        yield
    except (Exception, KeyboardInterrupt):
        raise
    except BaseException as error:
        if not (anything or isinstance(error, SystemExit | GeneratorExit)):
            raise
        raise InputError(
            f"The code that was run ends the process:\n{own_traceback(error)}Let it return, or raise another "
            "exception."
        ) from error


def called(what: str, evaluate: Callable[[], Any]) -> Any:
    """Call the user's code, so that an exception of it comes back with the user's own lines alone.

    Raises:
        InputError: the code raises.
    """
    try:
        return evaluate()
    except GradproofError:
        raise
    except Exception as error:
        raise InputError(
            f"The {what} raises an exception:\n{own_traceback(error)}Mend it and check again."
        ) from error
