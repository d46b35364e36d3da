"""Scenario objects from a user's Python file."""

import traceback
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from gradproof.errors import GradproofError, InputError
from gradproof.scenarios.scenario import Scenario


def load_scenarios(path: str | Path) -> list[Scenario]:
    """Run a Python file and collect the Scenario objects that it defines at its top level.

    Raises:
        InputError: there is no such file, it raises, or it defines no Scenario.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"There is no file {path}. Check the path, or name a scenario without .py.")
    spec = spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be read as a Python file. Give a file whose name ends in .py.")
    module = module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except GradproofError:
        raise
    except Exception as error:
        raise InputError(
            f"{path} raises when it is run:\n{_own_traceback(error, path)}Mend the file and call again."
        ) from error
    found = [value for value in vars(module).values() if isinstance(value, Scenario)]
    if not found:
        raise InputError(
            f"{path} defines no Scenario at its top level. Add one, for example "
            "`scenario = gradproof.Scenario(name=..., loss=..., params=..., batch=...)`."
        )
    return found


def _own_traceback(error: Exception, path: Path) -> str:
    """Give the traceback from the user's file on, without gradproof's own frames above it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [number for number, frame in enumerate(frames) if Path(frame.filename) == path]
    shown = frames[own[0] :] if own else []
    return "".join(traceback.format_list(shown) + traceback.format_exception_only(error))
