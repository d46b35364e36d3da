"""What optax would get if gradproof told it something else than the training says: each is found."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest import mock

import pytest

import gradproof as gp
from gradproof.backends import jax_optimizers, load_backend
from gradproof.reference.descent import Accumulation
from gradproof.scenarios import line_fit
from gradproof.verdicts.records import Outcome
from gradproof.verdicts.runs import judge

pytest.importorskip("jax")
optax = pytest.importorskip("optax")

RULES = jax_optimizers._RULES


def outcome(**settings: Any) -> Outcome:
    scenario = replace(line_fit(), training=gp.GradientDescent(0.01, 6, **settings))
    return judge(scenario, load_backend("jax").run(scenario, dtype="float64", variant="jit"), {})


def refused(found: Outcome) -> set[str]:
    """Which of gradients, updates and entries of the state are not accepted."""
    parts = {"gradient": found.gradients, "update": found.updates}
    told = {what for what, records in parts.items() if any(not r.worst_verdict().passes for r in records)}
    return told | {each.entry_of_state for each in found.states if not each.worst_verdict().passes}


def made_otherwise(rule: Any, change: Callable[[Any], Any], factor: float = 1.0) -> Any:
    """The rule's transformation is made from other settings, or with another learning rate."""
    right = RULES[type(rule)]
    return mock.patch.dict(RULES, {type(rule): lambda own, rate: right(change(own), factor * rate)})


ADAM, ADAMW, SGD = gp.Adam(), gp.AdamW(weight_decay=0.1), gp.SGD(momentum=0.9)
SETTINGS = {
    "betas swapped": (ADAM, lambda rule: replace(rule, beta1=rule.beta2, beta2=rule.beta1), "first_moment"),
    "another epsilon": (gp.Adam(epsilon=1e-8), lambda rule: replace(rule, epsilon=1e-7), "update"),
    "epsilon inside": (gp.Adam(epsilon=1e-3), lambda rule: replace(rule, epsilon_place="inside"), "update"),
    "Nesterov's": (SGD, lambda rule: replace(rule, nesterov=True), "update"),
    "no decay": (ADAMW, lambda rule: replace(rule, weight_decay=0.0), "update"),
    "another rate of the buffer": (SGD, lambda rule: replace(rule, momentum=0.99), "momentum"),
    "another threshold": (
        gp.RAdam(beta2=0.9, epsilon_place="outside"),
        lambda rule: replace(rule, threshold=4.0),
        "update",
    ),
    "no correction": (
        gp.RMSprop(correct=True, initial_scale=0.5),
        lambda rule: replace(rule, correct=False),
        "update",
    ),
}


@pytest.mark.parametrize(("rule", "change", "told"), SETTINGS.values(), ids=SETTINGS)
def test_another_setting_is_found(rule: Any, change: Callable[[Any], Any], told: str) -> None:
    with made_otherwise(rule, change):
        found = refused(outcome(optimizer=rule))
    assert told in found
    assert "gradient" not in found


def test_another_learning_rate_is_found() -> None:
    with made_otherwise(SGD, lambda rule: rule, 1 + 1e-9):
        assert refused(outcome(optimizer=SGD)) == {"update"}


def test_entries_of_the_state_that_are_exchanged_are_found() -> None:
    right = RULES[gp.Adam]
    with mock.patch.dict(RULES, {gp.Adam: lambda rule, rate: swapped(right(rule, rate))}):
        assert {"first_moment", "second_moment"} <= refused(outcome(optimizer=ADAM))


def swapped(made: Any) -> Any:
    transformation, (first, second) = made
    return transformation, (first._replace(field=second.field), second._replace(field=first.field))


def test_a_schedule_that_is_a_step_ahead_is_found() -> None:
    right = jax_optimizers._schedule

    def ahead(schedule: Any, rate: float) -> Any:
        function = right(schedule, rate)
        return lambda count: function(count + 1)

    with mock.patch.object(jax_optimizers, "_schedule", ahead):
        assert refused(outcome(schedule=gp.CosineDecay(10))) == {"learning_rate"}


def test_another_norm_of_the_clipping_is_found() -> None:
    with mock.patch.object(jax_optimizers, "_clipping", lambda own: optax.clip(own.maximum)):
        assert refused(outcome(clipping=gp.ClipByNorm(0.05))) == {"update"}


def test_parts_that_are_averaged_instead_of_summed_are_found() -> None:
    right = optax.MultiSteps

    def averaging(*arguments: Any, **options: Any) -> Any:
        return right(*arguments, **{**options, "use_grad_mean": True})

    with mock.patch.object(optax, "MultiSteps", averaging):
        assert "gradient" in refused(outcome(accumulation=Accumulation(2, "sum")))


def test_an_average_of_the_other_rate_is_found() -> None:
    right = optax.incremental_update
    with mock.patch.object(optax, "incremental_update", lambda new, old, step: right(new, old, 1 - step)):
        assert refused(outcome(average=gp.ExponentialAverage(0.9))) == {"average"}


def test_without_a_plant_nothing_is_found() -> None:
    assert refused(outcome(optimizer=ADAMW, average=gp.ExponentialAverage(0.9))) == set()
