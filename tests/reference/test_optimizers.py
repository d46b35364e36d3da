"""The optimizers against their published algorithms, evaluated line by line in mpmath; what they refuse."""

from dataclasses import fields
from types import SimpleNamespace
from typing import Any

import mpmath
import numpy as np
import published_rules as published
import pytest
from mpmath import mpf

from gradproof.errors import InputError
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers import Balls
from gradproof.reference.optimizers import (
    LAMB,
    SGD,
    Adadelta,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Lion,
    Muon,
    NAdam,
    Optimizer,
    RAdam,
    RMSprop,
)
from gradproof.reference.stepping import After, Stepping

STEPS = 10
PUBLISHED = {
    SGD: published.sgd,
    Adam: published.adam,
    AdamW: published.adam,
    NAdam: published.nadam,
    RAdam: published.radam,
    Adamax: published.adamax,
    RMSprop: published.rmsprop,
    Adagrad: published.adagrad,
    Adadelta: published.adadelta,
    Lion: published.lion,
    LAMB: published.lamb,
    Muon: published.muon,
}
SHORT = 1 - 2.0**-10
"""A rate with a quotient 2 / (1 - rate) that is a double: so RAdam's is the published one to all digits."""

RULES: list[Optimizer] = [
    SGD(),
    SGD(weight_decay=0.1),
    SGD(momentum=0.9),
    SGD(momentum=0.9, dampening=0.5, weight_decay=0.1),
    SGD(momentum=0.9, nesterov=True, weight_decay=0.1),
    Adam(),
    Adam(beta1=0.75, beta2=0.5, epsilon=1e-3, weight_decay=0.1),
    Adam(epsilon=1e-3, epsilon_place="inside"),
    Adam(epsilon=1e-3, epsilon_place="before correction"),
    Adam(amsgrad="moment", beta2=0.5, epsilon=1e-3),
    Adam(amsgrad="moment", beta2=0.5, epsilon=1e-3, epsilon_place="before correction"),
    Adam(amsgrad="corrected", beta2=0.5, epsilon_place="inside"),
    Adam(nesterov=True),
    Adam(nesterov=True, correct_first=False),
    Adam(correct_first=False),
    Adam(correct_second=False, amsgrad="corrected"),
    AdamW(),
    AdamW(weight_decay=0.1, nesterov=True),
    NAdam(),
    NAdam(beta1=0.75, beta2=0.5, epsilon=1e-3, momentum_decay=0.25, weight_decay=0.1),
    NAdam(momentum_decay=0.0, weight_decay=0.1, decoupled=True),
    RAdam(beta2=SHORT),
    RAdam(beta2=0.75, epsilon=1e-3, threshold=4.0, weight_decay=0.1),
    RAdam(beta2=SHORT, epsilon=1e-3, epsilon_place="outside", weight_decay=0.1, decoupled=True),
    RAdam(beta2=SHORT, epsilon=1e-3, epsilon_place="inside", nesterov=True),
    RAdam(beta2=0.5),
    Adamax(),
    Adamax(beta1=0.75, beta2=0.5, epsilon=1e-2, weight_decay=0.1),
    RMSprop(),
    RMSprop(decay=0.75, epsilon=1e-3, epsilon_place="inside", initial_scale=0.5, weight_decay=0.1),
    RMSprop(centered=True),
    RMSprop(centered=True, correct=True, momentum=0.9),
    RMSprop(momentum=0.9, momentum_of="step"),
    RMSprop(momentum=0.9, momentum_of="step", nesterov=True, correct=True),
    RMSprop(momentum=0.9, nesterov=True),
    Adagrad(),
    Adagrad(epsilon=1e-3, epsilon_place="inside", initial_accumulator=0.5),
    Adagrad(learning_rate_decay=0.25, weight_decay=0.1),
    Adadelta(),
    Adadelta(decay=0.75, epsilon=1e-3, weight_decay=0.1),
    Lion(),
    Lion(beta1=0.5, beta2=0.75, weight_decay=0.1),
    LAMB(),
    LAMB(beta1=0.75, beta2=0.5, epsilon=1e-3, epsilon_place="inside", weight_decay=0.1),
    Muon(),
    Muon(nesterov=False, weight_decay=0.1, iterations=2),
    Muon(correct=True, epsilon=1e-3, epsilon_place="added", scale="columns"),
    Muon(correct=True, nesterov=False, epsilon=1e2, scale="side", root_mean_square=0.25),
    Muon(coefficients=(2.0, -1.5, 0.5), momentum=0.5),
    Muon(iterates_in="bfloat16"),  # exact numbers are not rounded
]


