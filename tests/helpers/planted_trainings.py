"""Trainings written by hand in NumPy, line by line as papers have them, with a place for mistakes.

None of gradproof's own rules is used: what is planted here is what somebody would write.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends import load_backend
from gradproof.backends.protocol import Run
from gradproof.reference.advance import first_state
from gradproof.reference.trajectory import select_examples
from gradproof.scenarios import Scenario

Array = NDArray[Any]
Arrays = dict[str, Array]
States = dict[str, Arrays]
Step = Callable[..., tuple[Arrays, States]]


def trained(scenario: Scenario, step: Step, dtype: str = "float64", gradient: Any = None) -> Run:
    """Train by a step of one's own: called as step(weights, gradients, state, number from 1, rates).

    Args:
        scenario: with its training, whose steps, rates and first state are taken.
        step: makes a step.
        dtype: of all arrays.
        gradient: gives the gradient that is recorded, from weights and data; None for the right one.
    """
    params, batch = scenario.arrays(dtype)
    training, schedule = scenario.training, scenario.batch_schedule()
    assert training is not None
    weights = {name: np.array(array) for name, array in params.items()}
    state = first_state(training, weights)
    taken: list[Any] = []
    one = replace(scenario, training=replace(training, steps=1, accumulation=None, schedule=None))
    whole = load_backend("reference").run(one, dtype=dtype, variant="numpy")
    record: dict[str, Any] = {"weights": [weights], "states": [state]}
    for number in range(1, training.steps + 1):
        data = batch if schedule is None else select_examples(batch, schedule[number - 1])
        right = scenario.flat_gradient(weights, data)
        found = right if gradient is None else gradient(weights, data)
        gradients = {name: np.asarray(found[name], dtype=weights[name].dtype) for name in weights}
        taken.append((scenario.flat_loss(np_with_nn(), weights, data), gradients))
        with np.errstate(all="ignore"):
            weights, state = step(weights, gradients, state, number, training.learning_rates)
        weights = {name: np.asarray(array, dtype=params[name].dtype) for name, array in weights.items()}
        state = {
            entry: {name: np.asarray(array, dtype=params[name].dtype) for name, array in own.items()}
            for entry, own in state.items()
        }
        record["weights"].append(weights)
        record["states"].append(state)
    return replace(
        whole,
        losses=np.array([loss for loss, _ in taken], dtype=whole.losses.dtype),
        gradients={name: np.stack([each[name] for _, each in taken]) for name in params},
        weights={name: np.stack([each[name] for each in record["weights"]]) for name in params},
        states={
            entry: {name: np.stack([each[entry][name] for each in record["states"]]) for name in own}
            for entry, own in record["states"][0].items()
        },
        planned_steps=training.steps,
        learning_rates=None,
    )


def np_with_nn() -> Any:
    from gradproof.reference.numpy_namespace import NumpyNamespace

    return NumpyNamespace()


def each(rule: Callable[..., tuple[Array, Mapping[str, Array]]]) -> Step:
    """Make a step of a rule for one parameter: rule(w, g, state, number, rate) gives weights and state."""

    def step(weights: Arrays, gradients: Arrays, state: States, number: int, rates: Array) -> Any:
        after: Arrays = {}
        kept: States = {}
        for name, weight in weights.items():
            own = {entry: arrays[name] for entry, arrays in state.items()}
            after[name], new = rule(weight, gradients[name], own, number, float(rates[number - 1]))
            for entry, array in new.items():
                kept.setdefault(entry, {})[name] = array
        return after, kept

    return step


def adam(  # noqa: PLR0913 - a setting a mistake
    *,
    beta1: float = 0.9,
    beta2: float = 0.999,
    epsilon: float = 1e-8,
    place: str = "outside",
    corrections: tuple[bool, bool] = (True, True),
    counted: int = 0,
    coupled: float = 0.0,
    decoupled: Callable[[float], float] = lambda _: 0.0,
    power: int = 2,
    maximum: str = "",
    ahead: str = "",
    root: bool = True,
    behind: bool = False,
) -> Step:
    """Adam, with settings that are not always right ones."""

    def rule(w: Any, g: Any, state: Any, number: int, rate: float) -> Any:
        t = number + counted
        g = g + coupled * w if coupled else g
        m = beta1 * state["first_moment"] + (1 - beta1) * g
        v = beta2 * state["second_moment"] + (1 - beta2) * np.abs(g) ** power
        kept = {"first_moment": m, "second_moment": v}
        with np.errstate(divide="ignore"):
            share1 = np.float64(1 - beta1**t) if corrections[0] else 1.0
            share2 = np.float64(1 - beta2**t) if corrections[1] else 1.0
        m_hat, v_hat = m / share1, v / share2
        if behind:
            m_hat, v_hat = state["first_moment"] / share1, state["second_moment"] / share2
        if maximum:
            kept["greatest_moment"] = v if maximum == "left out" else np.maximum(state["greatest_moment"], v)
            v_hat = kept["greatest_moment"] / share2
        if ahead:
            next_share = 1 - beta1 ** (t + 1) if ahead == "right" else share1
            m_hat = beta1 * m / next_share + (1 - beta1) * g / share1
        if place == "outside":
            divisor = (np.sqrt(v_hat) if root else v_hat) + epsilon
        elif place == "inside":
            divisor = np.sqrt(v_hat + epsilon)
        else:
            divisor = (np.sqrt(v) + epsilon) / np.sqrt(share2)
        return w - decoupled(rate) * w - rate * m_hat / divisor, kept

    return each(rule)


def sgd(
    *,
    momentum: float = 0.0,
    dampening: float = 0.0,
    first: bool = False,
    look: str = "",
    coupled: float = 0.0,
    decoupled: Callable[[float], float] = lambda _: 0.0,
    sign: float = -1.0,
    rate_inside: bool = False,
) -> Step:
    """Gradient descent with momentum; `first` dampens the first step, too."""

    def rule(w: Any, g: Any, state: Any, number: int, rate: float) -> Any:
        g = g + coupled * w if coupled else g
        direction, kept = g, {}
        if momentum:
            added = g if number == 1 and not first else (1 - dampening) * g
            added = rate * added if rate_inside else added
            b = momentum * state["momentum"] + added
            looks = {"": b, "right": g + momentum * b, "twice": (1 + momentum) * b, "only": momentum * b}
            direction, kept = looks[look], {"momentum": b}
        return w - decoupled(rate) * w + sign * (1.0 if rate_inside else rate) * direction, kept

    return each(rule)


def with_rates(step: Step, rates: Callable[[Array], Array]) -> Step:
    """The same with other learning rates."""

    def other(weights: Arrays, gradients: Arrays, state: States, number: int, planned: Array) -> Any:
        return step(weights, gradients, state, number, rates(planned))

    return other


def with_gradients(step: Step, change: Callable[[Arrays], Arrays]) -> Step:
    """The same from other gradients than those that are recorded."""

    def other(weights: Arrays, gradients: Arrays, state: States, number: int, rates: Array) -> Any:
        return step(weights, change(gradients), state, number, rates)

    return other


def with_frozen(step: Step, *entries: str, weights: bool = False, parameter: str = "") -> Step:
    """The same without an update of entries of the state, or of the weights, or of one parameter's."""

    def other(before: Arrays, gradients: Arrays, state: States, number: int, rates: Array) -> Any:
        after, kept = step(before, gradients, state, number, rates)
        kept = {entry: state[entry] if entry in entries else own for entry, own in kept.items()}
        if parameter:
            return {**after, parameter: before[parameter]}, kept
        return (before if weights else after), kept

    return other


