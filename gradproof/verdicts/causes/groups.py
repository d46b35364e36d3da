"""The same change at several places: every sigmoid's derivative, every layer's transpose."""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import chain

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs, scaling
from gradproof.verdicts.causes.graph import Changes, Graph
from gradproof.verdicts.causes.mutant import Alternate, Mutant
from gradproof.verdicts.causes.singles import alternates_at, changes_at, find


def groups(graph: Graph) -> list[tuple[Edge, ...]]:
    """Give the sets of edges that are written alike: by operation, line, operands."""
    found: dict[object, list[Edge]] = defaultdict(list)
    for edge in graph.edges:
        node, operand = graph.nodes[edge.node], graph.operand(edge)
        parameter = operand.index is not None and graph.nodes[operand.index].operation is None
        name = node.name
        found[name, edge.position].append(edge)
        found[name, edge.position, node.tensor.source].append(edge)
        found[name, "parameter" if parameter else "inner", operand.ndim].append(edge)
        found[name, "parameter" if parameter else "inner"].append(edge)
        for place, other in enumerate(node.operands):
            if place != edge.position and other.index is not None:
                found[name, edge.position, "with", graph.nodes[other.index].name].append(edge)
        found["uses of", operand.index, name].append(edge)
        if parameter:
            found["parameter", operand.ndim].append(edge)
    for same in list(found.values()):
        if len(same) > 2:
            found["without the last", tuple(same)] = same[:-1]
            found["without the first", tuple(same)] = same[1:]
    unique = dict.fromkeys(tuple(same) for same in found.values() if len(same) > 1)
    return sorted(unique, key=len)


def group_mutants(graph: Graph, wanted: frozenset[str]) -> Iterator[Mutant]:
    """Give the mutants with the same change at all edges of a group."""
    cached: dict[Edge, dict[tuple[str, str], Alternate]] = {}
    for edges in groups(graph):
        if not all(wanted & _reached(graph, edge) for edge in edges):
            continue
        for edge in edges:
            if edge not in cached:
                choices = chain(alternates_at(graph, edge), scaling.alternates(graph, edge))
                cached[edge] = {(each.key, each.kind): each for each in choices}
        for name, alternate in cached[edges[0]].items():
            if all(name in cached[edge] for edge in edges[1:]):
                yield _together(graph, edges, [cached[edge][name] for edge in edges])


def _reached(graph: Graph, edge: Edge) -> frozenset[str]:
    index = graph.operand(edge).index
    return frozenset() if index is None else graph.depends[index]


def _together(graph: Graph, edges: tuple[Edge, ...], alternates: Sequence[Alternate]) -> Mutant:
    first = alternates[0]

    def changes(graph: Graph) -> Changes:
        if graph.plain is graph:
            return changes_at(list(zip(edges, alternates, strict=True)))
        return changes_at([(edge, find(graph, edge, first.key, first.kind)) for edge in edges])

    nodes = [graph.nodes[edge.node] for edge in edges]
    lines = list(dict.fromkeys(str(node.tensor.source) for node in nodes))
    name = nodes[0].name
    own = f"{name} ({lines[0]})" if first.phrase.find(str(nodes[0].tensor.source)) >= 0 else ""
    every = f"each of the {len(edges)} {name} ({', '.join(lines[:4])}{', ...' if len(lines) > 4 else ''})"
    phrase = first.phrase.replace(own, every, 1) if own else f"{first.phrase}, {len(edges)} times"
    return Mutant(
        first.kind,
        phrase,
        first.cost + costs.GROUP,
        f"{name} at {', '.join(lines[:4])}",
        changes,
        first.factor,
    )
