"""Parameters of shape (), as the line and the chain of neurons have them, have causes too."""

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference import chain
from gradproof.scenarios import scenario

line, neurons = scenario("line_fit"), scenario("neuron_chain")


def without_two(params, batch):
    return {name: entry / 2 for name, entry in line.gradient(params, batch).items()}


def sum_instead_of_mean(params, batch):
    return {name: entry * len(batch["d"]) for name, entry in chain.gradient(params, batch).items()}


def first_layer_without_the_weight(params, batch):
    right = chain.gradient(params, batch)
    return {**right, "w1": right["w1"] / params["w2"], "b1": right["b1"] / params["w2"]}


@pytest.mark.parametrize(
    ("entry", "gradient", "words"),
    [
        (line, without_two, "the factor 2 of the derivative of square"),
        (neurons, sum_instead_of_mean, "the 1/5 of the derivative of mean"),
        (neurons, first_layer_without_the_weight, "w1 and b1"),
    ],
)
def test_a_wrong_scalar_gradient_has_its_cause(entry, gradient, words):
    check = gp.check(entry.loss, gradient, entry.params, entry.batch)
    assert check.verdict is gp.Verdict.WRONG
    assert check.cause is not None
    assert words in check.cause.text


@pytest.mark.parametrize("entry", [line, neurons], ids=lambda each: each.name)
def test_a_right_scalar_gradient_is_equal(entry):
    assert gp.check(entry.loss, entry.gradient, entry.params, entry.batch).verdict is gp.Verdict.EQUAL


def test_a_claim_about_one_number_is_refuted():
    claim = gp.gradient_claim("dw", "the derivative is 12", "page 2", {"w": "12"})
    notes = gp.Scenario(
        name="square",
        loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"]) ** 2),
        params={"w": np.array(2.0)},
        batch={"x": np.array([3.0])},
        source="notes",
        claims=[claim],
    )
    assert gp.audit([notes]).claims["verdict"].tolist() == ["REFUTED"]
