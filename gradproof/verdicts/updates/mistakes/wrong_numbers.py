"""A step that is counted wrongly, goes the wrong way, or is not kept."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from gradproof.reference.advance import AVERAGE, advance
from gradproof.reference.optimizers import At
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps


def wrong_numbers(steps: TakenSteps) -> Iterator[Suspicion]:
    """The number of the step is off by one, the gradient has another sign, something is not kept."""
    numbers, states = steps.stepping.numbers, steps.stepping.states
    for words, counted in (
        ("with its steps counted from 0", numbers - 1),
        ("with its steps counted from 2", numbers + 1),
        ("with each step counted as the first", np.ones_like(numbers)),
    ):
        yield Suspicion(f"{steps.name}'s {words}", steps.stepped(numbers=counted), 1.1)
    if len(steps.stepping.weights) > 1 and steps.clipping is None:
        words = "with its steps counted once for each parameter"
        yield Suspicion(f"{steps.name}'s {words}", steps.stepped(make_step=_counted_by_parameter), 1.1)
    backwards = "the step of {name} is added to the weights instead of subtracted"
    yield Suspicion(backwards, steps.stepped(make_step=_backwards))
    frozen = "the weights of {name} were not updated"
    yield Suspicion(frozen, steps.stepped(make_step=_without(weights=True)))
    if len(states) > 1:
        words = "the state of {name} was not updated"
        yield Suspicion(words, steps.stepped(make_step=_without(*states)), 1.1)
        words = "neither the weights of {name} nor its state was updated"
        yield Suspicion(words, steps.stepped(make_step=_without(*states, weights=True)), 1.1)
    for entry in states:
        words = f"the {entry} of {{name}} was not updated"
        yield Suspicion(words, steps.stepped(make_step=_without(entry)))
        words = f"neither the weights of {{name}} nor its {entry} was updated"
        yield Suspicion(words, steps.stepped(make_step=_without(entry, weights=True)), 1.1)
    if AVERAGE in states:
        early = "the average of {name} is of the weights before the step"
        yield Suspicion(early, steps.stepped(make_step=_early_average))


def _backwards(training: Any, xp: Any, weights: Any, gradients: Any, state: Any, at: Any) -> Any:
    after, kept = advance(training, xp, weights, gradients, state, at)
    return _averaged(
        training, {name: weight + (weight - after[name]) for name, weight in weights.items()}, kept, state
    )


def _counted_by_parameter(training: Any, xp: Any, weights: Any, gradients: Any, state: Any, at: Any) -> Any:
    after: dict[str, Any] = {}
    kept: dict[str, dict[str, Any]] = {}
    for place, (name, weight) in enumerate(weights.items(), start=1):
        own = {entry: {name: arrays[name]} for entry, arrays in state.items() if name in arrays}
        counted = At((at.number - 1) * len(weights) + place, at.learning_rate)
        stepped, new = advance(training, xp, {name: weight}, {name: gradients[name]}, own, counted)
        after |= stepped
        for entry, arrays in new.items():
            kept.setdefault(entry, {}).update(arrays)
    return after, kept


def _without(*entries: str, weights: bool = False) -> Any:
    """Give a step that does not keep entries of the state, or the weights."""

    def step(training: Any, xp: Any, before: Any, gradients: Any, state: Any, at: Any) -> Any:
        after, kept = advance(training, xp, before, gradients, state, at)
        if weights:
            after, kept = _averaged(training, before, kept, state)
        return after, {**kept, **{entry: state[entry] for entry in entries}}

    return step


def _averaged(training: Any, after: Any, kept: Any, state: Any) -> Any:
    """Give other weights after a step, and the state with the average of these."""
    if training.average is None:
        return after, kept
    average = {
        name: training.average.next_average(state[AVERAGE][name], each) for name, each in after.items()
    }
    return after, {**kept, AVERAGE: average}


def _early_average(training: Any, xp: Any, weights: Any, gradients: Any, state: Any, at: Any) -> Any:
    after, kept = advance(training, xp, weights, gradients, state, at)
    return after, _averaged(training, weights, kept, state)[1]
