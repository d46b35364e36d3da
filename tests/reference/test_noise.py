"""One measure of the rounding noise, for the front and for the judging alike."""

from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference.noise import noisy_gradients, rounding_noise
from gradproof.reference.numbers import Noisy
from gradproof.reference.truth import exact_gradient
from gradproof.verdicts.judging.evidence import Evidence


def cancelling(xp: Any, params: Any, batch: Any) -> Any:
    """(w + big) - big in each factor: costs as many digits as `big` has."""
    return xp.sum(xp.exp((params["w"] / 3 + batch["big"]) - batch["big"]))


def measured(loss: Any, params: Any, batch: Any, kind: Noisy, lanes: int | None = None) -> Any:
    return rounding_noise(loss, params, batch, exact_gradient(loss, params, batch, lanes=lanes), kind, lanes)


def test_rounding_noise_is_the_spread_around_the_truth() -> None:
    params, batch = {"w": np.array([[1.0], [1.0]])}, {"big": np.array([[0.0], [1000.0]])}
    noise = measured(cancelling, params, batch, Noisy(samples=64), lanes=2)
    assert noise["w"].shape == (2, 1)
    unit = 2.0**-24
    assert unit / 30 < noise["w"][0, 0] < unit * 3
    # adding and taking away 1000 loses 1000 units, times e^(1/3)/3 · √2/√3
    assert 100 * unit < noise["w"][1, 0] < 2000 * unit


def test_rounding_noise_in_blocks_of_lanes(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = []

    def loss(xp: Any, params: Any, _batch: Any) -> Any:
        sizes.append(params["w"].value.lanes)
        return xp.sum(xp.exp(params["w"]))

    params = {"w": np.ones((5, 1))}
    truth = exact_gradient(loss, params, {}, lanes=5)
    whole = rounding_noise(loss, params, {}, truth, Noisy(), lanes=5)
    monkeypatch.setattr("gradproof.reference.noise._BLOCK", 16)
    sizes.clear()
    noise = rounding_noise(loss, params, {}, truth, Noisy(), lanes=5)
    assert sizes == [2, 2, 1]
    # equal lanes are rounded alike, wherever a block begins
    np.testing.assert_array_equal(noise["w"], whole["w"])


def test_the_noisy_gradients_of_all_lanes_are_of_one_run() -> None:
    run = noisy_gradients(
        cancelling, {"w": np.ones((3, 2))}, {"big": np.ones((1, 2))}, Noisy(samples=4), lanes=3
    )
    assert run["w"].samples.values().shape == (4, 3, 2)


@pytest.mark.parametrize("dtype", ["float64", "float32", "bfloat16", "float8_e4m3fn"])
@pytest.mark.parametrize(
    ("loss", "w"),
    [
        (lambda xp, p, _b: xp.sum(xp.nn.relu(p["w"]) * 3), [0.0, 1.0]),
        (lambda xp, p, _b: xp.sum(xp.abs(p["w"]) / 3), [0.0, 0.5]),
        (lambda xp, p, _b: xp.max(p["w"]) / 3, [1.0, 1.0]),
        (lambda xp, p, _b: xp.sum(xp.exp(p["w"]) / 3), [0.5, 0.25]),
    ],
)
def test_the_front_and_the_judging_measure_the_same(loss: Any, w: list[float], dtype: str) -> None:
    """At a ReLU's 0, too: the front once said 0, and the reference 0.15."""
    params = {"w": np.array(w)}
    front = gp.rounding_noise(loss, params, {"x": 0.0}, dtype=dtype)["w"]
    laned = {"w": params["w"][np.newaxis]}
    judging = Evidence(loss, laned, {"x": np.zeros((1, 1))}, dtype).gradients["w"].spread[0]
    reference = measured(loss, params, {}, Noisy(dtype))["w"][0]
    np.testing.assert_array_equal(front, judging)
    np.testing.assert_array_equal(front, reference)


def test_to_take_a_side_at_a_kink_is_no_noise() -> None:
    noise = measured(lambda xp, p, _b: xp.sum(xp.nn.relu(p["w"])), {"w": np.array([0.0])}, {}, Noisy())
    assert noise["w"].tolist() == [[0.0]]


def test_products_in_another_format_have_its_noise() -> None:
    params = {"w": np.random.default_rng(0).random((20, 4))}

    def loss(xp: Any, p: Any, _b: Any) -> Any:
        return xp.sum((p["w"].T @ p["w"]) ** 2)

    fine = measured(loss, params, {}, Noisy())["w"]
    coarse = measured(loss, params, {}, Noisy(product="tf32"))["w"]
    assert np.mean(coarse) > 30 * np.mean(fine)
