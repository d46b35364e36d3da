"""Mutants of one operation's derivative: left out, applied twice, at another point, another function's."""

from collections.abc import Callable, Iterator, Mapping
from math import prod

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Array, Graph, Node
from gradproof.verdicts.causes.mutant import Alternate
from gradproof.verdicts.causes.wording import operation_at

UNARY = frozenset(
    [
        "exp",
        "expm1",
        "log",
        "log1p",
        "sqrt",
        "sin",
        "cos",
        "tanh",
        "atan",
        "abs",
        "square",
        "integer_power",
        "sigmoid",
        "relu",
        "softplus",
        "gelu",
        "gelu_tanh",
        "silu",
    ]
)
"""Functions of single entries."""

ACTIVATIONS = frozenset(["tanh", "sigmoid", "relu", "softplus", "gelu", "gelu_tanh", "silu", "atan"])

_ELEMENTWISE = UNARY | frozenset(["multiply", "divide", "where", "maximum", "minimum", "clip"])

_FROM_OUTPUT = frozenset(["sigmoid", "tanh", "exp", "expm1", "sqrt"])
"""Functions whose derivative is usually written in terms of the result."""

_SLOPES: Mapping[str, Callable[[Array, Array], Array]] = {
    "sigmoid": lambda _, y: y * (1 - y),
    "sigmoid of the input": lambda x, _: _sigmoid_slope(x),
    "tanh": lambda _, y: 1 - y * y,
    "the output, taken from 1,": lambda _, y: 1 - y,
    "tanh of the input": lambda x, _: 1 - x.function("tanh") ** 2,
    "relu": lambda x, _: x.step(0),
    "softplus": lambda x, _: x.function("sigmoid"),
    "the function itself": lambda _, y: y,
}
"""Derivatives that are taken for one another, from the operand and the result."""


