"""Mutants that differentiate a product with another value than it was computed with."""

from collections.abc import Iterator

from gradproof.reference.tape import Edge, Tensor
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Array, Graph, Node
from gradproof.verdicts.causes.mutant import Alternate
from gradproof.verdicts.causes.rules import UNARY
from gradproof.verdicts.causes.wording import operation_at

_PRODUCTS = frozenset("matmul multiply divide vecdot outer pow xlogy".split())


def alternates(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give the derivative at an edge with another value in the place of one of its operands."""
    node = graph.nodes[edge.node]
    at = operation_at(node)
    if node.name in {"log", "sqrt", "square", "log1p", "exp", "integer_power"}:
        places = [0]
    elif node.name in _PRODUCTS:
        places = [place for place in range(len(node.operands)) if place != edge.position]
        if node.name == "divide":
            places = [1]
    else:
        return
    for place in places:
        seen: list[Tensor] = [node.operands[place]]
        for relation, text, other in _relatives(graph, node, place):
            if any(other is one for one in seen) or other.shape != node.operands[place].shape:
                continue
            seen.append(other)
            yield Alternate(
                f"operand {place} {relation}",
                "wrong-operand",
                f"{text} used in the derivative of {at} instead of {_named(graph, node.operands[place])}",
                costs.OPERAND,
                lambda g, p=place, o=other: _with(node, edge, g, p, o.value),  # type: ignore[misc]
            )
    if node.name == "multiply" and node.operands[1 - edge.position].index is None:
        yield from _indicator(graph, edge, node, at)


def _with(node: Node, edge: Edge, g: Array, place: int, value: Array) -> Array:
    values = [operand.value for operand in node.operands]
    values[place] = value
    # only these rules use the result, and to compute it again costs as much as the derivative
    y = node.forward(*values) if node.name in {"divide", "pow", "exp", "sqrt"} else node.value
    return node.rule(edge.position, g, y, *values)


def _indicator(graph: Graph, edge: Edge, node: Node, at: str) -> Iterator[Alternate]:
    """A constant factor that is zero in places, as a mask of dropout with its scale: only the mask kept."""
    mask = graph.plain.nodes[edge.node].operands[1 - edge.position].value.data[0, 0] != 0
    if mask.all() or not mask.any():
        return
    ones = graph.kind.constant(mask.astype(float))
    yield Alternate(
        "mask only",
        "derivative-incomplete",
        f"the scale of the constant factor of {at} left out on the way back, and only its mask kept",
        costs.OPERAND,
        lambda g: g * ones,
    )


def _relatives(graph: Graph, node: Node, place: int) -> Iterator[tuple[str, str, Tensor]]:
    """Give the values that one may take for an operand: relation, text, value."""
    operand = node.operands[place]
    if operand.index is not None:
        mine = graph.nodes[operand.index]
        if mine.name in UNARY:
            inner = mine.operands[0]
            yield "input", f"the input of {operation_at(mine)}", inner
        for edge in graph.uses[operand.index]:
            user = graph.nodes[edge.node]
            if user.name in UNARY and user is not node:
                yield "output", f"the output of {operation_at(user)}", user.tensor
        if mine.name in {"add", "subtract", "multiply", "divide"}:
            for i, inner in enumerate(mine.operands):
                yield f"before {i}", f"an operand of {operation_at(mine)}", inner
        same = [n for n in graph.nodes if n.name == mine.name and n.index != mine.index]
        if mine.operation is None:
            same = [n for n in graph.nodes if n.operation is None and n.index != mine.index]
        same = [n for n in same if n.tensor.shape == operand.shape]
        earlier = [n for n in same if n.index < mine.index]
        later = [n for n in same if n.index > mine.index]
        if earlier:
            yield "previous", f"the value of {operation_at(earlier[-1])} before it", earlier[-1].tensor
        if later:
            yield "next", f"the value of {operation_at(later[0])} after it", later[0].tensor
    else:
        peers = [
            n.operands[place]
            for n in graph.nodes
            if n.name == node.name and len(n.operands) > place and n.operands[place].index is None
        ]
        places = [i for i, peer in enumerate(peers) if peer is operand]
        if places:
            for relation, i in (("previous", places[0] - 1), ("next", places[-1] + 1)):
                if 0 <= i < len(peers):
                    yield relation, f"the {relation} constant operand", peers[i]
    for own, other in enumerate(node.operands):
        if own != place:
            yield f"own {own}", "its own operand", other
    if node.name == "matmul" and place == 0:
        for n in graph.nodes:
            if n.operation is not None and n.name in UNARY and n.tensor.shape == operand.shape and n.index < node.index:
                yield f"value {n.index}", f"the value of {operation_at(n)}", n.tensor


def _named(graph: Graph, tensor: Tensor) -> str:
    if tensor.index is None:
        return "its constant operand"
    return f"the value of {operation_at(graph.nodes[tensor.index])}"
