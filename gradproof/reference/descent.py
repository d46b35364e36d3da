"""Gradient descent in NumPy: full-batch and mini-batch, with a stopping rule, every step recorded."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice, repeat
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import COUNT, NUMBER, POSITIVE, SEED, check_inputs, instance_of, optional

Array = NDArray[Any]
ValueAndGradient = Callable[[Mapping[str, Array], Mapping[str, Array]], tuple[Any, Mapping[str, Array]]]

Step: TypeAlias = tuple[Any, Mapping[str, Any], Mapping[str, Any]]
"""The loss before a step, its gradient, the weights after the step; in arrays of any framework."""


@dataclass(frozen=True)
class MiniBatches:
    """Mini-batches of a constant size, drawn at random; one epoch passes all examples once.

    Source: "Math Behind Backpropagation and Gradient Descent", section "Stochastic Gradient Descent".

    Attributes:
        size: examples in a mini-batch; it must divide the number of examples, so that the size stays
            constant and every epoch passes each example exactly once.
        seed: of the permutation that each epoch draws.
    """

    size: int
    seed: int

    def __post_init__(self) -> None:
        """Refuse a size that is no whole number of examples, and a seed that cannot be drawn from."""
        check_inputs("the mini-batches", size=(self.size, COUNT), seed=(self.seed, SEED))
        object.__setattr__(self, "size", int(self.size))
        object.__setattr__(self, "seed", int(self.seed))

    def check(self, examples: int) -> None:
        """Raise InputError unless the size suits that many examples."""
        if self.size > examples:
            raise InputError(
                f"The mini-batch size {self.size} is larger than the data, which have {examples} "
                "examples. Give a smaller size or more examples."
            )
        if examples % self.size:
            raise InputError(
                f"The mini-batch size {self.size} does not divide the {examples} examples, so an epoch "
                "would end in a smaller batch. Give a size that divides the number of examples."
            )

    def schedule(self, examples: int, steps: int) -> NDArray[np.intp]:
        """Draw the examples of each step, of shape (steps, size); the same for the same seed.

        >>> schedule = MiniBatches(size=2, seed=0).schedule(examples=4, steps=4)
        >>> [sorted(epoch.ravel().tolist()) for epoch in (schedule[:2], schedule[2:])]
        [[0, 1, 2, 3], [0, 1, 2, 3]]
        """
        self.check(examples)
        random = np.random.default_rng(self.seed)
        epochs = -(-steps * self.size // examples)
        order = [random.permutation(examples) for _ in range(epochs)]
        return np.concatenate(order).reshape(-1, self.size)[:steps]


@dataclass(frozen=True)
class StoppingRule:
    """Stop once a step improves the loss by no more than a fraction of it.

    The document stops "once the improvement becomes negligible"; this states what negligible is.

    Attributes:
        relative_improvement: the fraction; a step from loss L to L' is negligible if
            L - L' <= relative_improvement · L.
    """

    relative_improvement: float

    def __post_init__(self) -> None:
        """Refuse a fraction outside [0, 1)."""
        check_inputs("the stopping rule", relative_improvement=(self.relative_improvement, NUMBER))
        if not 0 <= self.relative_improvement < 1:
            raise InputError(
                f"The stopping rule's relative improvement is {self.relative_improvement}. "
                "Give a number from 0 up to, but not including, 1."
            )

    def is_negligible(self, previous: float, current: float) -> bool:
        """Whether the step from the previous to the current loss improved it negligibly.

        >>> StoppingRule(1e-3).is_negligible(1.0, 0.9995)
        True
        """
        return bool(previous - current <= self.relative_improvement * previous)

    def steps_taken(self, losses: Array) -> int:
        """Count the steps of a run whose losses, before each step, are given.

        Descent looks at each loss before it steps; it takes no step from a loss that improved
        negligibly on the one before. All steps are counted where none did.

        >>> StoppingRule(1e-3).steps_taken(np.array([4.0, 2.0, 1.9999, 1.9998]))
        2
        """
        # In float64, as is_negligible decides: rounded to the losses' own dtype the two could differ.
        losses = losses.astype(np.float64)
        negligible = losses[:-1] - losses[1:] <= self.relative_improvement * losses[:-1]
        found = np.flatnonzero(negligible)
        return int(found[0]) + 1 if found.size else len(losses)


@dataclass(frozen=True)
class GradientDescent:
    """Training by w ← w - learning_rate · ∂L/∂w.

    Attributes:
        learning_rate: the factor of the gradient; positive.
        steps: how many steps at most; at least 1.
        mini_batches: None for full-batch descent.
        stopping: None to take all the steps.

    Raises:
        InputError: a learning rate or a number of steps that cannot be descended with.
    """

    learning_rate: float
    steps: int
    mini_batches: MiniBatches | None = None
    stopping: StoppingRule | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_inputs(
            "the training",
            learning_rate=(self.learning_rate, POSITIVE),
            steps=(self.steps, COUNT),
            mini_batches=(self.mini_batches, optional(instance_of(MiniBatches, "MiniBatches(...)"))),
            stopping=(self.stopping, optional(instance_of(StoppingRule, "a StoppingRule(...)"))),
        )
        # NumPy's own scalars would lift float32 weights to float64.
        object.__setattr__(self, "learning_rate", float(self.learning_rate))
        object.__setattr__(self, "steps", int(self.steps))
        if self.mini_batches is not None and self.stopping is not None:
            raise InputError(
                "The training has both mini-batches and a stopping rule, but the losses of different "
                "mini-batches cannot be compared. Leave one of the two out."
            )


@dataclass(frozen=True)
class Trajectory:
    """What a descent recorded; T is the number of steps taken.

    Attributes:
        losses: the loss before each step, of shape (T,).
        gradients: per parameter the gradient of each step, of shape (T, *parameter).
        weights: per parameter the weights before each step and after the last, of shape
            (T + 1, *parameter).
    """

    losses: Array
    gradients: dict[str, Array]
    weights: dict[str, Array]

    @classmethod
    def of(
        cls, first: Mapping[str, Array], steps: Iterable[Step], to_numpy: Callable[[Any], Array] = np.asarray
    ) -> "Trajectory":
        """Record steps from the first weights."""
        losses, gradients, weights = zip(*steps, strict=True)

        def stacked(arrays: Iterable[Any]) -> Array:
            return np.stack([to_numpy(array) for array in arrays])

        return cls(
            stacked(losses),
            {name: stacked(each[name] for each in gradients) for name in first},
            {name: np.stack([first[name], *(to_numpy(each[name]) for each in weights)]) for name in first},
        )

    def first(self, steps: int) -> "Trajectory":
        """Keep the first steps only."""
        return Trajectory(
            self.losses[:steps],
            {name: gradient[:steps] for name, gradient in self.gradients.items()},
            {name: weight[: steps + 1] for name, weight in self.weights.items()},
        )


def take_steps(steps: Iterable[Step], stopping: StoppingRule | None) -> list[Step]:
    """Take steps until one improves the loss negligibly; that one was computed, but is not taken."""
    found: list[Step] = []
    for step in steps:
        if stopping is not None and found and stopping.is_negligible(float(found[-1][0]), float(step[0])):
            break
        found.append(step)
    return found


def select_examples(batch: Mapping[str, Array], indices: Array) -> dict[str, Array]:
    """Take the examples with these indices from the leading axis of every array of the batch."""
    return {name: array[indices] for name, array in batch.items()}


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
        training: learning rate, steps, mini-batches and stopping rule.

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

    def steps() -> Iterator[Step]:
        weights = {name: np.array(weight) for name, weight in params.items()}
        for data in islice(batches, training.steps):
            loss, gradient = value_and_gradient(weights, data)
            # A gradient of higher precision is rounded first, so that what is recorded is what is stepped.
            entries = {name: np.asarray(gradient[name], dtype=each.dtype) for name, each in weights.items()}
            # w ← w - learning rate · ∂L/∂w
            weights = {name: each - training.learning_rate * entries[name] for name, each in weights.items()}
            yield np.asarray(loss, dtype=dtype), entries, weights

    return Trajectory.of(params, take_steps(steps(), training.stopping))
