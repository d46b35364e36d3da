"""The fingerprint of a scenario: what changes it, what does not, and that every process gives the same."""

import functools
import os
import statistics
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from pathlib import Path
from types import FunctionType
from typing import Any

import numpy as np
import pytest

from gradproof.reference import trees
from gradproof.reference.descent import GradientDescent, MiniBatches
from gradproof.scenarios import CATALOGUE, Provenance, Scenario

Function = Callable[..., Any]


def loss(xp, params, batch):
    return xp.sum((params["w"] * batch["x"]) ** 2)


def scenario(**changed: Any) -> Scenario:
    given = {
        "name": "one",
        "loss": loss,
        "params": {"w": np.array([1.0, 2.0])},
        "batch": {"x": np.array([3.0, 4.0])},
        "training": GradientDescent(learning_rate=0.5, steps=3),
    }
    return Scenario(**{**given, **changed})


def defined(source: str, name: str = "f", file: str = "a.py") -> Function:
    """A function of a module of its own, from its source."""
    module: dict[str, Any] = {"np": np, "__name__": "a_module"}
    exec(compile(source, file, "exec"), module)  # noqa: S102 - the source stands in this file
    return module[name]


DATA = {
    "a parameter": {"params": {"w": np.array([1.0, np.nextafter(2.0, 3.0)])}},
    "a parameter's sign of zero": {"params": {"w": np.array([1.0, -0.0])}},
    "a parameter's shape": {"params": {"w": np.array([[1.0], [2.0]])}},
    "a parameter's dtype": {"params": {"w": np.array([1.0, 2.0], dtype=np.float32)}},
    "a parameter's name": {"params": {"v": np.array([1.0, 2.0])}},
    "the nesting": {"params": {"w": [np.array([1.0, 2.0])]}},
    "the data": {"batch": {"x": np.array([3.0, 5.0])}},
    "the learning rate": {"training": GradientDescent(learning_rate=0.25, steps=3)},
    "the steps": {"training": GradientDescent(learning_rate=0.5, steps=4)},
    "mini-batches": {
        "training": GradientDescent(learning_rate=0.5, steps=3, mini_batches=MiniBatches(size=1, seed=0))
    },
    "no training": {"training": None},
}


@pytest.mark.parametrize("changed", DATA.values(), ids=DATA)
def test_other_data_change_the_first_half_alone(changed: dict[str, Any]) -> None:
    before, after = scenario().fingerprint.split("-"), scenario(**changed).fingerprint.split("-")
    assert before[0] != after[0]
    assert before[1] == after[1]


@dataclass(frozen=True)
class Network:
    scale: float
    name: str = "plain"

    def gradient(self, params, batch):
        return {"w": self.scale * params["w"] * batch["x"]}


def closure(value: Any) -> Function:
    return lambda *_: value


def nested(value: float) -> Function:
    inner = closure(value)
    return lambda *arguments: 1.0 * inner(*arguments)


ONE = """\
SCALE = 2.0
def g(x):
    return x * SCALE
def f(xp, params, batch):
    return g(xp.sum(params['w']))
"""


class Colour(Enum):
    RED = 1
    BLUE = 2


def unfilled() -> Function:
    """A function whose closure refers to what has no value any more."""
    value = 1.0

    def f(*_: Any) -> float:
        return value  # noqa: F821 - which is what is tried

    del value
    return f


DECORATED = """\
from functools import lru_cache
@lru_cache
def g(x):
    return x * 2.0
def f(xp, p, b):
    return g(p)
"""