def with_own_state(step: Step, *entries: str) -> Step:
    """The same with a state that is kept from step to step, and not recorded."""
    kept: States = {}

    def other(weights: Arrays, gradients: Arrays, _: States, number: int, rates: Array) -> Any:
        if number == 1:
            first = {name: np.zeros_like(array) for name, array in weights.items()}
            kept.update(dict.fromkeys(entries, first))
        after, new = step(weights, gradients, kept, number, rates)
        kept.update(new)
        return after, {}

    return other


def clipped_afterwards(step: Step, maximum: float) -> Step:
    """The same with the step, without its learning rate, clipped by the norm of all parameters' together."""

    def other(weights: Arrays, gradients: Arrays, state: States, number: int, rates: Array) -> Any:
        after, kept = step(weights, gradients, state, number, rates)
        rate = float(rates[number - 1])
        moved = clipped(maximum)({name: (weights[name] - after[name]) / rate for name in weights})
        return {name: weights[name] - rate * moved[name] for name in weights}, kept

    return other


def averaged(step: Step, decay: float, *, early: bool = False) -> Step:
    """The same with an exponential average of the weights, of those after the step or before."""

    def other(weights: Arrays, gradients: Arrays, state: States, number: int, rates: Array) -> Any:
        own = {entry: arrays for entry, arrays in state.items() if entry != "average"}
        after, kept = step(weights, gradients, own, number, rates)
        now = weights if early else after
        average = {name: decay * state["average"][name] + (1 - decay) * now[name] for name in now}
        return after, {**kept, "average": average}

    return other


def norm(gradients: Arrays) -> Any:
    return np.sqrt(sum(np.sum(g**2) for g in gradients.values()))


def clipped(maximum: float, epsilon: float = 0.0) -> Callable[[Arrays], Arrays]:
    """Clipping by the norm of all gradients together."""

    def change(gradients: Arrays) -> Arrays:
        factor = min(1.0, maximum / float(norm(gradients) + epsilon))
        return {name: factor * g for name, g in gradients.items()}

    return change
