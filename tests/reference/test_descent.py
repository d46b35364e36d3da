"""Gradient descent: what it draws, when it stops, what it records, what it refuses."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import InputError
from gradproof.reference.descent import GradientDescent, MiniBatches, StoppingRule
from gradproof.reference.trajectory import descend, select_examples

MULTIPLES = st.tuples(st.integers(1, 12), st.integers(1, 12))  # the size, and how many make up the data


@given(sizes=MULTIPLES, epochs=st.integers(1, 6), seed=st.integers(0, 2**32))
def test_every_epoch_passes_each_example_once(sizes: tuple[int, int], epochs: int, seed: int) -> None:
    size, batches = sizes
    schedule = MiniBatches(size, seed).schedule(size * batches, epochs * batches)
    assert schedule.shape == (epochs * batches, size)
    for epoch in schedule.reshape(epochs, -1):
        assert sorted(epoch.tolist()) == list(range(size * batches))


@given(sizes=MULTIPLES, steps=st.integers(1, 40), seed=st.integers(0, 2**32))
def test_a_schedule_is_the_beginning_of_every_longer_one(
    sizes: tuple[int, int], steps: int, seed: int
) -> None:
    """The size is constant, the last epoch may be cut short, and the seed alone decides."""
    size, batches = sizes
    drawn = MiniBatches(size, seed)
    schedule = drawn.schedule(size * batches, steps)
    assert schedule.shape == (steps, size)
    longer = MiniBatches(size, seed).schedule(size * batches, steps + batches)
    assert np.array_equal(schedule, longer[:steps])


def test_epochs_and_seeds_draw_different_orders() -> None:
    schedule = MiniBatches(size=4, seed=1).schedule(examples=16, steps=12).reshape(3, 16)
    other = MiniBatches(size=4, seed=2).schedule(examples=16, steps=4).reshape(1, 16)
    orders = {tuple(order) for order in np.concatenate([schedule, other]).tolist()}
    assert len(orders) == 4
    assert tuple(range(16)) not in orders


def test_a_mini_batch_takes_the_same_examples_of_every_array() -> None:
    batch = {"x": np.arange(12.0).reshape(6, 2), "y": np.arange(6)}
    chosen = select_examples(batch, np.array([4, 1]))
    assert chosen["x"].tolist() == [[8, 9], [2, 3]]
    assert chosen["y"].tolist() == [4, 1]


losses = st.lists(st.floats(0, 1e6, allow_subnormal=False), min_size=1, max_size=12)
fractions = st.sampled_from([0.0, 1e-6, 1e-3, 0.1, 0.5])


@given(values=losses, fraction=fractions, dtype=st.sampled_from(["float64", "float32"]))
def test_steps_taken_stops_where_is_negligible_stops(
    values: list[float], fraction: float, dtype: str
) -> None:
    """The compiled backends count at the end what the others decide step by step."""
    rule = StoppingRule(fraction)
    record = np.array(values, dtype=dtype)
    taken = next(
        (
            step
            for step in range(1, len(record))
            if rule.is_negligible(float(record[step - 1]), float(record[step]))
        ),
        len(record),
    )
    assert rule.steps_taken(record) == taken


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("fraction", [1e-3, 0.9])
def test_the_two_forms_of_the_stopping_rule_agree_at_its_very_edge(fraction: float, dtype: str) -> None:
    """Losses a unit in the last place to either side of a negligible improvement."""
    rule = StoppingRule(fraction)
    starts = np.linspace(1, 2, 200).astype(dtype)
    for start in starts:
        edge = start * np.asarray(1 - fraction, dtype=dtype)
        for current in (edge, np.nextafter(edge, 0, dtype=dtype), np.nextafter(edge, 2, dtype=dtype)):
            pair = np.array([start, current], dtype=dtype)
            stepwise = 1 if rule.is_negligible(float(start), float(current)) else 2
            assert rule.steps_taken(pair) == stepwise, (start, current)


@pytest.mark.parametrize(
    ("previous", "current", "negligible"),
    [(1.0, 0.5, False), (1.0, 1.0, True), (1.0, 2.0, True), (1.0, 0.9995, True), (1.0, 0.998, False)],
)
def test_a_step_is_negligible_that_improves_by_at_most_the_fraction(
    previous: float, current: float, negligible: bool
) -> None:
    assert StoppingRule(1e-3).is_negligible(previous, current) is negligible


@pytest.mark.parametrize(("previous", "current"), [(np.nan, 1.0), (1.0, np.nan)])
def test_nan_is_no_negligible_improvement(previous: float, current: float) -> None:
    assert not StoppingRule(1e-3).is_negligible(previous, current)
    assert StoppingRule(1e-3).steps_taken(np.array([previous, current])) == 2


def bowl(params: Any, batch: Any) -> tuple[Any, dict[str, Any]]:
    """½ Σ (w - x)² + ½ Σ v², over the examples x."""
    residual = params["w"] - batch["x"]
    value = 0.5 * np.sum(residual**2) + 0.5 * np.sum(params["v"] ** 2)
    return value, {"w": np.sum(residual, axis=0), "v": params["v"]}


def bowl_arrays(dtype: str = "float64") -> tuple[dict[str, Any], dict[str, Any]]:
    random = np.random.default_rng(3)
    return (
        {"w": random.standard_normal(3).astype(dtype), "v": np.array(0.7, dtype=dtype)},
        {"x": random.standard_normal((4, 3)).astype(dtype)},
    )


TRAININGS = {
    "full batch": GradientDescent(0.05, 25),
    "mini-batches": GradientDescent(0.05, 25, mini_batches=MiniBatches(2, seed=1)),
    "stopping rule": GradientDescent(0.05, 100, stopping=StoppingRule(1e-3)),
    "a rate from NumPy": GradientDescent(np.float64(0.05), 25),
}


@pytest.mark.parametrize("training", TRAININGS.values(), ids=TRAININGS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_each_recorded_step_is_the_update_rule_bit_for_bit(training: GradientDescent, dtype: str) -> None:
    params, batch = bowl_arrays(dtype)
    record = descend(bowl, params, batch, training)
    steps = len(record.losses)
    assert 1 <= steps <= training.steps
    schedule = training.mini_batches and training.mini_batches.schedule(4, training.steps)
    rate = np.dtype(dtype).type(training.learning_rate)
    assert record.losses.dtype == dtype
    for name, weights in record.weights.items():
        gradients = record.gradients[name]
        assert weights.shape == (steps + 1, *params[name].shape)
        assert gradients.shape == (steps, *params[name].shape)
        assert weights.dtype == gradients.dtype == dtype
        assert np.array_equal(weights[0], params[name])
        assert np.array_equal(weights[1:], weights[:-1] - rate * gradients)
    for step in range(steps):
        data = batch if schedule is None else select_examples(batch, schedule[step])
        value, gradient = bowl({name: weights[step] for name, weights in record.weights.items()}, data)
        assert record.losses[step] == value
        assert all(np.array_equal(record.gradients[name][step], entry) for name, entry in gradient.items())


def test_a_gradient_of_higher_precision_does_not_carry_the_weights_beyond_their_dtype() -> None:
    """What is recorded as float32 must be what the next step starts from."""
    seen: list[Any] = []

    def in_float64(params: Any, batch: Any) -> tuple[Any, dict[str, Any]]:
        seen.append(params["w"])
        value, gradient = bowl(params, batch)
        return value, {name: np.asarray(entry, dtype=np.float64) / 3 for name, entry in gradient.items()}

    params, batch = bowl_arrays("float32")
    record = descend(in_float64, params, batch, GradientDescent(0.1, 5))
    weights, gradients = record.weights["w"], record.gradients["w"]
    assert np.array_equal(weights[1:], weights[:-1] - np.float32(0.1) * gradients)
    assert [weight.dtype for weight in seen] == [np.float32] * 5
    assert np.array_equal(np.array(seen), weights[:-1])


def test_the_arrays_passed_in_are_not_changed() -> None:
    params, batch = bowl_arrays()
    before = {name: array.copy() for name, array in {**params, **batch}.items()}
    record = descend(bowl, params, batch, GradientDescent(0.1, 3))
    record.weights["w"][:] = 0
    assert all(np.array_equal(array, before[name]) for name, array in {**params, **batch}.items())


def test_stops_before_the_first_step_from_a_negligible_improvement() -> None:
    params, batch = bowl_arrays()
    rule = StoppingRule(1e-3)
    record = descend(bowl, params, batch, GradientDescent(0.05, 100, stopping=rule))
    every = descend(bowl, params, batch, GradientDescent(0.05, 100)).losses
    improvement = every[:-1] - every[1:]
    negligible = np.flatnonzero(improvement <= 1e-3 * every[:-1])
    assert len(record.losses) == negligible[0] + 1
    assert np.array_equal(record.losses, every[: len(record.losses)])


def test_a_rule_that_is_never_met_takes_all_steps() -> None:
    params, batch = bowl_arrays()
    record = descend(bowl, params, batch, GradientDescent(1e-3, 5, stopping=StoppingRule(0.0)))
    assert len(record.losses) == 5


BAD = {
    "negative rate": (lambda: GradientDescent(-0.1, 5), "-0.1"),
    "zero rate": (lambda: GradientDescent(0.0, 5), "learning rate is 0"),
    "NaN rate": (lambda: GradientDescent(float("nan"), 5), "learning rate is nan"),
    "infinite rate": (lambda: GradientDescent(float("inf"), 5), "learning rate is inf"),
    "zero steps": (lambda: GradientDescent(0.1, 0), "steps is 0"),
    "negative steps": (lambda: GradientDescent(0.1, -3), "steps is -3"),
    "half a step": (lambda: GradientDescent(0.1, 2.5), "steps is 2.5"),  # type: ignore[arg-type]
    "empty mini-batch": (lambda: MiniBatches(0, seed=0), "size is 0"),
    "half an example": (lambda: MiniBatches(1.5, seed=0), "size is 1.5"),  # type: ignore[arg-type]
    "negative seed": (lambda: MiniBatches(2, seed=-1), "seed is -1"),
    "larger than the data": (lambda: MiniBatches(5, seed=0).schedule(4, 1), "size 5 is larger .* 4 examples"),
    "does not divide": (lambda: MiniBatches(3, seed=0).schedule(4, 1), "size 3 does not divide the 4"),
    "negative improvement": (lambda: StoppingRule(-1e-3), "-0.001"),
    "improvement of everything": (lambda: StoppingRule(1.0), "is 1.0"),
    "NaN improvement": (lambda: StoppingRule(float("nan")), "is nan"),
    "rule with mini-batches": (
        lambda: GradientDescent(0.1, 5, mini_batches=MiniBatches(2, 0), stopping=StoppingRule(0.1)),
        "both mini-batches and a stopping rule",
    ),
}


@pytest.mark.parametrize(("make", "culprit"), BAD.values(), ids=BAD)
def test_refuses_what_cannot_be_descended_with(make: Callable[[], Any], culprit: str) -> None:
    with pytest.raises(InputError, match=culprit) as caught:
        make()
    assert re.search(r"\. (Give|Leave) .*\.$", str(caught.value)), "the message does not say what to do"
