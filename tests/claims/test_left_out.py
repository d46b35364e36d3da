"""The search for the one operation whose derivative was left out."""

from typing import Any

import flint
import numpy as np
import pytest

from gradproof.scenarios.claims_arithmetic import balls
from gradproof.verdicts.left_out import PRECISION, find_cause

W = np.array([0.5, -0.25, 1.5])
BATCH = {"x": np.array([1.0, 2.0, 3.0])}


def loss(xp: Any, params: Any, batch: Any) -> Any:
    return xp.sum(xp.exp(batch["x"] * xp.nn.sigmoid(params["w"])))


def derivative(w: Any, x: Any, *, exponential: bool = True, sigmoid: bool = True) -> Any:
    s = 1 / (1 + np.exp(-w))
    return (np.exp(x * s) if exponential else 1) * x * (s * (1 - s) if sigmoid else 1)


def search(claimed: Any) -> Any:
    return find_cause(loss, {"w": W}, BATCH, {"w": balls(claimed)})


@pytest.fixture(autouse=True)
def _precision() -> Any:
    with flint.ctx.workprec(PRECISION):
        yield


@pytest.mark.parametrize("name", ["exponential", "sigmoid"])
def test_the_operation_that_was_left_out_is_named_with_its_line(name: str) -> None:
    cause = search(derivative(balls(W), balls(BATCH["x"]), **{name: False}))
    assert cause is not None
    operation = {"exponential": "exp", "sigmoid": "sigmoid"}[name]
    line = loss.__code__.co_firstlineno + 1
    assert cause.kind == "derivative-left-out"
    assert cause.where.startswith(f"{operation} at ")
    assert cause.where.endswith(f"test_left_out.py:{line}")
    assert cause.parameters == ("w",)
    assert "left out" in cause.text


@pytest.mark.parametrize(
    "change",
    [lambda g: g, lambda g: 2 * g, lambda g: -g, lambda g: g * (1 + flint.arb("1e-14"))],
    ids=["right", "factor 2", "sign", "slightly off"],
)
def test_what_is_right_or_wrong_otherwise_has_no_such_cause(change: Any) -> None:
    assert search(change(derivative(balls(W), balls(BATCH["x"])))) is None


def test_one_entry_that_does_not_fit_is_enough() -> None:
    claimed = derivative(balls(W), balls(BATCH["x"]), sigmoid=False)
    claimed[2] = claimed[2] * (1 + flint.arb("1e-14"))
    assert search(claimed) is None


def test_a_float64_claim_is_within_the_digits_of_doubles() -> None:
    assert search(balls(derivative(W, BATCH["x"], sigmoid=False))) is not None


def test_decimals_stand_for_what_is_rounded_to_them() -> None:
    wrong = derivative(W, BATCH["x"], sigmoid=False)
    wide = np.array([flint.arb(round(float(g), 2), 0.005) for g in wrong], dtype=object)
    cause = search(wide)
    assert cause is not None
    assert cause.where.startswith("sigmoid")
    assert cause.text.endswith("as far as its decimals tell")