def told(rule: Optimizer) -> str:
    unusual = (each for each in fields(rule) if getattr(rule, each.name) != each.default)
    return f"{type(rule).__name__} {' '.join(f'{each.name}={getattr(rule, each.name)}' for each in unusual)}"


def exactly(value: Any) -> Any:
    """A setting, in which each double is what it is."""
    if isinstance(value, tuple):
        return tuple(map(mpf, value))
    return mpf(value) if type(value) is float else value


def as_published(rule: Optimizer, shape: tuple[int, ...]) -> Any:
    settings = {each.name: exactly(getattr(rule, each.name)) for each in fields(rule)}
    if isinstance(rule, AdamW):
        settings["decoupled"] = True
    settings.setdefault("decoupled", False)
    if isinstance(rule, Muon):
        settings["shape"] = shape
    return lambda *place: PUBLISHED[type(rule)](*place, SimpleNamespace(**settings))


def numbers(array: Any) -> list[Any]:
    return [mpf(float(each)) for each in np.ravel(array)]


def floats(values: list[Any], like: Any) -> Any:
    return np.array([float(each) for each in values]).reshape(np.shape(like))


def shapes_of(rule: Optimizer) -> list[tuple[int, ...]]:
    """Shapes to update; those of Muon have a root in their scale that is a double."""
    if not isinstance(rule, Muon):
        return [(3, 2)]
    return [(4, 2), (2, 4), (4, 4)] if rule.scale == "side" else [(8, 2), (2, 8), (3, 3)]


def cases() -> list[Any]:
    return [
        pytest.param(rule, shape, id=f"{told(rule)} {shape}") for rule in RULES for shape in shapes_of(rule)
    ]


@pytest.mark.parametrize(("rule", "shape"), cases())
def test_each_step_of_a_rule_is_the_published_one_to_30_digits(
    rule: Optimizer, shape: tuple[int, ...]
) -> None:
    random = np.random.default_rng(0)
    gradients = random.standard_normal((STEPS, *shape))
    rates = random.uniform(0.01, 0.1, STEPS)
    with mpmath.workdps(60):
        step = as_published(rule, shape)
        weight = random.standard_normal(shape)
        before, after = [(weight, rule.state(weight))], []
        for at in range(STEPS):
            held = {entry: numbers(array) for entry, array in before[-1][1].items()}
            args = numbers(before[-1][0]), numbers(gradients[at]), held, at + 1, mpf(float(rates[at]))
            made, kept = step(*args)
            after.append({After("w"): made} | {After("w", entry): each for entry, each in kept.items()})
            state = {entry: floats(each, before[0][1][entry]) for entry, each in kept.items()}
            before.append((floats(made, weight), state))

    stepping = Stepping(
        GradientDescent(learning_rate=1.0, steps=STEPS, optimizer=rule),
        {"w": np.stack([weights for weights, _ in before[:STEPS]])},
        {entry: {"w": np.stack([state[entry] for _, state in before[:STEPS]])} for entry in before[0][1]},
        np.arange(STEPS) + 1,
        rates,
    )
    kind = Balls(192)
    with kind.context():
        found = stepping({"w": kind.lift(gradients)}, kind)
    assert found.keys() == after[0].keys()
    with mpmath.workdps(60):
        for key, balls in found.items():
            for at, row in enumerate(balls.balls().reshape(STEPS, -1)):
                for ball, wanted in zip(row, after[at][key], strict=True):
                    got = mpf(ball.mid().str(60, radius=False))
                    assert abs(got - wanted) <= mpf(10) ** -30 * abs(wanted), (key, at)
                    assert float(ball.rad()) <= 1e-30 * float(abs(wanted))


