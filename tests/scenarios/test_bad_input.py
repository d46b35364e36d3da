"""Every bad input ends in one InputError that names the culprit and says what to do."""

import os
import re
import sys
import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradproof.errors import InputError
from gradproof.reference.descent import GradientDescent, MiniBatches
from gradproof.scenarios import Scenario, scenario, user_code
from gradproof.scenarios.finding import load_scenarios
from gradproof.scenarios.validation import validate


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum((batch["x"] @ params["w"] + params["b"] - batch["y"]) ** 2)


def gradient(params: Any, batch: Any) -> dict[str, Any]:
    residual = 2 * (batch["x"] @ params["w"] + params["b"] - batch["y"])
    return {"w": batch["x"].T @ residual, "b": residual.sum(axis=0)}


GOOD: dict[str, Any] = {
    "name": "wonky",
    "loss": loss,
    "gradient": gradient,
    "params": {"w": np.ones((3, 2)), "b": np.zeros(2)},
    "batch": {"x": np.ones((4, 3)), "y": np.zeros((4, 2))},
}


def check(**changed: Any) -> None:
    validate(Scenario(**{**GOOD, **changed}))


def with_array(attribute: str, name: str, value: Any) -> None:
    check(**{attribute: {**GOOD[attribute], name: value}})


def spoilt(position: tuple[int, ...], value: float) -> Any:
    x = np.ones((4, 3))
    x[position] = value
    return x


def value_and(changed: Callable[[Any, Any], dict[str, Any]]) -> Callable[[Any, Any], Any]:
    return lambda params, batch: (loss(np, params, batch), changed(params, batch))


def trained(**training: Any) -> None:
    check(training=GradientDescent(**{"learning_rate": 0.1, "steps": 4, **training}))


