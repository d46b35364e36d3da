"""Mutants with one mistake, sorted out by what it does along the probes."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.causes.graph import Graph, Spot, Use, Views
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.phrases import sentence
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, backward, changes_of


class Effect(NamedTuple):
    """A mistake at a place, with what it does.

    Attributes:
        use: the place.
        mistake: the mistake.
        along: the change of the gradient along the probes' directions.
    """

    use: Use
    mistake: Mistake
    along: NDArray[np.float64]


def effects(inquiry: Inquiry, graph: Graph, skip: frozenset[Spot]) -> Iterator[Effect]:
    """Give the mistakes at all places that reach the targets, but for places that were seen already."""
    nodes = (node.index for node in graph.nodes if graph.adjoints[node.index] is not None)
    spots: list[Spot] = [*graph.edges, *nodes]
    for use in (graph.use(spot) for spot in spots if spot not in skip):
        if inquiry.late or use.reaches.isdisjoint(inquiry.targets):
            continue
        for mistake in mistakes_at(use).values():
            along = effect_of(inquiry, use, mistake)
            if along is not None:
                yield Effect(use, mistake, along)


def effect_of(inquiry: Inquiry, use: Use, mistake: Mistake) -> NDArray[np.float64] | None:
    """Give what a mistake at a place does along the probes' directions; None where it is not finite."""
    g = use.g if mistake.source is None else use.graph.use(mistake.source).g
    with use.graph.context():
        changed = mistake.change(g).sum_to(use.shape) - use.share
    return inquiry.probes.effect(use.index, changed) if np.all(np.isfinite(changed.data)) else None


def single_mutants(inquiry: Inquiry, views: Views, found: Sequence[Effect]) -> list[Mutant]:
    """Give the mutants with one mistake whose effects may be the claim's error; factors are solved for."""
    probes = inquiry.probes
    tried = [each for each in found if not each.mistake.solved]
    near = probes.near(np.array([each.along for each in tried]).reshape(len(tried), probes.target.size))
    fits = np.all(near[:, probes.directions(inquiry.targets)], axis=1)
    leaves = np.all(near[:, probes.directions(("",))], axis=1)
    return [
        replace(with_mistake(views, tried[i].use, tried[i].mistake), alone=not leaves[i])
        for i in np.flatnonzero(fits)
    ]


def with_mistake(views: Views, use: Use, mistake: Mistake) -> Mutant:
    """Make the mutant with one mistake."""
    node = use.node if mistake.source is None else use.graph.nodes[mistake.source]
    told = partial(sentence, mistake.phrase(use.node))
    gradients = backward(views, changes_of([(use, mistake)]))
    return Mutant(mistake.kind, told, mistake.more, node.where, gradients, mistake.factor)
