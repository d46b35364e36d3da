"""PyTorch's modes: right gradients pass, planted mistakes of a mode are found, and each does what it says."""

import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from trainings import trained

import gradproof as gp
from gradproof.reporting.report import Report
from gradproof.scenarios.scenario import Scenario

torch = pytest.importorskip("torch")

from gradproof.backends import load_backend, torch_modes  # noqa: E402 - where PyTorch is there
from gradproof.errors import UnsupportedError  # noqa: E402 - as above

# PyTorch warns of its own code when it first compiles.
pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit:DeprecationWarning")

COMPILE = pytest.param("compile", marks=pytest.mark.slow)  # compiles for seconds
TRAININGS = [
    ("plain", "alone"),
    ("adam", "steps, clipped by value, accumulated"),
    ("adamw", "alone"),
]


def verified(scenario: Scenario, mode: str, dtype: str = "float32") -> Report:
    return gp.verify(scenario, f"torch/{mode}", dtype, limits=None)


def reason(report: Report) -> str:
    assert report.runs["verdict"][0] == "NOT_CHECKED"
    return str(report.runs["reason"][0])


def squares(loss: Any = None, params: Any = None, size: float = 1.0, **batch: Any) -> Scenario:
    """A small loss that is a sum over examples, trained for three steps."""

    def own(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum((params["w"] * batch["x"]) ** 2) * size

    data = batch or {"x": np.array([[0.5, 1.0], [2.0, -1.0], [0.25, 3.0]])}
    training = gp.GradientDescent(1e-3 / size, 3)
    return gp.Scenario("squares", loss or own, params or {"w": np.array([1.0, 2.0])}, data, training=training)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16"])
@pytest.mark.parametrize(("optimizer", "others"), TRAININGS)
@pytest.mark.parametrize("mode", [*(mode for mode in torch_modes.MODES if mode != "compile"), COMPILE])
def test_right_gradients_are_right(mode: str, optimizer: str, others: str, dtype: str) -> None:
    report = verified(trained("sigmoid_network", optimizer, others), mode, dtype)
    assert report.ok, report.runs["reason"][0]
    assert report.runs["verdict"][0] in {"AGREES", "ILL_CONDITIONED"}
    assert len(report.gradients) == 40


def test_modes_run_only_where_they_are_named() -> None:
    report = gp.verify(squares(), "torch", "float32", limits=None)
    assert set(report.runs["variant"]) == {"eager", "func"}


# -------------------------------------------------------------------- each does what it says


def seen_by(mode: str) -> list[int]:
    """Of each call of the loss that records gradients, the examples that it gets."""
    seen: list[int] = []

    def loss(xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        if getattr(params["w"], "requires_grad", False):
            seen.append(batch["x"].shape[0])
        return xp.sum((params["w"] * batch["x"]) ** 2)

    assert verified(squares(loss), mode).ok
    return seen


def test_a_checkpointed_loss_is_computed_anew_going_back() -> None:
    assert seen_by("eager") == [3] * 3
    assert seen_by("checkpoint") == [3] * 6


def test_vmap_gives_each_example_alone() -> None:
    seen = []

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        seen.append(batch["x"].shape[0])
        return xp.sum((params["w"] * batch["x"]) ** 2)

    load_backend("torch").run(squares(loss), dtype="float32", variant="vmap")
    # reduction_of looks at parts, and the loss before and after at all of them.
    assert seen.count(1) >= 3
    assert seen[-4:] == [1, 1, 1, 3]


@pytest.mark.slow
def test_a_loss_is_really_compiled_and_a_wrong_one_of_compiled_code_is_found() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        factor = 1.001 if torch.compiler.is_compiling() else 1.0
        return factor * xp.sum((params["w"] * batch["x"]) ** 2)

    assert verified(squares(loss), "eager").ok
    assert set(verified(squares(loss), "compile").gradients["verdict"]) == {"DISAGREES"}


@pytest.mark.slow
def test_nested_parameters_are_compiled() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum((params["layers"][0]["w"] * xp.nn.sigmoid(batch["x"])) ** 2)

    report = verified(squares(loss, {"layers": [{"w": np.array([1.0, 2.0])}]}), "compile")
    assert report.ok, report.runs["reason"][0]


# -------------------------------------------------------------------- what a mode is not made for


def test_vmap_refuses_a_loss_that_is_not_made_of_its_examples() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum((params["w"] * batch["x"]) ** 2) / xp.max(batch["x"])

    assert "is neither the mean nor the sum" in reason(verified(squares(loss), "vmap"))


def test_vmap_refuses_data_without_examples() -> None:
    data = {"x": np.ones((3, 2)), "scale": np.array(2.0)}

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum((params["w"] * batch["x"] * batch["scale"]) ** 2)

    assert "different leading lengths" in reason(verified(squares(loss, **data), "vmap"))


def test_a_scaler_divides_no_gradients_of_float16() -> None:
    assert "divides no gradients of float16" in reason(verified(squares(), "scaled", "float16"))


def test_a_loss_that_asks_for_a_number_is_not_compiled() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        value = xp.sum((params["w"] * batch["x"]) ** 2)
        return value if float(value) > 0 else -value

    backend = load_backend("torch")
    with pytest.raises(UnsupportedError, match=r"not compile the loss: \w+: .*torch/compile out\."):
        backend.run(squares(loss), dtype="float32", variant="compile")


@pytest.mark.slow
def test_without_a_compiler_nothing_is_compiled(tmp_path: Any) -> None:
    program = (
        "import gradproof as gp; from gradproof.scenarios import line_fit\n"
        "print(gp.verify(line_fit(), 'torch/compile', 'float32', limits=None).runs['reason'][0])"
    )
    nothing = {"CXX": str(tmp_path / "none"), "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "cache")}
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, **nothing},
    )
    assert "No working C++ compiler found" in done.stdout


# -------------------------------------------------------------------- the scale


def test_a_step_that_overflows_is_made_again_with_a_smaller_scale() -> None:
    """Gradients of 1e34 pass in float32; times the first scale, 65 536, they do not."""
    report = verified(squares(size=1e33), "scaled")
    assert report.ok, report.runs["reason"][0]
    assert len(report.updates) == 3


def test_a_gradient_that_overflows_without_a_scale_ends() -> None:
    report = verified(squares(size=1e38), "scaled")
    assert not report.ok


# -------------------------------------------------------------------- planted mistakes


def test_a_scale_that_stays_in_the_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    right = torch.amp.GradScaler.scale
    monkeypatch.setattr(torch.amp.GradScaler, "scale", lambda self, value: 1.001 * right(self, value))
    assert set(verified(squares(), "scaled").gradients["verdict"]) == {"DISAGREES"}


def test_a_mean_of_the_examples_gradients_in_place_of_their_sum_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def wrong(self: Any, params: Any, data: Any, factor: float = 1.0) -> Any:
        value = right(self, params, data, factor)
        for weight in params.values():
            weight.grad /= len(next(iter(data.values())))
        return value

    right = torch_modes._PerExample.add_gradient
    monkeypatch.setattr(torch_modes._PerExample, "add_gradient", wrong)
    assert set(verified(squares(), "vmap").gradients["verdict"]) == {"DISAGREES"}


def test_a_loss_that_is_another_one_when_it_is_computed_anew_is_found() -> None:
    calls = {"recorded": 0}

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        factor = 1.0
        if getattr(params["w"], "requires_grad", False):
            calls["recorded"] += 1
            factor = 1.0 + 0.01 * (calls["recorded"] % 2 == 0)
        return xp.sum((params["w"] * (factor * batch["x"])) ** 2)

    assert set(verified(squares(loss), "checkpoint").gradients["verdict"]) == {"DISAGREES"}
