"""A JAX function as a scenario: its jaxpr is what is true, and what jax.grad gives is what is claimed."""

import copyreg
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.models.following import missed_value
from gradproof.models.jax_operations import OPERATIONS
from gradproof.models.jax_pytrees import Layout, is_data, is_parameter
from gradproof.models.jaxprs import graph_of, is_float
from gradproof.models.model_graph import ModelGraph, coarsest
from gradproof.models.replay import plain, replay
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers.formats import widened
from gradproof.reference.numbers.run_formats import coarser, promoted
from gradproof.reference.source import raised_at
from gradproof.reference.tape.arguments import shape_of
from gradproof.reference.tape.namespace import Namespace
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
        dtype: what the function is traced in.
        reference: a function that computes the same, and is traced in its place; None to trace it itself.
    """

    function: Callable[..., Any]
    params: Layout
    batch: Layout | None
    discrete: Mapping[str, str]
    dtype: str = "float64"
    reference: Callable[..., Any] | None = None

    def __call__(self, xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        """Compute the loss from flat mappings of dotted names to arrays."""
        # In float32, JAX holds integers in 32 bits; the graph has them as they were given.
        data = {name: plain(array, self.discrete.get(name)) for name, array in batch.items()}
        mixed = isinstance(xp, Namespace) and xp.has_formats
        return replay(self.graph(params, batch, mixed=mixed), OPERATIONS, xp, params, data)

    def value(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        """Call the user's function on JAX's arrays by dotted name."""
        return self.answer(self.function, params, batch)

    def answer(
        self, function: Callable[..., Any], params: Mapping[str, Any], batch: Mapping[str, Any]
    ) -> Any:
        """Call a function as the user's is called."""
        first = self.params.nest(params)
        return function(first) if self.batch is None else function(first, self.batch.nest(batch))

    def own(self, params: Mapping[str, Array], batch: Mapping[str, Array]) -> tuple[Array, dict[str, Array]]:
        """Give the value and the gradient as JAX itself computes them, in the dtype of the parameters.

        Where there is a reference and the function computes in a coarser one on the way, which does not show
        in the reference, the gradient is given in that one.
        """
        held = {name: coarser(self.dtype, array.dtype.name) for name, array in params.items()}
        finest = promoted(*held.values())
        with jax.enable_x64(finest == "float64"):
            weights = {name: _cast(array, held[name]) for name, array in params.items()}
            data = {name: _at_most(array, finest) for name, array in batch.items()}
            value, gradients = called("function", lambda: self._compiled(weights, data))
            arrays = {name: np.asarray(gradients[name]) for name in params}
        if self.reference is not None:
            coarsest = self._coarsest(params, batch)
            arrays = {name: array.astype(coarser(held[name], coarsest)) for name, array in arrays.items()}
        return np.asarray(value), arrays

    def plain_value(self, params: Mapping[str, Array], batch: Mapping[str, Array]) -> float:
        """Give the value that JAX computes where it does not differentiate."""
        with jax.enable_x64(self.dtype == "float64"):
            return float(jax.jit(self.value)(dict(params), dict(batch)))

    def graph(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], *, mixed: bool = False
    ) -> ModelGraph:
        """Trace what is true for arrays of these shapes, and of these formats if they are mixed."""
        signature = self._mixed_signature(params, batch) if mixed else self._signature(params, batch)
        if signature not in self._graphs:
            function, traced = self.reference or self.function, "" if mixed else self.dtype
            graph = _traced(self, function, [*params], [*batch], signature, traced)
            OPERATIONS.check(graph)
            self._graphs[signature] = graph
        return self._graphs[signature]

    def _coarsest(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> str:
        """The dtype of the fewest digits that the user's function computes in, as far as that can be seen."""
        if self.reference is None:
            return coarsest(self.graph(params, batch))
        try:
            signature = self._signature(params, batch)
            return coarsest(_traced(self, self.function, [*params], [*batch], signature, self.dtype))
        except UnsupportedError:  # it need not be followed where there is a reference
            return self.dtype

    def _signature(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> tuple[Any, ...]:
        return (
            *((self.dtype, tuple(shape_of(array))) for array in params.values()),
            *((self.discrete.get(name, self.dtype), tuple(shape_of(a))) for name, a in batch.items()),
        )

    def _mixed_signature(self, params: Mapping[str, Any], batch: Mapping[str, Any]) -> tuple[Any, ...]:
        """The same of arrays of the tape, each in its own format."""
        arrays = {**params, **batch}
        wide = any(getattr(array, "format", "") == "float64" for array in arrays.values())
        discrete = self.discrete if wide else _narrow(self.discrete)
        return tuple(
            (discrete.get(name) or array.format, tuple(shape_of(array)))
            for each, discrete in ((params, {}), (batch, discrete))
            for name, array in each.items()
        )

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


def _traced(
    loss: JaxFunction,
    function: Callable[..., Any],
    params: Sequence[str],
    batch: Sequence[str],
    signature: Sequence[tuple[str, Any]],
    dtype: str,
) -> ModelGraph:
    """Trace a function; `dtype` stands for what a run is asked for.

    Raises:
        InputError: it raises, or returns no scalar.
        UnsupportedError: it holds what cannot be followed.
    """

    def flat(*arrays: Any) -> Any:
        first = dict(zip(params, arrays[: len(params)], strict=True))
        return loss.answer(function, first, dict(zip(batch, arrays[len(params) :], strict=True)))

    with jax.enable_x64("float64" in (dtype, *(each for each, _ in signature))):
        wanted = [jax.ShapeDtypeStruct(shape, dtype) for dtype, shape in signature]
        closed = called("function", lambda: _jaxpr(flat, wanted))
    _check_output(closed.out_avals)
    return graph_of(closed, params, batch, dtype)


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


def _cast(array: Array, dtype: str) -> Array:
    return array.astype(dtype) if array.dtype.kind in "fV" else array


def _at_most(array: Array, dtype: str) -> Array:
    """Give an array in a dtype if its own is finer; whole numbers as they are."""
    return _cast(array, coarser(dtype, array.dtype.name)) if array.dtype.kind in "fV" else array


def _function(
    loss: JaxFunction, params: Mapping[str, Array], batch: Mapping[str, Array]
) -> tuple[JaxFunction, tuple[str, ...]]:
    """Trace a function in float64, or in float32 where only that works; with what is to be told of it."""
    try:
        loss.graph(params, batch)
    except InputError as error:
        narrow = replace(loss, discrete=_narrow(loss.discrete), dtype="float32")
        if any(array.dtype == np.float64 for array in params.values()):
            raise
        try:
            narrow.graph(params, batch)
        except InputError:
            raise error from None
        reason = str(error.__cause__).splitlines()[0]
        return narrow, (
            f"The function does not run in float64, so that it is looked at in float32: {reason}",
        )
    return loss, ()


def _check_value(loss: JaxFunction, params: Mapping[str, Array], batch: Mapping[str, Array]) -> None:
    """Compare the value that JAX gives on the way to a gradient with that of the traced operations.

    Raises:
        InputError: they differ by more than rounding explains, and JAX's own value without a gradient is
            that of the operations.
        UnsupportedError: it is not.
    """
    wide = [{name: _cast(array, loss.dtype) for name, array in each.items()} for each in (params, batch)]
    own = float(loss.own(*wide)[0])
    missed = missed_value(loss, params, batch, own, loss.dtype)
    if missed is None:
        return
    if loss.reference is not None:
        raise InputError(
            f"The function gives {own!r}, and its reference {missed!r}: they differ by "
            f"{abs(own - missed):.3g}, which rounding does not explain. Mend the one that is wrong; their "
            "gradients are compared after that."
        )
    if missed_value(loss, params, batch, loss.plain_value(*wide), loss.dtype) is None:
        raise InputError(
            f"The function gives {missed!r}, and {own!r} where it is differentiated: the `fwd` of a "
            "custom_vjp gives another value than its function. Let both give the same."
        )
    raise UnsupportedError(
        f"The function gives {own!r}, and its operations, as they are known here, give {missed!r}, so that "
        "its gradient cannot be checked. Write it with other operations, and report this."
    )


def _narrow(discrete: Mapping[str, str]) -> dict[str, str]:
    """The integers that JAX has where it does not know 64 bits."""
    return {name: dtype.replace("64", "32") for name, dtype in discrete.items()}


def taken(
    function: Callable[..., Any],
    params: Any,
    batch: Any,
    reference: Callable[..., Any] | None,
    name: str,
    training: GradientDescent | None,
) -> ModelScenario:
    """Take a JAX function as it is; see `gradproof.models.functions_of_jax.from_jax`."""
    first, weights = Layout.of(params, "params", is_parameter)
    second, given = (None, {}) if batch is None else Layout.of(batch, "batch", is_data)
    arrays, data = ({key: widened(array) for key, array in each.items()} for each in (weights, given))
    discrete = {key: str(array.dtype) for key, array in data.items() if array.dtype.kind != "f"}
    loss, notes = _function(JaxFunction(function, first, second, discrete, reference=reference), arrays, data)
    _check_value(loss, arrays, data)
    return ModelScenario(
        name=name or getattr(function, "__name__", "") or type(function).__name__,
        loss=loss,
        params=weights,
        batch=given,
        training=training,
        framework="jax",
        words=OPERATIONS.framework,
        own=loss.own,
        notes=notes,
        modules=(str(getattr(function, "__module__", "")),),
    )
