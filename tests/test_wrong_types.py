"""Every argument of every public function and class, given a wrong type: it works, or says what to give."""

import re
from collections.abc import Callable
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
    from gradproof.scenarios.claim import confirmed

    return confirmed("it is so")


SCENARIO = {"name": "mine", "loss": loss, "params": PARAMS, "batch": BATCH}
CLAIM = {"name": "c", "text": "t", "place": "p"}
FOUR = {"loss": loss, "params": PARAMS, "batch": BATCH}
MINE = gp.Scenario(**SCENARIO, gradient=gradient)
ADAM = {
    "beta1": 0.9,
    "beta2": 0.999,
    "epsilon": 1e-8,
    "epsilon_place": "outside",
    "weight_decay": 0.0,
    "amsgrad": "",
    "nesterov": False,
    "correct_first": True,
    "correct_second": True,
}

REPORT = gp.verify(MINE, "reference", "float64", limits=None)
PART = gp.verify(MINE, "reference", "float64", limits=None, shard="1/1")

RIGHT: dict[str, dict[str, Any]] = {
    "Claim": {**CLAIM, "check": confirms, "states": {}, "document": ""},
    "GradientDescent": {
        "learning_rate": 0.1,
        "steps": 1,
        "mini_batches": None,
        "stopping": None,
        "optimizer": gp.SGD(),
        "schedule": None,
        "clipping": None,
        "accumulation": None,
        "average": None,
    },
    "SGD": {"momentum": 0.9, "dampening": 0.0, "nesterov": True, "weight_decay": 0.0},
    "Adam": ADAM,
    "AdamW": ADAM,
    "NAdam": {
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "momentum_decay": 0.004,
        "weight_decay": 0.0,
        "decoupled": False,
    },
    "RAdam": {
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-8,
        "epsilon_place": "outside",
        "threshold": 5.0,
        "weight_decay": 0.0,
        "decoupled": False,
        "nesterov": False,
    },
    "Adamax": {"beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0},
    "RMSprop": {
        "decay": 0.9,
        "epsilon": 1e-8,
        "epsilon_place": "outside",
        "centered": False,
        "momentum": 0.9,
        "momentum_of": "step",
        "nesterov": False,
        "initial_scale": 0.0,
        "correct": False,
        "weight_decay": 0.0,
    },
    "Adagrad": {
        "epsilon": 1e-8,
        "epsilon_place": "outside",
        "initial_accumulator": 0.1,
        "learning_rate_decay": 0.0,
        "weight_decay": 0.0,
    },
    "Adadelta": {"decay": 0.9, "epsilon": 1e-6, "weight_decay": 0.0},
    "Lion": {"beta1": 0.9, "beta2": 0.99, "weight_decay": 0.0},
    "LAMB": {
        "beta1": 0.9,
        "beta2": 0.999,
        "epsilon": 1e-6,
        "epsilon_place": "outside",
        "weight_decay": 0.0,
    },
    "Muon": {
        "momentum": 0.9,
        "nesterov": True,
        "correct": False,
        "coefficients": (3.4, -4.7, 2.0),
        "iterations": 5,
        "epsilon": 1e-7,
        "epsilon_place": "added",
        "scale": "rows",
        "root_mean_square": 0.2,
        "iterates_in": "bfloat16",
        "weight_decay": 0.0,
        "others": None,
    },
    "StepDecay": {"every": 2, "factor": 0.5},
    "CosineDecay": {"steps": 2, "floor": 0.1},
    "WarmUp": {"steps": 2, "then": None, "start": 0.1},
    "ClipByNorm": {"maximum": 1.0, "epsilon": 0.0},
    "ClipByValue": {"maximum": 1.0},
    "Accumulation": {"micro_batches": 2, "reduction": "mean"},
    "ExponentialAverage": {"decay": 0.9},
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
    "Limits": {"seconds": 1.0, "memory": 0},
    "compare": {"before": REPORT, "after": REPORT},
    "history": {"reports": [REPORT], "names": ["mine"]},
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
    "check_function": {
        "op": lambda x: x**2,
        "reference": lambda xp, x: xp.square(x),
        "inputs": [np.ones(2)],
        "dtypes": ["float32"],
        "seed": 0,
    },
    "check_optimizer": {
        "optimizer": lambda weights, gradients: {"w": weights["w"] - 0.1 * gradients["w"]},
        "rule": gp.SGD(),
        "params": PARAMS,
        "learning_rate": 0.1,
        "steps": 2,
        "gradients": None,
        "dtype": "float64",
        "seed": 0,
    },
    "judge_output": {
        "f": lambda xp, x: xp.square(x),
        "inputs": [np.ones(2)],
        "value": np.ones(2),
        "dtype": "float32",
    },
    "equivalent": {"scenario": MINE, "other": MINE, "names": None, "points": 0, "seed": 0},
    "from_jax": {
        "function": lambda params, batch: ((batch["x"] @ params["w"]) ** 2).sum(),
        "params": PARAMS,
        "batch": BATCH,
        "reference": None,
        "name": "mine",
        "training": None,
    },
    "from_torch": {
        "model": lambda x: x,
        "inputs": (np.ones(2),),
        "loss": lambda x: (x**2).sum(),
        "params": None,
        "reference": None,
        "name": "mine",
        "training": None,
    },
    "gradient_claim": {**CLAIM, "gradient": {"w": ["1", "2"]}},
    "judge": {**FOUR, "gradients": PARAMS, "dtype": "float32"},
    "load_point": {"path": "point.npz"},
    "merge": {"parts": [PART]},
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
        "limits": None,
        "executor": None,
        "shard": None,
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
    "Equivalence",
    "Finding",
    "FunctionCheck",
    "OptimizerCheck",
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


@pytest.fixture
def right(name: str) -> dict[str, Any]:
    """A right call; of a framework's own models only where there is the framework."""
    if name == "check_function":
        return RIGHT[name] | {"inputs": [pytest.importorskip("torch").ones(2)]}
    if not name.startswith("from_"):
        return RIGHT[name]
    framework = pytest.importorskip(name.removeprefix("from_"))
    return RIGHT[name] | ({"inputs": (framework.ones(2),)} if name == "from_torch" else {})


@pytest.mark.parametrize(("name", "argument"), [(n, a) for n, call in RIGHT.items() for a in call])
def test_a_wrong_type_works_or_ends_in_an_error_of_two_sentences(
    name: str, argument: str, right: dict[str, Any], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    function = getattr(gp, name)
    function(**right)
    raw = {}
    for kind, wrong in WRONG.items():
        if (name, argument, kind) in LONG:
            continue
        try:
            function(**{**right, argument: wrong})
        except gp.GradproofError as error:
            text = str(error)
            if not re.search(r"[.?!:]\s", text) or "gradproof/" in text:
                raw[kind] = text
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
    report = gp.verify(**{"backends": ["reference"], "dtypes": ["float64"], "limits": None, **given})
    assert report.ok
    several = given["scenarios"] if isinstance(given["scenarios"], list | tuple) else [given["scenarios"]]
    assert len(report.runs) == len(several)


def test_a_file_is_taken_by_its_name(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("from gradproof.scenarios import line_fit\n\nmine = line_fit()\n", encoding="utf-8")
    assert gp.verify(f"{file}::mine", "reference", "float64", limits=None).ok
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


# -------------------------------------------------------------------- functions that give something else

LOSSES: dict[str, tuple[Callable[..., Any], str]] = {
    "a forgotten return": (lambda *_: None, "answers (nothing|None)"),
    "a text": (lambda *_: "a", "answers ('a'|a str)"),
    "no scalar": (lambda _, p, __: p["w"], r"shape \(2,\)"),
    "an exception": (lambda _, p, __: p["v"], "KeyError"),
    "too few arguments": (lambda _, p: p["w"], "takes 2 positional arguments but 3"),
}
GRADIENTS: dict[str, tuple[Callable[..., Any], str]] = {
    "a forgotten return": (lambda *_: None, "None"),
    "nothing": (lambda *_: {}, "is empty"),
    "an empty list": (lambda *_: [], "is empty"),
    "None in a mapping": (lambda *_: {"w": None}, "a dict that holds no array"),
    "an array": (lambda p, _: p["w"], "is an ndarray"),
    "a number": (lambda *_: 1.0, "is a float"),
    "another name": (lambda p, _: {"v": p["w"]}, "'v'"),
    "another shape": (lambda *_: {"w": np.ones(3)}, r"shape \(3,\)"),
    "an exception": (lambda _, b: b["z"], "KeyError"),
    "too few arguments": (lambda p: p, "takes 1 positional argument but 2"),
}
FUNCTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "check": lambda loss, gradient: gp.check(loss, gradient, PARAMS, BATCH, points=0).raise_if_wrong(),
    "judge": lambda loss, gradient: gp.judge(loss, PARAMS, BATCH, gradient(PARAMS, BATCH)),
    "true_gradient": lambda loss, _: gp.true_gradient(loss, PARAMS, BATCH),
    "verify": lambda loss, gradient: gp.verify(
        gp.Scenario(name="mine", loss=loss, gradient=gradient, params=PARAMS, batch=BATCH),
        "reference",
        limits=None,
    ),
}


def told(function: str, loss: Any, gradient: Any) -> str:
    """What is told of a wrong loss or gradient, as one line."""
    with pytest.raises((gp.InputError, gp.DisagreementError)) as caught:
        FUNCTIONS[function](loss, gradient)
    text = " ".join(str(caught.value).split())
    assert "gradproof/" not in text, "a file of gradproof's is named"
    assert "<unknown>" not in text
    assert "scenario" not in text or function == "verify"
    return text


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize(("wrong", "words"), LOSSES.values(), ids=LOSSES)
def test_a_loss_that_gives_something_else_is_told_as_the_users(wrong: Any, words: str, function: str) -> None:
    assert re.search(words, told(function, wrong, gradient))


@pytest.mark.parametrize("function", ["check", "verify"])
@pytest.mark.parametrize(("wrong", "words"), GRADIENTS.values(), ids=GRADIENTS)
def test_a_gradient_that_gives_something_else_is_told_as_the_users(
    wrong: Any, words: str, function: str
) -> None:
    assert re.search(words, told(function, loss, wrong))


@pytest.mark.parametrize("function", ["check", "judge", "true_gradient", "verify"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"params": {"w": np.array([1, 2])}}, "dtype int64"),
        ({"params": {}}, "is empty"),
        ({"batch": {"x": np.zeros((0, 2))}}, "is empty"),
        ({"batch": {"x": np.full((2, 2), np.nan)}}, "nan at index"),
    ],
)
def test_arrays_that_cannot_be_worked_with_are_told_without_a_name_that_the_user_never_gave(
    given: dict[str, Any], words: str, function: str
) -> None:
    arrays = {"params": PARAMS, "batch": BATCH, **given}
    calls = {
        "check": lambda: gp.check(loss, gradient, **arrays),
        "judge": lambda: gp.judge(loss, **arrays, gradients=PARAMS),
        "true_gradient": lambda: gp.true_gradient(loss, **arrays),
        "verify": lambda: gp.verify(gp.Scenario(name="mine", loss=loss, **arrays)),
    }
    with pytest.raises(gp.InputError, match=words) as caught:
        calls[function]()
    assert ("scenario 'mine'" if function == "verify" else "") in str(caught.value)
    assert "scenario" not in str(caught.value) or function == "verify"
