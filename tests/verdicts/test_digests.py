"""The digest of a step tells any two bits apart, and nothing else."""

from dataclasses import replace

import numpy as np
import pytest

from gradproof.backends import Run, Timing
from gradproof.verdicts import digests as module
from gradproof.verdicts.digests import digests


@pytest.fixture
def run():
    random = np.random.default_rng(0)
    return Run(
        scenario="s",
        backend="b",
        variant="v",
        dtype="float32",
        losses=random.normal(size=5).astype(np.float32),
        gradients={"w": random.normal(size=(5, 2, 3)).astype(np.float32), "c": np.zeros(5, np.float32)},
        weights={"w": random.normal(size=(6, 2, 3)).astype(np.float32), "c": np.zeros(6, np.float32)},
        final_loss=0.0,
        predictions=None,
        timing=Timing(0.0, 0.0),
        planned_steps=5,
    )


def changed(run, kind):
    """Copy a run with its step 3 changed in one bit of one array."""
    if kind == "loss":
        losses = run.losses.copy()
        losses[3] = np.nextafter(losses[3], np.float32(9))
        return replace(run, losses=losses)
    if kind == "the sign of a zero":
        return replace(run, gradients={**run.gradients, "c": np.array([0, 0, 0, -0.0, 0], np.float32)})
    array = {"gradient": run.gradients, "weight": run.weights}[kind]["w"].copy()
    at = (3 if kind == "gradient" else 4, 1, 2)  # the weights after step 3
    array[at] = np.nextafter(array[at], np.float32(9))
    field = {"gradient": "gradients", "weight": "weights"}[kind]
    return replace(run, **{field: {**getattr(run, field), "w": array}})


@pytest.mark.parametrize("kind", ["loss", "gradient", "weight", "the sign of a zero"])
def test_one_bit_changes_the_digest_of_its_step_alone(run, kind):
    before, after = digests(run), digests(changed(run, kind))
    assert np.flatnonzero(before != after).tolist() == [3]


def test_equal_bits_give_equal_digests_whatever_the_order_of_the_parameters(run):
    other = replace(run, gradients=dict(reversed(run.gradients.items())), backend="another")
    assert digests(run).tolist() == digests(other).tolist()
    assert len(set(digests(run).tolist())) == 5


def test_a_nan_equals_itself(run):
    broken = replace(run, losses=np.full(5, np.nan, np.float32))
    assert digests(broken).tolist() == digests(broken).tolist()


def test_steps_hashed_in_parts_are_hashed_alike(run, monkeypatch):
    whole = digests(run).tolist()
    monkeypatch.setattr(module, "BYTES_AT_ONCE", 100)
    assert digests(run).tolist() == whole


def test_a_scenario_that_does_not_train_has_a_digest(run):
    untrained = replace(run, weights={name: weight[:1] for name, weight in run.weights.items()})
    assert len(digests(untrained)) == 5


def test_a_column_more_is_no_part_of_another(run):
    """Bits that move from one parameter into another are not the same record."""
    moved = replace(run, gradients={"c": run.gradients["c"], "w": np.roll(run.gradients["w"], 1, axis=2)})
    assert (digests(run) != digests(moved)).all()
