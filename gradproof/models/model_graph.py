"""The forward pass of a model as a list of a framework's operations."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.source import UNKNOWN, Source


class Reference(NamedTuple):
    """A value of a graph.

    Attributes:
        place: its place among all values: the parameters, the batch, the constants, the nodes' results.
        result: which one of a node's results it is; None for the only one, or for all as a tuple.
    """

    place: int
    result: int | None = None


class ResultForm(NamedTuple):
    """The shape of a result, and the framework's name of its dtype."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class ModelNode:
    """One operation of a forward pass.

    Attributes:
        operation: the framework's name of it (`aten.convolution.default`, `dot_general`).
        inputs: references and literals, tuples of them nested as the operation has them.
        options: by name, likewise.
        source: the line of the user's that calls it.
        forms: what each result is.
        stopped: whether the framework lets no derivative pass (as `detach` does).
        through: whether the derivative passes to the first input as if the operation were not there.
    """

    operation: str
    inputs: tuple[Any, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    source: Source = UNKNOWN
    forms: tuple[ResultForm, ...] = ()
    stopped: bool = False
    through: bool = False

    @property
    def is_discrete(self) -> bool:
        """Whether all its results are integers or booleans."""
        return not any("float" in form.dtype for form in self.forms)


@dataclass(frozen=True)
class ModelGraph:
    """A forward pass: nodes in the order of their computation.

    Attributes:
        params: the dotted names of the parameters.
        batch: those of the data.
        constants: arrays that the model holds, exactly as they are.
        nodes: the operations.
        output: the loss; of an inner function a tuple of all that it returns.
        discrete: the names of data that are integers or booleans.
        traced: the dtype that the nodes have which are, in a run, of the dtype that is asked for; empty where
            all have their own.
    """

    params: tuple[str, ...]
    batch: tuple[str, ...]
    constants: tuple[NDArray[Any], ...]
    nodes: tuple[ModelNode, ...]
    output: Any
    discrete: frozenset[str] = frozenset()
    traced: str = "float64"

    @property
    def first(self) -> int:
        """The place of the first node's result among the values."""
        return len(self.params) + len(self.batch) + len(self.constants)

    @cached_property
    def computed(self) -> frozenset[int]:
        """The places of the values that a parameter or a float of the batch has a part in."""
        names = (*self.params, *self.batch)
        found = {place for place, name in enumerate(names) if name not in self.discrete}
        for place, node in enumerate(self.nodes, self.first):
            if any(each.place in found for each in references((node.inputs, node.options))):
                found.add(place)
        return frozenset(found)


def coarsest(graph: ModelGraph) -> str:
    """Tell the dtype of the fewest digits of those that a graph, and its loops and branches, compute in.

    What is computed of constants counts, too: it has their rounding, and is taken to all digits here.
    """
    inner = {coarsest(each) for node in graph.nodes for each in inner_graphs(node.options)}
    known = {form.dtype for node in graph.nodes for form in node.forms} & FORMATS.keys()
    return max(known | inner, key=lambda name: FORMATS[name].unit_roundoff, default="float64")


def inner_graphs(value: Any) -> Iterator[ModelGraph]:
    """Give the graphs in a node's options, of loops and branches."""
    if isinstance(value, ModelGraph):
        yield value
    elif isinstance(value, tuple):
        for part in value:
            yield from inner_graphs(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from inner_graphs(part)


def references(value: Any) -> Iterator[Reference]:
    """Give the references in a node's input, however nested."""
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, tuple | list):
        for part in value:
            yield from references(part)
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from references(part)


def constant(value: Any) -> NDArray[Any]:
    """Give an array that a model holds as one that nobody can change."""
    array = np.array(value)
    array.flags.writeable = False
    return array
