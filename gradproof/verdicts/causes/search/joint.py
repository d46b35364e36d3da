"""Mutants of one mistake that shows at several uses: quotients, branches, statistics, the other mode."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Edge, Trait
from gradproof.reference.tape.operations import along_axes, entrywise, neural
from gradproof.verdicts.causes.graph import Array, Change, Changed, Graph, Node, Spot, Use, Views
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import SELECTING, having
from gradproof.verdicts.causes.mistakes.structure import is_stretched
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant

_LANES = 32


class Joint(NamedTuple):
    """A mistake at several places: what is done otherwise at each of them, on whichever graph."""

    kind: CauseKind
    words: str
    where: str
    changes: Callable[[Graph], Mapping[Spot, Changed]]
    more: float = 0.0


def in_lanes(inquiry: Inquiry, views: Views, found: Iterator[Joint]) -> Iterator[Mutant]:
    """Make the mutants of mistakes at several places, many in one backward pass."""
    entries = sum(node.value.size for node in views.plain.nodes)
    while some := list(islice(found, _LANES)):
        if inquiry.late:
            return
        inquiry.work.add(len(views.plain.nodes), len(some) * entries)
        for each, gradients in zip(some, views.backward(*(each.changes for each in some)), strict=True):
            yield Mutant(each.kind, each.words, each.more, each.where, gradients, counted=True)


def joint_mutants(inquiry: Inquiry, views: Views) -> Iterator[Mutant]:
    """Give the mutants of one mistake at several uses."""
    graph = views.plain
    for family in (_quotients, _branches, _statistics, _as_in_training):
        yield from in_lanes(inquiry, views, family(graph))


def _reached(graph: Graph) -> list[Node]:
    return [node for node in graph.nodes if node.operation and graph.adjoints[node.index] is not None]


def _both(node: Node) -> list[Edge]:
    edges = [Edge(node.index, position) for position in range(len(node.operands))]
    return [edge for edge in edges if not node.operands[edge.position].constant]


# ------------------------------------------------------------------------ the quotient rule


def _quotients(graph: Graph) -> Iterator[Joint]:
    """Give wrong quotient rules: (a / b)' = (a' b - a b') / (b b)."""
    forms: dict[str, Callable[[int, Array, Array, Array], Array]] = {
        "the division by b * b left out of the quotient rule of {} "
        "(or without its parentheses, as in / b * b)": lambda i, g, a, b: g * b if i == 0 else -(g * a),
        "plus instead of minus in the quotient rule of {}, and the division by b * b left out "
        "(or without its parentheses, as in / b * b)": lambda i, g, a, b: g * b if i == 0 else g * a,
        "a division by b instead of b * b in the quotient rule of {}": (
            lambda i, g, a, b: g if i == 0 else -(g * a) / b
        ),
    }
    for node in _reached(graph):
        if node.operation is entrywise.DIVIDE and len(_both(node)) == 2:
            for words, form in forms.items():
                changes = partial(_quotient, index=node.index, form=form)
                yield Joint(_quotient_kind(words), words.format(node), node.where, changes)


def _quotient_kind(words: str) -> CauseKind:
    return CauseKind.PARENTHESES_MISSING if "left out" in words else CauseKind.DERIVATIVE_INCOMPLETE


def _quotient(
    graph: Graph, index: int, form: Callable[[int, Array, Array, Array], Array]
) -> dict[Spot, Changed]:
    a, b = graph.nodes[index].values
    return {
        edge: Changed(lambda g, i=edge.position: form(i, g, a, b))  # type: ignore[misc]
        for edge in _both(graph.nodes[index])
    }


# ------------------------------------------------------------------------ the condition of a branch

_VALUES = 16
"""At most so many values are taken for what a branch is decided by."""

_THRESHOLDS = 5


