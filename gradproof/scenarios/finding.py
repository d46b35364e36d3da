"""Finding scenarios: the documents' by name, a user's in a Python file."""

import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from gradproof.errors import InputError
from gradproof.inputs import suggestion
from gradproof.scenarios.gallery import GALLERY
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import run_file

_DOCUMENTS = Path(__file__).parent / "documents"

CATALOGUE: dict[str, Callable[[], Scenario]] = {
    name: build
    for folder in iter_modules([str(_DOCUMENTS)])
    for name, build in import_module(f"gradproof.scenarios.documents.{folder.name}.system").SCENARIOS.items()
}
"""What builds each scenario. A document is a folder; the `SCENARIOS` of its `system.py` names what it has."""


def scenario(name: str) -> Scenario:
    """Build the scenario of that name, of the documents or of the gallery.

    Raises:
        InputError: there is none; the nearest name is told.

    >>> scenario("line_fit").training.learning_rate
    0.01
    """
    known = CATALOGUE | GALLERY
    if name not in known:
        near = suggestion(name, known)
        raise InputError(f"There is no scenario called {name!r}.{near} `gradproof list` shows them all.")
    return replace(known[name](), origin=name)


def find_scenarios(given: Any) -> list[Scenario]:
    """Give scenarios, of which some or all may be named.

    Args:
        given: one or several of: a Scenario; the name of one that `gradproof list` shows; a file of them,
            `FILE.py` or `FILE.py::NAME`.

    Raises:
        InputError: there is none of that name, or what is given is neither.

    >>> [scenario.name for scenario in find_scenarios(["line_fit", "neuron_chain"])]
    ['line_fit', 'neuron_chain']
    """
    several = isinstance(given, Iterable) and not isinstance(given, str)
    found: list[Scenario] = []
    for entry in given if several else (given,):
        if isinstance(entry, Scenario):
            found.append(entry)
        elif isinstance(entry, str):
            found += load_scenarios(entry) if is_file_target(entry) else [scenario(entry)]
        else:
            raise InputError(
                f"{entry!r:.60} is no scenario. Give a gradproof.Scenario, a name that `gradproof list` "
                "shows, or a file, as FILE.py or FILE.py::NAME."
            )
    return found


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
    path = Path(file).absolute()
    found = _defined(path)
    alone = len(found) == 1
    scenarios = {
        variable: replace(each, origin=file if alone else f"{file}::{variable}")
        for variable, each in found.items()
    }
    if not name:
        return list(scenarios.values())
    if name in scenarios:
        return [scenarios[name]]
    named = [each for each in scenarios.values() if each.name == name]
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
    module = run_file(path)
    # What stays would be pickled by its name, and other processes do not know the name.
    sys.modules.pop(module.__name__, None)
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
