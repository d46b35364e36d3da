"""A run that does not pass is told its cause, for gradients and for updates."""

from dataclasses import replace

import numpy as np
import pytest

from gradproof import GradientDescent, Scenario, dense_network
from gradproof.backends import load_backend
from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts import explaining
from gradproof.verdicts.causes import Search
from gradproof.verdicts.runs import judge
from gradproof.verdicts.storage import load_outcome, save_outcome
from gradproof.verdicts.verdict import Verdict

RATE = 0.5


@pytest.fixture(scope="module")
def scenario():
    training = GradientDescent(learning_rate=RATE, steps=4)
    return dense_network(
        [3, 4, 1], ["sigmoid", "sigmoid"], "half_sum_squared_error", seed=1, training=training
    )


@pytest.fixture(params=["float64", "float32"])
def run(request, scenario):
    return load_backend("reference").run(scenario, dtype=request.param, variant="numpy")


def with_steps(run, factor):
    """Let a run take `factor` times its steps, from weights that follow from that."""
    weights = {name: weight.copy() for name, weight in run.weights.items()}
    changed = {}
    for name, weight in weights.items():
        rate = weight.dtype.type(RATE * factor)
        after = weight.copy()
        after[1:] = weight[:-1] - rate * run.gradients[name]
        changed[name] = after
    return changed


@pytest.mark.parametrize("coarser", ["float32", "bfloat16"])
def test_a_learning_rate_that_was_rounded_is_told(scenario, coarser):
    training = replace(scenario.training, learning_rate=0.3)
    scenario = replace(scenario, training=training)
    run = load_backend("reference").run(scenario, dtype="float64", variant="numpy")
    rounded = float(FORMATS[coarser].rounded(np.array(0.3)))
    weights = {
        name: np.stack([weight[0], weight[0] - rounded * run.gradients[name][0]])
        for name, weight in run.weights.items()
    }
    first = {name: gradient[:1] for name, gradient in run.gradients.items()}
    run = replace(run, losses=run.losses[:1], gradients=first, weights=weights)
    for update in judge(scenario, run, {}).updates:
        assert update.cause == (
            f"the step of {update.parameter} has the learning rate rounded to {coarser}, {rounded!r} in "
            "place of 0.3; this was seen at one step only"
        )


@pytest.mark.parametrize(
    ("factor", "cause"),
    [
        (0.0, "the weights of w1 were not updated"),
        (-1.0, "the step of w1 is added to the weights instead of subtracted"),
        (2.0, "the step of w1 is 2 times the learning rate times the gradient"),
        (0.1, "the step of w1 is 0.1 times the learning rate times the gradient"),
        (1.25e-3, "the step of w1 is 0.00125 times the learning rate times the gradient"),
    ],
)
def test_a_wrong_update_is_told_its_factor(scenario, run, factor, cause):
    # The first step alone: later ones start from weights whose gradients were not recorded.
    first = replace(
        run,
        losses=run.losses[:1],
        gradients={name: gradient[:1] for name, gradient in run.gradients.items()},
        weights={name: weight[:2] for name, weight in with_steps(run, factor).items()},
    )
    outcome = judge(scenario, first, {})
    assert all(judgement.worst_verdict().passes for judgement in outcome.gradients)
    told = {judgement.parameter: judgement.cause for judgement in outcome.updates}
    assert told["w1"] == f"{cause}; this was seen at one step only"
    assert all(told.values())


def test_an_update_that_is_no_step_along_the_gradient_is_told_no_cause(scenario, run):
    weights = {name: weight.copy() for name, weight in run.weights.items()}
    weights["w1"][1] += np.random.default_rng(0).normal(size=weights["w1"][1].shape)
    outcome = judge(scenario, replace(run, weights=weights), {})
    (wrong,) = [judgement for judgement in outcome.updates if judgement.parameter == "w1"]
    assert not wrong.worst_verdict().passes
    assert wrong.cause == ""


def test_a_wrong_gradient_is_told_its_cause_and_its_update_follows_it(scenario, run):
    half = replace(run, gradients={**run.gradients, "w1": run.gradients["w1"] / 2})
    weights = {name: weight.copy() for name, weight in run.weights.items()}
    weights["w1"][1] = weights["w1"][0] - weights["w1"].dtype.type(RATE) * half.gradients["w1"][0]
    first = {name: weight[:2] for name, weight in weights.items()}
    half = replace(
        half, losses=run.losses[:1], gradients={n: g[:1] for n, g in half.gradients.items()}, weights=first
    )
    outcome = judge(scenario, half, {})
    gradients = {judgement.parameter: judgement.cause for judgement in outcome.gradients}
    assert "factor of 1/2" in gradients["w1"]
    assert gradients["w1"].startswith("the gradient of w1")
    assert [name for name, cause in gradients.items() if cause] == ["w1"]
    updates = {judgement.parameter: judgement.cause for judgement in outcome.updates}
    assert updates["w1"] == "the update of w1 follows its gradient, which is wrong"
    assert [name for name, cause in updates.items() if cause] == ["w1"]


