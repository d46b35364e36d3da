"""Mutants with one mistake, sorted out by what it does along the probes, or by its very rounding errors."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from gradproof.reference.tape import Operation
from gradproof.reference.tape.operations import entrywise, neural
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Changed, Spot, Views
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.causes.phrases import sentence
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, with_mistake
from gradproof.verdicts.causes.search.probes import Effect


def effects(inquiry: Inquiry, views: Views) -> list[Effect]:
    """Give the mistakes at all places that reach the targets, but for places that were seen already."""
    graph, seen = views.plain, inquiry.seen(views)
    spots: list[Spot] = [*graph.edges, *(i for i, g in enumerate(graph.adjoints) if g is not None)]
    found: list[Effect] = []
    for use in (graph.use(spot) for spot in spots if spot not in seen):
        if not inquiry.late and not use.reaches.isdisjoint(inquiry.targets):
            found += inquiry.probes.effects(use).values()
    return found


def single_mutants(inquiry: Inquiry, views: Views) -> list[Mutant]:
    """Give the mutants with one mistake whose effects may be the claim's error; factors are solved for."""
    probes = inquiry.probes
    tried = [each for each in effects(inquiry, views) if not each.mistake.solved]
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
