"""Why the balls of a gradient do not narrow at a point: a kink of the loss, or the end of a domain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.elementary import on_balls
from gradproof.reference.source import Source
from gradproof.reference.tape import Tape, Tensor
from gradproof.reference.tape.operations import Array, Operation

Lanes = NDArray[np.bool_]


@dataclass(frozen=True)
class SpecialPoint:
    """An operation of the loss at a point where it has no derivative, or may have none.

    Attributes:
        operation: Its name in the table.
        source: The line of the loss.
        lanes: Where it happens; booleans, one per lane.
        sentence: What is told of it.
        bends: 1 where the loss bends upwards at the kink, as |x| does, -1 where it bends downwards, as -|x|
            does; 0 where neither is known.
    """

    operation: str
    source: Source
    lanes: Lanes
    sentence: str
    bends: int = 0

    def __str__(self) -> str:
        """The finding as a sentence."""
        return self.sentence


def kinks(tape: Tape, lanes: Lanes) -> tuple[SpecialPoint, ...]:
    """Find the operations that are or may be at a kink, in some of the lanes.

    Where an operand is no number, that is why the balls are wide, and not a kink.
    """
    found = []
    with tape.kind.context():
        for node in tape.nodes:
            operation = node.operation
            if operation is None or operation.at_kink is None or tape.adjoint(node) is None:
                continue
            operands = [parent.value for parent in node.parents]
            mask = operation.at_kink(*operands, **node.arguments)
            here = _per_lane((mask.true | mask.undecided)[0]) & lanes
            for operand in operands:
                here = here & ~_is_no_number(operand)
            if np.any(here):
                place = "is" if np.any(mask.true) else "may be"
                told = f"{operation.name} at {node.source} {place} at its kink ({operation.kinks})."
                bends = _bends(operation, tape.adjoint(node))
                found.append(SpecialPoint(operation.name, node.source, here, told, bends))
    return tuple(found)


def _bends(operation: Operation, adjoint: Array | None) -> int:
    """Give how a loss bends at an operation's kink: c |x| upwards for c >= 0, downwards for c <= 0."""
    if adjoint is None or operation.name not in _CONVEX | _CONCAVE:
        return 0
    is_positive, is_negative = (bool(np.all(mask.true)) for mask in (adjoint >= 0, adjoint <= 0))
    return (is_positive - is_negative) * (1 if operation.name in _CONVEX else -1)


ROUND = frozenset({"euclidean_norm", "hypot", "std"})
"""Operations whose subgradients at the kink are a ball's points."""

_CONVEX = ROUND | {"abs", "relu", "maximum", "max"}
_CONCAVE = frozenset({"minimum", "min"})


def outside(tape: Tape, lanes: Lanes) -> tuple[SpecialPoint, ...]:
    """Find, in each lane, the first operation that gives no number; going back, the first derivative."""
    found = []
    left: Lanes = lanes & _gives_no_number(tape)
    if not np.any(left):
        return ()
    with tape.kind.context():
        for node, value, derivative in _computed(tape):
            here = left & _is_no_number(value)
            if np.any(here) and node.operation is not None:
                what = f"{'the derivative of ' if derivative else ''}{node.operation.name}"
                told = (
                    "The loss is evaluated outside an operation's domain (log 0, 0/0, the root of 0): "
                    f"{what} at {node.source} gives no number."
                )
                found.append(SpecialPoint(node.operation.name, node.source, here, told))
            left = left & ~here
    return tuple(found)


def _gives_no_number(tape: Tape) -> Lanes:
    """For each lane, whether the loss or an entry of its gradient is no number."""
    outputs = [] if tape.output is None else [tape.output.value]
    adjoints = (tape.adjoint(parameter) for parameter in tape.parameters.values())
    given = [_is_no_number(each) for each in (*outputs, *adjoints) if each is not None]
    return np.asarray(np.any(np.broadcast_arrays(False, *given), axis=0))


def _computed(tape: Tape) -> Iterator[tuple[Tensor, Array, bool]]:
    """Give what is computed, in the order of its computation: values, and then what derivatives hand back."""
    for node in tape.nodes:
        yield node, node.value, False
    for edge in sorted(tape.edges, reverse=True):
        node = tape.nodes[edge.node]
        adjoint = tape.adjoint(node)
        if adjoint is not None:
            yield node, tape.handed_back(edge, adjoint), True


def _is_no_number(numbers: Array) -> Lanes:
    """For each lane, whether an entry is NaN or a ball that holds all numbers."""
    balls = numbers.data[0]
    no_number = ~on_balls(arb.is_finite)(balls).astype(bool)
    # An infinity is a number; few entries are not finite, and only those are looked at one by one.
    no_number[no_number] = _NO_NUMBER(balls[no_number])
    return _per_lane(no_number)


_NO_NUMBER = on_balls(lambda ball: ball.is_nan() or not arb(ball.rad()).is_finite())


def _per_lane(entries: NDArray[np.bool_]) -> Lanes:
    lanes: Lanes = np.any(entries.reshape(entries.shape[0], -1), axis=1)
    return lanes
