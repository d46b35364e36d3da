"""Mutants of sums: over what broadcasting made, over a batch in a matrix product, over repeated uses."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Array, Change, Changes, Graph
from gradproof.verdicts.causes.mutant import Alternate, Mutant
from gradproof.verdicts.causes.wording import operation_at, where


def alternates(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give other sums for the operand at an edge."""
    node = graph.nodes[edge.node]
    shape = widened_shape(graph, edge)
    if shape is not None:
        yield from _broadcast(graph, edge, shape)
    if node.name == "matmul" and edge.position == 1:
        yield from _over_the_batch(graph, edge)
    if node.name == "gather":
        yield from _repeated(graph, edge)


# ------------------------------------------------------------------------ broadcasting


def widened_shape(graph: Graph, edge: Edge) -> tuple[int, ...] | None:
    """Give the shape that broadcasting stretched an operand to; None where it did not."""
    node, operand = graph.nodes[edge.node], graph.operand(edge).shape
    if node.name not in {
        "add",
        "subtract",
        "multiply",
        "divide",
        "maximum",
        "minimum",
        "where",
        "broadcast_to",
    }:
        return None
    return node.tensor.shape if node.tensor.shape != operand else None


def unreduced(graph: Graph, edge: Edge, g: Array) -> Array:
    """Give an operand's share before the sum over what broadcasting stretched."""
    node = graph.nodes[edge.node]
    return (g if node.name == "broadcast_to" else graph.pull(edge, g)).broadcast_to(node.tensor.shape)


def stretched_axes(shape: tuple[int, ...], operand: tuple[int, ...]) -> tuple[int, ...]:
    """Give the axes, from the right, along which broadcasting stretched an operand.

    >>> stretched_axes((5, 3), (3,))
    (-2,)
    """
    return tuple(
        axis
        for axis in range(-len(shape), 0)
        if -axis > len(operand) or (operand[axis] == 1 and shape[axis] != 1)
    )


def _broadcast(graph: Graph, edge: Edge, shape: tuple[int, ...]) -> Iterator[Alternate]:
    operand = graph.operand(edge).shape
    axes = stretched_axes(shape, operand)
    others = tuple(axis for axis in range(-len(shape), 0) if axis not in axes)
    at = operation_at(graph.nodes[edge.node])
    count = int(np.prod([shape[axis] for axis in axes]))
    over = _axes_text(axes, shape)

    def in_all(g: Array) -> Array:
        return unreduced(graph, edge, g).sum(tuple(range(-len(shape), 0))).broadcast_to(operand)

    def over_others(g: Array) -> Array:
        return unreduced(graph, edge, g).sum(others).reshape(operand)

    def one(g: Array, place: int) -> Array:
        part = unreduced(graph, edge, g)
        for axis in axes:
            start = place % shape[axis]
            part = part.part(axis, start, start + 1)
        return part.reshape(operand)

    yield Alternate(
        "mean",
        "mean-instead-of-sum",
        f"the sum over {over}, which undoes the broadcast in {at}, made a mean (divided by {count})",
        costs.REDUCTION,
        lambda g: graph.pull(edge, g) / count,
        1 / count,
    )
    if others and any(n > 1 for n in operand):
        yield Alternate(
            "all axes",
            "sum-over-all-axes",
            f"the sum, which undoes the broadcast in {at}, over all axes instead of {over}",
            costs.REDUCTION,
            in_all,
        )
        total = int(np.prod(shape))
        yield Alternate(
            "mean of all",
            "sum-over-all-axes",
            f"a mean over all axes in place of the sum over {over} that undoes the broadcast in {at}",
            costs.REDUCTION,
            lambda g: in_all(g) / total,
        )
    if np.prod([shape[axis] for axis in others]) == count and len(others) == len(axes):
        yield Alternate(
            "other axis",
            "sum-over-another-axis",
            f"the sum, which undoes the broadcast in {at}, over {_axes_text(others, shape)}, not {over}",
            costs.REDUCTION,
            over_others,
        )
    if count > 1:
        for place, text in ((0, "first"), (-1, "last")):
            yield Alternate(
                f"{text} only",
                "sum-left-out",
                f"only the {text} term of the sum over {over}, which undoes the broadcast in {at}",
                costs.REDUCTION,
                lambda g, place=place: one(g, place),  # type: ignore[misc]
            )


def _axes_text(axes: tuple[int, ...], shape: tuple[int, ...]) -> str:
    places = [str(axis + len(shape)) for axis in axes]
    return f"axis {places[0]}" if len(places) == 1 else f"the axes {', '.join(places)}"


# ------------------------------------------------------------------------ products


