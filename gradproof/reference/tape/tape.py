"""The tape: records the operations of a loss and runs their derivatives backwards."""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.advice import KeptError
from gradproof.reference.numbers import Integers, Kind, Mask, Numbers
from gradproof.reference.source import UNKNOWN, Source, caller
from gradproof.reference.tape.arguments import Value
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import Array, Operation, Rule, Trait


class Edge(NamedTuple):
    """One use of an operand: the node that uses it, and which of the node's operands it is."""

    node: int
    position: int


Choice: TypeAlias = Callable[[Operation, Source], bool]
"""Tells of an operation at a line of the loss whether its accurate form is computed, where it has one."""


def never(_: Operation, __: Source) -> bool:
    """The textbook's formulas for all operations."""
    return False


def always(_: Operation, __: Source) -> bool:
    """The accurate forms for all operations that have one."""
    return True


class Tape:
    """The record of one run of a loss.

    Attributes:
        kind: The kind of number it runs on.
        accurately: Which operations are computed in their accurate form.
        nodes: All nodes that depend on a parameter, in the order of their computation.
        parameters: The parameters among them, by name.
        output: The loss's value, once it is known.
        is_closed: Whether the loss has ended, so that nothing more is recorded.
    """

    def __init__(self, kind: Kind[Numbers[Any]], accurately: Choice = never) -> None:
        """Starts an empty tape."""
        self.kind = kind
        self.accurately = accurately
        self.nodes: list[Tensor] = []
        self.parameters: dict[str, Tensor] = {}
        self.output: Tensor | None = None
        self.is_closed = False
        self._uses: list[list[Edge]] = []

    # ---------------------------------------------------------------- forward

    def parameter(self, name: str, values: NDArray[Any]) -> Tensor:
        """A parameter of the loss, from values of shape (lanes, *shape)."""
        tensor = Tensor(self.kind.of_param(name).lift(values), self, source=UNKNOWN, name=name)
        self.parameters[name] = tensor
        return self._record(tensor)

    def data(self, values: NDArray[Any], name: str = "") -> Tensor:
        """Data of the batch by a name, from values of shape (lanes, *shape)."""
        return Tensor(self.kind.of_data(name).lift(values), self, source=UNKNOWN, name=name)

    def computed(self, numbers: Numbers[Any], name: str = "") -> Tensor:
        """Data that was computed elsewhere in the tape's kind of number."""
        return Tensor(self.kind.adopted(numbers), self, source=UNKNOWN, name=name)

    def lift(self, value: Value, kind: Kind[Numbers[Any]] | None = None) -> Tensor:
        """A value that meets an array of the tape: constants, data and comparisons become one.

        Args:
            value: what is met.
            kind: that of the array; None where there is none.

        Raises:
            UnsupportedError: It is no number and no array of numbers, or an array of another call.
        """
        if isinstance(value, Tensor):
            if value.tape is not self or self.is_closed:
                raise KeptError
            return value
        kind = kind or self.kind.of_constants()
        if isinstance(value, Mask):
            # true -> 1, false -> 0, undecided -> both
            return Tensor(kind.constant(1).select(value, 0), self, source=UNKNOWN)
        if isinstance(value, Integers):
            # anything where it is not decided
            numbers = kind.of_samples(value.data)
            unknown = kind.constant(0).jump()
            decided = numbers.select(~value.is_undecided(), unknown) if value.undecided.any() else numbers
            return Tensor(decided, self, source=UNKNOWN)
        try:
            values = np.asarray(value)
            # an object array of bare Python numbers is one of numbers
            values = np.asarray(values.tolist()) if values.dtype.hasobject else values
        except ValueError:
            values = np.empty(0, dtype=object)
        if values.dtype.kind not in "iubf":
            raise UnsupportedError(
                f"The loss uses a {type(value).__name__} as a number at {caller()}. "
                "Use real numbers and arrays of them, and functions of xp."
            )
        return Tensor(kind.constant(values if values.ndim else value), self, source=UNKNOWN)

    def _operands(self, operands: Sequence[Value]) -> tuple[tuple[Tensor, ...], list[Array]]:
        """The operands as nodes, and their numbers as the operation computes with them."""
        kind = self.kind.meeting([operand.value for operand in operands if isinstance(operand, Tensor)])
        parents = tuple(self.lift(operand, kind) for operand in operands)
        return parents, [parent.value.as_in(kind) for parent in parents]

    def apply(self, operation: Operation, *operands: Value, **arguments: object) -> Tensor:
        """Computes an operation and records it.

        Raises:
            InputError: The operands' shapes do not fit together.
        """
        parents, values = self._operands(operands)
        try:
            value = self._forward(operation, values, arguments)
        except (ValueError, IndexError, TypeError, ArithmeticError) as error:
            raise InputError(
                f"{operation.name} at {caller()} cannot work on shapes "
                f"{', '.join(str(parent.shape) for parent in parents)}{_why(operation, parents, error)}. "
                "Check the shapes of the parameters and the batch against the loss."
            ) from error
        tensor = Tensor(
            value,
            self,
            operation=operation,
            parents=parents,
            arguments=arguments,
            source=caller(),
        )
        return self._record(tensor) if any(p.index is not None for p in parents) else tensor

    def _forward(self, operation: Operation, values: Sequence[Array], arguments: Mapping[str, Any]) -> Array:
        accurate = operation.accurate
        if accurate is None or not self.accurately(operation, caller()):
            return operation.forward(*values, **arguments)
        forward = accurate.forward or operation.forward
        return self.kind.once(lambda: forward(*values, **arguments))

    def _record(self, tensor: Tensor) -> Tensor:
        tensor.index = len(self.nodes)
        self.nodes.append(tensor)
        self._uses.append([])
        for position, parent in enumerate(tensor.parents):
            if parent.index is not None:
                self._uses[parent.index].append(Edge(tensor.index, position))
        return tensor

    # ---------------------------------------------------------------- backward

    @property
    def edges(self) -> list[Edge]:
        """All uses of operands that depend on a parameter and that the loss depends on."""
        reached = self._true_adjoints
        return sorted(edge for uses in self._uses for edge in uses if reached[edge.node] is not None)

    def adjoint(self, node: Tensor) -> Array | None:
        """The derivative of the loss with respect to a node; None if it has no part in it."""
        return None if node.index is None else self._true_adjoints[node.index]

    def backward(self, modify: Mapping[Edge, Rule] | None = None) -> dict[str, Array]:
        """The derivative of the loss with respect to each parameter.

        Args:
            modify: Rules that take the place of the table's, by the edge they stand at. Nodes that
                no changed rule reaches keep the derivatives of the true run, so that a change near
                a parameter costs little.

        Returns:
            By parameter, in one lane where all lanes share it. One that the loss does not use has
            zeros.

        Raises:
            InputError: A changed rule answers a shape that its operand does not have.
        """
        with self.kind.context():
            adjoints = self._true_adjoints
            if modify:
                adjoints = self._changed(adjoints, modify)
            return {name: self._gradient(parameter, adjoints) for name, parameter in self.parameters.items()}

    def _gradient(self, parameter: Tensor, adjoints: Sequence[Array | None]) -> Array:
        adjoint = None if parameter.index is None else adjoints[parameter.index]
        return parameter.value.kind.constant(np.zeros(parameter.shape)) if adjoint is None else adjoint

    @cached_property
    def _true_adjoints(self) -> Sequence[Array | None]:
        adjoints: list[Array | None] = [None] * len(self.nodes)
        for index in reversed(range(len(self.nodes))):
            adjoints[index] = self._pull(index, adjoints, {})
        return adjoints

    def _changed(self, true: Sequence[Array | None], modify: Mapping[Edge, Rule]) -> Sequence[Array | None]:
        adjoints = list(true)
        changed: set[int] = set()
        for index in reversed(range(max(edge.node for edge in modify))):
            if any(edge in modify or edge.node in changed for edge in self._uses[index]):
                changed.add(index)
                adjoints[index] = self._pull(index, adjoints, modify)
        return adjoints

    def _pull(
        self, index: int, adjoints: Sequence[Array | None], modify: Mapping[Edge, Rule]
    ) -> Array | None:
        """A node's adjoint: the sum over its uses of what each hands back."""
        node = self.nodes[index]
        total = node.value.kind.constant(1) if node is self.output else None
        for edge in self._uses[index]:
            g = adjoints[edge.node]
            if g is None:
                continue
            part = self.handed_back(edge, g, modify.get(edge))
            total = part if total is None else total + part
        return total

    def handed_back(self, edge: Edge, g: Array, rule: Rule | None = None) -> Array:
        """What a use of an operand hands back to it, by the table's rule or another, for a result's adjoint.

        It is computed in the format of the result, and rounded to that of the operand, as frameworks do it.

        Raises:
            InputError: A changed rule answers a shape that its operand does not have.
        """
        node = self.nodes[edge.node]
        operand = node.parents[edge.position]
        operation = node.operation
        if operation is None:  # pragma: no cover - only results of operations have operands
            raise AssertionError(node)
        y = node.value
        operands = [parent.value.as_in(y.kind) for parent in node.parents]
        if rule is None and operation.accurate is not None and self.accurately(operation, node.source):
            kept = operation.accurate_rule(edge.position)
            part = self.kind.once(lambda: kept(g, y, *operands, **node.arguments))
        else:
            rule = rule or operation.rule(edge.position)
            part = rule(g, y, *operands, **node.arguments)
        if not _widens(part.shape, operand.shape):
            raise InputError(
                f"The rule for {operation.name} at {node.source} answers shape {part.shape} for an "
                f"operand of shape {operand.shape}. Return the operand's shape from the rule."
            )
        return part.sum_to(operand.shape).in_format(operand.value.format)


def _why(operation: Operation, operands: Sequence[Tensor], error: Exception) -> str:
    """Why an operation fails; NumPy's own words would tell shapes with the hidden axes."""
    if Trait.ELEMENTWISE not in operation.traits:
        return f": {error}"
    try:
        np.broadcast_shapes(*(operand.shape for operand in operands))
    except ValueError:
        return ", which do not broadcast"
    return f": {error}"


def _widens(shape: tuple[int, ...], operand: tuple[int, ...]) -> bool:
    """Whether broadcasting can have made `shape` of the operand's shape."""
    tail = shape[len(shape) - len(operand) :] if len(shape) >= len(operand) else ()
    return len(tail) == len(operand) and all(
        theirs in {1, mine} for mine, theirs in zip(tail, operand, strict=True)
    )
