"""Training in JAX: step by step, or all steps in one compiled program; plain, or by optax."""

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Lazy
from gradproof.backends.jax_optimizers import OptaxRule, optax_rule, states_of
from gradproof.backends.protocol import Timing
from gradproof.reference.advance import AVERAGE, first_state
from gradproof.reference.descent import GradientDescent
from gradproof.reference.trajectory import DescentStep, Trajectory

jax = Lazy("jax")
jnp = Lazy("jax.numpy")
lax = Lazy("jax.lax")
optax = Lazy("optax")

Array = NDArray[Any]
Arrays = dict[str, Any]
Data = Mapping[str, Any]
Objective = Callable[[Arrays, Data], Any]
ValueAndGradient = Callable[[Arrays, Data], tuple[Any, Arrays]]

_SEEN = "gradient"
"""What the snapshot of the gradient that optax's rule sees is called."""


class Carried(NamedTuple):
    """What one step hands to the next.

    Attributes:
        weights: by parameter.
        state: the optimizer's, as optax has it; None for plain steps.
        average: of the weights; None where the training keeps none.
    """

    weights: Arrays
    state: Any
    average: Arrays | None


class JaxTraining:
    """Makes the steps of a training, in JAX's arrays.

    Plain steps are w - learning rate · ∂L/∂w in JAX's own arithmetic; all others are optax's.

    Args:
        training: by which rule.
        value_and_gradient: gives the loss at weights and data, and its gradient by the weights.
        weights: the first.
        batch: data of a step, of any step: an accumulation cuts its examples into parts.

    Attributes:
        first: what is carried into the first step.

    Raises:
        UnsupportedError: optax is needed and not there, or has no such rule.
    """

    def __init__(
        self, training: GradientDescent, value_and_gradient: ValueAndGradient, weights: Arrays, batch: Data
    ) -> None:
        """Look for optax's rule."""
        self._training = training
        self._value_and_gradient = value_and_gradient
        self._parts: list[tuple[slice, float]] = []
        self._rule: OptaxRule | None = None
        self._transformation: Any = None
        dtype = next(iter(weights.values())).dtype
        if not training.is_plain:
            self._rule = optax_rule(training, dtype)
            self._transformation = self._rule.transformation
        if training.accumulation is not None:
            self._parts = training.accumulation.parts(len(next(iter(batch.values()))))
            self._transformation = self._accumulating(dtype)
        state = None if self._rule is None else self._transformation.init(weights)
        self.first = Carried(weights, state, None if training.average is None else weights)

    def _accumulating(self, dtype: Any) -> Any:
        """Give what steps after several micro-batches, and remembers their gradients' sum or mean."""
        remembering = optax.chain(optax.snapshot(_SEEN, lambda gradient: gradient), self._transformation)
        accumulating = optax.MultiSteps(
            remembering, len(self._parts), use_grad_mean=self._averages, accumulator_dtype=dtype
        )
        # It has two branches, which JAX compiles anew at each call that is not compiled itself.
        return optax.GradientTransformation(accumulating.init, jax.jit(accumulating.update))

    @property
    def _averages(self) -> bool:
        """Whether the whole gradient is the plain mean of the parts', which are then equally large."""
        accumulation, sizes = self._training.accumulation, {part.stop - part.start for part, _ in self._parts}
        return accumulation is not None and accumulation.reduction == "mean" and len(sizes) == 1

    def step(self, carried: Carried, data: Data) -> tuple[Carried, DescentStep]:
        """Make a step on its data."""
        if self._rule is None:
            value, gradient = self._value_and_gradient(carried.weights, data)
            rate = self._training.learning_rate
            weights = {name: weight - rate * gradient[name] for name, weight in carried.weights.items()}
            return Carried(weights, None, None), DescentStep(value, gradient, weights, {})
        make = self._step_of_parts if self._parts else self._step_of_whole
        value, gradient, weights, state = make(carried.weights, carried.state, data)
        kept, average = self._rule.kept(state), carried.average
        if self._training.average is not None:
            average = optax.incremental_update(weights, average, 1 - self._training.average.decay)
            kept[AVERAGE] = average
        rate = self._rule.learning_rate(state)
        return Carried(weights, state, average), DescentStep(value, gradient, weights, kept, rate)

    def _step_of_whole(self, weights: Arrays, state: Any, data: Data) -> tuple[Any, Any, Any, Any]:
        value, gradient = self._value_and_gradient(weights, data)
        updates, state = self._transformation.update(gradient, state, weights)
        return value, gradient, optax.apply_updates(weights, updates), state

    def _step_of_parts(self, weights: Arrays, state: Any, data: Data) -> tuple[Any, Any, Any, Any]:
        total: Any = 0.0
        for part, factor in self._parts:
            own = {name: array[part] for name, array in data.items()}
            value, gradient = self._value_and_gradient(weights, own)
            if not self._averages:
                gradient = jax.tree.map(partial(jnp.multiply, factor), gradient)
            updates, state = self._transformation.update(gradient, state, weights)
            weights = optax.apply_updates(weights, updates)  # by zeros, until the last part
            total = total + factor * value
        (seen,) = states_of(state, "SnapshotState")
        return total, seen.measurement[_SEEN], weights, state


