"""Whether a loss is the mean or the sum of its examples' losses."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradproof.errors import InputError, UnsupportedError
from gradproof.scenarios import CATALOGUE, Scenario, scenario
from gradproof.scenarios.reduction import reduction_of

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
    with pytest.raises(InputError, match="no examples can be told apart"):
        reduction_of(Scenario(name="mine", loss=loss, params={"w": np.ones(3)}, batch=batch))