def test_usual_rates_of_radam_are_the_published_ones_as_far_as_doubles_tell_its_constants() -> None:
    """2 / (1 - 0.999) is rounded to a double, once; the cancellation at the first steps does not see it."""
    rule, shape = RAdam(), (3,)
    weight, gradient = np.array([1.0, -2.0, 0.5]), np.array([0.5, 0.25, -3.0])
    state = rule.state(weight)
    for number in (6, 7, 1000):
        kind = Balls(192)
        stepping = Stepping(
            GradientDescent(learning_rate=0.1, steps=1, optimizer=rule),
            {"w": weight[np.newaxis]},
            {entry: {"w": array[np.newaxis]} for entry, array in state.items()},
            np.array([number]),
            np.array([0.1]),
        )
        with kind.context():
            found = stepping({"w": kind.lift(gradient[np.newaxis])}, kind)[After("w")].values()[0]
        with mpmath.workdps(60):
            held = {entry: numbers(array) for entry, array in state.items()}
            step = as_published(rule, shape)
            wanted, _ = step(numbers(weight), numbers(gradient), held, number, mpf(0.1))
        np.testing.assert_allclose(found - weight, floats(wanted, weight) - weight, rtol=2e-15)


REFUSED = {
    "SGD's momentum is 1.0. Give a number from 0 up to, but not including, 1.": (SGD, {"momentum": 1.0}),
    "Adam's beta1 is 1. Give a number from 0 up to, but not including, 1.": (Adam, {"beta1": 1}),
    "Adam's beta2 is -0.1. Give a number from 0 up to, but not including, 1.": (Adam, {"beta2": -0.1}),
    "Adam's epsilon is -1e-08. Give a number of at least 0.": (Adam, {"epsilon": -1e-8}),
    "NAdam's momentum decay is -1. Give a number of at least 0.": (NAdam, {"momentum_decay": -1}),
    "RAdam's threshold is 3.0, and up to 4 there is no root of the variances' quotient. Give a number of at "
    "least 4.": (RAdam, {"threshold": 3.0}),
    "Adamax's weight decay is -1. Give a number of at least 0.": (Adamax, {"weight_decay": -1}),
    "RMSprop has Nesterov's momentum, but no momentum. Give a positive one.": (RMSprop, {"nesterov": True}),
    "RMSprop's initial scale is -1. Give a number of at least 0.": (RMSprop, {"initial_scale": -1}),
    "Adagrad's learning rate decay is -1. Give a number of at least 0.": (
        Adagrad,
        {"learning_rate_decay": -1},
    ),
    "Adadelta's decay is 1. Give a number from 0 up to, but not including, 1.": (Adadelta, {"decay": 1}),
    "Lion's weight decay is -1. Give a number of at least 0.": (Lion, {"weight_decay": -1}),
    "Muon's coefficients are (1.0, 2.0), which are 2. Give three: those of an entry's first, third and fifth "
    "power.": (Muon, {"coefficients": (1, 2)}),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_no_descent_is_made_with_is_refused(message: str) -> None:
    rule, settings = REFUSED[message]
    with pytest.raises(InputError) as caught:
        rule(**settings)
    assert str(caught.value) == message


@pytest.mark.parametrize("rule", [Adam, RAdam, RMSprop, Adagrad, LAMB, Muon])
def test_an_unknown_place_of_epsilon_is_refused_with_those_that_there_are(rule: Any) -> None:
    with pytest.raises(InputError, match=r"'between'.* Give one of '(outside', 'inside|added', 'least)'"):
        rule(epsilon_place="between")


def test_muon_refuses_what_is_no_matrix_unless_it_has_a_rule_for_it() -> None:
    with pytest.raises(InputError, match=r"the shape \(3,\)\. Give the rule of such parameters as others="):
        Muon().state(np.zeros(3))
    rule = Muon(others=SGD(momentum=0.5))
    assert rule.state(np.zeros(3)).keys() == {"momentum"}
