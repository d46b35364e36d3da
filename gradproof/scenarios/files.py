"""Scenario objects from a user's Python file."""

import sys
import traceback
from dataclasses import replace
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

from gradproof.errors import GradproofError, InputError
from gradproof.scenarios.scenario import Scenario


def is_file_target(text: str) -> bool:
    """Tell whether a name on the command line is that of a file, `FILE.py` or `FILE.py::NAME`.

    >>> [is_file_target(each) for each in ("mine.py", "mine.py::first", "line_fit")]
    [True, True, False]
    """
    return text.endswith(".py") or ".py::" in text


def load_scenarios(target: str | Path) -> list[Scenario]:
    """Run a Python file and collect the Scenario objects that it defines at its top level.

    Args:
        target: `FILE.py` for all of them, or `FILE.py::NAME` for the one whose variable is called NAME; where
            no variable is, for the one that calls itself so.

    Returns:
        the scenarios, each with the target that gives it alone as its origin.

    Raises:
        InputError: there is no such file, it raises, or it defines no Scenario, or none of that name.
    """
    file, _, name = _parts(str(target))
    path = Path(file).absolute()  # as tracebacks have it
    found = _defined(path)
    alone = len(found) == 1
    scenarios = {
        variable: replace(scenario, origin=file if alone else f"{file}::{variable}")
        for variable, scenario in found.items()
    }
    if not name:
        return list(scenarios.values())
    if name in scenarios:
        return [scenarios[name]]
    named = [scenario for scenario in scenarios.values() if scenario.name == name]
    if not named:
        raise InputError(
            f"{path} defines no Scenario called {name!r}. Choose from "
            f"{', '.join(f'{file}::{variable}' for variable in scenarios)}."
        )
    return named


def _parts(target: str) -> tuple[str, str, str]:
    """Take a file and a name apart; a file may have colons in its own name."""
    return (target, "", "") if target.endswith(".py") else target.rpartition("::")


def _defined(path: Path) -> dict[str, Scenario]:
    """Run a file and give its Scenario objects by the variables that hold them, each once."""
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
    found: dict[int, tuple[str, Scenario]] = {}
    for variable, value in vars(module).items():
        if isinstance(value, Scenario):
            found.setdefault(id(value), (variable, value))
    if not found:
        raise InputError(
            f"{path} defines no Scenario at its top level. Add one, for example "
            "`scenario = gradproof.Scenario(name=..., loss=..., params=..., batch=...)`."
        )
    return dict(found.values())


def _own_traceback(error: BaseException, path: Path) -> str:
    """Give the traceback from the user's file on, without gradproof's own frames above it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [number for number, frame in enumerate(frames) if Path(frame.filename) == path]
    shown = frames[own[0] :] if own else []
    return "".join(traceback.format_list(shown) + traceback.format_exception_only(error))
