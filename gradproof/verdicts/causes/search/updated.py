"""Mutants that use updated weights, w - rate g, when the error goes back.

g is the claimed gradient of w, as whoever updates too early has no other.
"""

from collections.abc import Mapping
from dataclasses import replace

from gradproof.reference.tape import Edge, Trait
from gradproof.verdicts.causes.graph import Array, Change, Changed, Graph, Node, Spot, Views
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.factors import solve
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant

_MOVING = having(Trait.MOVES_ENTRIES, operands=1)


def updated_weights(inquiry: Inquiry, views: Views) -> list[Mutant]:
    """Give the mutants that use updated weights on the way back, the cheapest first.

    The rate is solved for at each edge by itself, where the change is linear in it, and then tried at all
    edges together.
    """
    graph = views.plain
    weights = {edge: name for edge in graph.edges if (name := _weight(graph, edge, inquiry)) is not None}
    rates: dict[float, None] = {}
    found: list[Mutant] = []
    for edge, name in weights.items():
        use = graph.use(edge)
        if use.reaches.isdisjoint(inquiry.targets):
            continue
        with graph.context():
            step = _with_update(inquiry, graph, edge, name, 1.0)(use.g).sum_to(use.shape) - use.share
        effect = inquiry.probes.effect(use.index, step)
        for target in inquiry.targets:
            solved = solve(inquiry.with_targets((target,)), effect)
            if solved is not None:
                # error = rate * effect
                rates[_short(inquiry, solved[0] - 1)] = None
        solved = solve(inquiry, effect)
        if solved is not None:
            c, alone = solved
            mutant = _mutant(inquiry, views, {edge: name}, _short(inquiry, c - 1))
            found.append(replace(mutant, alone=alone))
    if inquiry.learning_rate:
        rates[inquiry.learning_rate] = None
    found += [_mutant(inquiry, views, weights, rate) for rate in rates if weights]
    return sorted(found, key=lambda each: each.cost)


def _short(inquiry: Inquiry, rate: float) -> float:
    """Give the decimal that a rate was meant as: with fewer digits where rounding hides the others."""
    return float(f"{rate:.6g}" if inquiry.discrepancy.rounding < 1e-9 else f"{rate:.3g}")


def _weight(graph: Graph, edge: Edge, inquiry: Inquiry) -> str | None:
    """Give the parameter that an edge's derivative multiplies with, perhaps moved, if it does."""
    node = graph.nodes[edge.node]
    if node.operation not in having(Trait.BILINEAR):
        return None
    weight = node.operands[1 - edge.position]
    while weight.operation in _MOVING:
        weight = weight.operands[0]
    if weight.operation is not None or weight.constant or graph.use(edge).operand is weight:
        return None
    return weight.name if weight.name in inquiry.discrepancy.error else None


def _with_update(inquiry: Inquiry, graph: Graph, edge: Edge, name: str, rate: float) -> Change:
    node, other = graph.nodes[edge.node], 1 - edge.position

    def moved(at: Node) -> Array:
        if at.operation is None:
            return at.value - inquiry.step(name, graph.kind) * rate
        return at.forward(moved(at.operands[0]))

    def change(g: Array) -> Array:
        values = list(node.values)
        values[other] = moved(node.operands[other])
        return node.derivative(edge.position, g, node.value, *values)

    return change


def _mutant(inquiry: Inquiry, views: Views, weights: Mapping[Edge, str], rate: float) -> Mutant:
    nodes = [views.plain.nodes[edge.node] for edge in weights]
    at = " and ".join(dict.fromkeys(map(str, nodes[:3])))
    names = listed(list(dict.fromkeys(weights.values())))
    phrase = (
        f"{names} already updated (minus {rate:g} times the gradient) when the error goes back through {at}"
    )

    def changes(graph: Graph) -> dict[Spot, Changed]:
        return {
            edge: Changed(_with_update(inquiry, graph, edge, name, rate)) for edge, name in weights.items()
        }

    return Mutant(
        CauseKind.WEIGHTS_ALREADY_UPDATED, phrase, 0.0, nodes[0].where, views.backward(changes), rate
    )