# What is done, the culprit that the message names, and what it says to do.
BAD: dict[str, tuple[Callable[[], Any], str, str]] = {
    "an unknown scenario": (
        lambda: scenario("sigmiod_network"),
        r"'sigmiod_network'.*'sigmoid_network'",
        "gradproof list",
    ),
    "a name like no other": (lambda: scenario("?"), r"'\?'", "gradproof list"),
    "an empty name": (lambda: check(name=" "), "empty name", "Give it a name"),
    "a parameter that the loss does not use": (
        lambda: check(params={**GOOD["params"], "unused": np.ones(2)}, gradient=None),
        "'unused'",
        "leave it out",
    ),
    "a parameter used in an integer way only": (
        lambda: check(loss=lambda xp, p, b: xp.sum((b["x"] @ p["w"]) ** 2) + p["b"].shape[0], gradient=None),
        "'b'",
        "leave it out",
    ),
    "shapes that do not match": (
        lambda: with_array("params", "w", np.ones((5, 2))),
        r"loss .*w \(5, 2\).*x \(4, 3\)",
        "Check it against the shapes",
    ),
    "a name that the loss asks for in vain": (
        lambda: check(params={"w": np.ones((3, 2))}, gradient=None),
        r"KeyError: 'b'",
        "Check it",
    ),
    "integer parameters": (lambda: with_array("params", "b", np.array([1, 2])), "'b'.*int64", "1.0 instead"),
    "boolean parameters": (lambda: with_array("params", "b", np.array([True, False])), "'b'.*bool", "1.0"),
    "complex parameters": (lambda: with_array("params", "b", np.array([1j, 2])), "'b'.*complex", "floating"),
    "parameters that are text": (lambda: with_array("params", "b", "zero"), "'b'", "floating point"),
    "NaN in the parameters": (
        lambda: with_array("params", "b", np.array([0.0, np.nan])),
        r"'b'.*\(1,\)",
        "finite",
    ),
    "NaN in the data": (
        lambda: with_array("batch", "x", spoilt((2, 1), np.nan)),
        r"'x'.*nan.*\(2, 1\)",
        "finite",
    ),
    "infinity in the data": (lambda: with_array("batch", "x", spoilt((0, 0), np.inf)), "'x'.*inf", "finite"),
    "NaN in a scalar": (lambda: with_array("params", "b", np.array(np.nan)), r"'b'.*\(\)", "finite"),
    "text in the data": (lambda: with_array("batch", "x", np.array(["a"])), "'x'.*<U1", "real numbers"),
    "an empty batch": (lambda: with_array("batch", "x", np.ones((0, 3))), r"'x'.*\(0, 3\)", "at least one"),
    "an empty parameter": (lambda: with_array("params", "b", np.ones(0)), r"'b'.*\(0,\)", "at least one"),
    "no parameters": (lambda: check(params={}), "params of scenario 'wonky'", "Give a dictionary"),
    "parameters that are one array": (lambda: check(params=np.ones(3)), "params of scenario", "Give a dict"),
    "two parameters of one dotted name": (
        lambda: check(params={"a.b": np.ones(1), "a": {"b": np.ones(1)}}),
        "'a.b'",
        "Rename",
    ),
    "a batch size larger than the data": (
        lambda: trained(mini_batches=MiniBatches(5, seed=0)),
        "size 5 .* 4 examples",
        "smaller size",
    ),
    "a batch size that does not divide": (
        lambda: trained(mini_batches=MiniBatches(3, seed=0)),
        "size 3 does not divide the 4",
        "Give a size that divides",
    ),
    "mini-batches of arrays of different lengths": (
        lambda: check(
            batch={**GOOD["batch"], "x": np.ones((8, 3))},
            training=GradientDescent(0.1, 4, mini_batches=MiniBatches(2, seed=0)),
        ),
        "different leading lengths.*'x': 8.*'y': 4",
        "leading axis",
    ),
    "mini-batches of a number": (
        lambda: check(
            batch={**GOOD["batch"], "k": np.array(1.0)},
            training=GradientDescent(0.1, 4, mini_batches=MiniBatches(2, seed=0)),
        ),
        "'k': None",
        "leading axis",
    ),
    "a negative learning rate": (lambda: trained(learning_rate=-1.0), "-1.0", "Give a positive"),
    "a learning rate of zero": (lambda: trained(learning_rate=0.0), "learning rate is 0", "Give a positive"),
    "a learning rate of NaN": (lambda: trained(learning_rate=np.nan), "nan", "Give a positive"),
    "no steps": (lambda: trained(steps=0), "steps is 0", "at least 1"),
    "a loss that is no scalar": (
        lambda: check(loss=lambda _, p, b: (b["x"] @ p["w"] + p["b"] - b["y"]) ** 2, gradient=None),
        r"'wonky' has shape \(4, 2\)",
        "xp.sum",
    ),
    "a loss that keeps an axis": (
        lambda: check(loss=lambda xp, p, b: xp.reshape(loss(xp, p, b), (1,)), gradient=None),
        r"shape \(1,\)",
        "Reduce it",
    ),
    "a loss that answers nothing": (
        lambda: check(loss=lambda *_: None, gradient=None),
        "loss .*'wonky'",
        ".",
    ),
    "a loss that raises": (
        lambda: check(loss=lambda *_: 1 / 0, gradient=None),
        "loss of scenario 'wonky'.*ZeroDivisionError",
        "Check it",
    ),
    "a gradient that lacks a name": (
        lambda: check(gradient=lambda p, b: {"w": gradient(p, b)["w"]}),
        r"lacks \['b'\]",
        r"one entry for each parameter: \['w', 'b'\]",
    ),
    "a gradient with a name too many": (
        lambda: check(gradient=lambda p, b: {**gradient(p, b), "extra": np.ones(1)}),
        r"adds \['extra'\]",
        "Return one entry for each",
    ),
    "a gradient of another shape": (
        lambda: check(gradient=lambda p, b: {**gradient(p, b), "b": np.ones((4, 2))}),
        r"'b'.*\(4, 2\).*\(2,\)",
        "sum over the axes",
    ),
    "a gradient that is a transposed one": (
        lambda: check(gradient=lambda p, b: {**gradient(p, b), "w": gradient(p, b)["w"].T}),
        r"'w'.*\(2, 3\).*\(3, 2\)",
        "Give it the parameter's shape",
    ),
    "a complex gradient": (
        lambda: check(gradient=lambda p, b: {**gradient(p, b), "b": gradient(p, b)["b"] + 1j}),
        "gradient of parameter 'b'.*j.* no array of real numbers",
        "Return an array of them",
    ),
    "a gradient that is text": (
        lambda: check(gradient=lambda p, b: {**gradient(p, b), "b": np.array(["one", "two"])}),
        "gradient of parameter 'b'.*one.* no array of real numbers",
        "Return an array of them",
    ),
    "a value and complex gradient": (
        lambda: check(
            value_and_gradient=value_and(lambda p, b: {**gradient(p, b), "w": np.ones((3, 2)) * 1j})
        ),
        "gradient of parameter 'w'.*no array of real numbers",
        "Return an array of them",
    ),
    "a gradient that raises": (
        lambda: check(gradient=lambda p, b: {"w": p["w"] @ b["x"], "b": p["b"]}),
        "gradient of scenario 'wonky'.*ValueError",
        "Check it against the shapes",
    ),
    "a value and gradient without a gradient": (
        lambda: check(gradient=None, value_and_gradient=value_and(gradient)),
        "value_and_gradient but no gradient",
        "Give both",
    ),
    "a value and gradient that lacks a name": (
        lambda: check(value_and_gradient=value_and(lambda p, b: {"w": gradient(p, b)["w"]})),
        r"lacks \['b'\]",
        "Return one entry for each",
    ),
    "a value and gradient of another shape": (
        lambda: check(value_and_gradient=value_and(lambda p, b: {**gradient(p, b), "b": np.ones(())})),
        r"'b'.*\(\).*\(2,\)",
        "Give it the parameter's shape",
    ),
    "a value and gradient that raises": (
        lambda: check(value_and_gradient=lambda *_: 1 / 0),
        "value_and_gradient of scenario 'wonky'.*ZeroDivisionError",
        "Check it",
    ),
}


