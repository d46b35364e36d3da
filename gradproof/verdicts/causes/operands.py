"""Mutants that differentiate a product with another value than it was computed with."""

from collections.abc import Iterator

from gradproof.reference.tape import Edge, Tensor
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Array, Graph, Node
from gradproof.verdicts.causes.mutant import Alternate
from gradproof.verdicts.causes.rules import UNARY
from gradproof.verdicts.causes.wording import operation_at

_RELATIVES = 6
"""At most so many values are tried in each direction."""

_PRODUCTS = frozenset(["matmul", "multiply", "divide", "vecdot", "outer", "pow", "xlogy"])


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
        for relation, text, other in _relatives(graph, node, place):
            if other is node.operands[place] or other.shape != node.operands[place].shape:
                continue
            yield Alternate(
                f"operand {place} {relation}",
                "wrong-operand",
                f"{text} used in the derivative of {at} instead of {_named(graph, node.operands[place])}",
                costs.OPERAND,
                lambda g, p=place, o=other: _with(node, edge, g, p, o.value),  # type: ignore[misc]
            )
    if node.name == "multiply" and node.operands[1 - edge.position].index is None:
        yield from _indicator(graph, edge, at)


def _with(node: Node, edge: Edge, g: Array, place: int, value: Array) -> Array:
    values = [operand.value for operand in node.operands]
    values[place] = value
    # only these rules use the result, and to compute it again costs as much as the derivative
    y = node.forward(*values) if node.name in {"divide", "pow", "exp", "sqrt"} else node.value
    return node.rule(edge.position, g, y, *values)


def _indicator(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    """A constant factor that is zero in places, as a mask of dropout with its scale: only the mask kept."""
    mask = graph.plain.nodes[edge.node].operands[1 - edge.position].value.data[0, 0, ...] != 0
    if mask.all() or not mask.any():
        return
    ones = graph.kind.constant(mask.astype(float))
    yield Alternate(
        "mask only",
        "derivative-incomplete",
        f"the scale of the constant factor of {at} left out on the way back, and only its mask kept",
        costs.REDUCTION,
        lambda g: g * ones,
    )


def _relatives(graph: Graph, node: Node, place: int) -> Iterator[tuple[str, str, Tensor]]:
    """Give the values that one may take for an operand: relation, text, value."""
    operand = node.operands[place]
    if operand.index is not None:
        yield from _around(graph, graph.nodes[operand.index], node)
    else:
        yield from _other_constants(graph, node, place)
    yield from _results(graph, node)
    for own, other in enumerate(node.operands):
        if own != place:
            yield f"own {own}", "its own operand", other
    if node.name == "matmul" and place == 0:
        yield from _inputs(graph, node, operand.shape)


def _inputs(graph: Graph, node: Node, shape: tuple[int, ...]) -> Iterator[tuple[str, str, Tensor]]:
    """Give activations and data of the same shape, the nearest first, as another layer's input."""
    before = [n for n in reversed(graph.nodes[: node.index]) if n.tensor.shape == shape and n.name in UNARY]
    for i, n in enumerate(before[:_RELATIVES]):
        yield f"activation {i}", f"the value of {operation_at(n)}", n.tensor
    products = [n for n in graph.nodes if n.name == "matmul"]
    data = [
        (n, other) for n in products for other in n.operands if other.index is None and other.shape == shape
    ]
    for i, (n, other) in enumerate(data[:_RELATIVES]):
        yield f"data {i}", f"the data in {operation_at(n)}", other


def _around(graph: Graph, mine: Node, node: Node) -> Iterator[tuple[str, str, Tensor]]:
    """Give what a value was computed from, what is computed from it, and its like before and after it."""
    shape = mine.tensor.shape
    if mine.name in UNARY or mine.name in {"softmax", "log_softmax"}:
        yield "input", f"the input of {operation_at(mine)}", mine.operands[0]
    users = [graph.nodes[edge.node] for edge in graph.uses[mine.index]]
    users = [user for user in users if user.index != node.index and user.tensor.shape == shape]
    for user in users[:_RELATIVES]:
        relation = "output" if user.name in UNARY else f"output {user.name}"
        yield relation, f"the output of {operation_at(user)}", user.tensor
    for i, inner in enumerate(_ancestors(graph, mine, shape)):
        text = "a constant" if inner.index is None else operation_at(graph.nodes[inner.index])
        yield f"before {i}", f"the value of {text}", inner
    same = [n for n in graph.nodes if n.name == mine.name and n.operation is not None]
    if mine.operation is None:
        same = [n for n in graph.nodes if n.operation is None]
    same = [n for n in same if n.tensor.shape == shape]
    earlier = [n for n in same if n.index < mine.index]
    later = [n for n in same if n.index > mine.index]
    if earlier:
        yield "previous", f"the value of {operation_at(earlier[-1])} before it", earlier[-1].tensor
    if later:
        yield "next", f"the value of {operation_at(later[0])} after it", later[0].tensor


def _ancestors(graph: Graph, mine: Node, shape: tuple[int, ...]) -> list[Tensor]:
    """Give the values of the same shape that one was computed from, the nearest first."""
    found: list[Tensor] = []
    queue = list(mine.operands)
    while queue and len(found) < _RELATIVES:
        tensor = queue.pop(0)
        if tensor.shape == shape and all(tensor is not other for other in found):
            found.append(tensor)
            queue += graph.nodes[tensor.index].operands if tensor.index is not None else []
    return found


def _results(graph: Graph, node: Node) -> Iterator[tuple[str, str, Tensor]]:
    """Give what the result goes into, such as the new state of a recurrence in the place of the old one."""
    for depth in range(1, _RELATIVES):
        users = graph.users(node.index)
        if not users:
            return
        node = graph.nodes[min(users).node]
        yield f"result {depth}", f"the value of {operation_at(node)}, which is computed from it,", node.tensor


def _other_constants(graph: Graph, node: Node, place: int) -> Iterator[tuple[str, str, Tensor]]:
    peers = [n.operands[place] for n in graph.nodes if n.name == node.name and len(n.operands) > place]
    peers = [peer for peer in peers if peer.index is None]
    mine = [i for i, peer in enumerate(peers) if peer is node.operands[place]]
    for relation, i in (("previous", mine[0] - 1), ("next", mine[-1] + 1)):
        if 0 <= i < len(peers):
            yield relation, f"the {relation} constant operand", peers[i]


def _named(graph: Graph, tensor: Tensor) -> str:
    if tensor.index is None:
        return "its constant operand"
    return f"the value of {operation_at(graph.nodes[tensor.index])}"
