"""The same change at several places: every sigmoid's derivative, every layer's transpose."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs, scaling
from gradproof.verdicts.causes.case import Case
from gradproof.verdicts.causes.graph import Changes, Graph
from gradproof.verdicts.causes.mutant import Alternate, Mutant
from gradproof.verdicts.causes.singles import alternates_at, changes_at, effect_of, find
from gradproof.verdicts.causes.wording import place

Edges = tuple[Edge, ...]
_Name = tuple[str, str]


def groups(graph: Graph) -> list[Edges]:
    """Give the sets of edges that are written alike: by operation, line, operands; the likeliest first."""
    found: list[dict[object, list[Edge]]] = [defaultdict(list) for _ in range(4)]
    line, operation, role, rest = found
    for edge in graph.edges:
        node, operand = graph.nodes[edge.node], graph.operand(edge)
        parameter = operand.index is not None and graph.nodes[operand.index].operation is None
        name = node.name
        line[name, edge.position, node.tensor.source].append(edge)
        operation[name, edge.position].append(edge)
        for i, other in enumerate(node.operands):
            if i != edge.position and other.index is not None:
                role[name, edge.position, "with", graph.nodes[other.index].name].append(edge)
        role["uses of", operand.index, name].append(edge)
        role[name, "parameter" if parameter else "inner", operand.ndim].append(edge)
        role[name, "parameter" if parameter else "inner"].append(edge)
        if parameter:
            role["parameter", operand.ndim].append(edge)
    for same in chain(*(each.values() for each in (line, operation, role))):
        if len(same) > 2:
            rest["without the last", tuple(same)] = same[:-1]
            rest["without the first", tuple(same)] = same[1:]
    several = (tuple(same) for each in found for same in each.values() if len(same) > 1)
    return list(dict.fromkeys(several))


def group_mutants(case: Case, graph: Graph) -> Iterator[Mutant]:
    """Give the mutants with the same change at all edges of a group, the cheapest first."""
    wanted = frozenset(case.targets)
    rules = _Rules(case, graph)
    choices: list[tuple[float, int, Edges, _Name]] = []
    for rank, edges in enumerate(groups(graph)):
        if case.late:
            return
        if not all(wanted & _reached(graph, edge) for edge in edges):
            continue
        names = rules.at(edges[0])
        shared = [name for name in names if all(name in rules.at(edge) for edge in edges[1:])]
        choices += [(names[name].cost, rank, edges, name) for name in shared]
    for _, _, edges, name in sorted(choices):
        if rules.possible(edges, name):
            yield _together(graph, edges, [rules.at(edge)[name] for edge in edges])


class _Rules:
    """The alternates of each edge by name, and what each does along the probes' directions."""

    def __init__(self, case: Case, graph: Graph) -> None:
        self.case, self.graph = case, graph
        self._rules: dict[Edge, dict[_Name, Alternate]] = {}
        self._effects: dict[tuple[Edge, _Name], NDArray[np.float64] | None] = {}

    def at(self, edge: Edge) -> dict[_Name, Alternate]:
        if edge not in self._rules:
            choices = chain(alternates_at(self.graph, edge), scaling.alternates(self.graph, edge))
            self._rules[edge] = {(each.key, each.kind): each for each in choices}
        return self._rules[edge]

    def possible(self, edges: Edges, name: _Name) -> bool:
        """Tell whether the parameters that a single edge of the group reaches agree.

        To those the change is linear, whatever happens at the others.
        """
        probes = self.case.probes
        owners = np.array(probes.owners)
        for target in self.case.targets:
            reaching = [edge for edge in edges if target in _reached(self.graph, edge)]
            if len(reaching) != 1:
                continue
            effect = self._effect(reaching[0], name)
            if effect is None or not np.all(probes.near(effect)[owners == target]):
                return False
        return True

    def _effect(self, edge: Edge, name: _Name) -> NDArray[np.float64] | None:
        if (edge, name) not in self._effects:
            self._effects[edge, name] = effect_of(self.case, self.graph, edge, self.at(edge)[name])
        return self._effects[edge, name]


def _reached(graph: Graph, edge: Edge) -> frozenset[str]:
    index = graph.operand(edge).index
    return frozenset() if index is None else graph.depends[index]


def _together(graph: Graph, edges: Edges, alternates: Sequence[Alternate]) -> Mutant:
    first = alternates[0]

    def changes(graph: Graph) -> Changes:
        if graph.plain is graph:
            return changes_at(list(zip(edges, alternates, strict=True)))
        return changes_at([(edge, find(graph, edge, first.key, first.kind)) for edge in edges])

    nodes = [graph.nodes[edge.node] for edge in edges]
    lines = list(dict.fromkeys(place(node.tensor.source) for node in nodes))
    shown = ", ".join(lines[:4]) + (", ..." if len(lines) > 4 else "")
    name = nodes[0].name
    # the first edge's sentence, with all the places in the place of its own
    own = f"{name} ({lines[0]})"
    phrase = first.phrase.replace(own, f"each of {len(edges)} operations {name} ({shown})", 1)
    if phrase == first.phrase:
        phrase = f"{phrase}, at {len(edges)} places ({shown})"
    cost = first.cost + costs.GROUP
    return Mutant(first.kind, phrase, cost, f"{name} at {', '.join(lines[:4])}", changes, first.factor)