@pytest.mark.parametrize(("do", "culprit", "remedy"), BAD.values(), ids=BAD)
def test_bad_input_is_named_with_its_remedy(do: Callable[[], Any], culprit: str, remedy: str) -> None:
    with pytest.raises(InputError) as caught:
        do()
    message = str(caught.value)
    assert re.search(culprit, message, re.DOTALL), message
    assert re.search(remedy, message, re.DOTALL), message


def test_what_the_bad_inputs_are_changed_from_is_good() -> None:
    check()
    check(value_and_gradient=value_and(gradient))
    trained(mini_batches=MiniBatches(2, seed=0))


def test_data_may_be_integers_and_booleans() -> None:
    check(
        loss=lambda xp, p, b: xp.sum(b["mask"] * (b["x"] @ p["w"] + p["b"]) ** 2),
        gradient=None,
        batch={"x": np.ones((4, 3), dtype=int), "mask": np.array([[True], [False], [True], [True]])},
    )


def test_the_arrays_of_a_scenario_are_its_own() -> None:
    """Changing the arrays that were passed in does not change what is judged, nor can the loss."""
    w = np.ones((3, 2))
    made = Scenario(**{**GOOD, "params": {**GOOD["params"], "w": w}})
    w[0] = 7.0
    assert np.array_equal(made.flat_params["w"], np.ones((3, 2)))
    with pytest.raises(ValueError, match="read-only"):
        made.flat_params["w"][0] = 7.0


def test_asking_for_a_gradient_that_is_not_there_says_so() -> None:
    made = replace(Scenario(**GOOD), gradient=None)
    with pytest.raises(InputError, match=r"'wonky' has no hand-derived gradient.*gradient="):
        made.flat_gradient(made.flat_params, made.flat_batch)


# Files that define scenarios.

