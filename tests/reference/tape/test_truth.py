"""Exact gradients: as many digits as asked, and the reason where there are not."""

import re
from typing import Any

import numpy as np
import pytest

from gradproof.errors import InputError
from gradproof.reference.truth import exact_gradient


def cancelling(xp: Any, params: Any, batch: Any) -> Any:
    """(w + big) - big in each factor: costs as many digits as `big` has."""
    return xp.sum(xp.exp((params["w"] / 3 + batch["big"]) - batch["big"]))


def test_precision_is_raised_until_the_digits_are_there() -> None:
    truth = exact_gradient(cancelling, {"w": [1.0]}, {"big": [1e60]}, digits=30)
    assert truth.complete
    assert truth.reasons == ()
    assert truth.precision > 256
    assert truth.gradients["w"].digits().min() >= 30
    assert truth.gradients["w"].values()[0, 0] == pytest.approx(np.exp(1 / 3) / 3, rel=1e-15)


@pytest.mark.parametrize(("size", "runs"), [(10, 2), (1000, 1)])
def test_what_is_large_is_run_once_where_a_few_more_bits_do(size: int, runs: int) -> None:
    calls = []

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        calls.append(1)
        return cancelling(xp, params, batch)

    truth = exact_gradient(loss, {"w": np.ones(size)}, {"big": [1e12]})
    assert truth.complete
    assert len(calls) == runs
    assert truth.gradients["w"].digits().min() >= 30


@pytest.mark.parametrize(
    ("big", "once", "digits"),
    [(0.0, True, 36), (1e12, True, 24), (1e30, False, 30)],
    ids=["sharp at once", "sharp all the same", "not sharp"],
)
@pytest.mark.parametrize("size", [10, 1000])
def test_few_digits_are_enough_only_where_every_entry_is_sharp(
    size: int, big: float, once: bool, digits: int
) -> None:
    calls = []

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        calls.append(1)
        return cancelling(xp, params, batch)

    lost = np.zeros(size)
    lost[-1] = big
    truth = exact_gradient(loss, {"w": np.ones(size)}, {"big": lost}, sharp_is_enough=True)
    assert truth.complete
    assert (len(calls) == 1) is once
    assert (truth.precision == 128) is once
    assert truth.gradients["w"].digits().min() >= digits


def test_what_is_no_number_is_not_sharp() -> None:
    truth = exact_gradient(lambda xp, p, _: xp.sum(1 / p["w"]), {"w": [0.0, 1.0]}, {}, sharp_is_enough=True)
    assert not truth.complete


def test_only_lanes_that_need_it_are_run_again() -> None:
    runs = []

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        runs.append(params["w"].value.lanes)
        return cancelling(xp, params, batch)

    big = np.array([[0.0], [1e60], [0.0], [1e30]])
    truth = exact_gradient(loss, {"w": np.ones((4, 1))}, {"big": big}, lanes=4)
    assert runs[:2] == [4, 2]
    assert runs[-1] == 1
    assert truth.complete
    np.testing.assert_allclose(truth.gradients["w"].values(), np.full((4, 1), np.exp(1 / 3) / 3))
    np.testing.assert_allclose(truth.value.values(), np.full(4, np.exp(1 / 3)))


def test_a_kink_is_undecided_and_named() -> None:
    truth = exact_gradient(
        lambda xp, p, b: xp.sum(xp.nn.relu(p["w"] * b["x"])),
        {"w": np.array([[0.0, 1.0], [2.0, 3.0]])},
        {"x": np.ones((1, 2))},
        lanes=2,
    )
    assert truth.undecided["w"].tolist() == [[True, False], [False, False]]
    assert not truth.complete
    (kink,) = truth.kinks
    assert kink.operation == "relu"
    assert f"relu at {kink.source} is at its kink" in str(kink)
    assert kink.source.file == __file__
    assert kink.lanes.tolist() == [True, False]
    assert "relu at " in truth.reasons[0]
    assert truth.precision < 1024


