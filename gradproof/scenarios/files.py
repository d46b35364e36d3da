"""Scenario objects from a user's Python file."""

import sys
import traceback
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from gradproof.errors import GradproofError, InputError
from gradproof.scenarios.scenario import Scenario


def load_scenarios(path: str | Path) -> list[Scenario]:
    """Run a Python file and collect the Scenario objects that it defines at its top level.

    Raises:
        InputError: there is no such file, it raises, or it defines no Scenario.
    """
    origin = str(path)
    path = Path(path).absolute()  # as tracebacks have it
    if not path.is_file():
        raise InputError(f"There is no file {path}. Check the path, or name a scenario without .py.")
    name = f"gradproof_file_{path.stem}"  # never that of another module
    spec = spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise InputError(f"{path} cannot be read as a Python file. Give a file whose name ends in .py.")
    module = module_from_spec(spec)
    # Some code looks its own module up (dataclasses, say). It does not stay: what stays would be pickled by
    # its name, and other processes do not know the name.
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except GradproofError:
        raise
    except (Exception, SystemExit) as error:
        raise InputError(
            f"{path} raises when it is run:\n{_own_traceback(error, path)}Mend the file and call again."
        ) from error
    finally:
        sys.modules.pop(name, None)
    found = list(
        {id(value): value for value in vars(module).values() if isinstance(value, Scenario)}.values()
    )
    if not found:
        raise InputError(
            f"{path} defines no Scenario at its top level. Add one, for example "
            "`scenario = gradproof.Scenario(name=..., loss=..., params=..., batch=...)`."
        )
    return [replace(scenario, origin=origin) for scenario in found]


def _own_traceback(error: BaseException, path: Path) -> str:
    """Give the traceback from the user's file on, without gradproof's own frames above it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [number for number, frame in enumerate(frames) if Path(frame.filename) == path]
    shown = frames[own[0] :] if own else []
    return "".join(traceback.format_list(shown) + traceback.format_exception_only(error))