def _over_the_batch(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Dw = x' g is a sum over the rows of x: a mean of them, or one of them alone."""
    node = graph.nodes[edge.node]
    left = node.operands[0]
    if left.ndim < 2:
        return
    rows = left.shape[-2]
    at = operation_at(node)
    yield Alternate(
        "mean",
        "mean-instead-of-sum",
        f"the sum over the {rows} rows in the derivative of {at} for its right operand turned into a mean",
        costs.REDUCTION,
        lambda g: graph.pull(edge, g) / rows,
        1 / rows,
    )
    if left.ndim > 2 or rows < 2:
        return

    def one(g: Array, place: int) -> Array:
        start = place % rows
        row = left.value.part(-2, start, start + 1)
        matrix = g.reshape((rows, -1)).part(-2, start, start + 1)
        return (row.mT @ matrix).reshape(graph.operand(edge).shape)

    for place, text in ((0, "first"), (-1, "last")):
        yield Alternate(
            f"{text} only",
            "accumulation-overwritten",
            f"only the {text} of the {rows} rows in the derivative of {at} for its right operand",
            costs.OVERWRITTEN,
            lambda g, place=place: one(g, place),  # type: ignore[misc]
        )


# ------------------------------------------------------------------------ repeated uses


def _repeated(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Mutants of a gather whose positions name some entries several times."""
    node = graph.nodes[edge.node]
    positions = node.arguments["positions"]
    flat = positions.reshape(-1)
    unique, counts = np.unique(flat, return_counts=True)
    if unique.size == flat.size:
        return
    at = operation_at(node)
    for order, text in ((flat[::-1], "last"), (flat, "first")):
        _, kept_places = np.unique(order, return_index=True)
        weights = np.zeros(flat.size)
        weights[flat.size - 1 - kept_places if text == "last" else kept_places] = 1.0
        yield Alternate(
            f"{text} wins",
            "accumulation-overwritten",
            f"the contributions of repeated indices in {at} overwritten instead of accumulated "
            f"(only the {text} one counts)",
            costs.OVERWRITTEN,
            _weighted(graph, edge, weights.reshape(positions.shape)),
        )
    share = 1.0 / counts[np.searchsorted(unique, flat)]
    yield Alternate(
        "averaged",
        "contributions-averaged",
        f"the contributions of repeated indices in {at} averaged instead of added",
        costs.OVERWRITTEN,
        _weighted(graph, edge, share.reshape(positions.shape), whole=counts[np.searchsorted(unique, flat)]),
    )


def _weighted(
    graph: Graph, edge: Edge, weights: NDArray[np.float64], whole: NDArray[np.int64] | None = None
) -> Change:
    def change(g: Array) -> Array:
        if whole is not None:
            # 1/3 is no double: divide by the count
            return graph.pull(edge, g / graph.kind.constant(whole.reshape(weights.shape).astype(np.float64)))
        return graph.pull(edge, g * graph.kind.constant(weights))

    return change


def overwriting(graph: Graph) -> Iterator[Mutant]:
    """Give the mutants in which a value's several uses overwrite each other's contributions."""
    shared = [n for n in graph.nodes if len(graph.users(n.index)) > 1 and graph.adjoints[n.index] is not None]
    parameters = [n for n in shared if n.operation is None]
    groups = [[n] for n in shared]
    if len(parameters) > 1:
        groups.append(parameters)
    for group in groups:
        indices = [n.index for n in group]
        names = " and ".join(operation_at(n) for n in group[:3]) + (", ..." if len(group) > 3 else "")
        for text, last in (("last", True), ("first", False)):
            yield Mutant(
                "accumulation-overwritten",
                f"only the {text} of the uses of {names} counted: contributions are overwritten, not added",
                costs.OVERWRITTEN if len(graph.users(indices[0])) > 2 else costs.PATH,
                where(group[0]),
                lambda graph, indices=indices, last=last: Changes(  # type: ignore[misc]
                    {e: c for i in indices for e, c in _only(graph, i, last=last).items()}
                ),
            )


def _only(graph: Graph, index: int, *, last: bool) -> dict[Edge, Change]:
    """Let later (or earlier) uses of a node take the place of the others, entry by entry."""
    edges = sorted(graph.users(index), reverse=last)
    free = np.ones(graph.nodes[index].tensor.shape)
    changes: dict[Edge, Change] = {}
    for edge in edges:
        covered = _covered(graph, edge)
        changes[edge] = _masked(graph, edge, free * covered)
        free = free * (1 - covered)
    return changes


def _covered(graph: Graph, edge: Edge) -> NDArray[np.float64]:
    """Give the entries of an operand that a use takes: all of them, but for indexing."""
    node = graph.nodes[edge.node]
    shape = graph.operand(edge).shape
    covered = np.zeros(shape) if node.name == "gather" else np.ones(shape)
    if node.name == "gather":
        covered.reshape(-1)[node.arguments["positions"].reshape(-1)] = 1.0
    return covered


def _masked(graph: Graph, edge: Edge, mask: NDArray[np.float64]) -> Change:
    shape = graph.operand(edge).shape
    return lambda g: graph.pull(edge, g).sum_to(shape) * graph.kind.constant(mask)