def alternates(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give other rules for the operand at an edge, whatever the operation."""
    node = graph.nodes[edge.node]
    at = operation_at(node)
    if node.name in _ELEMENTWISE or node.tensor.shape == graph.operand(edge).shape:
        yield from _elementwise(graph, edge, at)
    if node.name in UNARY:
        yield from _at_another_point(node, at)
        yield from _of_another_function(graph, node, at)
    if node.name in {"relu", "maximum", "where", "clip", "minimum"}:
        yield from _masks(graph, edge, at)
    yield from _past_activation(graph, edge, at)
    if node.name in {"max", "min", "maximum", "minimum"}:
        yield from _ties(graph, edge, at)


def _elementwise(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    name = graph.nodes[edge.node].name
    if name in {"add", "subtract", "negative", "log_softmax"}:
        return

    def twice(g: Array) -> Array:
        return graph.pull(edge, graph.pull(edge, g))

    def divided(g: Array) -> Array:
        return g / graph.pull(edge, g * 0 + 1)

    note = ""
    if name == "relu":
        note = ": its mask is always true, as `output >= 0` is"
    yield Alternate(
        "left out",
        "derivative-left-out",
        f"the derivative of {at} left out{note}",
        costs.DERIVATIVE,
        lambda g: g,
    )
    yield Alternate(
        "twice", "derivative-applied-twice", f"the derivative of {at} applied twice", costs.DERIVATIVE, twice
    )
    if name in _ELEMENTWISE and name not in {"relu", "where", "maximum", "minimum", "clip", "abs"}:
        yield Alternate(
            "divided",
            "derivative-inverted",
            f"the derivative of {at} divided by instead of multiplied by",
            costs.ANOTHER,
            divided,
        )


def _at_another_point(node: Node, at: str) -> Iterator[Alternate]:
    x, y = node.operands[0].value, node.value

    def at_output(g: Array) -> Array:
        return node.rule(0, g, node.forward(y), y)

    def at_input(g: Array) -> Array:
        return node.rule(0, g, x, x)

    yield Alternate(
        "at output",
        "derivative-at-output",
        f"the derivative of {at} evaluated at its output instead of its input",
        costs.DERIVATIVE,
        at_output,
    )
    if node.name in _FROM_OUTPUT:
        yield Alternate(
            "at input",
            "derivative-at-input",
            f"the derivative of {at}, whose formula is for the output, evaluated at the input",
            costs.DERIVATIVE,
            at_input,
        )


def _of_another_function(graph: Graph, node: Node, at: str) -> Iterator[Alternate]:
    x, y = node.operands[0].value, node.value
    if node.name in ACTIVATIONS:
        for other, slope in _SLOPES.items():
            if other != node.name:
                of_other = other if other.startswith("the ") else f"the derivative of {other}"
                yield Alternate(
                    f"as {other}",
                    "derivative-of-another-function",
                    f"{of_other} in place of the derivative of {at}",
                    costs.ANOTHER,
                    lambda g, slope=slope: g * slope(x, y),  # type: ignore[misc]
                )
    for place, other_node in enumerate(_same_operation(graph, node)):
        yield Alternate(
            f"layer {place}",
            "derivative-of-another-layer",
            f"the derivative of {at} taken at the values of {operation_at(other_node)}",
            costs.ANOTHER,
            lambda g, o=other_node: node.rule(0, g, o.value, o.operands[0].value),  # type: ignore[misc]
        )


def _same_operation(graph: Graph, node: Node) -> list[Node]:
    others = [n for n in graph.nodes if n.name == node.name and n.index != node.index]
    others = [n for n in others if n.operation is not None and n.tensor.shape == node.tensor.shape]
    return sorted(others, key=lambda n: abs(n.index - node.index))[:4]


def _masks(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    """Mutants of a derivative that lets some entries through and stops the others."""
    shape = graph.operand(edge).shape

    def opened(g: Array) -> Array:
        return graph.pull(edge, g * 0 + 1)

    def inverted(g: Array) -> Array:
        return g * (1 - opened(g))

    def by_gradient(g: Array) -> Array:
        return g * g.step(0)

    def by_both(g: Array) -> Array:
        return graph.pull(edge, g * g.step(0))

    yield Alternate(
        "inverted",
        "derivative-of-another-function",
        f"the mask of {at} inverted in its derivative",
        costs.ANOTHER,
        inverted,
    )
    if graph.nodes[edge.node].tensor.shape == shape:
        yield Alternate(
            "by gradient",
            "derivative-of-another-function",
            f"the mask of {at} taken from the sign of the incoming gradient instead of its input",
            costs.ANOTHER,
            by_gradient,
        )
        yield Alternate(
            "by both",
            "derivative-of-another-function",
            f"the derivative of {at} also stopping negative gradients",
            costs.ANOTHER,
            by_both,
        )


def _past_activation(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    """The error is taken before an activation's derivative is applied to it, on one path only."""
    node = graph.nodes[edge.node]
    shape = node.tensor.shape
    while True:
        users = graph.users(node.index)
        if len(users) != 1 or graph.nodes[users[0].node].tensor.shape != shape:
            return
        node = graph.nodes[users[0].node]
        if node.name in UNARY or node.name in {"softmax", "log_softmax"}:
            break
        if node.name not in {"add", "subtract"}:
            return
    yield Alternate(
        f"past {node.name}",
        "derivative-left-out",
        f"the derivative of {operation_at(node)} left out of what {at} hands back",
        costs.DERIVATIVE + 0.3,
        lambda g: graph.pull(edge, g),
        source=node.index,
    )


def _ties(graph: Graph, edge: Edge, at: str) -> Iterator[Alternate]:
    """Every entry that has a share of the maximum gets all of it."""

    def full(g: Array) -> Array:
        node = graph.plain.nodes[edge.node]
        with graph.plain.context():
            weights = graph.plain.pull(edge, node.value * 0 + 1).data[0, 0, ...]
        # pull(g) = g w; full = g [w > 0] = pull(g) [w > 0] / w
        inverse = (weights > 0) / (weights + (weights <= 0))
        return graph.pull(edge, g) * graph.kind.constant(inverse)

    yield Alternate(
        "ties",
        "ties-full-credit",
        f"the whole gradient given to each of the tied entries of {at}, which must share it (no subgradient)",
        costs.REDUCTION,
        full,
    )


# ------------------------------------------------------------------------ derivatives that are added


def extra_at_node(graph: Graph, index: int) -> Iterator[Alternate]:
    """Give derivatives of activations that a node's adjoint may be multiplied by once too often.

    Where the loss is a function of logits, its derivative already holds the activation's.
    """
    node = graph.nodes[index]
    x = node.value
    if node.operation is None or prod(x.shape) < 2:
        return
    extra: dict[str, Callable[[Array], Array]] = {
        "sigmoid": lambda g: g * _sigmoid_slope(x),
        "tanh": lambda g: g * (1 - x.function("tanh") ** 2),
        "relu": lambda g: g * x.step(0),
    }
    if x.shape and x.shape[-1] > 1:
        extra["softmax"] = lambda g: _softmax_pull(g, x)
        extra["softmax (its diagonal)"] = lambda g: g * _softmax(x) * (1 - _softmax(x))
    for name, change in extra.items():
        yield Alternate(
            f"extra {name}",
            "extra-derivative",
            f"the derivative of {name} applied once more at {operation_at(node)}, although the loss holds it",
            costs.EXTRA,
            change,
        )
    extra = {
        "y (1 - y), the derivative of sigmoid from its output,": lambda g: g * (x * (1 - x)),
        "1 - y^2, the derivative of tanh from its output,": lambda g: g * (1 - x * x),
    }
    for name, change in extra.items():
        yield Alternate(
            f"extra {name}",
            "extra-derivative",
            f"{name} applied once more to what reaches {operation_at(node)}",
            costs.EXTRA,
            change,
        )


def _sigmoid_slope(x: Array) -> Array:
    y = x.function("sigmoid")
    return y * (1 - y)


def _softmax(x: Array) -> Array:
    weights = (x - x.pivot((-1,))).function("exp")
    return weights / weights.sum((-1,), keepdims=True)


def _softmax_pull(g: Array, x: Array) -> Array:
    y = _softmax(x)
    return y * (g - (g * y).sum((-1,), keepdims=True))
