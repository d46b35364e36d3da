"""A tape's record as a graph whose backward pass can be run with changes."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Numbers
from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape import Edge, Operation, Tape, Tensor, Trait

Array: TypeAlias = Numbers[Any]

Change: TypeAlias = Callable[[Array], Array]
"""At an edge, from the result's adjoint to the operand's share of it, which broadcasting may have widened;
at a node, from its adjoint to another one."""

Spot: TypeAlias = Edge | int
"""Where a backward pass may be changed: an edge, or a node by its index."""

Gradients: TypeAlias = Callable[[bool], Mapping[str, NDArray[Any]]]
"""Gradients by parameter: in balls if True is given, else in float64."""


class Changed(NamedTuple):
    """What a backward pass does otherwise at a place.

    Attributes:
        change: the other rule.
        source: the node whose adjoint it takes, where it is not the one that the place belongs to.
    """

    change: Change
    source: int | None = None


Changes: TypeAlias = "Callable[[Graph], Mapping[Spot, Changed]]"
"""What a backward pass does otherwise, asked of the graph that is run."""


class Node:
    """A value of the loss, and how it was computed: as on the tape, or by a function that was recognised.

    Attributes:
        index: its place on the tape; constants, of which no parameter is a part, have one beyond it.
        tensor: the tape's own node.
        operation: the operation; None for a parameter or a constant.
        composite: whether several operations of the loss were recognised as this one.
        name: the operation's name, or the parameter's.
        value: its numbers; `values` are those of its operands.
    """

    def __init__(
        self, index: int, tensor: Tensor, operands: Sequence["Node"], found: "Composite | None"
    ) -> None:
        """Take a tape's node, or a function that it was recognised as."""
        self.index, self.tensor, self.operands = index, tensor, tuple(operands)
        self.expression = ""
        self.composite, self.constant = found is not None, tensor.index is None
        # how a constant was computed does not matter: nothing goes back to it
        self.operation = None if self.constant else found.operation if found else tensor.operation
        self.arguments = found.arguments if found else tensor.arguments
        self.name = self.operation.name if self.operation else tensor.name
        self.value, self.shape = tensor.value, tensor.shape
        self.values: tuple[Array, ...] = tuple(operand.value for operand in self.operands)

    def __str__(self) -> str:
        """Name it with its line, in words: `sigmoid (my_gradient.py:12)`.

        Of several like it on the line, what is written there says which: "subtract `y - t` (mine.py:12)".
        """
        if self.constant:
            return _named(self.tensor)
        which = f" `{self.expression}`" if self.expression else ""
        return f"{self.name}{which} ({self.line})" if self.operation else f"the parameter {self.name}"

    @property
    def where(self) -> str:
        """Name it with its line, as a place: `sigmoid at my_gradient.py:12`; empty for a parameter."""
        return f"{self.name} at {self.line}" if self.operation else ""

    @cached_property
    def line(self) -> str:
        """The line of the loss, relative below the working folder."""
        return str(self.tensor.source)

    def forward(self, *operands: Array) -> Array:
        """Compute the operation on other operands."""
        return self._computed_by.forward(*operands, **self.arguments)

    def derivative(self, position: int, g: Array, y: Array, *operands: Array) -> Array:
        """Apply the derivative for an operand, at values that need not be the node's own."""
        return self._computed_by.rule(position)(g, y, *operands, **self.arguments)

    @property
    def _computed_by(self) -> Operation:
        if self.operation is None:  # pragma: no cover - only results of operations are asked
            raise AssertionError(self)
        return self.operation


def _named(tensor: Tensor) -> str:
    """Say which array of the batch a constant is, or is taken from."""
    whole, part = tensor, ""
    while not whole.name and len(whole.parents) == 1:
        whole, part = whole.parents[0], "a part of "
    return f'{part}batch["{whole.name}"]' if whole.name else "a constant"


_LONGEST = 60
"""Longer expressions are cut."""


def _tell_apart(nodes: Sequence[Node]) -> None:
    """Give operations that stand several times on a line what is written there."""
    alike: dict[tuple[str, object], list[Node]] = defaultdict(list)
    for node in nodes:
        if node.operation and not node.composite:
            alike[node.name, node.tensor.source].append(node)
    for group in alike.values():
        written = [node.tensor.source.expression for node in group]
        if len(set(written)) > 1 and all(written):
            for node, text in zip(group, written, strict=True):
                node.expression = text if len(text) <= _LONGEST else f"{text[: _LONGEST - 4]} ..."


@dataclass(frozen=True)
class Composite:
    """Operations of the loss that together are a known function of one of its values."""

    operation: Operation
    operand: int
    arguments: Mapping[str, Any] = field(default_factory=dict)


