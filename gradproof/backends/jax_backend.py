"""JAX as a backend: jax.nn, jax.value_and_grad, and training inside one compiled lax.scan."""

import time
from collections.abc import Callable, Mapping
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import xlog1py, xlogy
from numpy.typing import NDArray

from gradproof.backends.protocol import Run, Timing, check_scalar, planned_steps, stacked
from gradproof.scenarios.scenario import Scenario

Array = NDArray[Any]
Arrays = dict[str, Any]

_REDUCERS: dict[str, Callable[[Any], Any]] = {"mean": jnp.mean, "sum": jnp.sum, "none": lambda x: x}


def _binary_cross_entropy(probabilities: Any, targets: Any, *, reduction: str = "mean") -> Any:
    # jax.nn has none; this is the textbook formula in JAX's own functions for 0 · ln 0 = 0.
    terms = xlogy(targets, probabilities) + xlog1py(1 - targets, -probabilities)
    return _REDUCERS[reduction](-terms)


def _binary_cross_entropy_with_logits(
    logits: Any,
    targets: Any,
    *,
    reduction: str = "mean",
) -> Any:
    terms = targets * jax.nn.log_sigmoid(logits) + (1 - targets) * jax.nn.log_sigmoid(-logits)
    return _REDUCERS[reduction](-terms)


def _cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
    if jnp.issubdtype(targets.dtype, jnp.integer):
        targets = jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype)
    return _REDUCERS[reduction](-jnp.sum(targets * jax.nn.log_softmax(logits), axis=-1))


class JaxNamespace:
    """jax.numpy, which follows the array API standard, and `xp.nn` from jax.nn."""

    nn = SimpleNamespace(
        sigmoid=jax.nn.sigmoid,
        relu=jax.nn.relu,
        gelu=lambda x, *, approximate="none": jax.nn.gelu(x, approximate=approximate == "tanh"),
        silu=jax.nn.silu,
        softplus=jax.nn.softplus,
        softmax=lambda x, *, axis=-1: jax.nn.softmax(x, axis=axis),
        log_softmax=lambda x, *, axis=-1: jax.nn.log_softmax(x, axis=axis),
        logsumexp=lambda x, *, axis=-1, keepdims=False: jax.nn.logsumexp(x, axis=axis, keepdims=keepdims),
        binary_cross_entropy=_binary_cross_entropy,
        binary_cross_entropy_with_logits=_binary_cross_entropy_with_logits,
        cross_entropy=_cross_entropy,
    )

    def __getattr__(self, name: str) -> Any:
        """Give jax.numpy's own function or constant."""
        return getattr(jnp, name)


class JaxBackend:
    """Runs a scenario in JAX on its default device.

    Variants: `jit` compiles the whole training once, as a `lax.scan` over the steps; `eager` calls
    `jax.value_and_grad` step by step without compiling.
    """

    name = "jax"
    variants: tuple[str, ...] = ("jit", "eager")
    dtypes: tuple[str, ...] = ("float64", "float32")
    # Tracing each step anew takes some 10 ms a step, thousands of times what the compiled step takes.
    step_limits: Mapping[str, int] = {"eager": 50}

    def versions(self) -> Mapping[str, str]:
        """Tell JAX's versions and the settings that can change a result."""
        return {
            "jax": jax.__version__,
            "jaxlib": version("jaxlib"),
            "jax device": str(jax.devices()[0]),
            "jax default matmul precision": str(jax.config.jax_default_matmul_precision),
            "jax enable x64 at start": str(jax.config.jax_enable_x64),
        }

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Run:
        """Compute and record gradients and updates of a scenario."""
        # 64-bit mode is switched on only here: it would change what other JAX code in the process computes.
        with jax.enable_x64(dtype == "float64"):
            return self._run(scenario, dtype, variant)

    def _run(self, scenario: Scenario, dtype: str, variant: str) -> Run:
        flat_params, flat_batch = scenario.arrays(dtype)
        params = {name: jnp.asarray(array) for name, array in flat_params.items()}
        batch = {name: jnp.asarray(array) for name, array in flat_batch.items()}
        xp = JaxNamespace()

        def objective(params: Arrays, batch: Arrays) -> Any:
            return scenario.flat_loss(xp, params, batch)

        shape = jax.eval_shape(objective, params, batch).shape
        check_scalar(tuple(shape), scenario.name)
        planned = planned_steps(self, scenario, variant)
        train = {"jit": _train_compiled, "eager": _train_eagerly}[variant]
        losses, gradients, weights, timing = train(objective, scenario, params, batch, planned)
        taken = _steps_taken(scenario, losses)
        updated = {n: w[:taken] if scenario.training is not None else w[:0] for n, w in weights.items()}
        kept = {n: np.concatenate([np.asarray(params[n])[None], updated[n]]) for n in params}
        last = {name: jnp.asarray(weight[-1]) for name, weight in kept.items()}
        predict = scenario.flat_predict
        return Run(
            scenario=scenario.name,
            backend=self.name,
            variant=variant,
            dtype=dtype,
            losses=losses[:taken],
            # In the parameters' own order: JAX hands mappings back sorted by name.
            gradients={name: gradients[name][:taken] for name in params},
            weights=kept,
            final_loss=float(objective(last, batch)),
            predictions=None if predict is None else np.asarray(predict(xp, last, batch)),
            timing=timing,
            planned_steps=scenario.steps,
            stopped=taken < planned,
        )