def eager_steps(training: JaxTraining, batches: Iterator[Data]) -> Iterator[DescentStep]:
    """Make a step whenever one is asked for."""
    carried = training.first
    for data in batches:
        carried, step = training.step(carried, data)
        rate = step.learning_rate
        yield step if rate is None else step._replace(learning_rate=float(rate))


def train_compiled(
    descent: GradientDescent,
    training: JaxTraining,
    batch: Arrays,
    schedule: NDArray[np.intp] | None,
    planned: int,
    *,
    unrolled: bool = False,
) -> tuple[Trajectory, Timing]:
    """Make all steps in one compiled program, and record them.

    Args:
        descent: what the training makes.
        training: makes the steps.
        batch: the whole data.
        schedule: the examples of each step's mini-batch, of shape (planned, size); None for the whole data.
        planned: how many steps.
        unrolled: whether the steps stand in the program one after the other, instead of in a `lax.scan`.
    """
    layout = layout_of(descent, training)
    indices = None if schedule is None else jnp.asarray(schedule)

    def program(carried: Carried) -> Any:
        return rows_of_steps(training, layout, planned, carried, batch, indices, unrolled=unrolled)

    rows, timing = compiled_call(program, training.first)
    return recorded(descent, training, rows, layout), timing


def layout_of(descent: GradientDescent, training: JaxTraining) -> DescentStep:
    """Give the shapes of what is recorded of a step, as arrays of these shapes."""
    weights, number = training.first.weights, np.zeros(())
    kept = first_state(descent, weights)
    return DescentStep(number, weights, weights, kept, None if descent.schedule is None else number)


def rows_of_steps(
    training: JaxTraining,
    layout: DescentStep,
    planned: int,
    carried: Carried,
    batch: Arrays,
    indices: Any,
    *,
    unrolled: bool = False,
) -> Any:
    """Make all steps, and give what is recorded of them: of shape (planned, numbers of a step)."""

    def body(carried: Carried, chosen: Any) -> tuple[Carried, Any]:
        data = batch if chosen is None else {name: array[chosen] for name, array in batch.items()}
        carried, step = training.step(carried, data)
        # One row a step instead of an array for each record, which takes XLA less time to compile; in the
        # finest of their dtypes, which holds all of them.
        rows = jax.tree.map(lambda _, record: jnp.ravel(record), layout, step)
        return carried, jnp.concatenate(jax.tree.leaves(rows))

    if not unrolled:
        return lax.scan(body, carried, indices, length=planned)[1]
    rows = []
    for index in range(planned):
        carried, row = body(carried, None if indices is None else indices[index])
        rows.append(row)
    return jnp.stack(rows)


def compiled_call(program: Callable[..., Any], *arguments: Any) -> tuple[Array, Timing]:
    """Compile a program and call it; give what it gives, and what each of the two took."""
    start = time.perf_counter()
    compiled = jax.jit(program).lower(*arguments).compile()
    ready = time.perf_counter()
    rows = np.asarray(jax.block_until_ready(compiled(*arguments)))
    return rows, Timing(compiling=ready - start, training=time.perf_counter() - ready)


def recorded(descent: GradientDescent, training: JaxTraining, rows: Array, layout: DescentStep) -> Trajectory:
    """Take the record of all steps out of one row a step."""
    first = training.first.weights
    leaves, structure = jax.tree.flatten(layout)
    columns = np.split(rows, np.cumsum([leaf.size for leaf in leaves])[:-1], axis=1)
    records = DescentStep(
        *jax.tree.unflatten(
            structure,
            [column.reshape(len(rows), *leaf.shape) for column, leaf in zip(columns, leaves, strict=True)],
        )
    )

    def after(before: Any, record: Array) -> Array:
        return np.concatenate([np.asarray(before)[None], record.astype(before.dtype)])

    rates = records.learning_rate
    record = Trajectory(
        records.loss,
        {
            name: records.gradient[name].astype(array.dtype) for name, array in first.items()
        },  # JAX hands dictionaries back in sorted order
        {name: after(array, records.weights[name]) for name, array in first.items()},
        {
            entry: {name: after(array, records.state[entry][name]) for name, array in arrays.items()}
            for entry, arrays in layout.state.items()
        },
        descent.learning_rates[: len(rows)] if rates is None else rates.astype(np.float64),
    )
    # The scan runs the planned number of steps; the ones after the stopping rule's are cut off here, which
    # gives the same record as leaving the loop there.
    stopping = descent.stopping
    return record if stopping is None else record.first(stopping.steps_taken(record.losses))
