"""Gradients that are put together wrongly: of micro-batches, of more than one step, after clipping."""

from dataclasses import replace

import planted_trainings as by_hand
import pytest
from planted_trainings import adam, sgd

from gradproof import GradientDescent, dense_network
from gradproof.reference.clipping import ClipByNorm
from gradproof.reference.descent import Accumulation
from gradproof.reference.optimizers import Adam
from gradproof.verdicts.runs import judge

SCENARIO = dense_network([3, 4, 2], ["sigmoid", "sigmoid"], "half_sum_squared_error", seed=1)


def of(training, gradient):
    """What is said of Adam's training from another gradient."""
    scenario = replace(SCENARIO, training=GradientDescent(0.1, 6, **training))
    return judge(scenario, by_hand.trained(scenario, adam(), gradient=gradient), {})


UNEVEN = dense_network([3, 4, 2], ["sigmoid", "sigmoid"], "mean_squared_error", seed=1, examples=5)


def alike(weights, batch):
    """Micro-batches of 3 and 2 examples, averaged with equal weights."""
    parts = [
        UNEVEN.flat_gradient(weights, {name: array[part] for name, array in batch.items()})
        for part in (slice(0, 3), slice(3, 5))
    ]
    return {name: (parts[0][name] + parts[1][name]) / 2 for name in weights}


def summed(weights, batch):
    return {name: 2 * each for name, each in halves(weights, batch).items()}


def halves(weights, batch):
    parts = [
        UNEVEN.flat_gradient(weights, {name: array[part] for name, array in batch.items()})
        for part in (slice(0, 3), slice(3, 5))
    ]
    return {name: (parts[0][name] + parts[1][name]) / 2 for name in weights}


@pytest.mark.parametrize("rule", [{}, {"optimizer": Adam()}], ids=["plain", "Adam"])
@pytest.mark.parametrize(
    ("gradient", "words"),
    [
        (alike, "micro-batches averaged alike although their sizes differ"),
        (summed, "the gradients of micro-batches summed instead of averaged"),
    ],
)
def test_micro_batches_put_together_wrongly_are_told(gradient, words, rule):
    training = GradientDescent(0.1, 5, accumulation=Accumulation(2, "mean"), **rule)
    scenario, step = replace(UNEVEN, training=training), adam() if rule else sgd()
    outcome = judge(scenario, by_hand.trained(scenario, step, gradient=gradient), {})
    assert {each.cause.removeprefix(f"the gradient of {each.parameter} ") for each in outcome.gradients} == {
        f"is made with {words}"
    }
    for each in (*outcome.updates, *outcome.states):
        what = each.entry_of_state or "update"
        assert each.cause == f"the {what} of {each.parameter} follows its gradient, which is wrong"


@pytest.mark.parametrize("rule", [{}, {"optimizer": Adam()}], ids=["plain", "Adam"])
def test_micro_batches_are_told_where_the_whole_gradient_was_recorded_rightly(rule):
    training = GradientDescent(0.1, 5, accumulation=Accumulation(2, "mean"), **rule)
    scenario, step = replace(UNEVEN, training=training), adam() if rule else sgd()
    batch = scenario.arrays("float64")[1]

    def with_parts(weights, _, state, number, rates):
        return step(weights, alike(weights, batch), state, number, rates)

    outcome = judge(scenario, by_hand.trained(scenario, with_parts), {})
    name = "Adam" if rule else "SGD"
    for each in outcome.updates:
        words = "with micro-batches averaged alike although their sizes differ"
        assert each.cause == f"the update of {each.parameter} is {name}'s {words}"


def test_gradients_that_were_not_set_to_zero_are_told():
    kept = {}

    def gradient(weights, batch):
        for name, each in SCENARIO.flat_gradient(weights, batch).items():
            kept[name] = kept.get(name, 0.0) + each
        return dict(kept)

    outcome = of({"optimizer": Adam()}, gradient)
    for each in outcome.gradients:
        assert each.cause == (
            f"the gradient of {each.parameter} is added to that of the step before, which was not set to zero"
        )


def test_a_gradient_that_was_recorded_after_clipping_is_told():
    def gradient(weights, batch):
        return by_hand.clipped(0.05)(SCENARIO.flat_gradient(weights, batch))

    outcome = of({"optimizer": Adam(), "clipping": ClipByNorm(0.05)}, gradient)
    for each in outcome.gradients:
        assert each.cause == f"the gradient of {each.parameter} was recorded after it was clipped"
