"""Mutants with one change: at an edge, or at a node's whole adjoint."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs, jacobians, operands, orders, rules, scaling, sums
from gradproof.verdicts.causes.case import Case, Views
from gradproof.verdicts.causes.graph import Changes, Graph
from gradproof.verdicts.causes.mutant import Alternate, Mutant, Place
from gradproof.verdicts.causes.wording import where

Floats = NDArray[np.float64]

_FAMILIES: tuple[Callable[[Graph, Edge], Iterator[Alternate]], ...] = (
    rules.alternates,
    jacobians.alternates,
    sums.alternates,
    orders.alternates,
    operands.alternates,
)


class Found(NamedTuple):
    """A mutant that may be the claim, and the way of seeing the loss that it belongs to."""

    mutant: Mutant
    views: Views
    alone: bool
    """Whether it would change parameters too whose claims are right."""


@dataclass(frozen=True)
class Effect:
    """A mutant with what it does along the probes' directions."""

    mutant: Mutant
    views: Views
    effect: Floats
    scaled: bool = False
    """Whether it is a constant factor, which `factors` solves for and describes better."""


def alternates_at(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give all other rules at an edge but its constant factors."""
    return chain.from_iterable(family(graph, edge) for family in _FAMILIES)


def single_mutants(case: Case, views: Views, skip: frozenset[Edge] = frozenset()) -> Iterator[Effect]:
    """Give the mutants with one change that is not solved for, with their effects.

    Args:
        case: the claim.
        views: how the loss is seen.
        skip: edges that were seen already.
    """
    graph, probes = views.plain, case.probes
    wanted = set(case.targets)
    for edge in graph.edges:
        index = graph.operand(edge).index
        if edge not in skip and index is not None and wanted & graph.depends[index] and not case.late:
            yield from _at_edge(case, views, edge)
    for node in graph.nodes:
        adjoint = graph.adjoints[node.index]
        if adjoint is None or skip or not wanted & graph.depends[node.index] or case.late:
            continue
        for alternate in _node_alternates(graph, node.index):
            changed = alternate.change(adjoint) - adjoint
            if np.all(np.isfinite(changed.data)):
                effect = probes.effect(node.index, changed)
                yield Effect(at_place(alternate, node.index, graph), views, effect)


def _at_edge(case: Case, views: Views, edge: Edge) -> Iterator[Effect]:
    graph = views.plain
    for scaled, family in ((False, alternates_at), (True, scaling.alternates)):
        for alternate in family(graph, edge):
            effect = effect_of(case, graph, edge, alternate)
            if effect is not None:
                yield Effect(at_place(alternate, edge, graph), views, effect, scaled)


def effect_of(case: Case, graph: Graph, edge: Edge, alternate: Alternate) -> Floats | None:
    """Give what another rule at an edge does along the probes' directions; None where it is not finite."""
    operand = graph.operand(edge)
    source = edge.node if alternate.source is None else alternate.source
    changed = alternate.change(graph.adjoint(source)).sum_to(operand.shape) - graph.share(edge)
    if operand.index is None or not np.all(np.isfinite(changed.data)):
        return None
    return case.probes.effect(operand.index, changed.broadcast_to(operand.shape))


def _node_alternates(graph: Graph, index: int) -> Iterator[Alternate]:
    """Give other adjoints of a whole node."""
    node = graph.nodes[index]
    yield from rules.extra_at_node(graph, index)
    shape = node.tensor.shape
    if node.operation is not None:
        return
    for axis in range(-len(shape), 0):
        if shape[axis] > 1:
            yield Alternate(
                f"flipped {axis}",
                "wrong-order",
                f"its entries in the reverse order along axis {axis + len(shape)}",
                costs.TRANSPOSED,
                lambda g, axis=axis: g.flip(axis),  # type: ignore[misc]
            )
    if len(shape) == 2 and shape[0] > 1 and shape[1] > 1:
        yield Alternate(
            "rotated",
            "wrong-order",
            "its entries in the reverse order along both axes (rotated by 180 degrees)",
            costs.TRANSPOSED,
            lambda g: g.flip(-1).flip(-2),
        )
    if len(shape) == 2 and shape[0] == shape[1] > 1:
        yield Alternate(
            "transposed",
            "transposed",
            f"the whole of it transposed ({shape[0]} by {shape[1]})",
            costs.TRANSPOSED - 1,
            lambda g: g.mT,
        )


def at_place(alternate: Alternate, place: Place, graph: Graph) -> Mutant:
    """Make a mutant of another rule at one place."""

    def changes(graph: Graph) -> Changes:
        found = find(graph, place, alternate.key, alternate.kind)
        return changes_at([(place, found)])

    index = place.node if isinstance(place, Edge) else place
    node = graph.nodes[index if alternate.source is None else alternate.source]
    return Mutant(alternate.kind, alternate.phrase, alternate.cost, where(node), changes, alternate.factor)


def changes_at(found: Sequence[tuple[Place, Alternate]]) -> Changes:
    """Make the changes of alternates at their places."""
    return Changes(
        {place: each.change for place, each in found if isinstance(place, Edge)},
        {place: each.change for place, each in found if not isinstance(place, Edge)},
        {p: each.source for p, each in found if isinstance(p, Edge) and each.source is not None},
    )


def find(graph: Graph, place: Place, key: str, kind: str) -> Alternate:
    """Give the rule of a name at a place, on a graph of any kind of number."""
    if isinstance(place, Edge):
        choices = chain(alternates_at(graph, place), scaling.alternates(graph, place))
    else:
        choices = chain(_node_alternates(graph, place))
    for alternate in choices:
        if alternate.key == key and alternate.kind == kind:
            return alternate
    raise LookupError(key)


def listed(found: Sequence[Effect], case: Case) -> list[Found]:
    """Sort the mutants that may be the claim by their cost."""
    probes = case.probes
    owners = np.array(probes.owners)
    wanted = np.isin(owners, case.targets)
    result = []
    for effect in found:
        near = probes.near(effect.effect)
        if not effect.scaled and np.all(near[wanted]):
            result.append(Found(effect.mutant, effect.views, alone=not np.all(near[owners == ""])))
    return sorted(result, key=lambda each: each.mutant.cost + costs.ALONE * each.alone)