def _branches(graph: Graph) -> Iterator[Joint]:
    """Give branches that are decided by another value than the loss has, or at another threshold."""
    for node in _reached(graph):
        if node.operation not in SELECTING | {entrywise.ABS, neural.RELU} or not node.shape:
            continue
        with graph.context():
            true = graph.use(_both(node)[0]).weights > 0
        seen = set[bytes]()
        for condition, likely in _conditions(graph, node, true):
            mask = condition.mask(graph)
            # of those that decide alike here, the likely ones are all given: elsewhere they may not
            if not np.array_equal(mask, true) and (likely or _bits(mask) not in seen):
                seen.add(_bits(mask))
                words = f"the branch of {node} decided by whether {condition} instead of by its own condition"
                decided = partial(_decided, index=node.index, condition=condition)
                yield Joint(CauseKind.ANOTHER_CONDITION, words, node.where, decided)


@dataclass(frozen=True)
class BranchCondition:
    """Whether a value, or its square, is above a threshold; or at most that."""

    value: Node
    threshold: float
    squared: bool
    turned: bool

    def __str__(self) -> str:
        """Say it in words."""
        relation = "at most" if self.turned else "above"
        square = "the square of " if self.squared else ""
        return f"{square}the value of {self.value} is {relation} {self.threshold:g}"

    def plain(self, branch: Node) -> bool:
        """Tell whether one would write it so: of a value not scaled; of the result, its sign alone."""
        scaled = self.value.operation is entrywise.MULTIPLY or (self.value is branch and self.threshold != 0)
        return not self.squared and not scaled

    def mask(self, graph: Graph) -> NDArray[np.bool_]:
        """Decide it, on the numbers of a graph in float64."""
        numbers = np.asarray(graph.plain.nodes[self.value.index].value.data[0, 0, ...], dtype=np.float64)
        above = (numbers**2 if self.squared else numbers) > self.threshold
        return np.asarray(above ^ self.turned)


def _conditions(graph: Graph, node: Node, true: NDArray[np.bool_]) -> list[tuple[BranchCondition, bool]]:
    """Give the conditions that may stand for a branch's own, the likely ones first, and whether they are."""
    values, both = _neighbours(graph, node), (False, True)
    choices = [
        BranchCondition(value, at, squared, turned)
        for at in _thresholds(graph)
        for squared in both
        for value in values
        for turned in both
    ]
    own = [each for each in choices if each.plain(node) and np.array_equal(each.mask(graph), true)]

    def likely(condition: BranchCondition) -> bool:
        alike = [each.value for each in own if each.threshold == condition.threshold]
        return any(_akin(condition.value, value) for value in alike)

    found = [(condition, likely(condition)) for condition in choices]
    return sorted(found, key=lambda each: (not each[1], not each[0].plain(node)))


def _akin(value: Node, other: Node) -> bool:
    """Tell whether two values are computed from the same, or one from the other."""
    return any(each is other or each in other.operands for each in (value, *value.operands))


def _bits(mask: NDArray[np.bool_]) -> bytes:
    return np.packbits(mask).tobytes()


def _thresholds(graph: Graph) -> list[float]:
    constants = [operand for node in graph.nodes for operand in node.operands if operand.constant]
    values = [float(np.ravel(each.value.data)[0]) for each in constants if each.value.size == 1]
    return list(dict.fromkeys([0.0, *(value for value in values if value > 0)]))[:_THRESHOLDS]


def _neighbours(graph: Graph, node: Node) -> list[Node]:
    """Give the values of the node's shape around it: itself, what it is computed from, what goes into."""
    found, queue = [node], [*node.operands]
    while queue and len(found) < _VALUES - 6:
        each = queue.pop(0)
        if not each.constant:
            queue += each.operands
            if each.shape == node.shape and each not in found:
                found.append(each)
    while len(found) < _VALUES and (users := graph.users(node.index)):
        node = graph.nodes[min(users).node]
        if node.shape == found[0].shape:
            found.append(node)
    return found


def _decided(graph: Graph, index: int, condition: BranchCondition) -> dict[Spot, Changed]:
    node, weights = graph.nodes[index], condition.mask(graph).astype(np.float64)
    changes: dict[Spot, Changed] = {}
    for edge in _both(node):
        own = weights if edge.position == 0 else 1 - weights
        own = 2 * weights - 1 if node.operation is entrywise.ABS else own
        changes[edge] = Changed(_weighted(graph, own))
    return changes


