"""The documents' scenarios by name, found in their folders."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from gradproof.errors import InputError
from gradproof.inputs import suggestion
from gradproof.scenarios.scenario import Scenario

_DOCUMENTS = Path(__file__).parent / "documents"

CATALOGUE: dict[str, Callable[[], Scenario]] = {
    name: build
    for folder in iter_modules([str(_DOCUMENTS)])
    for name, build in import_module(f"gradproof.scenarios.documents.{folder.name}.system").SCENARIOS.items()
}
"""What builds each scenario. A document is a folder; the `SCENARIOS` of its `system.py` names what it has."""


def scenario(name: str) -> Scenario:
    """Build the documents' scenario of that name.

    Raises:
        InputError: there is none; the nearest name is told.

    >>> scenario("line_fit").training.learning_rate
    0.01
    """
    if name not in CATALOGUE:
        near = suggestion(name, CATALOGUE)
        raise InputError(f"There is no scenario called {name!r}.{near} `gradproof list` shows them all.")
    return replace(CATALOGUE[name](), origin=name)
