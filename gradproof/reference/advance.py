"""One step of a training as a whole: clipping, the optimizer's rule, the average of the weights."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.descent import GradientDescent
from gradproof.reference.optimizers import At, State

AVERAGE = "average"
"""The entry of the state that holds the average of the weights, where a training keeps one."""


def first_state(training: GradientDescent, params: Mapping[str, NDArray[Any]]) -> dict[str, dict[str, Any]]:
    """Give what a training keeps beside the weights before its first step: by entry, by parameter.

    >>> from gradproof.reference.optimizers import SGD
    >>> training = GradientDescent(learning_rate=0.1, steps=1, optimizer=SGD(momentum=0.9))
    >>> first_state(training, {"w": np.ones(2)})
    {'momentum': {'w': array([0., 0.])}}
    """
    state: dict[str, dict[str, Any]] = {}
    for name, weight in params.items():
        for entry, array in training.optimizer.state(weight).items():
            state.setdefault(entry, {})[name] = array
    if training.average is not None:
        state[AVERAGE] = {name: np.array(weight) for name, weight in params.items()}
    return state


def advance(
    training: GradientDescent,
    xp: Any,
    weights: Mapping[str, Any],
    gradients: Mapping[str, Any],
    state: State,
    at: At,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Make one step: give the weights and the state after it.

    Args:
        training: by which rule.
        xp: the array namespace of all arrays.
        weights: before the step, by parameter.
        gradients: at these weights, of the step's whole batch.
        state: before the step.
        at: which step it is, and with which learning rate.

    >>> training = GradientDescent(learning_rate=0.5, steps=1)
    >>> weights, _ = advance(training, np, {"w": np.array(3.0)}, {"w": np.array(2.0)}, {}, At(1, 0.5))
    >>> float(weights["w"])
    2.0
    """
    if training.clipping is not None:
        gradients = training.clipping.clipped(xp, gradients)
    after: dict[str, Any] = {}
    kept: dict[str, dict[str, Any]] = {}
    for name, weight in weights.items():
        own = {entry: arrays[name] for entry, arrays in state.items() if entry != AVERAGE and name in arrays}
        after[name], new = training.optimizer.update(xp, weight, gradients[name], own, at)
        for entry, array in new.items():
            kept.setdefault(entry, {})[name] = array
    if training.average is not None:
        averages = state[AVERAGE]
        kept[AVERAGE] = {
            name: training.average.next_average(averages[name], weight) for name, weight in after.items()
        }
    return after, kept
