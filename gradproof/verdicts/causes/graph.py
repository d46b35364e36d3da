"""A tape's record as a graph whose backward pass can be run with changes."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from gradproof.reference.numbers import Numbers
from gradproof.reference.tape import Edge, Operation, Tape, Tensor
from gradproof.reference.tape.operations.along_axes import kept

Array: TypeAlias = Numbers[Any]

Change: TypeAlias = Callable[[Array], Array]
"""At an edge, from the result's adjoint to the operand's share of it, which broadcasting may have widened;
at a node, from its adjoint to another one."""


@dataclass(frozen=True)
class Node:
    """A value of the loss, and how it was computed.

    Attributes:
        index: its place on the tape.
        operation: the operation; None for a parameter.
        operands: what it was computed from.
        arguments: the operation's other arguments.
        tensor: the tape's own node.
        composite: whether several operations of the loss were recognised as this one.
    """

    index: int
    operation: Operation | None
    operands: tuple[Tensor, ...]
    arguments: Mapping[str, Any]
    tensor: Tensor
    composite: bool = False

    @property
    def name(self) -> str:
        """The operation's name, or the parameter's."""
        return self.operation.name if self.operation else self.tensor.name

    @property
    def value(self) -> Array:
        """The numbers."""
        return self.tensor.value

    def forward(self, *operands: Array) -> Array:
        """Compute the operation on other operands."""
        if self.operation is None:  # pragma: no cover - only results of operations are asked
            raise AssertionError(self)
        return self.operation.forward(*operands, **self.arguments)

    def rule(self, position: int, g: Array, y: Array, *operands: Array) -> Array:
        """Apply the derivative for an operand, at values that need not be the node's own."""
        if self.operation is None:  # pragma: no cover - only results of operations are asked
            raise AssertionError(self)
        return self.operation.rule(position)(g, y, *operands, **self.arguments)


@dataclass(frozen=True)
class Composite:
    """Operations of the loss that together are a known function of one of its values."""

    operation: Operation
    operand: int
    arguments: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Changes:
    """What a backward pass does otherwise.

    Attributes:
        edges: other rules at edges.
        nodes: what is done to whole adjoints of nodes.
        sources: edges whose rule takes the adjoint of another, later node than the one they belong to.
    """

    edges: Mapping[Edge, Change] = field(default_factory=dict)
    nodes: Mapping[int, Change] = field(default_factory=dict)
    sources: Mapping[Edge, int] = field(default_factory=dict)


