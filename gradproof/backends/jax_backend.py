"""JAX as a backend: jax.nn, jax.value_and_grad, and training inside one compiled lax.scan."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cached_property, partial
from importlib import import_module
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.protocol import RecordingBackend, Timing, batches, descent_of, planned_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.reference.descent import Step, Trajectory
from gradproof.scenarios.scenario import Scenario

jax = Lazy("jax")
jnp = Lazy("jax.numpy")
special = Lazy("jax.scipy.special")

Array = NDArray[Any]
Arrays = dict[str, Any]


def _reduced(terms: Any, reduction: str) -> Any:
    return {"mean": jnp.mean, "sum": jnp.sum, "none": lambda x: x}[reduction](terms)


def _binary_cross_entropy(probabilities: Any, targets: Any, *, reduction: str = "mean") -> Any:
    # jax.nn has none; this is the textbook formula in JAX's own functions for 0 · ln 0 = 0.
    terms = special.xlogy(targets, probabilities) + special.xlog1py(1 - targets, -probabilities)
    return _reduced(-terms, reduction)


def _binary_cross_entropy_with_logits(logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
    terms = targets * jax.nn.log_sigmoid(logits) + (1 - targets) * jax.nn.log_sigmoid(-logits)
    return _reduced(-terms, reduction)


def _cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
    if jnp.issubdtype(targets.dtype, jnp.integer):
        targets = jax.nn.one_hot(targets, logits.shape[-1], dtype=logits.dtype)
    return _reduced(-jnp.sum(targets * jax.nn.log_softmax(logits), axis=-1), reduction)


class JaxNamespace:
    """jax.numpy, which follows the array API standard, and `xp.nn` from jax.nn."""

    @cached_property
    def nn(self) -> SimpleNamespace:
        """The functions of networks."""
        nn = jax.nn
        return SimpleNamespace(
            sigmoid=nn.sigmoid,
            relu=nn.relu,
            gelu=lambda x, *, approximate="none": nn.gelu(x, approximate=approximate == "tanh"),
            silu=nn.silu,
            softplus=nn.softplus,
            softmax=lambda x, *, axis=-1: nn.softmax(x, axis=axis),
            log_softmax=lambda x, *, axis=-1: nn.log_softmax(x, axis=axis),
            logsumexp=lambda x, *, axis=-1, keepdims=False: nn.logsumexp(x, axis=axis, keepdims=keepdims),
            binary_cross_entropy=_binary_cross_entropy,
            binary_cross_entropy_with_logits=_binary_cross_entropy_with_logits,
            cross_entropy=_cross_entropy,
        )

    def __getattr__(self, name: str) -> Any:
        """Give jax.numpy's own function or constant."""
        return getattr(jnp, name)


class JaxFramework(Framework):
    """JAX."""

    name = "jax"
    words = "JAX arrays"
    modules = ("jax", "jaxlib")

    def namespace(self) -> JaxNamespace:
        """Give `xp`."""
        return JaxNamespace()

    def from_numpy(self, array: Array, *, leaf: bool = False) -> Any:
        """Give an array of JAX's of the same numbers."""
        del leaf
        return jnp.asarray(array)

    def mode(self, dtype: str) -> AbstractContextManager[Any]:
        """Switch 64-bit numbers on or off; for good, it would change what other JAX code computes."""
        mode: AbstractContextManager[Any] = jax.enable_x64(dtype == "float64")
        return mode

    def settings(self) -> Sequence[Setting]:
        """Give JAX's settings, and its functions."""
        return (
            Setting("JAX's settings", lambda: dict(jax.config.values), _restore_settings),
            functions_of(*(import_module(name) for name in ("jax", "jax.numpy", "jax.nn"))),
        )

    def devices(self) -> Sequence[str]:
        """Tell the devices that JAX sees."""
        return [str(device) for device in jax.devices()]


def _restore_settings(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        if jax.config.values[name] != value:
            jax.config.update(name, value)


class JaxBackend(RecordingBackend):
    """Runs a scenario in JAX on its default device.

    Variants: `jit` compiles the whole training once, as a `lax.scan` over the steps; `eager` calls
    `jax.value_and_grad` step by step without compiling.
    """

    name = "jax"
    framework = JaxFramework()
    requires = ("jax", "jax.scipy.special")
    variants: tuple[str, ...] = ("jit", "eager")
    dtypes: tuple[str, ...] = framework.dtypes
    # Tracing each step anew takes some 10 ms a step, thousands of times what the compiled step takes.
    step_limits: Mapping[str, int] = {"eager": 50}

    def versions(self) -> Mapping[str, str]:
        """Tell JAX's versions and the settings that can change a result."""
        return {
            "jax": jax.__version__,
            "jaxlib": version("jaxlib"),
            "jax device": self.framework.devices()[0],
            "jax default matmul precision": str(jax.config.jax_default_matmul_precision),
            "jax enable x64 at start": str(jax.config.jax_enable_x64),
        }

    def steps(self, scenario: Scenario, variant: str, params: Arrays, batch: Arrays) -> Iterator[Step]:
        """Make a step whenever one is asked for."""
        del variant  # only one goes step by step
        objective = partial(scenario.flat_loss, self.framework.namespace())
        for data in batches(scenario, batch):
            value, gradient, params = _step(objective, scenario, params, data)
            yield value, gradient, params

    def train(
        self, scenario: Scenario, variant: str, first: Mapping[str, Array], batch: Arrays
    ) -> tuple[Trajectory, Timing]:
        """Make all steps from the first weights, and record them."""
        if variant == "eager":
            return super().train(scenario, variant, first, batch)
        objective = partial(scenario.flat_loss, self.framework.namespace())
        return _train_compiled(
            objective, scenario, self._arrays(first), batch, planned_steps(self, scenario, variant)
        )


Objective = Callable[[Arrays, Mapping[str, Any]], Any]


def _step(objective: Objective, scenario: Scenario, params: Arrays, batch: Mapping[str, Any]) -> Any:
    rate = descent_of(scenario).learning_rate
    value, gradient = jax.value_and_grad(objective)(params, batch)
    updated = jax.tree.map(lambda weight, entry: weight - rate * entry, params, gradient)
    return value, gradient, updated


def _train_compiled(
    objective: Objective, scenario: Scenario, params: Arrays, batch: Arrays, planned: int
) -> tuple[Trajectory, Timing]:
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
    after = dict(zip(names, records[len(names) :], strict=True))
    weights = {name: np.concatenate([np.asarray(params[name])[None], after[name]]) for name in names}
    record = Trajectory(columns[0][:, 0], gradients, weights)
    # The scan runs the planned number of steps; the ones after the stopping rule's are cut off here, which
    # gives the same record as leaving the loop there.
    stopping = descent_of(scenario).stopping
    return (record if stopping is None else record.first(stopping.steps_taken(record.losses))), timing


BACKEND = JaxBackend