class Graph:
    """The nodes of a tape with their uses, on one kind of number.

    At an exact kink the balls of the truth are intervals, and no mutant can equal them. Here the derivative
    is decided there as in plain float64, by the conventions of `gradproof.reference.numbers.Plain`.

    Attributes:
        kind: the kind of number.
        nodes: as on the tape, composites in place of the operations that compute them.
        parameters: index of each parameter.
        output: index of the loss's value.
        plain: the same graph in float64; itself, if it is that.
        adjoints: by node, the derivative of the loss; None where the loss does not depend on it.
        edges: all uses of operands that the loss depends on, and that depend on a parameter.
        depends: by node, the parameters that it depends on.
    """

    def __init__(
        self, tape: Tape, composites: Mapping[int, Composite] | None = None, plain: "Graph | None" = None
    ) -> None:
        """Take the record of one run; `plain` must be of the same loss and composites."""
        self.kind = tape.kind
        self.plain = plain or self
        self.nodes = _nodes(tape, composites or {})
        _tell_apart(self.nodes)
        self.parameters = {name: tensor.index or 0 for name, tensor in tape.parameters.items()}
        self.output = None if tape.output is None else tape.output.index
        self._uses: list[list[Edge]] = [[] for _ in self.nodes]
        self.depends: list[frozenset[str]] = []
        for node in self.nodes:
            depends = frozenset[str]() if node.operation else frozenset({node.name})
            for position, operand in enumerate(node.operands):
                if not operand.constant:
                    self._uses[operand.index].append(Edge(node.index, position))
                    depends |= self.depends[operand.index]
            self.depends.append(depends)
        self._seen: dict[Spot, Use] = {}
        self.adjoints: list[Array | None] = [None] * len(self.nodes)
        with self.context():
            for index in reversed(range(len(self.nodes))):
                self.adjoints[index] = self._total(index, self.adjoints, {})
        self.edges = sorted(e for uses in self._uses for e in uses if self.adjoints[e.node] is not None)

    def context(self) -> AbstractContextManager[object]:
        """Set what the arithmetic depends on."""
        return self.kind.context()

    def use(self, spot: Spot) -> "Use":
        """Look at a place."""
        if spot not in self._seen:
            self._seen[spot] = Use(self, spot)
        return self._seen[spot]

    def users(self, index: int) -> list[Edge]:
        """Give a node's uses that the loss depends on."""
        return [edge for edge in self._uses[index] if self.adjoints[edge.node] is not None]

    def backward(self, *variants: Mapping[Spot, Changed]) -> list[dict[str, Any]]:
        """Run backward passes with changes, all in one, a lane for each.

        Returns:
            by variant, the gradients of the parameters that its changes reach, as arrays.
        """
        adjoints = self.changed_adjoints(*variants)
        found = {name: adjoints[index] for name, index in self.parameters.items()}
        reached = [frozenset[str]().union(*(self.use(spot).reaches for spot in each)) for each in variants]
        return [
            {n: g.data[0, lane % g.lanes, ...] for n, g in found.items() if n in names and g is not None}
            for lane, names in enumerate(reached)
        ]

    def changed_adjoints(self, *variants: Mapping[Spot, Changed]) -> list[Array | None]:
        """Give the adjoints by node of backward passes with changes, a lane for each."""
        changes: dict[Spot, dict[Changed, list[int]]] = defaultdict(lambda: defaultdict(list))
        for lane, variant in enumerate(variants):
            for spot, changed in variant.items():
                changes[spot][changed].append(lane)
        adjoints = list(self.adjoints)
        with self.context():
            for index in range(max((self.use(spot).index for spot in changes), default=-1), -1, -1):
                if index in changes or any(
                    edge in changes or adjoints[edge.node] is not self.adjoints[edge.node]
                    for edge in self._uses[index]
                ):
                    adjoints[index] = self._total(index, adjoints, changes, len(variants))
        return adjoints

    def _total(
        self,
        index: int,
        adjoints: list[Array | None],
        changes: Mapping[Spot, Mapping[Changed, list[int]]],
        lanes: int = 1,
    ) -> Array | None:
        """Add up what a node's uses hand back, in each lane with its own changes."""
        total, shape = self.kind.constant(1) if index == self.output else None, self.nodes[index].shape

        def changed(spot: Spot, g: Array) -> Array:
            data = np.empty((1, lanes, *shape), dtype=g.data.dtype)
            rest = set(range(lanes)).difference(*changes[spot].values())
            for (change, source), own in (*changes[spot].items(), ((self.use(spot).pull, None), [*rest])):
                incoming = g if source is None else adjoints[source]
                if own and incoming is not None:
                    incoming = incoming if incoming.lanes == 1 else incoming.like(incoming.data[:, own])
                    data[:, own] = change(incoming).sum_to(shape).data
            return g.like(data)

        for edge in self._uses[index]:
            g = adjoints[edge.node]
            if g is not None and edge in changes:
                part = changed(edge, g)
            elif g is not None:
                use = self.use(edge)
                part = use.share if g is self.adjoints[edge.node] else use.pull(g).sum_to(shape)
            else:
                continue
            total = part if total is None else total + part
        return changed(index, total) if total is not None and index in changes else total