def _weighted(graph: Graph, weights: NDArray[np.float64]) -> Change:
    return lambda g: g * graph.kind.constant(weights)


# ------------------------------------------------------------------------ statistics

_STATISTICS = having(Trait.AVERAGES) | {along_axes.VAR, along_axes.STD}


def _statistics(graph: Graph) -> Iterator[Joint]:
    """Give the mutants through whose averages nothing is carried back, where these go into every entry."""
    groups: dict[object, list[Edge]] = {}
    for edge in graph.edges:
        use = graph.use(edge)
        if use.operation in _STATISTICS and use.node.shape and _spread_again(graph, use.node):
            groups.setdefault("all", []).append(edge)
            groups.setdefault((use.arguments["axes"], use.shape), []).append(edge)
    for edges in {tuple(each) for each in groups.values() if len(each) > 1}:
        nodes = [graph.nodes[edge.node] for edge in edges]
        names = ", ".join(dict.fromkeys(map(str, nodes[:4])))
        words = f"the statistics taken for constants, as in evaluation: nothing carried back through {names}"
        yield Joint(CauseKind.STATISTICS_CONSTANT, words, nodes[0].where, partial(_cut, edges=edges))


def _spread_again(graph: Graph, node: Node) -> bool:
    """Tell whether a statistic is broadcast to entries again."""
    for _ in range(4):
        users = graph.users(node.index)
        if not users:
            return False
        if any(is_stretched(graph.use(user)) for user in users):
            return True
        node = graph.nodes[min(users).node]
    return False


def _cut(graph: Graph, edges: tuple[Edge, ...]) -> dict[Spot, Changed]:
    return {edge: Changed(_nothing(graph.use(edge))) for edge in edges}


def _nothing(use: Use) -> Change:
    return lambda g: use.pull(g) * 0.0


# ------------------------------------------------------------------------ the backward pass of training

_EPSILONS = (1e-5, 0.0, 1e-8, 1e-6, 1e-3, 1e-12)


def _as_in_training(graph: Graph) -> Iterator[Joint]:
    """Give normalisations by constants that are differentiated as if by the data's own statistics."""
    for node in _reached(graph):
        mean = node.operands[-1]
        if node.operation is not entrywise.SUBTRACT or not mean.constant or node.operands[0].constant:
            continue
        divisor = _divisor(graph, node)
        padded = (1,) * (len(node.shape) - len(mean.shape)) + mean.shape
        axes = tuple(i - len(padded) for i, n in enumerate(padded) if n != node.shape[i])
        if divisor is None or not axes:
            continue
        words = (
            f"the normalisation by the constants of {node} and {divisor} differentiated as if it were by the "
            "mean and the deviation of the data at hand: the backward pass of training for the forward pass "
            "of evaluation"
        )
        for epsilon in _EPSILONS:
            changes = partial(_trained, index=node.index, divisor=divisor.index, axes=axes, epsilon=epsilon)
            yield Joint(CauseKind.OTHER_MODE, words, divisor.where, changes)


def _divisor(graph: Graph, node: Node) -> Node | None:
    """Give the next division by a constant."""
    for _ in range(4):
        users = graph.users(node.index)
        if len(users) != 1:
            return None
        node = graph.nodes[users[0].node]
        if node.operation is entrywise.DIVIDE and users[0].position == 0 and node.operands[1].constant:
            return node
    return None


def _trained(
    graph: Graph, index: int, divisor: int, axes: tuple[int, ...], epsilon: float
) -> dict[Spot, Changed]:
    x, scale = graph.nodes[index].operands[0].value, graph.nodes[divisor].operands[1].value
    n = x.count(axes)

    def mean(values: Array) -> Array:
        return values.sum(axes, keepdims=True) / n

    def change(g: Array) -> Array:
        # dx = (d - mean d - h mean(d h)) / s, with h = (x - mean x) / s; g holds d / scale
        deviation = x - mean(x)
        s = (mean(deviation * deviation) + graph.kind.constant(epsilon)).function("sqrt")
        h, d = deviation / s, g * scale
        return (d - mean(d) - h * mean(d * h)) / s

    return {Edge(index, 0): Changed(change)}
