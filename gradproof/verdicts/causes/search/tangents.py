"""The derivatives of all values of a loss along directions in the parameters.

What an adjoint d that arrives at a value x changes of the gradient is J' d, where J is the Jacobian of x with
respect to the parameters; along the direction v it is <v, J' d> = <J v, d>. So the derivatives J v of the
values are the rows of the linear map from the adjoint at a value to the gradient below it. They are taken
exactly, forwards through the table's derivatives, where `probes` takes a few by differences.

Source: Griewank and Walther, Evaluating Derivatives, 2nd ed. (2008), sections 3.1 and 3.2.
"""

from collections.abc import Mapping
from math import prod

import numpy as np

from gradproof.reference.tape import Edge, Trait
from gradproof.verdicts.causes.graph import Array, Graph, Node
from gradproof.verdicts.causes.search.discrepancy import Floats

WORK = 30_000_000
"""At most so many numbers are held as the derivatives of all values."""

_BY_ENTRY = 40_000
"""An operation of no known form is gone through by entries: at most so many of its Jacobian."""


def tangents(graph: Graph, along: Mapping[str, Floats]) -> list[Floats] | None:
    """Give the derivatives of every value along directions, shape (directions, entries).

    Args:
        graph: in float64.
        along: the directions, by parameter.

    Returns:
        by node; None if they are too many.
    """
    lanes = len(next(iter(along.values())))
    work = sum(lanes * prod(node.shape) for node in graph.nodes)
    if work > WORK:
        return None
    found: list[Array | None] = []
    with graph.context():
        for node in graph.nodes:
            if node.operation is None:
                found.append(_lifted(graph, along[node.name]))
            else:
                found.append(_derivative(graph, node, found, lanes))
            if found[-1] is None:
                return None
    return [each.with_lanes(lanes).data[0].reshape(lanes, -1) for each in found if each is not None]


def _lifted(graph: Graph, values: Floats) -> Array:
    lifted: Array = graph.kind.lift(values)
    return lifted


def _derivative(graph: Graph, node: Node, found: list[Array | None], lanes: int) -> Array | None:
    """Give the derivatives of an operation's result from those of its operands."""
    moving = [None if each.constant else found[each.index] for each in node.operands]
    traits = node.operation.traits if node.operation else Trait.NONE
    if Trait.LINEAR in traits:
        still = [graph.kind.constant(np.zeros(each.shape)) for each in node.operands]
        return node.forward(*(m if m is not None else s for m, s in zip(moving, still, strict=True)))
    total: Array | None = None
    for position, moved in enumerate(moving):
        if moved is None:
            continue
        part = _part(graph, node, position, moved, lanes)
        if part is None:
            return None
        total = part if total is None else total + part
    return total


def _part(graph: Graph, node: Node, position: int, moved: Array, lanes: int) -> Array | None:
    """Give what one operand's derivatives make of those of the result."""
    traits = node.operation.traits if node.operation else Trait.NONE
    use = graph.use(Edge(node.index, position))
    if Trait.BILINEAR in traits:
        values = list(node.values)
        values[position] = moved
        return node.forward(*values)
    if Trait.ELEMENTWISE in traits:
        return moved.broadcast_to(node.shape) * graph.kind.constant(use.weights)
    size = prod(node.shape)
    if not 0 < size * prod(use.shape) <= _BY_ENTRY:
        return None
    # row by row of the Jacobian: what each entry of the result hands back
    units = _lifted(graph, np.eye(size).reshape(size, *node.shape))
    rows = use.pull(units).sum_to(use.shape).with_lanes(size).data[0].reshape(size, -1)
    result = moved.with_lanes(lanes).data[0].reshape(lanes, -1) @ rows.T
    return _lifted(graph, result.reshape(lanes, *node.shape))