def test_a_tie_that_no_precision_decides_is_named() -> None:
    def loss(xp: Any, params: Any, _batch: Any) -> Any:
        third = params["w"] / 3
        return xp.sum(xp.maximum(third + third + third, params["w"]))

    truth = exact_gradient(loss, {"w": [1.0]}, {})
    # the derivative is 1 on both sides, which interval arithmetic cannot see: [0, 1] + [0, 1]
    assert truth.undecided["w"].all()
    assert "may be at its kink" in truth.reasons[0]


def test_what_is_outside_a_domain_is_told() -> None:
    truth = exact_gradient(lambda xp, p, _b: xp.sum(xp.log(p["w"])), {"w": [0.0, 1.0]}, {})
    assert truth.undecided["w"].tolist() == [[True, False]]
    assert "outside an operation's domain" in truth.reasons[0]


def test_zeros_are_exact_or_negligible() -> None:
    truth = exact_gradient(
        lambda xp, p, _b: xp.sum(xp.nn.softmax(p["w"])) + xp.sum(p["v"] * 0),
        {"w": [0.5, 1.5], "v": [1.0], "unused": [1.0]},
        {},
    )
    assert truth.complete
    assert truth.unused == ("unused",)
    assert np.all(truth.gradients["v"].radii() == 0)
    assert np.all(truth.gradients["w"].radii() < 1e-60)


def test_digits_beyond_all_precisions_are_refused() -> None:
    with pytest.raises(InputError, match=r"cannot give 5000 digits"):
        exact_gradient(cancelling, {"w": [1.0]}, {"big": [1.0]}, digits=5000)


@pytest.mark.parametrize(
    ("expression", "w", "culprit"),
    [
        (lambda xp, w: xp.maximum((w - w) / (w - w), 0.0), 1.0, "divide"),
        (lambda xp, w: xp.nn.relu(xp.log(w)), 0.0, "log"),
        (lambda xp, w: xp.abs(xp.sqrt(w) - 1), -1.0, "sqrt"),
        (lambda xp, w: xp.max(xp.stack([w / (w - 1), w])), 1.0, "divide"),
        (lambda xp, w: xp.nn.relu(xp.sqrt(w)), 0.0, "the derivative of sqrt"),
        (lambda xp, w: xp.where(w > 0, xp.log(w), 0.0), 0.0, "log"),
        (lambda xp, w: xp.clip(xp.log1p(w), -1.0, 1.0), -1.0, "log1p"),
    ],
)
def test_what_is_no_number_is_no_kink_but_outside_a_domain(expression: Any, w: float, culprit: str) -> None:
    truth = exact_gradient(lambda xp, p, _b: expression(xp, p["w"]), {"w": w}, {})
    assert not truth.complete
    assert "outside an operation's domain" in truth.reasons[0]
    assert re.search(rf": {culprit} at \S*test_truth\.py:\d+ gives no number\.$", truth.reasons[0])
    assert not any(kink.operation in {"maximum", "max", "clip"} for kink in truth.kinks)


def test_each_lane_has_its_own_reason() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return xp.sum(
            xp.nn.relu(params["w"]) + xp.log(batch["x"]) * params["w"] + xp.sqrt(params["w"] + batch["z"])
        )

    params = {"w": np.array([[0.0], [1.0], [2.0], [-1.0]])}
    batch = {"x": np.array([[1.0], [0.0], [1.0], [1.0]]), "z": np.array([[1.0], [1.0], [1.0], [1.0]])}
    truth = exact_gradient(loss, params, batch, lanes=4)
    assert [(kink.operation, kink.lanes.tolist()) for kink in truth.kinks] == [
        ("relu", [True, False, False, False])
    ]
    assert [(each.operation, each.lanes.tolist()) for each in truth.outside] == [
        ("multiply", [False, True, False, False]),
        ("sqrt", [False, False, False, True]),
    ]
    assert ["the derivative of" in str(each) for each in truth.outside] == [False, True]