Recorded = tuple[Array, dict[str, Array], dict[str, Array], Timing]
Objective = Callable[[Arrays, Arrays], Any]


def _steps_taken(scenario: Scenario, losses: Array) -> int:
    # The scan runs the planned number of steps; the ones after the stopping rule's are cut off here, which
    # gives the same record as leaving the loop there.
    if scenario.training is None or scenario.training.stopping is None:
        return len(losses)
    return scenario.training.stopping.steps_taken(losses)


def _step(objective: Objective, scenario: Scenario, params: Arrays, batch: Arrays) -> Any:
    rate = 1.0 if scenario.training is None else scenario.training.learning_rate
    value, gradient = jax.value_and_grad(objective)(params, batch)
    updated = jax.tree.map(lambda weight, entry: weight - rate * entry, params, gradient)
    return value, gradient, updated


def _train_compiled(
    objective: Objective, scenario: Scenario, params: Arrays, batch: Arrays, planned: int
) -> Recorded:
    names = tuple(params)  # JAX hands dictionaries back in sorted order
    schedule = scenario.batch_schedule()
    indices = None if schedule is None else jnp.asarray(schedule[:planned])

    def body(params: Arrays, chosen: Any) -> Any:
        data = batch if chosen is None else {name: array[chosen] for name, array in batch.items()}
        value, gradient, updated = _step(objective, scenario, params, data)
        # One row a step instead of an array for each record, which takes XLA less time to compile.
        records = [value, *(gradient[name] for name in names), *(updated[name] for name in names)]
        return updated, jnp.concatenate([record.ravel() for record in records])

    def train(params: Arrays) -> Any:
        return jax.lax.scan(body, params, indices, length=planned)[1]

    start = time.perf_counter()
    compiled = jax.jit(train).lower(params).compile()
    ready = time.perf_counter()
    rows = np.asarray(jax.block_until_ready(compiled(params)))
    timing = Timing(compiling=ready - start, training=time.perf_counter() - ready)
    sizes = [params[name].size for name in names]
    columns = np.split(rows, np.cumsum([1, *sizes, *sizes])[:-1], axis=1)
    records = [
        column.reshape(planned, *params[name].shape)
        for column, name in zip(columns[1:], [*names, *names], strict=True)
    ]
    gradients = dict(zip(names, records[: len(names)], strict=True))
    weights = dict(zip(names, records[len(names) :], strict=True))
    return columns[0][:, 0], gradients, weights, timing


def _train_eagerly(
    objective: Objective, scenario: Scenario, params: Arrays, batch: Arrays, planned: int
) -> Recorded:
    schedule = scenario.batch_schedule()
    losses, gradients, weights = [], [], []
    start = time.perf_counter()
    for step in range(planned):
        data = batch
        if schedule is not None:
            data = {name: array[schedule[step]] for name, array in batch.items()}
        value, gradient, params = _step(objective, scenario, params, data)
        losses.append(value)
        gradients.append(gradient)
        weights.append(params)
    seconds = time.perf_counter() - start
    timing = Timing(compiling=0.0, training=seconds)
    return np.stack(losses), stacked(gradients), stacked(weights), timing