def test_where_all_passes_nothing_is_searched(scenario, run, monkeypatch):
    monkeypatch.setattr(explaining, "search_cause", None)
    outcome = judge(scenario, run, {})
    assert {judgement.cause for judgement in (*outcome.gradients, *outcome.updates)} == {""}


def test_many_wrong_parameters_are_searched_at_few_steps(run, scenario, monkeypatch):
    calls = []

    def search(*_arguments, **_options):
        calls.append(1)
        return Search(None, complete=True)

    monkeypatch.setattr(explaining, "search_cause", search)
    noise = np.random.default_rng(0)
    wrong = {name: gradient * noise.normal(size=gradient.shape) for name, gradient in run.gradients.items()}
    outcome = judge(scenario, replace(run, gradients=wrong), {})
    assert len(outcome.gradients) > explaining.SEARCHES
    assert len(calls) == explaining.SEARCHES


def test_a_cause_and_the_worst_entries_survive_the_way_through_a_file(scenario, run, tmp_path):
    wrong = replace(run, gradients={**run.gradients, "w1": -run.gradients["w1"]})
    outcome = judge(scenario, wrong, {})
    save_outcome(outcome, tmp_path / "outcome.npz")
    read = load_outcome(tmp_path / "outcome.npz")
    assert [j.cause for j in read.gradients] == [j.cause for j in outcome.gradients]
    assert read.digests.tolist() == outcome.digests.tolist()
    np.testing.assert_array_equal(read.losses, outcome.losses)
    for before, after in zip(outcome.gradients, read.gradients, strict=True):
        assert (after.worst.step, after.worst.grid, after.worst.block) == (
            before.worst.step,
            before.worst.grid,
            before.worst.block,
        )
        for name in ("index", "value", "exact", "error", "ulps", "spreads", "verdict"):
            np.testing.assert_array_equal(getattr(after.worst, name), getattr(before.worst, name))


def test_the_worst_entries_hold_the_worst_entry_of_the_worst_step(scenario, run):
    outcome = judge(scenario, run, {})
    for judgement in (*outcome.gradients, *outcome.updates):
        step = judgement.worst_step()
        worst = judgement.worst
        assert worst.step == step
        place = worst.index.tolist().index(judgement.index[step])
        for name in ("value", "exact", "error", "ulps", "spreads", "verdict"):
            assert getattr(worst, name)[place] == getattr(judgement, name)[step], name
        assert worst.spreads.max() == judgement.spreads[step]


def test_steps_judged_in_parts_keep_the_worst_of_all(scenario, run, monkeypatch):
    from gradproof.verdicts import runs

    whole = judge(scenario, run, {})
    monkeypatch.setattr(runs, "ENTRIES_AT_ONCE", 1)
    parts = judge(scenario, run, {})
    for one, other in zip(whole.gradients, parts.gradients, strict=True):
        assert other.worst.step == other.worst_step()
        assert other.worst.index.tolist() == one.worst.index.tolist()


def test_an_update_that_loses_digits_is_told_the_operation_whose_derivative_its_gradient_lost_them_in():
    far = Scenario(
        name="far",
        loss=lambda xp, params, _: xp.sum(xp.tanh(params["w"])),
        gradient=lambda params, _: {"w": 1 - np.tanh(params["w"]) ** 2},
        params={"w": np.array([-8.9, 0.5])},
        batch={},
        training=GradientDescent(learning_rate=1e7, steps=1),
    )
    run = load_backend("reference").run(far, dtype="float32", variant="numpy")
    outcome = judge(far, run, {})
    (gradient,), (update,) = outcome.gradients, outcome.updates
    assert gradient.worst_verdict() is update.worst_verdict() is Verdict.INACCURATE
    assert update.cause == f"the update of w follows its gradient, in which {gradient.cause}"
    assert update.where == gradient.where
    assert gradient.where.startswith("tanh at ")
    # one that is no step along its gradient is not told so
    other = replace(run, weights={"w": run.weights["w"] * np.float32([[1, 1], [1, 3]])})
    assert "follows" not in judge(far, other, {}).updates[0].cause