def _nodes(tape: Tape, composites: Mapping[int, Composite]) -> list[Node]:
    nodes: list[Node] = []
    constants: dict[int, Node] = {}
    for index, tensor in enumerate(tape.nodes):
        found = composites.get(index)
        operands = [
            constants.setdefault(id(each), Node(len(tape.nodes), each, (), None))
            if each.index is None
            else nodes[each.index]
            for each in tensor.parents
        ]
        nodes.append(Node(index, tensor, operands if found is None else [nodes[found.operand]], found))
    return nodes


class Views(NamedTuple):
    """One way to see the loss, in float64 and in balls: with composites, or operation by operation."""

    plain: Graph
    balls: Graph

    def backward(self, *changes: Changes) -> "list[ChangedGradients]":
        """Give the gradients of backward passes with changes, which are asked of the graph that is run.

        In float64 all of them are run together, when the first is asked for.
        """

        @cache
        def floats() -> list[dict[str, Any]]:
            return self.plain.backward(*(each(self.plain) for each in changes))

        return [
            ChangedGradients(self, each, lambda place=place: floats()[place])  # type: ignore[misc]
            for place, each in enumerate(changes)
        ]


@dataclass(frozen=True)
class ChangedGradients:
    """The gradients of a backward pass with changes.

    Attributes:
        views: of which loss.
        changes: what is done otherwise, on whichever graph.
        floats: gives them in float64.
    """

    views: Views
    changes: Changes
    floats: Callable[[], Mapping[str, NDArray[Any]]]

    def __call__(self, exact: bool, /) -> Mapping[str, NDArray[Any]]:
        """Give them by parameter."""
        balls = self.views.balls
        return balls.backward(self.changes(balls))[0] if exact else self.floats()


class Use:
    """One use of an operand, or all uses of a value together: where a backward pass may be changed.

    Attributes:
        graph: the graph, in whichever kind of number.
        spot: the edge; the value's node, where it is all uses together.
        node: the result that the operand is used for; the value itself.
        operation: the operation; None for all uses of a value together.
        position: which operand it is.
        operand: the operand; the value itself.
        index: the node whose adjoint a change here changes.
        shape: the operand's shape.
        x: the operand's numbers.
        y: the result's numbers.
        values: all operands' numbers.
        arguments: the operation's other arguments, such as `axes`.
        reaches: the parameters whose gradients a change here changes.
    """

    def __init__(self, graph: Graph, spot: Spot) -> None:
        """Look at a place of a graph."""
        self.graph, self.spot = graph, spot
        if isinstance(spot, Edge):
            self.node, self.position = graph.nodes[spot.node], spot.position
            self.operation, self.operand = self.node.operation, self.node.operands[self.position]
        else:
            self.node, self.position = graph.nodes[spot], 0
            self.operation, self.operand = None, self.node
        self.index, self.shape = self.operand.index, self.operand.shape
        self.x, self.y, self.values = self.operand.value, self.node.value, self.node.values
        self.arguments, self.reaches = self.node.arguments, graph.depends[self.index]

    def __str__(self) -> str:
        """Name the operand in words, with its position where it is used twice."""
        twice = sum(each is self.operand for each in self.node.operands) > 1
        return f"{self.operand} as operand {self.position + 1}" if twice else str(self.operand)

    @property
    def g(self) -> Array:
        """The result's true adjoint."""
        adjoint = self.graph.adjoints[self.node.index]
        if adjoint is None:  # pragma: no cover - callers look where the loss depends on it
            raise AssertionError(self)
        return adjoint

    @cached_property
    def share(self) -> Array:
        """What is handed on to the operand, broadcasting summed back."""
        with self.graph.context():
            return self.pull(self.g).sum_to(self.shape)

    def pull(self, g: Array) -> Array:
        """Apply the true derivative to an adjoint of the result; broadcasting is not yet summed back."""
        if self.operation is None:
            return g
        if not self._at_kink:
            return self.node.derivative(self.position, g, self.y, *self.values)
        # g -> g w with w constant on each side of the kink
        if "axes" in self.arguments:
            g = kept(g, self.values[0], self.arguments["axes"])
        return g * self.graph.kind.constant(self.weights)

    @property
    def weights(self) -> NDArray[np.float64]:
        """What the derivative makes of g = 1 in float64, where it multiplies the entries of g."""
        plain = self.graph.plain.use(self.spot)
        with plain.graph.context():
            weights: NDArray[np.float64] = plain.pull(plain.y * 0 + 1).data[0, 0, ...]
        return weights

    @cached_property
    def _at_kink(self) -> bool:
        at_kink = self.operation.at_kink if self.operation else None
        if self.operation is None or self.graph.plain is self.graph or at_kink is None:
            return False
        if not (Trait.ELEMENTWISE | Trait.REDUCTION) & self.operation.traits:
            return False  # its derivative moves the entries of g
        mask = at_kink(*self.values, **self.arguments)
        return bool((mask.true | mask.undecided).any())
