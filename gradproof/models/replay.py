"""A traced forward pass, computed with `xp`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np

from gradproof.errors import InputError, UnsupportedError
from gradproof.models.model_graph import (
    ModelGraph,
    ModelNode,
    Reference,
    ResultForm,
    inner_graphs,
    references,
)
from gradproof.reference.advice import Computed
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.source import standing_at
from gradproof.reference.tape.namespace import Namespace
from gradproof.reference.tape.node import Tensor

Entry = Callable[..., Any]
"""Computes an operation: `entry(xp, *inputs, **options)`; several results are a tuple."""


@dataclass(frozen=True)
class Operations:
    """What a front end knows of its framework's operations.

    Attributes:
        framework: its name, as messages have it.
        entries: by the framework's name of an operation, how it is computed with `xp`.
        random: the names of those that draw random numbers.
        native: `native(node, inputs, options)` lets the framework compute a node whose inputs are NumPy
            arrays and Python numbers, and gives NumPy arrays: what no parameter has a part in (indices, say).
        no_randomness: what to do about a random operation, as a sentence.
    """

    framework: str
    entries: Mapping[str, Entry]
    random: frozenset[str]
    native: Callable[[ModelNode, tuple[Any, ...], Mapping[str, Any]], Any]
    no_randomness: str

    def entry(self, operation: str) -> Entry | None:
        """Give the entry of an operation; one without the overload (`aten.add`) is of all of them."""
        return self.entries.get(operation) or self.entries.get(operation.rpartition(".")[0])

    def check(self, graph: ModelGraph) -> None:
        """Look at all operations of a graph, and of its loops and branches, before any is computed.

        Raises:
            InputError: one draws random numbers.
            UnsupportedError: one has no entry.
        """
        for place, node in enumerate(graph.nodes, graph.first):
            if {node.operation, node.operation.rpartition(".")[0]} & self.random:
                raise InputError(
                    f"The model draws random numbers by {node.operation} at {told(node)}, so that it is "
                    f"another function at each call. {self.no_randomness}"
                )
            if place in graph.computed and self.entry(node.operation) is None:
                raise self.lacking(node)
            for inner in inner_graphs(node.options):
                self.check(inner)

    def lacking(self, node: ModelNode) -> UnsupportedError:
        """Say that an operation has no entry."""
        return UnsupportedError(
            f"The model uses {self.framework}'s {node.operation} at {told(node)}, whose exact form is not "
            "known here. Write that part with other operations, or give a function that computes the same "
            "with others as `reference=`."
        )


def told(node: ModelNode) -> str:
    """Tell the line of a node, and the module that it belongs to."""
    module = node.source.module
    return f"{node.source} (in {module})" if module else str(node.source)


@dataclass(frozen=True, eq=False)
class Replay:
    """A loss: the traced graph of a model's forward pass, computed with any `xp`.

    Attributes:
        graph: the forward pass.
        front: the module whose OPERATIONS know the graph's operations.
    """

    graph: ModelGraph
    front: str

    def __call__(self, xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        """Compute the loss from flat mappings of dotted names to arrays."""
        return replay(self.graph, import_module(self.front).OPERATIONS, xp, params, batch)


def replay(
    graph: ModelGraph, operations: Operations, xp: Any, params: Mapping[str, Any], batch: Mapping[str, Any]
) -> Any:
    """Compute a graph.

    Integers and booleans that no parameter and no float of the batch has a part in are computed by the
    framework itself, on NumPy arrays; all else by the table: also floats of constants, which are rounded, too
    (sin(1000 t) in float32 by a thousand roundoffs). While a node is computed, its line is the caller's.

    Args:
        graph: the forward pass.
        operations: of its framework.
        xp: a namespace of arrays of any kind.
        params: by dotted name.
        batch: likewise.
    """
    values: list[Any] = [*(params[name] for name in graph.params), *(batch[name] for name in graph.batch)]
    like = next(iter(params.values()))
    formats = NodeFormats.of(xp, graph)
    values += [held(xp, value, like) for value in graph.constants]
    # By place, what the framework gives for what no computed number has a part in.
    known = [*values[: graph.first - len(graph.constants)], *graph.constants]
    own = {place: value for place, value in enumerate(known) if place not in graph.computed}
    for place, node in enumerate(graph.nodes, graph.first):
        used = [each.place for each in references((node.inputs, node.options))]
        if place not in graph.computed and all(each in own and is_plain(own[each]) for each in used):
            own[place] = operations.native(node, resolved(node.inputs, own), _options(node, own))
            if node.is_discrete or operations.entry(node.operation) is None:
                values.append(held(xp, own[place], like))
                continue
        entry = operations.entry(node.operation)
        if entry is None:
            raise operations.lacking(node)
        with standing_at(node.source):
            inputs, options = resolved(node.inputs, values), _options(node, values)
            if formats is not None:
                inputs, options = formats.taken(node, inputs), formats.taken(node, options)
            result = entry(xp, *inputs, **options)
            result = result if formats is None else formats.given(node, result)
            if node.through:
                before = resolved(node.inputs[0], values)
                result = before + _stopped(xp, result - before)
            values.append(_stopped(xp, result) if node.stopped else result)
    return resolved(graph.output, values)


@dataclass(frozen=True)
class NodeFormats:
    """The floating-point formats that the operations of a graph are run in, for numbers with noise.

    Attributes:
        asked: what the run is asked for; empty where arrays have several, which are promoted.
        traced: what stands for it in the graph.
    """

    asked: str
    traced: str

    @classmethod
    def of(cls, xp: Any, graph: ModelGraph) -> "NodeFormats | None":
        """Give those of a graph; None where numbers are exact, or a framework's own."""
        if not isinstance(xp, Namespace) or not xp.held_in:
            return None
        if xp.has_formats:
            return cls("", graph.traced)
        # A graph of a run in several formats is computed in one where one is asked for.
        return cls(xp.held_in, graph.traced) if graph.traced else None

    def of_result(self, form: ResultForm) -> str:
        """Give the format of a result; empty where that is none of floating point."""
        dtype = self.asked if form.dtype == self.traced else form.dtype
        return dtype if dtype in FORMATS else ""

    def taken(self, node: ModelNode, value: Any) -> Any:
        """Give an input as the operation computes with it: in the format of the result, if that holds it."""
        dtype = next(filter(None, map(self.of_result, node.forms)), "")

        def widened(array: Any) -> Any:
            fits = isinstance(array, Tensor) and dtype and FORMATS[dtype].holds_all(FORMATS[array.format])
            return array.in_format(dtype) if fits else array

        return _each(widened, value)

    def given(self, node: ModelNode, result: Any) -> Any:
        """Give results in their formats."""
        many = isinstance(result, tuple | list)
        results = [
            each.in_format(self.of_result(form) or each.format) if isinstance(each, Tensor) else each
            for each, form in zip(result if many else (result,), node.forms, strict=False)
        ]
        return (*results, *result[len(results) :]) if many else next(iter(results), result)


