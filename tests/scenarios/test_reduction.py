"""Whether a loss is the mean or the sum of its examples' losses."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.trajectory import descend
from gradproof.scenarios import CATALOGUE, Scenario, scenario
from gradproof.scenarios.reduction import reduction_of
from gradproof.scenarios.validation import validate

Loss = Callable[[Any, Any, Any], Any]

MEANS: dict[str, Loss] = {
    "mean": lambda xp, p, b: xp.mean((b["x"] @ p["w"] - b["y"]) ** 2),
    "weight decay": lambda xp, p, b: xp.mean((b["x"] @ p["w"] - b["y"]) ** 2) + 0.01 * xp.sum(p["w"] ** 2),
    "a constant of 1 / n": lambda xp, p, b: xp.sum((b["x"] @ p["w"] - b["y"]) ** 2) * (1 / len(b["y"])),
    "cross-entropy": lambda xp, p, b: xp.nn.binary_cross_entropy_with_logits(b["x"] @ p["w"], b["y"]),
}
SUMS: dict[str, Loss] = {
    "sum": lambda xp, p, b: xp.sum((b["x"] @ p["w"] - b["y"]) ** 2),
    "half": lambda xp, p, b: 0.5 * xp.sum(xp.exp(b["x"] @ p["w"]) * b["y"]),
}
NEITHER: dict[str, Loss] = {
    "weight decay of a sum": lambda xp, p, b: xp.sum((b["x"] @ p["w"] - b["y"]) ** 2) + xp.sum(p["w"] ** 2),
    "normalised over the batch": lambda xp, p, b: xp.mean((b["x"] @ p["w"] - xp.mean(b["x"] @ p["w"])) ** 2),
    "a root of a sum": lambda xp, p, b: xp.sqrt(xp.sum((b["x"] @ p["w"] - b["y"]) ** 2)),
    "divided by n - 1": lambda xp, p, b: xp.sum((b["x"] @ p["w"] - b["y"]) ** 2) / (len(b["y"]) - 0.5),
}


def of(loss: Loss, examples: int = 7) -> Scenario:
    random = np.random.default_rng(3)
    batch = {"x": random.standard_normal((examples, 3)), "y": random.random(examples)}
    return Scenario(name="mine", loss=loss, params={"w": random.standard_normal(3)}, batch=batch)


@pytest.mark.parametrize("examples", [2, 3, 7])
@pytest.mark.parametrize(
    ("loss", "reduction"), [*((each, "mean") for each in MEANS), *((each, "sum") for each in SUMS)]
)
def test_a_mean_and_a_sum_are_told(loss: str, reduction: str, examples: int) -> None:
    assert reduction_of(of({**MEANS, **SUMS}[loss], examples)) == reduction


@pytest.mark.parametrize("loss", NEITHER)
def test_what_is_neither_is_refused(loss: str) -> None:
    with pytest.raises(UnsupportedError, match="neither the mean nor the sum of its examples' losses"):
        reduction_of(of(NEITHER[loss]))


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_documents_losses_are_one_or_the_other(name: str) -> None:
    wanted = "sum" if name.startswith(("line_fit", "sigmoid")) else "mean"
    assert reduction_of(scenario(name)) == wanted


def test_one_example_cannot_be_shared_out() -> None:
    with pytest.raises(UnsupportedError, match="has 1 example"):
        reduction_of(of(MEANS["mean"], 1))


def test_arrays_without_examples_are_refused() -> None:
    batch = {"x": np.ones((4, 3)), "y": np.ones(4), "scale": np.array(2.0)}
    loss = MEANS["mean"]
    mine = Scenario(name="mine", loss=loss, params={"w": np.ones(3)}, batch=batch)
    with pytest.raises(UnsupportedError, match="no examples can be told apart"):
        reduction_of(mine)


def test_a_matrix_that_cannot_be_cut_has_no_examples() -> None:
    """Its loss takes the whole alone; so does that of data of which there is nothing."""
    whole = Scenario(
        name="mine",
        loss=lambda xp, params, batch: xp.sum(batch["m"] @ (xp.reshape(batch["m"], (3, 3)) @ params["w"])),
        params={"w": np.ones(3)},
        batch={"m": np.eye(3)},
    )
    nothing = Scenario("mine", lambda xp, params, _: xp.sum(params["w"]), {"w": np.ones(3)}, {})
    for each in (whole, nothing):
        with pytest.raises(UnsupportedError):
            reduction_of(each)


@pytest.mark.parametrize("name", ["torch/vmap", "torch/ddp", "jax/vmap", "jax/sharded"])
def test_ways_that_share_out_examples_are_not_run_where_there_are_none(name: str) -> None:
    pytest.importorskip(name.partition("/")[0])
    batch = {"x": np.ones((4, 3)), "y": np.ones(4), "scale": np.array(2.0)}
    mine = Scenario(name="mine", loss=MEANS["mean"], params={"w": np.ones(3)}, batch=batch)
    report = gp.verify(mine, name, "float64", limits=None)
    assert report.runs["status"].tolist() == ["not run"]
    assert "no examples can be told apart" in report.runs["reason"][0]


def accumulated(loss: Loss, accumulation: gp.Accumulation, examples: int = 7, **training: Any) -> Scenario:
    made = gp.GradientDescent(0.1, 3, accumulation=accumulation, **training)
    return replace(of(loss, examples), training=made)


@pytest.mark.parametrize("parts", [1, 2, 3, 7])
@pytest.mark.parametrize(
    ("loss", "reduction"), [*((each, "mean") for each in MEANS), *((each, "sum") for each in SUMS)]
)
def test_micro_batches_that_make_up_the_gradient_are_taken(loss: str, reduction: Any, parts: int) -> None:
    validate(accumulated({**MEANS, **SUMS}[loss], gp.Accumulation(parts, reduction)))


@pytest.mark.parametrize("loss", NEITHER)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_micro_batches_that_do_not_make_up_the_gradient_are_refused(loss: str, reduction: Any) -> None:
    with pytest.raises(InputError) as caught:
        gp.verify(accumulated(NEITHER[loss], gp.Accumulation(2, reduction)), "reference", limits=None)
    assert str(caught.value) == (
        f"The loss of scenario 'mine' is not the {reduction} of its examples' losses, so the gradients of 2 "
        "micro-batches do not make up its gradient. Leave out what is no example's own (weight decay of a "
        "sum, a normalisation over the batch), or train without accumulation."
    )


@pytest.mark.parametrize(("loss", "told", "right"), [("mean", "sum", "mean"), ("sum", "mean", "sum")])
def test_a_reduction_that_is_told_wrongly_is_refused_with_the_right_one(
    loss: str, told: Any, right: str
) -> None:
    with pytest.raises(InputError, match=rf"is not the {told} of .* give Accumulation\(3, '{right}'\)\."):
        validate(accumulated({**MEANS, **SUMS}[loss], gp.Accumulation(3, told)))


def test_micro_batches_of_mini_batches_are_looked_at() -> None:
    mini = gp.MiniBatches(4, seed=0)
    validate(accumulated(MEANS["mean"], gp.Accumulation(3, "mean"), 8, mini_batches=mini))
    with pytest.raises(InputError, match="is not the sum of"):
        validate(accumulated(MEANS["mean"], gp.Accumulation(3, "sum"), 8, mini_batches=mini))
    with pytest.raises(InputError, match=r"4 examples cannot be cut into 5 micro-batches\. Give fewer"):
        accumulated(MEANS["mean"], gp.Accumulation(5, "mean"), 8, mini_batches=mini)


def test_more_micro_batches_than_examples_are_refused() -> None:
    with pytest.raises(InputError, match=r"7 examples cannot be cut into 8 micro-batches\. Give fewer"):
        accumulated(MEANS["mean"], gp.Accumulation(8, "mean"))


def test_data_without_examples_cannot_be_accumulated_over() -> None:
    """A constant that all examples share would be cut, too."""
    scenario = of(MEANS["mean"])
    batch = {**scenario.flat_batch, "scale": np.array(2.0)}
    training = gp.GradientDescent(0.1, 3, accumulation=gp.Accumulation(2))
    with pytest.raises(InputError, match=r"different leading lengths .* Put the examples along the leading"):
        replace(scenario, batch=batch, training=training)


def test_an_uneven_last_part_has_the_weight_of_its_examples() -> None:
    """By hand: the mean over 7 is (4 times the mean over the first 4 + 3 times that over the others) / 7."""
    scenario = accumulated(MEANS["mean"], gp.Accumulation(2, "mean"))
    x, y, w = scenario.flat_batch["x"], scenario.flat_batch["y"], scenario.flat_params["w"]

    def value_and_gradient(params: Any, batch: Any) -> Any:
        off = batch["x"] @ params["w"] - batch["y"]
        return np.mean(off**2), {"w": 2 * batch["x"].T @ off / len(off)}

    found = descend(value_and_gradient, {"w": w}, {"x": x, "y": y}, scenario.training)
    np.testing.assert_allclose(found.gradients["w"][0], 2 * x.T @ (x @ w - y) / 7, rtol=1e-13)
    np.testing.assert_allclose(found.losses[0], np.mean((x @ w - y) ** 2), rtol=1e-13)