class Graph:
    """The nodes of a tape with their uses, on one kind of number.

    At an exact kink the balls of the truth are intervals, and no mutant can equal them. Here the derivative
    is decided there as in plain float64, by the conventions of `gradproof.reference.numbers.Plain`.

    Attributes:
        nodes: as on the tape, composites in place of the operations that compute them.
        uses: by node, the edges that lead to it.
        parameters: index of each parameter.
        plain: the same graph in float64; itself, if it is that.
        adjoints: by node, the derivative of the loss; None where the loss does not depend on it.
    """

    def __init__(
        self, tape: Tape, composites: Mapping[int, Composite] | None = None, plain: "Graph | None" = None
    ) -> None:
        """Take the record of one run; `plain` must be of the same loss and composites."""
        self.kind = tape.kind
        self.plain = plain or self
        self.nodes = [_node(tensor, tape, (composites or {}).get(i)) for i, tensor in enumerate(tape.nodes)]
        self.parameters = {name: tensor.index or 0 for name, tensor in tape.parameters.items()}
        self.output = None if tape.output is None else tape.output.index
        self.uses: list[list[Edge]] = [[] for _ in self.nodes]
        for node in self.nodes:
            for position, operand in enumerate(node.operands):
                if operand.index is not None:
                    self.uses[operand.index].append(Edge(node.index, position))
        self._shares: dict[Edge, Array] = {}
        self._decided: dict[Edge, bool] = {}
        self.adjoints: list[Array | None] = [None] * len(self.nodes)
        for index in reversed(range(len(self.nodes))):
            self.adjoints[index] = self._total(index, self.adjoints, Changes())
        self.edges = sorted(e for uses in self.uses for e in uses if self.adjoints[e.node] is not None)
        self.depends = self._dependence()

    def context(self) -> AbstractContextManager[object]:
        """Set what the arithmetic depends on."""
        return self.kind.context()

    def operand(self, edge: Edge) -> Tensor:
        """Give the operand that an edge leads to."""
        return self.nodes[edge.node].operands[edge.position]

    def adjoint(self, index: int) -> Array:
        """Give the adjoint of a node that the loss depends on."""
        adjoint = self.adjoints[index]
        if adjoint is None:  # pragma: no cover - callers go along `edges`
            raise AssertionError(index)
        return adjoint

    def users(self, index: int) -> list[Edge]:
        """Give a node's uses that the loss depends on."""
        return [edge for edge in self.uses[index] if self.adjoints[edge.node] is not None]

    def _dependence(self) -> list[frozenset[str]]:
        """Give for each node the parameters that it depends on."""
        names = {index: name for name, index in self.parameters.items()}
        found: list[frozenset[str]] = []
        for node in self.nodes:
            own = {names[node.index]} if node.index in names else set()
            above = [found[operand.index] for operand in node.operands if operand.index is not None]
            found.append(frozenset(own).union(*above))
        return found

    # ---------------------------------------------------------------- backward

    def pull(self, edge: Edge, g: Array) -> Array:
        """Apply the derivative at an edge; broadcasting is not yet summed back."""
        node = self.nodes[edge.node]
        if node.operation is not None and node.operation.at_kink is not None and self._at_kink(edge):
            return self._pull_at_kink(node, edge, g)
        return node.rule(edge.position, g, node.value, *(operand.value for operand in node.operands))

    def share(self, edge: Edge) -> Array:
        """Give the operand's share of the result's adjoint, broadcasting summed back."""
        if edge not in self._shares:
            pulled = self.pull(edge, self.adjoint(edge.node))
            self._shares[edge] = pulled.sum_to(self.operand(edge).shape)
        return self._shares[edge]

    def _at_kink(self, edge: Edge) -> bool:
        if self.plain is self:
            return False
        if edge not in self._decided:
            node = self.nodes[edge.node]
            at_kink = node.operation.at_kink if node.operation else None
            mask = (
                at_kink(*(operand.value for operand in node.operands), **node.arguments) if at_kink else None
            )
            self._decided[edge] = mask is not None and bool((mask.true | mask.undecided).any())
        return self._decided[edge]

    def _pull_at_kink(self, node: Node, edge: Edge, g: Array) -> Array:
        # g -> g w with w constant on each side of the kink: w is what float64 makes of g = 1
        ones = self.plain.nodes[node.index].value * 0 + 1
        with self.plain.context():
            weights = self.plain.pull(edge, ones)
        if "axes" in node.arguments:
            g = kept(g, node.operands[0].value, node.arguments["axes"])
        return g * self.kind.constant(weights.data[0, 0, ...])

    def backward(self, changes: Changes) -> dict[str, Array]:
        """Run the backward pass with changes; the parameters that they reach."""
        adjoints = list(self.adjoints)
        reached: set[int] = set()
        last = max([edge.node - 1 for edge in changes.edges] + list(changes.nodes), default=-1)
        for index in range(last, -1, -1):
            if index in changes.nodes or any(
                e in changes.edges or changes.sources.get(e, e.node) in reached for e in self.uses[index]
            ):
                reached.add(index)
                adjoints[index] = self._total(index, adjoints, changes)
        results = {}
        for name, index in self.parameters.items():
            adjoint = adjoints[index]
            if index in reached and adjoint is not None:
                results[name] = adjoint
        return results

    def _total(self, index: int, adjoints: list[Array | None], changes: Changes) -> Array | None:
        shape = self.nodes[index].tensor.shape
        total = self.kind.constant(1) if index == self.output else None
        for edge in self.uses[index]:
            g = adjoints[changes.sources.get(edge, edge.node)]
            if g is None:
                continue
            change = changes.edges.get(edge)
            part = (change(g) if change else self.pull(edge, g)).sum_to(shape)
            total = part if total is None else total + part
        change = changes.nodes.get(index)
        return total if change is None or total is None else change(total)


def _node(tensor: Tensor, tape: Tape, composite: Composite | None) -> Node:
    index = tensor.index or 0
    if composite is None:
        return Node(index, tensor.operation, tensor.parents, tensor.arguments, tensor)
    operands = (tape.nodes[composite.operand],)
    return Node(index, composite.operation, operands, composite.arguments, tensor, composite=True)
