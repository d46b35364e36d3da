"""The factory of dense networks."""

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import InputError
from gradproof.reference.activations import ACTIVATIONS
from gradproof.reference.descent import GradientDescent
from gradproof.reference.losses import LOSSES
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.scenarios.dense_network import dense_network
from gradproof.scenarios.validation import validate

XP = NumpyNamespace()


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, Any]:
    depth = draw(st.integers(1, 4))
    loss = draw(st.sampled_from(sorted(LOSSES)))
    activations = draw(st.lists(st.sampled_from(sorted(ACTIVATIONS)), min_size=depth, max_size=depth))
    if loss == "binary_cross_entropy":
        activations[-1] = "sigmoid"
    return {
        "sizes": draw(st.lists(st.integers(1, 5), min_size=depth + 1, max_size=depth + 1)),
        "activations": activations,
        "loss": loss,
        "biases": draw(st.booleans()),
        "examples": draw(st.integers(1, 6)),
        "seed": draw(st.integers(0, 99)),
    }


@given(chosen=arguments())
def test_the_network_has_the_widths_and_the_examples_asked_for(chosen: dict[str, Any]) -> None:
    scenario = dense_network(**chosen)
    sizes = chosen["sizes"]
    expected = {}
    for number, (inputs, outputs) in enumerate(pairwise(sizes), start=1):
        expected[f"w{number}"] = (inputs, outputs)
        if chosen["biases"]:
            expected[f"b{number}"] = (outputs,)
    assert {name: array.shape for name, array in scenario.flat_params.items()} == expected
    assert scenario.flat_batch["x"].shape == (chosen["examples"], sizes[0])
    assert scenario.flat_batch["y"].shape == (chosen["examples"], sizes[-1])
    assert scenario.flat_predict is not None
    output = scenario.flat_predict(XP, scenario.flat_params, scenario.flat_batch)
    assert output.shape == (chosen["examples"], sizes[-1])
    validate(scenario)


@given(chosen=arguments())
def test_the_hand_derived_value_is_the_loss_that_the_frameworks_run(chosen: dict[str, Any]) -> None:
    """Two formulations of one loss: DenseNetwork's, and the one written with xp."""
    scenario = dense_network(**chosen)
    params, batch = scenario.arrays("float64")
    value, gradient = scenario.flat_value_and_gradient(XP)(params, batch)
    assert value == pytest.approx(scenario.flat_loss(XP, params, batch), rel=1e-12)
    assert gradient.keys() == params.keys()


@given(chosen=arguments())
def test_the_seed_decides_weights_and_data(chosen: dict[str, Any]) -> None:
    first, again = dense_network(**chosen), dense_network(**chosen)
    other = dense_network(**{**chosen, "seed": chosen["seed"] + 1})
    for attribute in ("flat_params", "flat_batch"):
        for name, array in getattr(first, attribute).items():
            assert np.array_equal(array, getattr(again, attribute)[name])
    assert not np.array_equal(first.flat_batch["x"], other.flat_batch["x"])


@pytest.mark.parametrize("biases", [True, False])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("loss", ["sum_squared_error", "mean_squared_error"])
def test_the_name_tells_networks_apart(biases: bool, seed: int, loss: str) -> None:
    name = dense_network([3, 4, 1], ["tanh", "relu"], loss, biases=biases, seed=seed).name
    for part in ("3-4-1", "tanh_relu", loss, "biases" if biases else "no_biases", f"seed{seed}"):
        assert part in name
    assert ("no_biases" in name) is not biases


def test_input_scale_multiplies_the_inputs_alone() -> None:
    plain = dense_network([3, 2], ["sigmoid"], "sum_squared_error", seed=5)
    scaled = dense_network([3, 2], ["sigmoid"], "sum_squared_error", seed=5, input_scale=100.0)
    assert np.array_equal(scaled.flat_batch["x"], 100.0 * plain.flat_batch["x"])
    assert np.array_equal(scaled.flat_batch["y"], plain.flat_batch["y"])
    assert np.array_equal(scaled.flat_params["w1"], plain.flat_params["w1"])


def test_targets_of_binary_cross_entropy_are_0_and_1() -> None:
    scenario = dense_network([2, 3], ["sigmoid"], "binary_cross_entropy", examples=20)
    assert set(scenario.flat_batch["y"].ravel()) == {0.0, 1.0}


def test_training_is_the_one_given() -> None:
    training = GradientDescent(learning_rate=0.25, steps=3)
    assert dense_network([1, 1], ["tanh"], "sum_squared_error", training=training).training is training
    assert dense_network([1, 1], ["tanh"], "sum_squared_error").steps == 10


BAD = {
    "a size too few": (([3, 4], ["tanh", "tanh"], "sum_squared_error"), "2 sizes for 2 activations"),
    "no layer": (([3], [], "sum_squared_error"), "1 sizes for 0 activations"),
    "an unknown activation": (([3, 1], ["tnah"], "sum_squared_error"), "'tnah'"),
    "an unknown loss": (([3, 1], ["tanh"], "hinge"), "'hinge'"),
    "no probability": (([3, 1], ["tanh"], "binary_cross_entropy"), "'tanh'.*Make it sigmoid"),
}


@pytest.mark.parametrize(("given_arguments", "culprit"), BAD.values(), ids=BAD)
def test_what_does_not_go_together_is_refused(given_arguments: Any, culprit: str) -> None:
    with pytest.raises(InputError, match=culprit):
        dense_network(*given_arguments)


@pytest.mark.parametrize("sizes", [[3, 0, 1], [0, 1]])
def test_a_width_of_zero_is_refused(sizes: list[int]) -> None:
    with pytest.raises(InputError, match="empty"):
        dense_network(sizes, ["tanh"] * (len(sizes) - 1), "sum_squared_error")
