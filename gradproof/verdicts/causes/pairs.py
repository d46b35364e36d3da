"""Two changes together, found by their effects: what one leaves, the other must be."""

from collections.abc import Iterator, Sequence

import numpy as np

from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Changes, Graph
from gradproof.verdicts.causes.mutant import Mutant
from gradproof.verdicts.causes.probes import Probes
from gradproof.verdicts.causes.singles import Effect, Found

_MOST = 4000
_CANDIDATES = 200
_PARTNERS = 50


def pair_mutants(probes: Probes, effects: Sequence[Effect]) -> Iterator[Found]:
    """Give pairs of mutants whose effects add up to the claim's error, the cheapest first.

    Effects add up where neither change acts on what the other hands on, such as two terms of a derivative
    that reach a value along different paths.
    """
    chosen = sorted(effects, key=lambda each: each.mutant.cost)[:_MOST]
    chosen = [each for each in chosen if np.any(np.abs(each.effect) > 1e-9 * probes.scale)]
    if len(chosen) < 2:
        return
    effect = np.array([each.effect for each in chosen])
    weights = np.random.default_rng(1).normal(size=probes.target.size) / (probes.scale + 1e-300)
    along, target = effect @ weights, float(probes.target @ weights)
    order = np.argsort(along)
    left = target - along
    near = 1e-5 * (np.abs(along) + np.abs(left)) + 1e-9
    start = np.searchsorted(along[order], left - near)
    stop = np.searchsorted(along[order], left + near)
    found = []
    for i in range(len(chosen)):
        partners = [int(j) for j in order[start[i] : stop[i]][:_PARTNERS] if i < j]
        partners = [j for j in partners if np.all(probes.near(effect[i] + effect[j]))]
        found += [(chosen[i].mutant.cost + chosen[j].mutant.cost, i, j) for j in partners]
    for cost, i, j in sorted(found)[:_CANDIDATES]:
        yield Found(_both(chosen[i].mutant, chosen[j].mutant, cost), chosen[i].views, alone=False)


def _both(one: Mutant, other: Mutant, cost: float) -> Mutant:
    def changes(graph: Graph) -> Changes:
        first, second = one.changes(graph), other.changes(graph)
        if set(first.edges) & set(second.edges) or set(first.nodes) & set(second.nodes):
            return Changes()  # two rules for one place are no pair
        return Changes(
            {**first.edges, **second.edges},
            {**first.nodes, **second.nodes},
            {**first.sources, **second.sources},
        )

    same = one.kind == other.kind
    return Mutant(
        one.kind if same else "two-changes",
        f"two changes: {one.phrase}; and {other.phrase}",
        costs.TWO + cost,
        "; ".join(dict.fromkeys(where for where in (one.where, other.where) if where)),
        changes,
    )
