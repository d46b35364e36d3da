"""Mutants in which weights are used after their update: on the way back, or before the next gradient."""

from collections.abc import Iterator

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.case import Case, Views
from gradproof.verdicts.causes.factors import solve
from gradproof.verdicts.causes.graph import Array, Change, Changes, Graph
from gradproof.verdicts.causes.mutant import Mutant
from gradproof.verdicts.causes.singles import Found
from gradproof.verdicts.causes.wording import listed, operation_at, where

_BILINEAR = frozenset(["matmul", "multiply", "vecdot", "outer"])
_MOVED = frozenset(["matrix_transpose", "permute_dims", "reshape", "expand_dims", "squeeze", "gather"])


def updated_weights(case: Case, views: Views) -> Iterator[Found]:
    """Give the mutants whose backward pass multiplies with w - rate g in the place of w.

    g is the claimed gradient of w, as whoever updates too early has no other. The rate is solved for at each
    edge by itself, where the change is linear in it, and then tried at all edges together.
    """
    graph, probes = views.plain, case.probes
    edges = [e for e in graph.edges if _weight(graph, e, case) is not None]
    rates: dict[float, None] = {}
    for edge in edges:
        index = graph.operand(edge).index
        if index is None or not set(case.targets) & graph.depends[index]:
            continue
        step = _with_update(graph, edge, case, 1.0)(graph.adjoint(edge.node))
        change = step.sum_to(graph.operand(edge).shape) - graph.share(edge)
        effect = probes.effect(index, change.broadcast_to(graph.operand(edge).shape))
        for name in case.targets:
            solved = solve(case.with_targets((name,)), probes, effect)
            if solved is not None:
                # target = rate * effect
                rates[_short(case, solved[0] - 1)] = None
        rate = solve(case, probes, effect)
        if rate is not None:
            yield Found(_mutant(graph, case, [edge], _short(case, rate[0] - 1)), views, alone=rate[1])
    if case.learning_rate:
        rates[case.learning_rate] = None
    for rate_of_all in rates:
        yield Found(_mutant(graph, case, edges, rate_of_all), views, alone=False)


def _short(case: Case, rate: float) -> float:
    """Give the decimal that a rate was meant as: with fewer digits where rounding hides the others."""
    return float(f"{rate:.6g}" if case.claim.rounding < 1e-9 else f"{rate:.3g}")


def _weight(graph: Graph, edge: Edge, case: Case) -> tuple[str, int] | None:
    """Give the parameter that an edge's derivative multiplies with, and the operand that holds it."""
    node = graph.nodes[edge.node]
    if node.name not in _BILINEAR:
        return None
    other = 1 - edge.position
    index = node.operands[other].index
    while index is not None and graph.nodes[index].name in _MOVED:
        index = graph.nodes[index].operands[0].index
    if index is None or graph.nodes[index].operation is not None:
        return None
    name = graph.nodes[index].name
    if name not in case.claim.error or graph.operand(edge).index == index:
        return None
    return name, other


def _with_update(graph: Graph, edge: Edge, case: Case, rate: float) -> Change:
    weight = _weight(graph, edge, case)
    if weight is None:  # pragma: no cover - callers have asked before
        raise AssertionError(edge)
    name, other = weight
    node = graph.nodes[edge.node]
    claimed = case.claim.balls[name]
    numbers = graph.kind.constant(claimed if graph.plain is not graph else claimed.astype(float))

    def moved(index: int) -> Array:
        at = graph.nodes[index]
        if at.operation is None:
            return at.value - numbers * rate
        operand = at.operands[0].index
        return at.forward(moved(operand if operand is not None else index))

    def change(g: Array) -> Array:
        index = node.operands[other].index
        values = [operand.value for operand in node.operands]
        values[other] = moved(index if index is not None else 0)
        return node.rule(edge.position, g, node.value, *values)

    return change


def _mutant(graph: Graph, case: Case, edges: list[Edge], rate: float) -> Mutant:
    weights = [weight[0] for edge in edges if (weight := _weight(graph, edge, case)) is not None]
    names = listed(list(dict.fromkeys(weights)))
    nodes = [graph.nodes[edge.node] for edge in edges]
    at = " and ".join(dict.fromkeys(operation_at(node) for node in nodes[:3]))
    return Mutant(
        "weights-already-updated",
        f"{names} already updated (minus {rate:g} times the gradient) when the error goes back through {at}",
        costs.UPDATED,
        where(nodes[0]),
        lambda graph: Changes({edge: _with_update(graph, edge, case, rate) for edge in edges}),
        rate,
    )