CODE: dict[str, tuple[Function, Function]] = {
    "a constant": (defined("f = lambda xp, p, b: 2.0 * p"), defined("f = lambda xp, p, b: 3.0 * p")),
    "an operation": (defined("f = lambda xp, p, b: p + b"), defined("f = lambda xp, p, b: p - b")),
    "an attribute": (defined("f = lambda xp, p, b: xp.sum(p)"), defined("f = lambda xp, p, b: xp.mean(p)")),
    "a key": (defined("f = lambda xp, p, b: p['v']"), defined("f = lambda xp, p, b: p['w']")),
    "int and float": (defined("f = lambda xp, p, b: 2 * p"), defined("f = lambda xp, p, b: 2.0 * p")),
    "True and 1": (defined("f = lambda xp, p, b: p + True"), defined("f = lambda xp, p, b: p + 1")),
    "an inner function": (
        defined("f = lambda xp, p, b: (lambda: 1.0)()"),
        defined("f = lambda xp, p, b: (lambda: 2.0)()"),
    ),
    "a default": (
        defined("def f(xp, p, b, rate=0.5): return rate * p"),
        defined("def f(xp, p, b, rate=0.25): return rate * p"),
    ),
    "a keyword's default": (
        defined("def f(xp, p, b, *, rate=0.5): return rate * p"),
        defined("def f(xp, p, b, *, rate=0.25): return rate * p"),
    ),
    "an argument of a partial": (functools.partial(loss, 1), functools.partial(loss, 2)),
    "a closure's number": (closure(1.0), closure(2.0)),
    "a closure's array": (closure(np.zeros(2)), closure(np.array([0.0, 1.0]))),
    "a closure's array of objects": (
        closure(np.array([1, "a"], object)),
        closure(np.array([1, "b"], object)),
    ),
    "a closure's mapping": (closure({"a": [1, {2}]}), closure({"a": [1, {3}]})),
    "where one text ends and the next begins": (closure(("ab", "c")), closure(("a", "bc"))),
    "a closure of a closure": (nested(1.0), nested(2.0)),
    "a method's object": (Network(1.0).gradient, Network(2.0).gradient),
    "a global value": (defined(ONE), defined(ONE.replace("2.0", "3.0"))),
    "a called function of the same module": (defined(ONE), defined(ONE.replace("x * SCALE", "x + SCALE"))),
    "a member of an enumeration": (closure(Colour.RED), closure(Colour.BLUE)),
    "a class": (closure(int), closure(float)),
    "a module": (closure(np), closure(functools)),
    "a closure that is not filled": (unfilled(), closure(1.0)),
    "a ufunc": (
        defined("from numpy import exp as g\nf = lambda xp, p, b: g(p)"),
        defined("from numpy import sin as g\nf = lambda xp, p, b: g(p)"),
    ),
    "a decorated function of the same module": (
        defined(DECORATED),
        defined(DECORATED.replace("x * 2.0", "x * 3.0")),
    ),
    "where an exception is caught": (
        defined("def f(xp, p, b):\n  try:\n    p = 1\n    q = 2\n  except ValueError: p = 2\n  return p"),
        defined("def f(xp, p, b):\n  p = 1\n  try:\n    q = 2\n  except ValueError: p = 2\n  return p"),
    ),
}


@pytest.mark.parametrize("where", ["loss", "gradient", "predict"])
@pytest.mark.parametrize(("one", "other"), CODE.values(), ids=CODE)
def test_other_code_changes_the_second_half_alone(one: Function, other: Function, where: str) -> None:
    before, after = (scenario(**{where: f}).fingerprint.split("-") for f in (one, other))
    assert before[0] == after[0]
    assert before[1] != after[1]


SAME: dict[str, tuple[Function, Function]] = {
    "a file, a line": (defined(ONE), defined("\n\n# moved\n" + ONE, file="b.py")),
    "a docstring": (
        defined("def f(xp, p, b):\n    'Multiplies.'\n    return p * 2.0"),
        defined("def f(xp, p, b):\n    'Doubles.'\n    return p * 2.0"),
    ),
    "the name of a local variable": (
        defined("def f(xp, p, b):\n    q = p * 2.0\n    return q"),
        defined("def f(xp, p, b):\n    doubled = p * 2.0\n    return doubled"),
    ),
    "a global that is not read": (defined(ONE), defined(ONE + "OTHER = 3\n")),
    "an equal closure": (closure(np.arange(3.0)), closure(np.arange(3.0))),
    "the order of a set": (closure({"a", "b", "c", "d"}), closure({"d", "c", "b", "a"})),
    "an object of a type that is not looked into": (closure(object()), closure(object())),
    "a function that calls itself": (
        defined("def f(xp, p, b): return f(xp, p, b)"),
        defined("def f(xp, p, b): return f(xp, p, b)"),
    ),
}


