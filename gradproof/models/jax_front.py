"""A JAX function as a scenario: its jaxpr is what is true, and what jax.grad gives is what is claimed."""

import copyreg
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.models.jax_operations import OPERATIONS
from gradproof.models.jax_pytrees import Layout, is_data, is_parameter
from gradproof.models.jaxprs import graph_of, is_float
from gradproof.models.model_graph import ModelGraph
from gradproof.models.replay import plain, replay
from gradproof.reference.descent import GradientDescent
from gradproof.reference.source import raised_at
from gradproof.reference.tape.arguments import shape_of
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.user_code import called

Array = NDArray[Any]


def _empty(kind: type) -> Any:
    """Give an object of a class before anything is put into it."""
    return object.__new__(kind)


# JAX's own class wants a function when an object is made of it anew, and so cannot be sent to a process.
copyreg.pickle(jax.custom_vjp, lambda function: (_empty, (type(function),), vars(function)))


@dataclass(frozen=True, eq=False)
class JaxFunction:
    """A loss: the graph of a JAX function, traced for each signature of shapes, replayed with any `xp`.

    Attributes:
        function: the user's.
        params: how its first argument is laid out.
        batch: likewise the second; None where there is none.
        discrete: the dtypes of the data that are no floats, by dotted name.
    """

    function: Callable[..., Any]
    params: Layout
    batch: Layout | None
    discrete: Mapping[str, str]

    def __call__(self, xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        """Compute the loss from flat mappings of dotted names to arrays."""
        # In float32, JAX holds integers in 32 bits; the graph has them as they were given.
        data = {name: plain(array, self.discrete.get(name)) for name, array in batch.items()}
        return replay(self.graph(params, batch), OPERATIONS, xp, params, data)

    def value(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        """Call the user's function on JAX's arrays by dotted name."""
        first = self.params.nest(params)
        return self.function(first) if self.batch is None else self.function(first, self.batch.nest(batch))

    def own(self, params: Mapping[str, Array], batch: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Give the value and the gradient as JAX itself computes them, in the dtype of the parameters.

        Where the function computes in a coarser one on the way, the gradient is given in that one.
        """
        with jax.enable_x64(any(array.dtype == np.float64 for array in params.values())):
            value, gradients = called("function", lambda: self._compiled(dict(params), dict(batch)))
            arrays = {name: np.asarray(gradients[name]) for name in params}
        coarsest = _coarsest(self.graph(params, batch))
        dtypes = {name: _coarser(array.dtype.name, coarsest) for name, array in arrays.items()}
        return np.asarray(value), {name: array.astype(dtypes[name]) for name, array in arrays.items()}

    def graph(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> ModelGraph:
        """Trace the function for arrays of these shapes, if it was not yet."""
        signature = (
            *(("float64", tuple(shape_of(array))) for array in params.values()),
            *((self.discrete.get(name, "float64"), tuple(shape_of(a))) for name, a in batch.items()),
        )
        if signature not in self._graphs:
            self._graphs[signature] = _traced(self, [*params], [*batch], signature)
        return self._graphs[signature]

    @cached_property
    def _graphs(self) -> dict[Any, ModelGraph]:
        return {}

    @cached_property
    def _compiled(self) -> Callable[..., tuple[Any, dict[str, Any]]]:
        # Operation by operation, JAX would compile each for itself, which takes many times as long.
        compiled: Callable[..., tuple[Any, dict[str, Any]]] = jax.jit(jax.value_and_grad(self.value))
        return compiled

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what another process makes anew."""
        return {each.name: getattr(self, each.name) for each in fields(self)}


COARSE = ("bfloat16", "float16", "float32", "float64")
"""The dtypes that a function may compute in, by how much they round."""


def _coarser(*dtypes: str) -> str:
    return min(dtypes, key=lambda dtype: COARSE.index(dtype) if dtype in COARSE else 0)


def _coarsest(graph: ModelGraph) -> str:
    """The coarsest dtype that numbers of the loss are held in on the way."""
    found = {
        form.dtype
        for place in graph.computed
        if place >= graph.first
        for form in graph.nodes[place - graph.first].forms
        if is_float(form.dtype)
    }
    return _coarser("float64", *found)


def _traced(
    loss: JaxFunction, params: Sequence[str], batch: Sequence[str], signature: Sequence[tuple[str, Any]]
) -> ModelGraph:
    """Trace a function in float64.

    Raises:
        InputError: it raises, returns no scalar, or draws random numbers.
        UnsupportedError: it holds what cannot be followed.
    """

    def flat(*arrays: Any) -> Any:
        first = dict(zip(params, arrays[: len(params)], strict=True))
        return loss.value(first, dict(zip(batch, arrays[len(params) :], strict=True)))

    with jax.enable_x64(True):
        wanted = [jax.ShapeDtypeStruct(shape, dtype) for dtype, shape in signature]
        closed = called("function", lambda: _jaxpr(flat, wanted))
    _check_output(closed.out_avals)
    graph = graph_of(closed, params, batch)
    OPERATIONS.check(graph)
    return graph


def _jaxpr(flat: Callable[..., Any], wanted: Sequence[Any]) -> Any:
    try:
        return jax.make_jaxpr(flat)(*wanted)
    except jax.errors.JAXTypeError as error:
        raise UnsupportedError(
            f"The function asks for the values of its arrays{raised_at(error)} (by `if`, `while`, an index "
            "or NumPy), so that it is not one formula. Choose with jnp.where or jax.lax.cond there, or close "
            "over what is fixed."
        ) from error


def _check_output(outputs: Sequence[Any]) -> None:
    if len(outputs) != 1:
        raise InputError(
            f"The function returns {len(outputs)} arrays, and a gradient needs a scalar. Return the loss "
            "alone."
        )
    shape, dtype = tuple(outputs[0].shape), str(outputs[0].dtype)
    if shape != () or not is_float(dtype):
        raise InputError(
            f"The function returns an array of shape {shape} and dtype {dtype}, and a gradient needs a "
            "scalar of floating point. Reduce it, for example with jnp.sum or jnp.mean."
        )


def from_jax(
    function: Callable[..., Any],
    params: Any,
    batch: Any = None,
    *,
    name: str = "",
    training: GradientDescent | None = None,
) -> ModelScenario:
    """Take a JAX function as it is, with its custom_vjps and custom_jvps.

    What is true is the derivative of the function's jaxpr, in which those stand with their forward passes;
    what is claimed is what `jax.grad` gives, by their own rules. `check` compares the two, and `verify` runs
    the function itself as the variant `function` of the backend `jax`.

    Args:
        function: called as `function(params, batch)`, or `function(params)` without a batch; gives the
            loss, a scalar.
        params: a pytree; its floating-point arrays are the parameters, under their dotted paths, and what is
            no array stays as it is.
        batch: a pytree of data, likewise; integers too.
        name: what reports call it; the function's own name if empty.
        training: None to compare the gradient alone.

    Raises:
        InputError: the function raises, gives no scalar or draws random numbers, or an array cannot be worked
            with.
        UnsupportedError: it holds an operation that is not known here, differentiates inside itself, or
            branches on the values of its arrays in Python.

    >>> import jax.numpy as jnp
    >>> scenario = from_jax(lambda params: jnp.sum(jnp.sin(params["w"])), {"w": jnp.ones(2)})
    >>> scenario.flat_params["w"].tolist()
    [1.0, 1.0]
    """
    first, arrays = Layout.of(params, "params", is_parameter)
    second, data = (None, {}) if batch is None else Layout.of(batch, "batch", is_data)
    discrete = {key: str(array.dtype) for key, array in data.items() if array.dtype.kind != "f"}
    loss = JaxFunction(function, first, second, discrete)
    scenario = ModelScenario(
        name=name or getattr(function, "__name__", "") or type(function).__name__,
        loss=loss,
        params=arrays,
        batch=data,
        training=training,
        framework="jax",
        words=OPERATIONS.framework,
        own=loss.own,
        modules=(str(getattr(function, "__module__", "")),),
    )
    loss.graph(scenario.flat_params, scenario.flat_batch)
    return scenario
