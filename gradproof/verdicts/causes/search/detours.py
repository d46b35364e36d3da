"""Mutants that go another way through a loss: past a block, by another step's values, to other positions."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import pairwise

import numpy as np

from gradproof.reference.tape import Edge, Trait
from gradproof.reference.tape.operations import entrywise, matrix_products, moving
from gradproof.verdicts.causes.graph import Array, Changed, Graph, Node, Spot, Views
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import FUNCTIONS, PRODUCTS, having
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.joint import Joint, in_lanes
from gradproof.verdicts.causes.search.mutant import Mutant

_BEFORE = 8
"""A block begins at one of so many values before its end."""

_MOST = 400
"""At most so many mutants of a family."""


def detour_mutants(inquiry: Inquiry, views: Views) -> Iterator[Mutant]:
    """Give the mutants that go another way through the loss."""
    for family in (_past_blocks, _other_steps, _strides):
        yield from in_lanes(inquiry, views, family(views.plain))


# ------------------------------------------------------------------------ past a block


def _past_blocks(graph: Graph) -> Iterator[Joint]:
    """Give the mutants that hand the adjoint of a block's result to its input as it is."""
    ends = [node for node in graph.nodes if node.operation and graph.adjoints[node.index] is not None]
    found = ((start, end) for end in ends for start in _starts(end))
    for start, end in list(found)[:_MOST]:
        block = f"the block from {start} to {end} skipped on the way back"
        words = f"{block}: its input gets the gradient of its result"
        changes = partial(_skipped, start=start.index, end=end.index)
        yield Joint(CauseKind.BLOCK_SKIPPED, words, end.where, changes)


def _starts(end: Node) -> list[Node]:
    """Give the values of the same shape that a block which ends somewhere may have begun with."""
    found: list[Node] = []
    queue, seen = list(end.operands), set[int]()
    while queue and len(found) < _BEFORE:
        queue.sort(key=lambda each: -each.index)
        node = queue.pop(0)
        if node.constant or node.index in seen:
            continue
        seen.add(node.index)
        queue += node.operands
        alone = len(end.operands) == 1 and end.operands[0] is node  # one operation, left out
        if node.shape == end.shape and not alone:
            found.append(node)
    return found


def _skipped(graph: Graph, start: int, end: int) -> dict[Spot, Changed]:
    adjoint = graph.adjoints[end]

    def added(g: Array) -> Array:
        return g if adjoint is None else g + adjoint

    return {end: Changed(lambda g: g * 0.0), start: Changed(added)}


# ------------------------------------------------------------------------ by the values of another step


def _other_steps(graph: Graph) -> Iterator[Joint]:
    """Give the mutants that use values of another pass through the same lines on the way back."""
    seen = set[tuple[tuple[int, int], ...]]()
    for values in _sites(graph):
        for words, instead in _replacements(graph, values):
            key = tuple((id(values[place]), id(node)) for place, node in sorted(instead.items()))
            if key in seen or len(seen) > _MOST:
                continue
            seen.add(key)
            line = values[-1].line if values[-1].operation else ""
            named = f"{values[-1]}" if line else "the data of these steps"
            by_index = {_place(graph, values[place]): _place(graph, node) for place, node in instead.items()}
            said = f"{words} used on the way back (of the {len(values)} values like {named})"
            for recomputed in (False, True):
                changes = partial(_with_values, instead=by_index, recomputed=recomputed)
                yield Joint(CauseKind.ANOTHER_STEP, said, values[-1].where, changes, 0.1 * recomputed)


_Place = tuple[int, int]
"""A node and one of its operands: constants have no index of their own; -1 for the node itself."""


def _place(graph: Graph, node: Node) -> _Place:
    if not node.constant:
        return node.index, -1
    for user in graph.nodes:
        for position, operand in enumerate(user.operands):
            if operand is node:
                return user.index, position
    raise AssertionError(node)  # pragma: no cover - every constant is used


def _at(graph: Graph, place: _Place) -> Node:
    node = graph.nodes[place[0]]
    return node if place[1] < 0 else node.operands[place[1]]


def _sites(graph: Graph) -> list[list[Node]]:
    """Give the values that the same place of the same line has read, in the order of the steps."""
    sites = defaultdict[object, list[Node]](list)
    for edge in graph.edges:
        node = graph.nodes[edge.node]
        read = len(node.operands) - 1 - edge.position if node.operation in PRODUCTS else 0
        if node.operation in PRODUCTS | FUNCTIONS:
            value = node.operands[read]
            operand = node.operands[edge.position]
            # x @ W + h @ U are two places of a line
            weights = node.operation is matrix_products.MATMUL and operand.operation is None
            with_what = operand.index if weights else None
            site = sites[node.name, node.tensor.source, read, value.shape, with_what]
            if value not in site:
                site.append(value)
    return [site for site in sites.values() if 1 < len(site) <= 64]


