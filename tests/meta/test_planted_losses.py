"""Planted losses of digits: whose fault each is, and which operation's.

A program that loses digits which an accurate formula keeps is INACCURATE, with the operation; a loss that
leaves no digits is ILL_CONDITIONED; a wrong formula DISAGREES however few digits it is off by.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof import Verdict
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import always, differentiate, never

F32 = np.float32


def tanh_loss(xp: Any, p: Any, _: Any) -> Any:
    return xp.sum(xp.tanh(p["w"]))


def sinc_loss(xp: Any, p: Any, _: Any) -> Any:
    return xp.sum(xp.sinc(p["w"]))


def class_loss(xp: Any, p: Any, b: Any) -> Any:
    return xp.nn.cross_entropy(p["w"], b["k"])


def logits_loss(xp: Any, p: Any, b: Any) -> Any:
    return xp.nn.binary_cross_entropy_with_logits(p["w"], b["t"], reduction="sum")


def naive_sinc_slope(w: Any) -> Any:
    angle = F32(np.pi) * w
    return (np.cos(angle) - np.sin(angle) / angle) / w


# loss, w, batch, the textbook's gradient in the dtype of w, where it is said to lose digits
TEXTBOOKS: dict[str, tuple[Callable[..., Any], Any, dict[str, Any], Callable[[Any], Any], str]] = {
    "sinc, 1.4 % off": (sinc_loss, F32([1e-3]), {"x": 0.0}, naive_sinc_slope, "sinc"),
    "tanh' = 0": (tanh_loss, F32([-9.5, 0.5]), {"x": 0.0}, lambda w: 1 - np.tanh(w) ** 2, "tanh"),
    "log_softmax' = 0 for 5.6e-17": (
        class_loss,
        np.array([[0.0, -37.42, -60.0]]),
        {"k": np.array([0])},
        lambda w: np.exp(w) / np.exp(w).sum() - [[1.0, 0.0, 0.0]],
        "log_softmax",
    ),
    "sigmoid - t": (
        logits_loss,
        F32([20.0, -3.0]),
        {"t": np.array([1.0, 0.0])},
        lambda w: 1 / (1 + np.exp(-w)) - F32([1, 0]),
        "binary_cross_entropy_with_logits",
    ),
}


@pytest.mark.parametrize("name", TEXTBOOKS)
def test_a_textbooks_formula_that_loses_digits_is_inaccurate_and_named(name: str) -> None:
    loss, w, batch, gradient, operation = TEXTBOOKS[name]
    judged = gp.judge(loss, {"w": w}, batch, {"w": gradient(w)}, dtype=str(w.dtype))
    assert judged.verdict is Verdict.INACCURATE
    assert judged.ok
    assert judged.cause is not None
    assert judged.cause.kind == "digits-lost"
    assert judged.cause.where.startswith(f"{operation} at ")
    assert "test_planted_losses.py" in judged.cause.where
    assert f"of {16 if w.dtype == np.float64 else 7} digits as" in judged.cause.text
    # the worst entry is the one that loses them, and not one that is small
    assert judged.entries["verdict"].iloc[0] == "INACCURATE"
    assert judged.entries["spreads"].iloc[0] > 32


@pytest.mark.parametrize("name", TEXTBOOKS)
def test_an_accurate_formula_agrees_there(name: str) -> None:
    loss, w, batch, _, _ = TEXTBOOKS[name]
    exact = gp.true_gradient(loss, {"w": w}, batch)["w"].balls.astype(float)
    judged = gp.judge(loss, {"w": w}, batch, {"w": exact.astype(w.dtype)}, dtype=str(w.dtype))
    assert judged.verdict is Verdict.AGREES


@pytest.mark.parametrize("name", TEXTBOOKS)
def test_a_wrong_formula_disagrees_there(name: str) -> None:
    """A thousandth off, in an entry in which no digits are at stake, or twice what the textbook loses."""
    loss, w, batch, _, _ = TEXTBOOKS[name]
    exact = gp.true_gradient(loss, {"w": w}, batch)["w"].balls.astype(float)
    largest = np.unravel_index(np.argmax(np.abs(exact)), exact.shape)
    wrong = exact.copy()
    wrong[largest] *= 1.5
    wrong[largest] += 1e-2
    judged = gp.judge(loss, {"w": w}, batch, {"w": wrong.astype(w.dtype)}, dtype=str(w.dtype))
    assert judged.verdict is Verdict.DISAGREES


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_loss_that_leaves_no_digits_is_ill_conditioned(dtype: str) -> None:
    def loss(xp: Any, p: Any, b: Any) -> Any:
        return xp.sum((p["w"] * b["x"] - p["v"]) ** 2)

    one, near = np.ones(1, dtype), 1 + 3 * np.finfo(dtype).eps
    w, v, x = one / 3, np.array([near], dtype), 3 * one
    slope = 2 * (w * x - v)
    judged = gp.judge(
        loss, {"w": w, "v": v}, {"x": x}, {"w": slope * x * (1 - 1e-1), "v": -slope}, dtype=dtype
    )
    assert judged.verdict is Verdict.ILL_CONDITIONED
    assert judged.cause is None
    assert "subtract" in judged.reason


def test_a_few_lost_digits_agree() -> None:
    """a (1 - a) at a = 0.999 loses 3 of 16 digits: more than half are left."""

    def loss(xp: Any, p: Any, _: Any) -> Any:
        return xp.sum(xp.nn.sigmoid(p["w"]))

    w = np.linspace(6.9, 7.1, 50)
    a = 1 / (1 + np.exp(-w))
    judged = gp.judge(loss, {"w": w}, {"x": 0.0}, {"w": a * (1 - a)}, dtype="float64")
    assert judged.verdict is Verdict.AGREES
    assert judged.entries["spreads"].max() <= 32
    assert judged.floats is not None
    errors = judged.floats.assessed["w"]
    assert np.max(errors.error / errors.spread) > 100  # an accurate formula would be much better


def test_check_refuses_what_its_own_point_loses_and_tells_what_others_do() -> None:
    def gradient(p: Any, b: Any) -> Any:
        e = np.exp(p["w"] - p["w"].max(axis=1, keepdims=True))
        return {"w": (e / e.sum(axis=1, keepdims=True) - np.eye(3)[b["k"]]) / len(b["k"])}

    batch = {"k": np.array([0, 2])}
    saturated = {"w": np.array([[0.0, -37.42, -60.0], [1.0, 2.0, 0.5]])}
    found = gp.check(class_loss, gradient, saturated, batch)
    assert found.verdict is Verdict.INACCURATE
    assert not found.ok
    assert found.cause is not None
    assert found.cause.where.startswith("log_softmax at ")
    assert gp.check(class_loss, gradient, saturated, batch, strict=False).ok
    usual = gp.check(class_loss, gradient, {"w": saturated["w"] / 30}, batch)
    assert usual.verdict is Verdict.EQUAL
    assert usual.ok


def every_loss(xp: Any, p: Any, b: Any) -> Any:
    w, c = p["w"], b["c"]
    rows = xp.reshape(w, (3, 3))
    terms = {
        "tanh": lambda: xp.tanh(w),
        "sigmoid": lambda: xp.nn.sigmoid(w),
        "expm1": lambda: xp.expm1(w),
        "atan": lambda: xp.atan(w),
        "sinc": lambda: xp.sinc(w),
        "gelu": lambda: xp.nn.gelu(w),
        "gelu_tanh": lambda: xp.nn.gelu(w, approximate="tanh"),
        "silu": lambda: xp.nn.silu(w),
        "softmax": lambda: xp.nn.softmax(rows),
        "log_softmax": lambda: xp.nn.log_softmax(rows),
        "logsumexp": lambda: xp.nn.logsumexp(rows, keepdims=True) + 0 * rows,
        "var": lambda: xp.var(rows, axis=1, keepdims=True) + 0 * rows,
        "std": lambda: xp.std(rows, axis=1, keepdims=True) + 0 * rows,
    }
    return xp.sum(xp.reshape(terms[str(b["name"])](), (9,)) * c)


OPERATIONS = [
    *("tanh", "sigmoid", "expm1", "atan", "sinc", "gelu", "gelu_tanh", "silu"),
    *("softmax", "log_softmax", "logsumexp", "var", "std"),
]


@pytest.mark.parametrize("name", OPERATIONS)
@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("size", [1.0, 15.0])
def test_neither_form_of_an_operation_disagrees(name: str, seed: int, size: float) -> None:
    def loss(xp: Any, p: Any, b: Any) -> Any:
        return every_loss(xp, p, {**b, "name": name})

    random = np.random.default_rng(seed)
    params, batch = {"w": size * random.normal(size=9)}, {"c": random.normal(size=9)}
    said = []
    for accurately in (always, never):
        run = differentiate(loss, params, batch, Plain(), accurately=accurately)
        values = {"w": run.gradients["w"].values()[0]}
        said.append(gp.judge(loss, params, batch, values, dtype="float64").verdict)
    assert said[0] in {Verdict.AGREES, Verdict.ILL_CONDITIONED}
    assert said[1] in {Verdict.AGREES, Verdict.ILL_CONDITIONED, Verdict.INACCURATE}
