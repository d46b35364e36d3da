"""What a training is: full-batch or mini-batch descent, by which rule, how long."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.inputs import COUNT, NUMBER, POSITIVE, SEED, check_inputs, instance_of, one_of, optional
from gradproof.reference.averaging import ExponentialAverage
from gradproof.reference.clipping import Clipping
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.optimizers import SGD, Optimizer
from gradproof.reference.schedules import Schedule

Array = NDArray[Any]

PLAIN = SGD()
"""The rule of a training that has no other: w ← w - learning_rate · ∂L/∂w."""


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
class Accumulation:
    """Gradients of micro-batches, one after the other, that make up the gradient of a step's whole batch.

    The examples of a step are cut along their leading axis into parts of equal size; where that does not go,
    the last ones are shorter by one. The gradient of the whole is the sum of theirs, weighted for a loss that
    is a mean over examples by the share of the examples that a part has.

    Attributes:
        micro_batches: how many parts.
        reduction: whether the loss is the `mean` of examples' losses, or their `sum`.

    >>> [(part, weight) for part, weight in Accumulation(2, "mean").parts(3)]
    [(slice(0, 2, None), 0.6666666666666666), (slice(2, 3, None), 0.3333333333333333)]
    """

    micro_batches: int
    reduction: Literal["mean", "sum"] = "mean"

    def __post_init__(self) -> None:
        """Refuse what cannot be accumulated."""
        check_inputs(
            "the accumulation",
            micro_batches=(self.micro_batches, COUNT),
            reduction=(self.reduction, one_of("mean", "sum")),
        )
        object.__setattr__(self, "micro_batches", int(self.micro_batches))

    def parts(self, examples: int) -> list[tuple[slice, float]]:
        """Give the parts of so many examples, and the factor of each part's gradient.

        Raises:
            InputError: there are fewer examples than parts.
        """
        if examples < self.micro_batches:
            raise InputError(
                f"{examples} examples cannot be cut into {self.micro_batches} micro-batches. Give fewer "
                "micro-batches or more examples."
            )
        size, longer = divmod(examples, self.micro_batches)
        ends = np.cumsum([size + (part < longer) for part in range(self.micro_batches)]).tolist()
        starts = [0, *ends[:-1]]
        return [
            (slice(start, end), 1.0 if self.reduction == "sum" else (end - start) / examples)
            for start, end in zip(starts, ends, strict=True)
        ]


@dataclass(frozen=True)
class GradientDescent:
    """Training by w ← w - learning_rate · ∂L/∂w, or by what an optimizer makes of the gradient.

    Attributes:
        learning_rate: the factor of the gradient; positive.
        steps: how many steps at most; at least 1.
        mini_batches: None for full-batch descent.
        stopping: None to take all the steps.
        optimizer: the rule by which weights are updated.
        schedule: what each step's learning rate is, as a factor of `learning_rate`; None for a constant one.
        clipping: how gradients are kept small before the optimizer sees them; None where they are not.
        accumulation: None to compute the gradient of a step's whole batch at once.
        average: the average of the weights that is kept beside them; None for none.

    Raises:
        InputError: a learning rate or a number of steps that cannot be descended with.
    """

    learning_rate: float
    steps: int
    mini_batches: MiniBatches | None = None
    stopping: StoppingRule | None = None
    optimizer: Optimizer = PLAIN
    schedule: Schedule | None = None
    clipping: Clipping | None = None
    accumulation: Accumulation | None = None
    average: ExponentialAverage | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be descended with."""
        check_inputs(
            "the training",
            learning_rate=(self.learning_rate, POSITIVE),
            steps=(self.steps, COUNT),
            mini_batches=(self.mini_batches, optional(instance_of(MiniBatches, "MiniBatches(...)"))),
            stopping=(self.stopping, optional(instance_of(StoppingRule, "a StoppingRule(...)"))),
            optimizer=(self.optimizer, instance_of(Optimizer, "an optimizer such as Adam(...)")),
            schedule=(self.schedule, optional(instance_of(Schedule, "a schedule such as CosineDecay(...)"))),
            clipping=(self.clipping, optional(instance_of(Clipping, "ClipByNorm(...) or ClipByValue(...)"))),
            accumulation=(self.accumulation, optional(instance_of(Accumulation, "Accumulation(...)"))),
            average=(self.average, optional(instance_of(ExponentialAverage, "ExponentialAverage(...)"))),
        )
        # NumPy's own scalars would lift float32 weights to float64.
        object.__setattr__(self, "learning_rate", float(self.learning_rate))
        object.__setattr__(self, "steps", int(self.steps))
        if self.mini_batches is not None and self.stopping is not None:
            raise InputError(
                "The training has both mini-batches and a stopping rule, but the losses of different "
                "mini-batches cannot be compared. Leave one of the two out."
            )
        if self.schedule is not None:
            self.schedule.check(self.steps)

    @property
    def is_plain(self) -> bool:
        """Whether each step is w ← w - learning_rate · ∂L/∂w and nothing else."""
        others = (self.schedule, self.clipping, self.accumulation, self.average)
        return self.optimizer == PLAIN and all(other is None for other in others)

    @property
    def words(self) -> str:
        """Say what of it is more than plain descent.

        >>> GradientDescent(learning_rate=0.1, steps=1, optimizer=SGD(momentum=0.9)).words
        'SGD(momentum=0.9)'
        """
        parts = (self.optimizer, self.schedule, self.clipping, self.accumulation, self.average)
        told = [_settings(part) for part in parts if part is not None and part != PLAIN]
        return ", ".join(told) or "plain gradient descent"

    @cached_property
    def learning_rates(self) -> NDArray[np.float64]:
        """The learning rate of each step, of shape (steps,)."""
        if self.schedule is None:
            return np.full(self.steps, self.learning_rate)
        factors: NDArray[np.float64] = self.schedule.factors(NumpyNamespace(), np.arange(self.steps))
        return self.learning_rate * factors


def _settings(part: Any) -> str:
    """Say what a dataclass is, with those of its settings that are not the usual ones."""
    unusual = (
        f"{each.name}={getattr(part, each.name)!r}"
        for each in fields(part)
        if getattr(part, each.name) != each.default
    )
    return f"{type(part).__name__}({', '.join(unusual)})"
