"""Mutants with one mistake, sorted out by what it does along the probes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.causes.graph import Graph, Spot
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Changes, Mutant, Views, backward, with_mistakes


@dataclass(frozen=True, eq=False)
class Effect:
    """A mutant of one mistake with what it does along the probes' directions.

    Attributes:
        mutant: the mutant.
        changes: its changes of the backward pass.
        along: the change of the gradient, by direction.
        solved: whether it is a constant factor, which `factors` solves for and describes better.
    """

    mutant: Mutant
    changes: Changes
    along: NDArray[np.float64]
    solved: bool


def single_mutants(inquiry: Inquiry, views: Views, skip: frozenset[Spot]) -> Iterator[Effect]:
    """Give the mutants with one mistake, with their effects.

    Args:
        inquiry: what is asked.
        views: how the loss is seen.
        skip: places that were seen already.
    """
    graph, wanted = views.plain, set(inquiry.targets)
    nodes = (node.index for node in graph.nodes if graph.adjoints[node.index] is not None)
    spots: list[Spot] = [*graph.edges, *nodes]
    for spot in spots:
        if spot in skip or inquiry.late or not wanted & graph.depends[graph.target(spot)]:
            continue
        node = graph.node_at(spot)
        for mistake in mistakes_at(graph, spot):
            along = effect_of(inquiry, graph, spot, mistake)
            if along is not None:
                where = (node if mistake.source is None else graph.nodes[mistake.source]).where
                changes = with_mistakes([spot], [mistake], graph)
                gradients = backward(views, changes)
                phrase, factor = mistake.phrase(node.at), mistake.factor
                mutant = Mutant(mistake.kind, phrase, mistake.more, where, gradients, factor)
                yield Effect(mutant, changes, along, mistake.solved)


def effect_of(inquiry: Inquiry, graph: Graph, spot: Spot, mistake: Mistake) -> NDArray[np.float64] | None:
    """Give what a mistake at a place does along the probes' directions; None where it is not finite."""
    source = graph.node_at(spot).index if mistake.source is None else mistake.source
    true = graph.share(spot)
    changed = mistake.change(graph.adjoint(source)).sum_to(true.shape) - true
    return inquiry.probes.effect(graph.target(spot), changed) if np.all(np.isfinite(changed.data)) else None


def sifted(inquiry: Inquiry, effects: Sequence[Effect]) -> list[Mutant]:
    """Give the mutants whose effects may be the claim's error."""
    probes = inquiry.probes
    tried = [each for each in effects if not each.solved]
    near = probes.near(np.array([each.along for each in tried]).reshape(len(tried), probes.target.size))
    fits = np.all(near[:, probes.directions(inquiry.targets)], axis=1)
    leaves = np.all(near[:, probes.directions(("",))], axis=1)
    return [
        replace(each.mutant, alone=not left)
        for each, fit, left in zip(tried, fits, leaves, strict=True)
        if fit
    ]
