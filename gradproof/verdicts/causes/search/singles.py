"""Mutants with one mistake, sorted out by what it does along the probes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.causes.graph import Graph, Spot, Views
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, backward, changes_of


class Effect(NamedTuple):
    """A mistake at a place, with what it does.

    Attributes:
        spot: the place.
        mistake: the mistake.
        along: the change of the gradient along the probes' directions.
    """

    spot: Spot
    mistake: Mistake
    along: NDArray[np.float64]


def effects(inquiry: Inquiry, views: Views, skip: frozenset[Spot]) -> Iterator[Effect]:
    """Give the mistakes at all places that reach the targets, but for places that were seen already."""
    graph, wanted = views.plain, set(inquiry.targets)
    nodes = (node.index for node in graph.nodes if graph.adjoints[node.index] is not None)
    spots: list[Spot] = [*graph.edges, *nodes]
    for spot in spots:
        if spot in skip or inquiry.late or not wanted & graph.depends[graph.target(spot)]:
            continue
        for mistake in mistakes_at(graph, spot):
            along = effect_of(inquiry, graph, spot, mistake)
            if along is not None:
                yield Effect(spot, mistake, along)


def effect_of(inquiry: Inquiry, graph: Graph, spot: Spot, mistake: Mistake) -> NDArray[np.float64] | None:
    """Give what a mistake at a place does along the probes' directions; None where it is not finite."""
    source = graph.node_at(spot).index if mistake.source is None else mistake.source
    true = graph.share(spot)
    changed = mistake.change(graph.adjoint(source)).sum_to(true.shape) - true
    return inquiry.probes.effect(graph.target(spot), changed) if np.all(np.isfinite(changed.data)) else None


def single_mutants(inquiry: Inquiry, views: Views, found: Sequence[Effect]) -> list[Mutant]:
    """Give the mutants with one mistake whose effects may be the claim's error; factors are solved for."""
    probes = inquiry.probes
    tried = [each for each in found if not each.mistake.solved]
    near = probes.near(np.array([each.along for each in tried]).reshape(len(tried), probes.target.size))
    fits = np.all(near[:, probes.directions(inquiry.targets)], axis=1)
    leaves = np.all(near[:, probes.directions(("",))], axis=1)
    return [
        replace(with_mistake(views, tried[i].spot, tried[i].mistake), alone=not leaves[i])
        for i in np.flatnonzero(fits)
    ]


def with_mistake(views: Views, spot: Spot, mistake: Mistake) -> Mutant:
    """Make the mutant with one mistake."""
    graph = views.plain
    node = graph.node_at(spot)
    where = (node if mistake.source is None else graph.nodes[mistake.source]).where
    gradients = backward(views, changes_of([spot], [mistake], graph))
    return Mutant(mistake.kind, mistake.phrase(node), mistake.more, where, gradients, mistake.factor)
