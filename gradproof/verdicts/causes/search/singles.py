"""Mutants with one mistake, sorted out by what it does along the probes, or by its very rounding errors."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from gradproof.reference.tape import Operation
from gradproof.reference.tape.operations import entrywise, neural
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Changed, Graph, Spot, Use, Views
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.phrases import sentence
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, with_mistake


class Effect(NamedTuple):
    """A mistake at a place, and the change of the gradient along the probes' directions that it makes."""

    use: Use
    mistake: Mistake
    along: Floats


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


def effect_of(inquiry: Inquiry, use: Use, mistake: Mistake) -> Floats | None:
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


# ------------------------------------------------------------------------ formulas that cancel in floats


def _sigmoid_slope(x: Floats) -> Floats:
    y = 1 / (1 + np.exp(-x))
    return y * (1 - y)


_FORMULAS: dict[Operation | None, tuple[str, Callable[[Floats], Floats]]] = {
    entrywise.EXPM1: ("output + 1", lambda x: np.expm1(x) + 1),
    entrywise.EXP: ("expm1 + 1", lambda x: np.expm1(x) + 1),
    entrywise.TANH: ("1 - output^2", lambda x: 1 - np.tanh(x) ** 2),
    neural.SIGMOID: ("output (1 - output)", _sigmoid_slope),
}
"""Derivatives written in terms of the result, where its digits cancel."""


def from_rounded_output(inquiry: Inquiry) -> Cause | None:
    """Find a derivative that was computed from the rounded result: out + 1 for exp(x) - 1.

    Such a claim is right as a formula, so that only a claim in float64 can show it.
    """
    for graph in (views.plain for views in inquiry.views):
        for edge in graph.edges:
            node = graph.nodes[edge.node]
            if node.operation not in _FORMULAS:
                continue
            said, slope = _FORMULAS[node.operation]
            constant = graph.kind.constant(np.asarray(slope(node.values[0].data[0, 0, ...])))
            gradients = graph.backward({edge: Changed(constant.__mul__)})
            if all(name in gradients and _same(inquiry, name, gradients[name]) for name in inquiry.targets):
                phrase = f"the derivative of {node} computed from its rounded output"
                told = sentence(phrase, inquiry.targets)
                text = f"{told} as {said}, where digits cancel; the formula is right"
                kind = CauseKind.DERIVATIVE_FROM_ROUNDED_OUTPUT
                return Cause(kind.slug, node.where, None, text, inquiry.targets)
    return None


def _same(inquiry: Inquiry, name: str, gradient: Floats) -> bool:
    """Tell whether a mutant has the claim's rounding errors: it explains nearly all of the error."""
    error, exact = inquiry.discrepancy.error[name], inquiry.discrepancy.exact_floats[name]
    left = np.abs(gradient - exact - error)
    units = tolerances.ROUNDED_UNITS * np.finfo(np.float64).eps * np.abs(exact)
    return bool(np.all(left <= np.maximum(units, tolerances.ROUNDED_SHARE * np.abs(error))))
