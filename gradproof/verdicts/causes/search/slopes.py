"""A wrong derivative of single entries, solved for entry by entry: its values at the inputs that occur.

What a value x hands on to y by operations on single entries is y = f(x), and what goes back is g f'(x), with
g what arrives at y. A wrong derivative d(x) in place of f'(x) stays what it is where only later parts of the
loss change, so that the claim at several such places gives equations enough for all d(x): they hold only if
nothing else is wrong, before f or after it.
"""

import operator
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import Edge, Trait, differentiate
from gradproof.verdicts.causes.graph import Array, Changed, Graph, Node, Spot
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.search.discrepancy import Arrays, Floats
from gradproof.verdicts.causes.search.equations import Changes, Equations, refined
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.linear import Solution, System

Elsewhere = Callable[[Arrays, Arrays], "Arrays | None"]
"""Gives what is claimed with other parameters and data; None where it cannot be computed."""

_PLACES = 8
"""A claim is asked for at so many places at most."""

ENTRIES = 500
"""A gradient of more entries is not run at so many places: that would take longer than a user waits."""

_INDEPENDENT = 1e-6
"""What arrives at several places is made of one another, where it is to so many digits."""

_REGIONS = 40
"""So many functions of single entries are looked at, at most."""

_ENTRYWISE = having(Trait.ELEMENTWISE)
_CURVED = having(Trait.ELEMENTWISE, without=Trait.LINEAR | Trait.PIECEWISE_CONSTANT)


@dataclass(frozen=True)
class Function:
    """A function of single entries that a part of the loss computes: y = f(x).

    Attributes:
        x: the node that it is of.
        y: the node that it gives.
        nodes: the operations that compute it, y's among them.
    """

    x: int
    y: int
    nodes: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Slopes:
    """A derivative that is wrong.

    Attributes:
        function: whose.
        inputs: at which inputs.
        yours: what it is in the claim there.
        true: what it should be.
        solution: the equations that it solves.
        gradients: the gradient in balls that it gives.
    """

    function: Function
    inputs: Floats
    yours: Floats
    true: Floats
    solution: Solution
    gradients: Mapping[str, NDArray[Any]]


def wrong_slopes(
    equations: Equations, functions: Sequence[Function], elsewhere: Elsewhere
) -> Iterator[Slopes]:
    """Give the functions with a wrong derivative that explains the claim here and at places elsewhere.

    Args:
        equations: those of the claim here.
        functions: those that are looked at.
        elsewhere: gives the claim there.
    """
    places: dict[frozenset[str], list[Equations]] = {}
    influence = Influence(equations)
    for function in functions:
        free = influence.leaving(function)
        if free not in places:
            places[free] = [*_places(equations, free, elsewhere)]
        chosen = _independent([equations, *places[free]], function)
        system = _system(chosen, function) if len(chosen) > 1 else None
        known = system is not None and bool(np.all(np.isfinite(system.matrix)))
        solution = system.solved() if system is not None and known else None
        if system is not None and solution is not None and solution.confirmed and solution.unique:
            found = refined(chosen, system, solution.values, _changes(function))
            yield _slopes(equations, function, solution, found[0])


# ------------------------------------------------------------------------ functions of single entries


def functions_of(graph: Graph, among: Sequence[int]) -> list[Function]:
    """Give the functions of single entries of some values: those of one operation first."""
    found: list[Function] = []
    for x in among:
        inside: set[int] = set()
        for node in graph.nodes[x + 1 :]:
            operands = [each.index for each in node.operands if not each.constant]
            same = node.shape == graph.nodes[x].shape and node.operation in _ENTRYWISE
            if same and operands and all(each == x or each in inside for each in operands):
                inside.add(node.index)
                between = _between(graph, node.index, inside)
                if between is not None and any(_is_curved(graph.nodes[each]) for each in between):
                    found.append(Function(x, node.index, between))
    return sorted(found, key=lambda each: (len(each.nodes), each.x))[:_REGIONS]


def _is_curved(node: Node) -> bool:
    """Tell whether an operation's derivative depends on the value that it is of."""
    constant = any(operand.constant for operand in node.operands)
    return node.operation in _CURVED and not (constant and node.operation in having(Trait.BILINEAR))


def _between(graph: Graph, y: int, inside: set[int]) -> tuple[int, ...] | None:
    """Give the operations among some that y depends on; None where one is used for something else too."""
    nodes, front = {y}, [y]
    while front:
        operands = {each.index for each in graph.nodes[front.pop()].operands if not each.constant}
        new = (operands & inside) - nodes
        nodes |= new
        front += new
    used = (edge.node for node in nodes - {y} for edge in graph.users(node))
    return tuple(sorted(nodes)) if all(each in nodes for each in used) else None


