"""Whatever is printed fits the terminal, and breaks no number."""

import functools
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

import gradproof as gp
from gradproof.cli import perform
from gradproof.single import TrueGradient
from gradproof.verdicts.judging.judgement import Judgement

OWN = """
import gradproof as gp
import numpy as np

def loss(xp, params, batch):
    return xp.sum(xp.tanh(params["layer_weights"] * batch["x"]) ** 2)

params = {"layer_weights": np.linspace(0.1, 2, 12).reshape(3, 4)}
batch = {"x": np.array(0.7)}

def gradient(params, batch):
    return {"layer_weights": np.tanh(params["layer_weights"] * batch["x"]) * batch["x"]}

scenario = gp.Scenario(
    name="own", loss=loss, params=params, batch=batch, source="A document of my own that has a long title",
    claims=[
        gp.value_claim(
            "loss", "the loss is 35.123456789012345678901234567890, says the document", "page 1", "35.1"
        )
    ],
)
"""


@functools.cache
def made() -> dict[str, object]:
    own: dict[str, object] = {}
    exec(OWN, own)  # noqa: S102 - the file of the test
    return own


@functools.cache
def exact() -> TrueGradient:
    own = made()
    return gp.true_gradient(own["loss"], own["params"], own["batch"])


def judged() -> Judgement:
    own = made()
    return gp.judge(own["loss"], own["params"], own["batch"], own["gradient"](own["params"], own["batch"]))  # type: ignore[operator]


def noise() -> dict[str, np.ndarray]:
    own = made()
    return gp.rounding_noise(own["loss"], own["params"], own["batch"])


PRINTED: dict[str, Callable[[], object]] = {"judge": judged, "true_gradient": exact, "rounding_noise": noise}


def fits(text: str, columns: int) -> None:
    lines = text.splitlines()
    assert len(lines) > 2
    for line in lines:
        assert cell_len(line) <= columns or len(line.split()) == 1, line


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("name", PRINTED)
def test_what_functions_give_prints_as_a_table_that_fits(
    name: str, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    given = PRINTED[name]()
    text = str(given)
    fits(text, columns)
    heads = [line.split() for line in text.splitlines() if line.split()[:1] == ["entry"]]
    assert heads
    if name == "judge":
        assert sorted({each for head in heads for each in head[1:]}) == [
            *("error", "exact", "relative_error", "spreads", "ulps", "value", "verdict")
        ]
        numbers = [str(each) for column in ("value", "exact") for each in given.entries[column][:5]]  # type: ignore[attr-defined]
        assert not [number for number in numbers if number not in text.split()]
    if name == "true_gradient":
        assert [each for each in exact()["layer_weights"].text().ravel() if each not in text] == []


@pytest.mark.parametrize("columns", [60, 80, 100, 120])
@pytest.mark.parametrize("command", ["check own.py --points 0", "audit own.py", "list"])
def test_what_the_command_prints_fits(
    command: str,
    columns: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "own.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", str(columns))
    assert perform(command.split()) == (1 if "check" in command else 0)
    text = capsys.readouterr().out
    fits(text, columns)
    if "audit" in command:
        assert "35.123456789012345678901234567890," in text.split()


def test_of_a_large_gradient_the_first_entries_are_printed_and_the_others_counted() -> None:
    noise = gp.rounding_noise(lambda xp, p, _: xp.sum(p["w"] ** 2), {"w": np.ones(50)}, {"x": 0.0})
    lines = str(noise).splitlines()
    assert len(lines) == 22
    assert lines[-1] == "and 30 more"