DEFINITION = """\
import numpy as np
import gradproof as gp

def make(name):
    return gp.Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum((params["w"] - batch["x"]) ** 2),
        params={"w": np.array(1.0)},
        batch={"x": np.array([0.0, 3.0])},
    )
"""


def written(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return path


def test_a_file_gives_the_scenarios_of_its_top_level_in_order(tmp_path: Path) -> None:
    path = written(tmp_path, DEFINITION + "second = make('b')\nfirst = make('a')\nother = 3\n")
    assert [found.name for found in load_scenarios(path)] == ["b", "a"]


def test_a_scenario_under_two_names_is_one(tmp_path: Path) -> None:
    path = written(tmp_path, DEFINITION + "first = again = make('a')\n")
    assert [found.name for found in load_scenarios(path)] == ["a"]


def test_a_file_may_define_dataclasses_with_postponed_annotations(tmp_path: Path) -> None:
    """dataclasses look the module up in sys.modules."""
    head = "from __future__ import annotations\nfrom dataclasses import dataclass\n"
    tail = "@dataclass\nclass Sizes:\n    inputs: int\n\nfirst = make('a')\n"
    path = written(tmp_path, head + DEFINITION + tail)
    assert [found.name for found in load_scenarios(path)] == ["a"]


FILES = {
    "no scenario": ("x = 3\n", "mine.py defines no Scenario", "Add one"),
    "nothing": ("", "mine.py defines no Scenario", "Add one"),
    "an exception": ("x = 3\ny = x / 0\n", "line 2.*ZeroDivisionError", "Mend the file"),
    "an exception inside a function": (
        "def f():\n    return [][1]\n\n\nf()\n",
        "line 5.*line 2.*IndexError",
        "Mend the file",
    ),
    "bad syntax": ("x = = 3\n", r"(?s)line 1.*SyntaxError", "Mend the file"),
    "an import that is missing": ("import no_such_module\n", "line 1.*no_such_module", "Mend the file"),
    "an exit": ("import sys\nsys.exit(0)\n", "line 2.*SystemExit", "Mend the file"),
    "a bad scenario": (DEFINITION + "gp.GradientDescent(0.0, 1)\n", "learning rate is 0", "Give a positive"),
}


@pytest.mark.parametrize("relative", [False, True], ids=["absolute", "relative"])
@pytest.mark.parametrize(("text", "culprit", "remedy"), FILES.values(), ids=FILES)
def test_a_bad_file_is_told_with_its_line(
    text: str, culprit: str, remedy: str, relative: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, text)
    if relative:
        monkeypatch.chdir(tmp_path)
        path = Path("mine.py")
    with pytest.raises(InputError) as caught:
        load_scenarios(path)
    assert re.search(culprit, str(caught.value), re.DOTALL), caught.value
    assert remedy in str(caught.value)
    assert "importlib" not in str(caught.value), "gradproof's own frames are not the reader's concern"


def test_a_file_whose_path_begins_like_the_packages_is_told_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = written(tmp_path, "1 / 0\n", "gradproof_mine.py")
    monkeypatch.setattr(user_code, "OURS", f"{tmp_path / 'gradproof'}{os.sep}")
    with pytest.raises(InputError, match="line 1"):
        load_scenarios(path)


def test_a_file_finds_what_lies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    written(tmp_path, "name = 'b'\n", "beside_the_scenarios.py")
    path = written(tmp_path, DEFINITION + "import beside_the_scenarios as other\nfirst = make(other.name)\n")
    assert [found.name for found in load_scenarios(path)] == ["b"]


@pytest.mark.parametrize("name", ["missing.py", ".", "mine.txt"])
def test_what_is_no_python_file_is_refused(name: str, tmp_path: Path) -> None:
    written(tmp_path, "x = 3\n", "mine.txt")
    with pytest.raises(
        InputError, match=r"(There is no file|is no file but a folder|as a Python file).*(Check|Give)"
    ):
        load_scenarios(tmp_path / name)
