"""Gradient descent in NumPy: every step recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, repeat
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.advance import advance, first_state
from gradproof.reference.descent import Accumulation, GradientDescent, StoppingRule
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.optimizers import At, State

Array = NDArray[Any]
ValueAndGradient = Callable[[Mapping[str, Array], Mapping[str, Array]], tuple[Any, Mapping[str, Array]]]


class DescentStep(NamedTuple):
    """What a step gives, in arrays of any framework.

    Attributes:
        loss: before the step.
        gradient: there, of the step's whole batch, by parameter.
        weights: after the step, by parameter.
        state: after the step, by entry, by parameter.
        learning_rate: of the step; None for that of the training.
    """

    loss: Any
    gradient: Mapping[str, Any]
    weights: Mapping[str, Any]
    state: State = MappingProxyType({})
    learning_rate: Any = None


@dataclass(frozen=True)
class Trajectory:
    """What a descent recorded; T is the number of steps taken.

    Attributes:
        losses: the loss before each step, of shape (T,).
        gradients: per parameter the gradient of each step, of shape (T, *parameter).
        weights: per parameter the weights before each step and after the last, of shape
            (T + 1, *parameter).
        states: what the training keeps beside the weights, likewise; by entry, by parameter.
        learning_rates: of each step, of shape (T,), in float64.
    """

    losses: Array
    gradients: dict[str, Array]
    weights: dict[str, Array]
    states: dict[str, dict[str, Array]]
    learning_rates: Array

    @classmethod
    def of(
        cls,
        training: GradientDescent,
        first: Mapping[str, Array],
        steps: Iterable[DescentStep],
        stacked: Callable[[Sequence[Any]], Array] = np.stack,
    ) -> "Trajectory":
        """Record the steps of a training from the first weights.

        Args:
            training: by which rule.
            first: the weights before the first step.
            steps: in arrays of any framework.
            stacked: gives an array of each step as one of NumPy, with the steps along its first axis.
        """
        taken = [DescentStep(*step) for step in steps]

        def from_first(first: Array, arrays: Sequence[Any]) -> Array:
            return np.concatenate([first[np.newaxis], stacked(arrays)])

        planned = training.learning_rates[: len(taken)]
        rates = (step.learning_rate for step in taken)
        return cls(
            stacked([step.loss for step in taken]),
            {name: stacked([step.gradient[name] for step in taken]) for name in first},
            {
                name: from_first(array, [step.weights[name] for step in taken])
                for name, array in first.items()
            },
            {
                entry: {
                    name: from_first(array, [step.state[entry][name] for step in taken])
                    for name, array in arrays.items()
                }
                for entry, arrays in first_state(training, first).items()
            },
            np.array([own if rate is None else rate for own, rate in zip(planned, rates, strict=True)]),
        )

    def first(self, steps: int) -> "Trajectory":
        """Keep the first steps only."""

        def kept(arrays: Mapping[str, Array], count: int) -> dict[str, Array]:
            return {name: array[:count] for name, array in arrays.items()}

        return Trajectory(
            self.losses[:steps],
            kept(self.gradients, steps),
            kept(self.weights, steps + 1),
            {entry: kept(arrays, steps + 1) for entry, arrays in self.states.items()},
            self.learning_rates[:steps],
        )


def take_steps(steps: Iterable[DescentStep], stopping: StoppingRule | None) -> list[DescentStep]:
    """Take steps until one improves the loss negligibly; that one was computed, but is not taken."""
    found: list[DescentStep] = []
    for step in steps:
        if stopping is not None and found and stopping.is_negligible(float(found[-1][0]), float(step[0])):
            break
        found.append(step)
    return found


def select_examples(batch: Mapping[str, Any], indices: Any) -> dict[str, Any]:
    """Take the examples with these indices, or in a slice, along the leading axis of every array."""
    return {name: array[indices] for name, array in batch.items()}


def micro_batches_of(
    batch: Mapping[str, Any], accumulation: Accumulation
) -> list[tuple[dict[str, Any], float]]:
    """Cut a batch, in arrays of any framework, into micro-batches, each with the factor of its gradient.

    >>> micro_batches_of({"x": np.arange(3.0)}, Accumulation(2, "sum"))
    [({'x': array([0., 1.])}, 1.0), ({'x': array([2.])}, 1.0)]
    """
    parts = accumulation.parts(len(next(iter(batch.values()))))
    return [(select_examples(batch, part), factor) for part, factor in parts]


def descend(
    value_and_gradient: ValueAndGradient,
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
    training: GradientDescent,
) -> Trajectory:
    """Descend from `params` and record every step, in the dtype of `params`.

    Args:
        value_and_gradient: computes the loss and its gradient at given weights.
        params: the initial weights; they are not changed.
        batch: the data; with mini-batches, examples lie along the leading axis of every array.
        training: learning rate, steps, optimizer, mini-batches and stopping rule.

    >>> import gradproof.reference.line as line
    >>> run = descend(
    ...     line.value_and_gradient,
    ...     {"m": np.array(0.0), "c": np.array(0.0)},
    ...     {"x": np.array([0.0, 1.0]), "y": np.array([1.0, 3.0])},
    ...     GradientDescent(learning_rate=0.25, steps=100),
    ... )
    >>> float(run.weights["m"][-1].round(6)), float(run.weights["c"][-1].round(6))
    (2.0, 1.0)
    """
    batches: Iterable[Mapping[str, Array]] = repeat(batch)
    if training.mini_batches is not None:
        examples = len(next(iter(batch.values())))
        schedule = training.mini_batches.schedule(examples, training.steps)
        batches = (select_examples(batch, chosen) for chosen in schedule)
    dtype = next(iter(params.values())).dtype
    xp, rates = NumpyNamespace(), training.learning_rates.tolist()
    if training.accumulation is not None:
        value_and_gradient = accumulated(value_and_gradient, training.accumulation)

    def steps() -> Iterator[DescentStep]:
        weights = {name: np.array(weight) for name, weight in params.items()}
        state = first_state(training, weights)
        for index, data in enumerate(islice(batches, training.steps)):
            loss, gradient = value_and_gradient(weights, data)
            # A gradient of higher precision is rounded first, so that what is recorded is what is stepped.
            entries = {name: np.asarray(gradient[name], dtype=each.dtype) for name, each in weights.items()}
            weights, state = advance(training, xp, weights, entries, state, At(index + 1, rates[index]))
            yield DescentStep(np.asarray(loss, dtype=dtype), entries, weights, state, rates[index])

    return Trajectory.of(training, params, take_steps(steps(), training.stopping))


def accumulated(value_and_gradient: ValueAndGradient, accumulation: Accumulation) -> ValueAndGradient:
    """Give what computes the loss and the gradient of a batch from those of its micro-batches.

    ∂/∂w of a mean over n examples is the sum over parts of (nᵢ / n) · ∂/∂w of the mean over a part's nᵢ.
    """

    def of_parts(weights: Mapping[str, Array], batch: Mapping[str, Array]) -> tuple[Any, dict[str, Array]]:
        loss: Any = 0.0
        total: dict[str, Array] = {}
        for data, factor in micro_batches_of(batch, accumulation):
            value, gradient = value_and_gradient(weights, data)
            loss = loss + factor * value
            for name in weights:
                added = factor * np.asarray(gradient[name])
                total[name] = total[name] + added if name in total else added
        return loss, total

    return of_parts
