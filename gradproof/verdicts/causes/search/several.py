"""Mutants with several changes: one mistake at many places, uses that overwrite each other, two mistakes."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import chain, islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Edge
from gradproof.reference.tape.operations import moving
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Change, Changed, Gradients, Graph, Spot, Use, Views
from gradproof.verdicts.causes.kinds import SEVERAL_PLACES, CauseKind
from gradproof.verdicts.causes.mistakes import Mistake
from gradproof.verdicts.causes.mistakes.mistake import Key
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, changes_of, with_mistake
from gradproof.verdicts.causes.search.probes import Effect
from gradproof.verdicts.causes.search.singles import effects

Edges: TypeAlias = tuple[Edge, ...]

_LANES = 64
"""So many groups are run together."""

# ------------------------------------------------------------------------ one mistake at many places


def group_mutants(inquiry: Inquiry, views: Views) -> Iterator[Mutant]:
    """Give the mutants with the same mistake at all edges of a group, the cheapest first."""
    graph, wanted = views.plain, frozenset(inquiry.targets)

    def at(edge: Edge) -> dict[Key, Effect]:
        return inquiry.probes.effects(graph.use(edge))

    def near(edge: Edge, key: Key, target: str) -> bool:
        near = inquiry.probes.near(at(edge)[key].along)
        return bool(np.all(near[inquiry.probes.directions((target,))]))

    choices: list[tuple[float, int, Edges, Key]] = []
    for rank, edges in enumerate(_groups(graph)):
        if inquiry.late:
            return
        reaches = [graph.use(edge).reaches for edge in edges]
        if all(wanted & each for each in reaches) and wanted <= frozenset[str]().union(*reaches):
            first, *others = map(at, edges)
            shared = [key for key in first if all(key in other for other in others)]
            choices += [(first[key].mistake.cost, rank, edges, key) for key in shared]
    groups = (
        [(graph.use(edge), at(edge)[key].mistake) for edge in edges]
        for _, _, edges, key in sorted(choices)
        if all(near(edge, key, target) for edge, target in _reached_alone(inquiry, graph, edges))
    )
    while some := list(islice(groups, _LANES)):
        inquiry.work.add(len(graph.nodes), len(some) * sum(node.value.size for node in graph.nodes))
        yield from map(_together, some, views.backward(*map(changes_of, some)))


def _reached_alone(inquiry: Inquiry, graph: Graph, edges: Edges) -> Iterator[tuple[Edge, str]]:
    """Give the parameters that one edge of a group alone reaches: to them the change is linear."""
    for target in inquiry.targets:
        reaching = [edge for edge in edges if target in graph.use(edge).reaches]
        if len(reaching) == 1:
            yield reaching[0], target


def _groups(graph: Graph) -> list[Edges]:
    """Give the sets of edges that are written alike: by line, operation, operands; the likeliest first."""
    both, line, operation, role, rest = found = [defaultdict[object, list[Edge]](list) for _ in range(5)]
    for edge in graph.edges:
        node, operand = graph.use(edge).node, graph.use(edge).operand
        both[edge.node].append(edge)
        of, ndim, name = "inner" if operand.operation else "parameter", len(operand.shape), node.name
        line[name, edge.position, node.tensor.source].append(edge)
        line[name, edge.position, node.tensor.source, node.expression].append(edge)
        operation[name, edge.position].append(edge)
        for i, other in enumerate(node.operands):
            if i != edge.position and other.constant:
                role["by the constant", id(other), name].append(edge)
            elif i != edge.position:
                role[name, edge.position, "with", other.name].append(edge)
        role["uses of", operand.index, name].append(edge)
        role[name, of, ndim].append(edge)
        role[name, of].append(edge)
        if of == "parameter":
            role[of, ndim].append(edge)
    for same in chain(*(each.values() for each in (line, operation, role))):
        if len(same) > 2:
            rest["without the last", tuple(same)] = same[:-1]
            rest["without the first", tuple(same)] = same[1:]
    several = (tuple(same) for each in found for same in each.values() if len(same) > 1)
    return list(dict.fromkeys(several))


def _together(mistakes: Sequence[tuple[Use, Mistake]], gradients: Gradients) -> Mutant:
    (use, first), *_ = mistakes
    name, lines = use.node.name, list(dict.fromkeys(each.node.line for each, _ in mistakes))
    shown = ", ".join(lines[:4]) + (", ..." if len(lines) > 4 else "")
    phrase = first.phrase(f"each of {len(mistakes)} operations {name} ({shown})")
    where, more = f"{name} at {', '.join(lines[:4])}", first.more + SEVERAL_PLACES
    return Mutant(first.kind, phrase, more, where, gradients, first.factor, counted=True)


# ------------------------------------------------------------------------ uses that overwrite each other


def overwriting(views: Views) -> Iterator[Mutant]:
    """Give the mutants in which only the first or the last of a value's uses counts, entry by entry."""
    graph = views.plain
    shared = [n for n in graph.nodes if graph.adjoints[n.index] is not None and len(graph.users(n.index)) > 1]
    parameters = [n for n in shared if n.operation is None]
    for group in (*([n] for n in shared), *([parameters] if len(parameters) > 1 else [])):
        indices = [n.index for n in group]
        names = " and ".join(map(str, group[:3])) + (", ..." if len(group) > 3 else "")
        # one of two uses is a path that is not carried back, in other words
        more = 1.0 if len(graph.users(indices[0])) == 2 else 0.0
        for which, last in (("last", True), ("first", False)):
            phrase = (
                f"only the {which} of the uses of {names} counted: contributions are overwritten, not added"
            )
            [gradients] = views.backward(partial(_only, indices=indices, last=last))
            yield Mutant(CauseKind.ACCUMULATION_OVERWRITTEN, phrase, more, group[0].where, gradients)


