"""docs/reference/functions.md has every function of `xp.nn` and `xp.special`, as it is called."""

import inspect
import re
from pathlib import Path

import pytest

from gradproof.reference.numbers import Plain
from gradproof.reference.tape import Tape
from gradproof.reference.tape.namespace import Namespace

PAGE = (Path(__file__).parents[1] / "docs" / "reference" / "functions.md").read_text(encoding="utf-8")
XP = Namespace(Tape(Plain()))


def called(name: str, function: object) -> str:
    parameters = inspect.signature(function).parameters.values()  # type: ignore[arg-type] # functions
    bare = [each.replace(annotation=inspect.Parameter.empty) for each in parameters]
    return f"{name}{inspect.Signature(bare)}"


@pytest.mark.parametrize("space", ["nn", "special"])
def test_the_page_has_each_function_once_as_it_is_called(space: str) -> None:
    functions = {
        name: getattr(getattr(XP, space), name) for name in dir(getattr(XP, space)) if name[0] != "_"
    }
    tables = re.findall(rf"^\| `xp\.{space}\.` \|.*?(?=\n\n)", PAGE, flags=re.MULTILINE | re.DOTALL)
    rows = re.findall(r"^\| `(\w+\(.*?\))` \| .+ \|$", "\n".join(tables), flags=re.MULTILINE)
    assert sorted(rows) == sorted(called(name, function) for name, function in functions.items())