def _each(change: Callable[[Any], Any], value: Any) -> Any:
    """Change the arrays in an input, however nested."""
    if type(value) in {tuple, list}:
        return type(value)(_each(change, part) for part in value)
    if type(value) is dict:
        return {name: _each(change, part) for name, part in value.items()}
    return change(value)


def held(xp: Any, value: Any, like: Any) -> Any:
    """Give floats and truth values of NumPy's as a framework computes with them; integers are its indices.

    Args:
        xp: the namespace.
        value: what a graph holds.
        like: an array that the namespace computes with.
    """
    own = isinstance(like, Computed | np.ndarray | np.generic | float)
    if own or not isinstance(value, np.ndarray | np.generic) or value.dtype.kind not in "fb":
        return value
    return xp.asarray(np.array(value), dtype=like.dtype if value.dtype.kind == "f" else xp.bool)


def plain(array: Any, dtype: str | None) -> Any:
    """Give an array of integers or booleans as NumPy has it; as it is where a framework holds no numbers yet.

    Args:
        array: of any framework.
        dtype: None for an array of floats, which is given as it is.
    """
    try:
        return array if dtype is None else np.asarray(array, dtype=dtype)
    except (TypeError, RuntimeError):  # while JAX compiles, say
        return array


def _options(node: ModelNode, values: Any) -> dict[str, Any]:
    return {name: resolved(option, values) for name, option in node.options.items()}


def _stopped(xp: Any, result: Any) -> Any:
    if isinstance(result, tuple | list):
        return tuple(_stopped(xp, each) for each in result)
    return result if is_plain(result) else xp.nn.stop_gradient(result)


def resolved(value: Any, values: Sequence[Any] | Mapping[int, Any]) -> Any:
    """Give a node's input with the values in place of the references."""
    if isinstance(value, Reference):
        found = values[value.place]
        return found if value.result is None else found[value.result]
    if type(value) is tuple:  # a named one is an option, and holds none
        return tuple(resolved(part, values) for part in value)
    return value


def is_plain(value: Any) -> bool:
    """Tell whether a value is, and holds, NumPy arrays and literals alone."""
    if isinstance(value, tuple | list):
        return all(map(is_plain, value))
    if isinstance(value, Mapping):
        return all(map(is_plain, value.values()))
    return value is None or isinstance(value, np.ndarray | np.generic | np.dtype | int | float | str)