def _slope(graph: Graph, function: Function) -> Floats:
    """Give f'(x), going back from y to x through the operations alone."""
    with graph.context():
        back: dict[int, Array] = {function.y: graph.nodes[function.y].value * 0 + 1}
        for index in reversed(function.nodes):
            node = graph.nodes[index]
            for position, operand in enumerate(node.operands):
                if not operand.constant:
                    part = graph.use(Edge(index, position)).pull(back[index])
                    back[operand.index] = back[operand.index] + part if operand.index in back else part
    slope: Floats = back[function.x].broadcast_to(graph.nodes[function.x].shape).data[0, 0, ...].ravel()
    return slope


# ------------------------------------------------------------------------ other places


class Influence:
    """Which arrays each value of a loss depends on: parameters and data are changed one after the other."""

    def __init__(self, equations: Equations) -> None:
        """Run the loss with each array changed."""
        inquiry, self._graph = equations.inquiry, equations.views.plain
        arrays = {
            **inquiry.params,
            **{n: a for n, a in inquiry.batch.items() if np.asarray(a).dtype.kind == "f"},
        }
        self._changes: dict[str, list[bool]] = {}
        for name in arrays:
            params, batch = _shrunk(inquiry, {name}, 0)
            try:
                nodes = differentiate(inquiry.loss, params, batch, Plain()).tape.nodes
            except (InputError, UnsupportedError):
                continue
            if len(nodes) == len(self._graph.nodes):
                pairs = zip(nodes, self._graph.nodes, strict=True)
                self._changes[name] = [not np.array_equal(a.value.data, b.value.data) for a, b in pairs]

    def leaving(self, function: Function) -> frozenset[str]:
        """Give the arrays that can be changed without changing any value that a function is of, or gives."""
        inner = {function.x, *function.nodes}
        return frozenset(
            name for name, each in self._changes.items() if not any(each[node] for node in inner)
        )


def _shrunk(
    inquiry: Inquiry, names: frozenset[str] | set[str], seed: int
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Give parameters and data with some arrays up to a half smaller: numbers of equal size alike."""
    random = np.random.default_rng([seed, 3])

    def smaller(array: Any) -> Any:
        sizes, place = np.unique(np.abs(array), return_inverse=True)
        return array * (1 - 0.5 * random.random(sizes.size))[place].reshape(np.shape(array))

    params, batch = (
        {name: smaller(array) if name in names else array for name, array in arrays.items()}
        for arrays in (inquiry.params, inquiry.batch)
    )
    return params, batch


def _places(equations: Equations, free: frozenset[str], elsewhere: Elsewhere) -> Iterator[Equations]:
    """Give the equations of the claim at other places, where some arrays are changed."""
    for seed in range(_PLACES if free else 0):
        params, batch = _shrunk(equations.inquiry, free, seed + 1)
        claimed = elsewhere(params, batch)
        if claimed is None:
            return
        try:
            inquiry = Inquiry(equations.inquiry.loss, params, batch, claimed)
        except (InputError, UnsupportedError):
            return
        there = Equations.of(inquiry, inquiry.composed)
        if there is None or len(inquiry.composed.plain.nodes) != len(equations.views.plain.nodes):
            return
        yield there


# ------------------------------------------------------------------------ the equations


def _arriving(equations: Equations, function: Function) -> Floats:
    g = equations.views.plain.adjoints[function.y]
    arriving: Floats = np.zeros(0) if g is None else g.data[0, 0, ...].ravel()
    return arriving


def _independent(places: Sequence[Equations], function: Function) -> list[Equations]:
    """Leave out the places at which what arrives is made of what arrives at others: they tell nothing new."""
    chosen: list[Equations] = []
    arriving: list[Floats] = []
    for each in places:
        g = _arriving(each, function)
        more = np.array([*arriving, g / (np.max(np.abs(g), initial=0.0) or 1.0)])
        if np.all(np.isfinite(more)) and int(np.linalg.matrix_rank(more, rtol=_INDEPENDENT)) == len(more):
            chosen.append(each)
            arriving = [*more]
    return chosen


def _system(places: Sequence[Equations], function: Function) -> System:
    """Give the equations for what is added to a derivative."""
    blocks = [each.derivatives[function.x] * _arriving(each, function) for each in places]
    right = np.concatenate([each.error for each in places])
    slack = np.concatenate([each.slack for each in places])
    return System(np.concatenate(blocks), right, slack, np.concatenate([each.owners for each in places]))


def _changes(function: Function) -> Changes:
    """Add what arrives at y, times the unknowns, to what goes back to x."""

    def changes(graph: Graph, values: NDArray[Any]) -> dict[Spot, Changed]:
        added = graph.kind.constant(values.reshape(graph.nodes[function.x].shape))
        arriving = graph.adjoints[function.y]
        assert arriving is not None  # noqa: S101 - the loss depends on it
        return {function.x: Changed(partial(operator.add, arriving * added))}

    return changes


def _slopes(
    equations: Equations, function: Function, solution: Solution, gradients: Mapping[str, NDArray[Any]]
) -> Slopes:
    graph = equations.views.plain
    true = _slope(graph, function)
    inputs: Floats = graph.nodes[function.x].value.data[0, 0, ...].ravel()
    return Slopes(function, inputs, true + solution.values, true, solution, gradients)
