"""Where two computations part: the first operation, in the order of each, whose value the other lacks."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Balls
from gradproof.reference.tape import Loss, Tensor, differentiate
from gradproof.verdicts.judging.claimed import Place

_PRECISION = 192

_SAME = 1e-12
"""Relative distance of values, as float64, that are one: what the balls say of the whole decides before."""


@dataclass(frozen=True, eq=False)
class _Step:
    """An operation of a computation, with its value's numbers in order of size, whatever its layout."""

    node: Tensor
    numbers: NDArray[np.float64]

    @cached_property
    def size(self) -> float:
        return float(np.max(np.abs(self.numbers), initial=0.0))

    def equals(self, other: "_Step") -> bool:
        if self.numbers.size != other.numbers.size:
            return False
        limit = _SAME * max(self.size, other.size)
        return bool(np.all(np.abs(self.numbers - other.numbers) <= limit))

    def __str__(self) -> str:
        node = self.node
        name = "" if node.operation is None else node.operation.name
        module = f" (in {node.source.module})" if node.source.module else ""
        return f"{name} at {node.source}{module}"


def first_difference(loss: Loss, place: Place, other: Loss, others_place: Place) -> str:
    """Tell where two losses that should be one begin to differ; empty where that is not known.

    A value that one computes and the other does not, because it computes the same in another way, is no
    difference: what both have comes after it. So it is looked for the first operation whose operands both
    have, and from which a way leads to the loss on which there is nothing that both have.

    Args:
        loss: called as `loss(xp, params, batch)` on flat mappings.
        place: where.
        other: likewise.
        others_place: the same place, as the other is given it.
    """
    ours, theirs = _steps(loss, place), _steps(other, others_place)
    here, there = _parting(ours, theirs), _parting(theirs, ours)
    if here is None or there is None:
        return ""
    return f"the first operation whose value differs is {here}, and in the other {there}"


def _steps(loss: Loss, place: Place) -> list[_Step]:
    """Give all operations that the loss is made of, also those of data alone, each after its operands."""
    run = differentiate(loss, place.params, place.batch, Balls(_PRECISION))
    steps: dict[int, _Step] = {}
    waiting = [run.tape.output]
    while waiting:
        node = waiting[-1]
        if node is None or id(node) in steps:
            waiting.pop()
            continue
        before = [parent for parent in node.parents if id(parent) not in steps]
        if before:
            waiting += before[::-1]
            continue
        waiting.pop()
        values: Any = node.value
        steps[id(node)] = _Step(node, np.sort(values.values()[0].ravel()))
    return [*steps.values()]


def _parting(steps: Sequence[_Step], others: Sequence[_Step]) -> _Step | None:
    """Give the first step from which on nothing is shared, though its operands are."""
    shared: dict[int, bool] = {}
    for step in steps:
        is_given = step.node.operation is None
        shared[id(step.node)] = is_given or any(step.equals(other) for other in others)
    if shared[id(steps[-1].node)]:
        return None
    leading = {id(steps[-1].node)}
    for step in reversed(steps):
        if id(step.node) in leading:
            leading |= {id(parent) for parent in step.node.parents if not shared[id(parent)]}
    return next(
        step
        for step in steps
        if id(step.node) in leading and all(shared[id(parent)] for parent in step.node.parents)
    )
