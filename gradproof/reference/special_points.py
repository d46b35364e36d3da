"""Why the balls of a gradient do not narrow at a point: a kink of the loss, or the end of a domain."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.elementary import on_balls
from gradproof.reference.source import Source
from gradproof.reference.tape import Tape, Tensor
from gradproof.reference.tape.operations import Array

Lanes = NDArray[np.bool_]


@dataclass(frozen=True)
class SpecialPoint:
    """An operation of the loss at a point where it has no derivative, or may have none.

    Attributes:
        operation: Its name in the table.
        source: The line of the loss.
        lanes: Where it happens; booleans, one per lane.
    """

    operation: str
    source: Source
    lanes: Lanes


@dataclass(frozen=True)
class Kink(SpecialPoint):
    """An operation at a kink.

    Attributes:
        text: Where the operation has kinks, and which interval it has there.
        certain: Whether some operand is at the kink exactly; else the balls cannot tell.
    """

    text: str
    certain: bool

    def __str__(self) -> str:
        """The finding as a sentence."""
        place = "is" if self.certain else "may be"
        return f"{self.operation} at {self.source} {place} at its kink ({self.text})."


@dataclass(frozen=True)
class Outside(SpecialPoint):
    """An operation outside its domain, where it, or its derivative, is no number.

    Attributes:
        derivative: Whether it is the derivative.
    """

    derivative: bool

    def __str__(self) -> str:
        """The finding as a sentence."""
        what = f"the derivative of {self.operation}" if self.derivative else self.operation
        return (
            "The loss is evaluated outside an operation's domain (log 0, 0/0, the root of 0): "
            f"{what} at {self.source} gives no number."
        )


def kinks(tape: Tape, lanes: Lanes) -> tuple[Kink, ...]:
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
                certain = bool(np.any(mask.true))
                found.append(Kink(operation.name, node.source, here, operation.kinks, certain))
    return tuple(found)


def outside(tape: Tape, lanes: Lanes) -> tuple[Outside, ...]:
    """Find, in each lane, the first operation that gives no number; going back, the first derivative."""
    found = []
    left: Lanes = lanes
    with tape.kind.context():
        for node, value, derivative in _computed(tape):
            here = left & _is_no_number(value)
            if np.any(here) and node.operation is not None:
                found.append(Outside(node.operation.name, node.source, here, derivative))
            left = left & ~here
    return tuple(found)


def _computed(tape: Tape) -> Iterator[tuple[Tensor, Array, bool]]:
    """Give what is computed, in the order of its computation: values, and then what derivatives hand back."""
    for node in tape.nodes:
        yield node, node.value, False
    for edge in sorted(tape.edges, reverse=True):
        node = tape.nodes[edge.node]
        adjoint = tape.adjoint(node)
        if adjoint is not None and node.operation is not None:
            operands = (parent.value for parent in node.parents)
            yield (
                node,
                node.operation.rule(edge.position)(adjoint, node.value, *operands, **node.arguments),
                True,
            )


def _is_no_number(numbers: Array) -> Lanes:
    """For each lane, whether an entry is NaN or a ball that holds all numbers."""
    return _per_lane(np.asarray(_NO_NUMBER(numbers.data[0]), dtype=bool))


_NO_NUMBER = on_balls(lambda ball: ball.is_nan() or not arb(ball.rad()).is_finite())


def _per_lane(entries: NDArray[np.bool_]) -> Lanes:
    lanes: Lanes = np.any(entries.reshape(entries.shape[0], -1), axis=1)
    return lanes