def _only(graph: Graph, indices: Sequence[int], *, last: bool) -> dict[Spot, Changed]:
    """Let later (or earlier) uses of nodes take the place of the others, entry by entry."""
    changes: dict[Spot, Changed] = {}
    for index in indices:
        free = np.ones(graph.nodes[index].shape, dtype=bool)
        for use in map(graph.use, sorted(graph.users(index), reverse=last)):
            covered = np.ones(use.shape, dtype=bool)
            if use.operation is moving.GATHER:
                covered = np.isin(np.arange(covered.size), use.arguments["positions"]).reshape(use.shape)
            changes[use.spot] = Changed(_masked(use, (free & covered).astype(np.float64)))
            free &= ~covered
    return changes


def _masked(use: Use, mask: NDArray[np.float64]) -> Change:
    return lambda g: use.pull(g).sum_to(use.shape) * use.graph.kind.constant(mask)


# ------------------------------------------------------------------------ two mistakes

_MOST = 4000
_CANDIDATES = 200
_PARTNERS = 50


def pair_mutants(inquiry: Inquiry, views: Views) -> Iterator[Mutant]:
    """Give pairs of mutants whose effects add up to the claim's error, the cheapest first.

    What one leaves, the other must be. Effects add up where neither change acts on what the other hands on,
    such as two terms of a derivative that reach a value along different paths.
    """
    probes = inquiry.probes
    chosen = sorted(effects(inquiry, views), key=lambda each: each.mistake.cost)[:_MOST]
    chosen = [each for each in chosen if np.all(np.isfinite(each.along))]
    chosen = [each for each in chosen if np.any(np.abs(each.along) > tolerances.UNTOUCHED * probes.scale)]
    if len(chosen) < 2:
        return
    effect = np.array([each.along for each in chosen])
    # one number for each effect, by which what is left of the claim's is looked up
    weights = np.random.default_rng([0, 11]).normal(size=probes.target.size) / (probes.scale + 1e-300)
    along, target = effect @ weights, float(probes.target @ weights)
    order = np.argsort(along)
    left = target - along
    near = tolerances.PROBE_NEAR * (np.abs(along) + np.abs(left)) + tolerances.UNTOUCHED
    start = np.searchsorted(along[order], left - near)
    stop = np.searchsorted(along[order], left + near)
    found = []
    for i in range(len(chosen)):
        partners = [int(j) for j in order[start[i] : stop[i]][:_PARTNERS] if i < j]
        partners = [j for j in partners if chosen[i].use is not chosen[j].use]
        partners = [j for j in partners if np.all(probes.near(effect[i] + effect[j]))]
        found += [(chosen[i].mistake.cost + chosen[j].mistake.cost, i, j) for j in partners]
    for cost, i, j in sorted(found)[:_CANDIDATES]:
        yield _both(views, chosen[i], chosen[j], cost)


def _both(views: Views, first: Effect, second: Effect, cost: float) -> Mutant:
    both = [(each.use, each.mistake) for each in (first, second)]
    kinds, phrases = {each.kind for _, each in both}, [each.phrase(use.node) for use, each in both]
    kind = CauseKind.TWO_CHANGES if len(kinds) > 1 else first.mistake.kind
    where = "; ".join(dict.fromkeys(found for each in both if (found := with_mistake(views, *each).where)))
    more = CauseKind.TWO_CHANGES.cost + cost - kind.cost
    phrase = f"two changes: {phrases[0]}; and {phrases[1]}"
    [gradients] = views.backward(changes_of(both))
    return Mutant(kind, phrase, more, where, gradients)