def _replacements(graph: Graph, values: Sequence[Node]) -> Iterator[tuple[str, Mapping[int, Node]]]:
    """Give which values are replaced by which."""
    last, places = len(values) - 1, range(len(values))
    final = _final(graph, values)
    if len(values) == 2:
        yield "the values of the two steps exchanged:", {0: values[1], 1: values[0]}
    wrapped = "in the place of that of the first step (as at an index of -1),"
    if final is not None:
        yield f"the last value of all {wrapped}", {0: final}
    yield f"the value of the last step {wrapped}", {0: values[last]}
    yield "the value of the first step at every step", dict.fromkeys(places[1:], values[0])
    yield "the value of the last step at every step", dict.fromkeys(places[:-1], values[last])
    if last > 1:
        yield "the values of the steps in the reverse order", {i: values[last - i] for i in places}
        yield "the value of the step before at every step", {i: values[i - 1] for i in places[1:]}
        yield "the value of the step after at every step", {i: values[i + 1] for i in places[:-1]}
        if final is not None:
            after = {i: values[i + 1] for i in places[:-1]} | {last: final}
            yield "the value of the step after at every step, the last included,", after
    for i in places[1:][:8]:
        yield f"the value of step {i} in the place of that of step {i + 1}", {i: values[i - 1]}
        yield f"the value of step {i + 1} in the place of that of step {i}", {i - 1: values[i]}


def _final(graph: Graph, values: Sequence[Node]) -> Node | None:
    """Give the value that the steps end with: computed as the others were, and read by no further step."""
    mine = values[-1]
    if mine.constant or mine.operation is None:
        return None
    line = mine.tensor.source
    alike = [node for node in graph.nodes if node.operation is mine.operation and node.tensor.source == line]
    alike = [node for node in alike if node.shape == mine.shape and node.index > mine.index]
    return alike[-1] if alike else None


_RECOMPUTED = {entrywise.MULTIPLY, matrix_products.MATMUL}
"""What is computed again on the way back from the values that are at hand."""


def _with_values(graph: Graph, instead: Mapping[_Place, _Place], *, recomputed: bool) -> dict[Spot, Changed]:
    """Differentiate with other values in the place of some, and perhaps products of them computed again."""
    values = {id(_at(graph, old)): _at(graph, new).value for old, new in instead.items()}
    changes: dict[Spot, Changed] = {}
    for node in graph.nodes:
        if node.operation is None or not any(id(operand) in values for operand in node.operands):
            continue
        mine = [values.get(id(operand), operand.value) for operand in node.operands]
        direct = any(id(_at(graph, old)) in map(id, node.operands) for old in instead)
        result = values.get(id(node), node.value)
        if recomputed and direct and node.operation in _RECOMPUTED and id(node) not in values:
            values[id(node)] = result = node.forward(*mine)
        elif node.operation in having(Trait.READS_RESULT):
            result = node.forward(*mine)
        for position, operand in enumerate(node.operands):
            edge = Edge(node.index, position)
            if not operand.constant and graph.adjoints[node.index] is not None:
                changes[edge] = Changed(partial(node_derivative, node, position, result, mine))
    return changes


def node_derivative(node: Node, position: int, y: Array, values: Sequence[Array], g: Array) -> Array:
    """Apply a node's derivative at other values; the adjoint comes last, for a change to be made of it."""
    return node.derivative(position, g, y, *values)


# ------------------------------------------------------------------------ to other positions


def _strides(graph: Graph) -> Iterator[Joint]:
    """Give the mutants that hand slices back to positions with another stride, or moved by one."""
    groups = defaultdict[object, list[Edge]](list)
    for edge in graph.edges:
        use = graph.use(edge)
        if use.operation is moving.GATHER:
            groups[use.node.tensor.source, use.index, use.arguments["positions"].shape].append(edge)
    for edges in groups.values():
        use = graph.use(edges[0])
        positions = [graph.use(edge).arguments["positions"] for edge in edges]
        steps = [np.unique(after - before) for before, after in pairwise(positions)]
        single = {int(step[0]) for step in steps if step.size == 1}
        same = len(single) == 1 and all(step.size == 1 for step in steps)
        [stride] = single if same else [0]
        for other in (each for each in range(1, abs(stride)) if stride % each == 0):
            moved = [p - i * (stride - other) for i, p in enumerate(positions)]
            words = f"the slices of {use.node} handed back at a stride of {other} entries instead of {stride}"
            yield _elsewhere(graph, edges, moved, words)
        for by in (-1, 1):
            words = f"what {use.node} took handed back to the entry {'before' if by < 0 else 'after'}"
            yield _elsewhere(graph, edges, [p + by for p in positions], words)


def _elsewhere(graph: Graph, edges: Sequence[Edge], moved: Sequence[np.ndarray], words: str) -> Joint:
    where = graph.nodes[edges[0].node].where
    return Joint(CauseKind.WRONG_POSITIONS, words, where, partial(_handed_to, edges=edges, moved=moved))


def _handed_to(graph: Graph, edges: Sequence[Edge], moved: Sequence[np.ndarray]) -> dict[Spot, Changed]:
    """Scatter to other positions; what falls outside is dropped."""
    changes: dict[Spot, Changed] = {}
    for edge, positions in zip(edges, moved, strict=True):
        shape = graph.use(edge).shape
        inside = (positions >= 0) & (positions < int(np.prod(shape)))
        weights = graph.kind.constant(inside.astype(np.float64))
        kept = np.where(inside, positions, 0)
        changes[edge] = Changed(partial(_scattered, weights, kept, shape))
    return changes


def _scattered(weights: Array, positions: np.ndarray, shape: tuple[int, ...], g: Array) -> Array:
    return (g * weights).scatter_add(positions, shape)
