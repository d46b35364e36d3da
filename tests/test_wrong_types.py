"""Every argument of every public function and class, given a wrong type: it works, or says what to give."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradproof as gp

PARAMS = {"w": np.array([0.5, -0.25])}
BATCH = {"x": np.array([[1.0, 2.0], [0.5, 1.5]])}


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum((batch["x"] @ params["w"]) ** 2)


def gradient(params: Any, batch: Any) -> Any:
    return {"w": 2 * batch["x"].T @ (batch["x"] @ params["w"])}


def confirms(*_: Any) -> Any:
    from gradproof.scenarios.claims import confirmed

    return confirmed("it is so")


SCENARIO = {"name": "mine", "loss": loss, "params": PARAMS, "batch": BATCH}
CLAIM = {"name": "c", "text": "t", "place": "p"}
FOUR = {"loss": loss, "params": PARAMS, "batch": BATCH}
MINE = gp.Scenario(**SCENARIO, gradient=gradient)

REPORT = gp.verify(MINE, "reference", "float64")

RIGHT: dict[str, dict[str, Any]] = {
    "Claim": {**CLAIM, "check": confirms, "states": {}, "document": ""},
    "GradientDescent": {"learning_rate": 0.1, "steps": 1, "mini_batches": None, "stopping": None},
    "MiniBatches": {"size": 1, "seed": 0},
    "Provenance": {"value": "x", "kind": "given", "reason": "r"},
    "Scenario": {
        **SCENARIO,
        "gradient": gradient,
        "value_and_gradient": None,
        "predict": None,
        "solution": PARAMS,
        "origin": "",
        "training": None,
        "source": "",
        "provenance": (),
        "claims": (),
    },
    "StoppingRule": {"relative_improvement": 0.1},
    "audit": {"scenarios": [MINE]},
    "check": {
        **FOUR,
        "gradient": gradient,
        "dtype": "float64",
        "points": 0,
        "seed": 0,
        "point": None,
        "learning_rate": None,
    },
    "compare": {"before": REPORT, "after": REPORT},
    "dense_network": {
        "sizes": [1, 1],
        "activations": ["tanh"],
        "loss": "sum_squared_error",
        "biases": True,
        "examples": 2,
        "input_scale": 1.0,
        "seed": 0,
        "training": None,
    },
    "gradient_claim": {**CLAIM, "gradient": {"w": ["1", "2"]}},
    "judge": {**FOUR, "gradients": PARAMS, "dtype": "float32"},
    "load_point": {"path": "point.npz"},
    "read_report": {"path": "report", "format": "csv"},
    "rounding_noise": {**FOUR, "dtype": "float32", "samples": 4, "seed": 0},
    "true_gradient": {**FOUR, "digits": 10},
    "update_claim": {**CLAIM, "weights": {"w": ["1", "2"]}, "learning_rate": "0.1"},
    "value_claim": {**CLAIM, "value": "1", "of": None},
    "verify": {
        "scenarios": [MINE],
        "backends": ["reference"],
        "dtypes": ["float64"],
        "jobs": 1,
        "progress": None,
        "baseline": None,
    },
}
"""A right call of each."""

RESULTS = {
    "Audit",
    "Changes",
    "Check",
    "CheckFinding",
    "ClaimVerdict",
    "Finding",
    "Point",
    "Report",
    "Verdict",
}
"""What functions give, and nobody makes."""

WRONG: dict[str, Any] = {
    "None": None,
    "a number": 3,
    "a negative number": -1,
    "a fraction": 0.5,
    "nan": float("nan"),
    "a complex number": 1j,
    "a text": "0.1",
    "no text": "",
    "bytes": b"0.1",
    "a list": [1.0, 2.0],
    "a list of texts": ["line_fit"],
    "an empty list": [],
    "a mapping": {"w": "0.1"},
    "a mapping of numbers": {1: 2},
    "an empty mapping": {},
    "a function": lambda: 0,
    "an object": object(),
    "a type": int,
    "an array": np.array([1.0, 2.0]),
    "a path": Path("there_is_no_such"),
    "a scenario": MINE,
}


def test_every_public_name_is_walked() -> None:
    errors = {name for name in gp.__all__ if name.endswith("Error")}
    assert set(gp.__all__) == set(RIGHT) | RESULTS | errors


LONG = {("verify", "backends", "None"), ("audit", "scenarios", "None"), ("check", "points", "a number")}
"""What is right, and takes long because it is for all that there is."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a report and a point."""
    folder = tmp_path_factory.mktemp("given")
    REPORT.write(folder / "report", ["csv"])
    check = gp.check(**FOUR, gradient=lambda params, _: {"w": params["w"]}, points=0)
    check.save_point(folder / "point.npz")
    return folder


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, call in RIGHT.items() for a in call])
def test_a_wrong_type_works_or_ends_in_an_error_of_two_sentences(
    name: str, argument: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    function = getattr(gp, name)
    function(**RIGHT[name])
    raw = {}
    for kind, wrong in WRONG.items():
        if (name, argument, kind) in LONG:
            continue
        try:
            function(**{**RIGHT[name], argument: wrong})
        except gp.GradproofError as error:
            told = str(error)
            if not re.search(r"[.?!:]\s", told) or "gradproof/" in told:
                raw[kind] = told
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            raw[kind] = repr(error)
    assert raw == {}


FORMS: dict[str, dict[str, Any]] = {
    "a name": {"scenarios": "line_fit"},
    "names": {"scenarios": ["line_fit"]},
    "a scenario": {"scenarios": MINE},
    "a scenario and a name": {"scenarios": (MINE, "line_fit")},
    "a backend": {"scenarios": MINE, "backends": "reference/numpy"},
    "a dtype": {"scenarios": MINE, "dtypes": "float32"},
}


@pytest.mark.parametrize("given", FORMS.values(), ids=FORMS)
def test_one_or_several_are_taken(given: dict[str, Any]) -> None:
    report = gp.verify(**{"backends": ["reference"], "dtypes": ["float64"], **given})
    assert report.ok
    several = given["scenarios"] if isinstance(given["scenarios"], list | tuple) else [given["scenarios"]]
    assert len(report.runs) == len(several)


def test_a_file_is_taken_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from gradproof.scenarios import line_fit\n\nmine = line_fit()\n", encoding="utf-8")
    assert gp.verify(f"{file}::mine", "reference", "float64").ok
    assert len(gp.audit(str(file)).records) == len(gp.audit("line_fit").records) == 10


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("line_fti", "line_fit"),
        ("LINE", "line_fit"),
        ("sigmoid", "sigmoid_network"),
        ("linear", "line_fit"),
        ("mine", ""),
        ("x", ""),
    ],
)
def test_a_name_is_suggested_only_where_one_is_near(name: str, near: str) -> None:
    with pytest.raises(gp.InputError, match="There is no scenario called") as caught:
        gp.verify(name)
    assert (f"Did you mean {near!r}?" in str(caught.value)) if near else ("mean" not in str(caught.value))
