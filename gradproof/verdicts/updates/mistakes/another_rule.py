"""Another optimizer's step in place of the training's, also one that keeps a state that no one recorded."""

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gradproof.reference.optimizers as rules
from gradproof.errors import GradproofError
from gradproof.reference.advance import AVERAGE, advance, first_state
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.optimizers import SGD, Adam, AdamW, At, Optimizer, State
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

NESTEROVS = "Nesterov's"

MOST_HIDDEN = 500
"""A state that was not recorded is computed over so many steps at most."""


def another_rule(steps: TakenSteps) -> Iterator[Suspicion]:
    """The step is another optimizer's, with the settings that both have, or with its own."""
    own = steps.optimizer
    for rule in filter(steps.suits, _others(own)):
        words = f"{_named(rule)} in place of {steps.name}'s"
        if steps.has_state_of(rule):
            yield Suspicion(words, steps.trained(optimizer=rule), 2.0)
        elif steps.at.max() < MOST_HIDDEN:
            yield Suspicion(words, steps.stepped(**_with_hidden_state(steps, rule)), 2.1)


def _others(own: Optimizer) -> Iterator[Optimizer]:
    """Give other rules, each with the settings that it shares with a rule, and as it is usually made."""
    known: list[Any] = [each for each in map(vars(rules).get, rules.__all__) if _is_rule(each)]
    found: list[Optimizer] = []
    for other in known:
        shared = {each.name: getattr(own, each.name) for each in fields(other) if hasattr(own, each.name)}
        found += [rule for rule in (_made(other, **shared), _made(other)) if rule is not None]
    found += [SGD(momentum=0.9), SGD(momentum=0.9, nesterov=True), Adam(nesterov=True)]
    yield from dict.fromkeys(rule for rule in found if not _is_told_otherwise(rule, own))


def _is_told_otherwise(rule: Optimizer, own: Optimizer) -> bool:
    """Tell whether a rule is the training's with another setting, or Adam by another name."""
    if isinstance(rule, AdamW) and not rule.weight_decay:
        return True
    some = np.zeros((1, 1))
    return type(rule) is type(own) and rule.state(some).keys() <= own.state(some).keys()


def _named(rule: Optimizer) -> str:
    momentum = getattr(rule, "momentum", 0.0)
    nesterov = getattr(rule, "nesterov", False)
    if isinstance(rule, SGD) and momentum:
        return f"SGD's with {NESTEROVS if nesterov else 'a'} momentum of {momentum:g}"
    return f"{type(rule).__name__}'s" + (" with Nesterov's momentum" if nesterov else "")


def _with_hidden_state(steps: TakenSteps, rule: Optimizer) -> dict[str, Any]:
    """Give steps by a rule whose state is what the recorded gradients make of it from the first step on."""
    before = list(_hidden_states(steps, rule))
    hidden: dict[str, Any] = {
        entry: {name: np.stack([before[step][entry][name] for step in steps.at]) for name in arrays}
        for entry, arrays in before[0].items()
    }
    if AVERAGE in steps.stepping.states:
        hidden[AVERAGE] = steps.stepping.states[AVERAGE]
    return {"training": replace(steps.stepping.training, optimizer=rule), "states": hidden}


def _hidden_states(steps: TakenSteps, rule: Optimizer) -> Iterator[State]:
    """Give the state before each step until the last of these."""
    training = replace(steps.stepping.training, optimizer=rule, average=None)
    rates = training.learning_rates if steps.run.learning_rates is None else steps.run.learning_rates
    xp = NumpyNamespace()

    def at(arrays: Any, step: int) -> dict[str, NDArray[np.float64]]:
        return {name: array[step].astype(np.float64) for name, array in arrays.items()}

    state = first_state(training, at(steps.run.weights, 0))
    yield state
    for step in range(int(steps.at.max())):
        weights, gradients = at(steps.run.weights, step), at(steps.run.gradients, step)
        with np.errstate(all="ignore"):
            _, state = advance(training, xp, weights, gradients, state, At(step + 1, float(rates[step])))
        yield state


def _is_rule(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Optimizer) and found is not Optimizer


def _made(rule: type[Any], **settings: Any) -> Any:
    try:
        return rule(**settings)
    except (GradproofError, TypeError):
        return None  # there is no such rule
