"""Mutants of products and of what moves entries: transposes left out, wrong orders, exchanged parts."""

from collections.abc import Iterator
from math import prod

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Array, Graph
from gradproof.verdicts.causes.mutant import Alternate
from gradproof.verdicts.causes.wording import operation_at


def alternates(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give other orders of entries for the operand at an edge."""
    node, operand = graph.nodes[edge.node], graph.operand(edge)
    at = operation_at(node)
    square = operand.ndim >= 2 and operand.shape[-1] == operand.shape[-2] > 1
    if square:
        yield Alternate(
            "transposed",
            "transposed",
            f"what {at} hands back transposed",
            costs.TRANSPOSED,
            lambda g: graph.pull(edge, g).sum_to(operand.shape).mT,
        )
    if node.name == "matmul":
        yield from _matmul(graph, edge, at)
    if node.name in {"permute_dims", "matrix_transpose", "reshape", "concat", "flip", "gather"}:
        yield from _moved(graph, edge, at)
    if node.name in {"matmul", "multiply"}:
        for axis in range(-min(operand.ndim, 2), 0):
            if operand.shape[axis] > 1:
                yield Alternate(
                    f"flipped {axis}",
                    "wrong-order",
                    f"what {at} hands back flipped along axis {axis + operand.ndim}",
                    costs.ANOTHER,
                    lambda g, axis=axis: graph.pull(edge, g).sum_to(operand.shape).flip(axis),  # type: ignore[misc]
                )


def _matmul(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    node = graph.nodes[edge.node]
    a, b = (parent.value for parent in node.operands)
    if edge.position == 0 and b.ndim >= 2 and b.shape[-1] == b.shape[-2] > 1 and a.ndim >= 2:
        yield Alternate(
            "untransposed",
            "transposed",
            f"the transpose of the right operand of {at} left out on the way back",
            costs.TRANSPOSED - 0.5,
            lambda g: g @ b,
        )
    if edge.position == 1 and b.ndim >= 2 and a.ndim >= 2 and a.shape[-1] == a.shape[-2] > 1:
        yield Alternate(
            "untransposed",
            "transposed",
            f"the transpose of the left operand of {at} left out on the way back",
            costs.TRANSPOSED - 0.5,
            lambda g: a @ g,
        )


def _moved(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    node, operand = graph.nodes[edge.node], graph.operand(edge)
    shape = operand.shape
    if prod(shape) == prod(node.tensor.shape) and node.name != "concat":
        yield Alternate(
            "reshaped",
            "wrong-order",
            f"{at} undone by a reshape",
            costs.TRANSPOSED,
            lambda g: g.reshape(shape),
        )
    if node.name == "permute_dims":
        axes = node.arguments["axes"]
        if tuple(node.tensor.shape[axis] for axis in axes) == shape:
            yield Alternate(
                "forward axes",
                "wrong-order",
                f"{at} undone by the same permutation instead of its inverse",
                costs.TRANSPOSED,
                lambda g: g.permute(axes),
            )
    if node.name == "reshape" and len(shape) >= 2:
        backwards = tuple(range(-1, -len(shape) - 1, -1))

        def by_columns(g: Array) -> Array:
            columns = g.permute(tuple(range(-1, -g.ndim - 1, -1))) if g.ndim > 1 else g
            return columns.reshape(tuple(reversed(shape))).permute(backwards)

        yield Alternate(
            "by columns", "wrong-order", f"{at} undone in the order of columns", costs.ANOTHER, by_columns
        )
    if node.name == "concat" and len(node.operands) > 1:
        for place, other in enumerate(node.operands):
            if place != edge.position and other.shape == shape:
                yield Alternate(
                    f"part {place}",
                    "wrong-order",
                    f"the parts of {at} exchanged on the way back",
                    costs.TRANSPOSED,
                    lambda g, place=place: node.rule(place, g, node.value, *(o.value for o in node.operands)),  # type: ignore[misc]
                )