@pytest.mark.parametrize(("one", "other"), SAME.values(), ids=SAME)
def test_what_computes_the_same_has_the_same_fingerprint(one: Function, other: Function) -> None:
    assert scenario(loss=one).fingerprint == scenario(loss=other).fingerprint


def test_names_and_origins_do_not_count() -> None:
    other = scenario(
        name="another", origin="there.py", provenance=(Provenance("w", "given", "so"),), source="S"
    )
    assert other.fingerprint == scenario().fingerprint
    assert replace(other).fingerprint == scenario().fingerprint


def test_which_function_it_is_counts() -> None:
    assert scenario(gradient=loss).fingerprint != scenario(predict=loss).fingerprint


HELPER = """
import helper  # as modules that import each other do

factor = 1.0
unused = 1.0

def scaled(x):
    return factor * x

def other(x):
    return x
"""
USES = {
    "by its name": "from helper import scaled\ndef f(xp, p, b): return scaled(p)",
    "of its module": "import helper\ndef f(xp, p, b): return helper.scaled(p)",
    "in an inner function": "import helper\ndef f(xp, p, b): return (lambda: helper.scaled(p))()",
    "through another": "import helper\ndef g(x): return helper.scaled(x)\ndef f(xp, p, b): return g(p)",
}


def with_helper(folder: Path, source: str, helper: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The fingerprint where `helper.py` in this folder has this text."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "helper.py").write_text(helper, encoding="utf-8")
    monkeypatch.syspath_prepend(folder)
    with monkeypatch.context() as patched:
        patched.setattr(sys, "dont_write_bytecode", True)
        patched.delitem(sys.modules, "helper", raising=False)
        found = scenario(loss=defined(source)).fingerprint
        patched.delitem(sys.modules, "helper")
    return found


@pytest.mark.parametrize("source", USES.values(), ids=USES)
def test_functions_of_other_modules_count(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = with_helper(tmp_path, source, HELPER, monkeypatch)
    assert with_helper(tmp_path, source, HELPER, monkeypatch) == first
    unread = HELPER.replace("unused = 1.0", "unused = 2.0").replace("return x", "return -x")
    assert with_helper(tmp_path, source, unread, monkeypatch) == first
    for changed in (HELPER.replace("* x", "/ x"), HELPER.replace("factor = 1.0", "factor = 2.0")):
        assert with_helper(tmp_path, source, changed, monkeypatch) != first


@pytest.mark.parametrize("source", USES.values(), ids=USES)
def test_functions_of_installed_packages_are_known_by_their_names(
    source: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit that the docstring states."""
    installed = tmp_path / "lib" / "site-packages"
    first = with_helper(installed, source, HELPER, monkeypatch)
    assert with_helper(installed, source, HELPER.replace("* x", "/ x"), monkeypatch) == first


def test_pythons_and_gradproofs_own_functions_are_known_by_their_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    source = "from statistics import mean\nfrom gradproof.reference.trees import flatten\n"
    source += "def f(xp, p, b): return mean(p) + flatten(p, b)"
    first = scenario(loss=defined(source)).fingerprint
    for owner, name in ((statistics, "mean"), (trees, "flatten")):
        real = getattr(owner, name)
        changed = FunctionType(
            (lambda *_: 3).__code__.replace(co_filename=real.__code__.co_filename), {}, real.__name__
        )
        changed.__module__, changed.__qualname__ = real.__module__, real.__qualname__
        monkeypatch.setattr(owner, name, changed)
    assert scenario(loss=defined(source)).fingerprint == first


def test_every_process_gives_the_same() -> None:
    """The order of sets, and where objects lie, differ from process to process."""
    program = (
        "from gradproof.scenarios import CATALOGUE\n"
        "for name, build in CATALOGUE.items(): print(name, build().fingerprint)\n"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    (output,) = outputs
    assert output == "".join(f"{name} {build().fingerprint}\n" for name, build in CATALOGUE.items())
    assert len(set(output.split())) == 2 * len(CATALOGUE)
