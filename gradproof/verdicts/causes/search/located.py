"""Where a fault is that has no name: the smallest part of the loss that can hold it.

Three things bound the part. What reaches a parameter whose gradient is right is right itself. One wrong
derivative must reach all parameters that are wrong. And an adjoint at its operand must solve the equations
that the claim is (see `equations`); where more of them hold than there are unknowns, that proves the place,
up to operations that hand everything on which they are given.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradproof.reference.tape import Edge
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Graph, Node
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.equations import Equations, Solution
from gradproof.verdicts.causes.search.forms import form_mutants
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant

_WORK = 500_000_000
"""At most so many products of numbers are computed to solve the equations of all places."""

_LINES = 4
"""A part of more lines than this is said by its first and its last."""

_TIMES = 4
"""An entry that is counted more often than this is not only counted several times."""

_TOO_LARGE = "Where the fault is was not looked for: the loss is too large for it."


@dataclass(frozen=True)
class Located:
    """What is known of the place of a fault: proven, as a cause, or a sentence."""

    cause: Cause | None = None
    text: str = ""


@dataclass(frozen=True)
class Suspect:
    """Uses of operands that can hold the fault by themselves.

    Attributes:
        edges: the uses.
        solution: what must have been added to the adjoints of the operands.
    """

    edges: tuple[Edge, ...]
    solution: Solution


def located(inquiry: Inquiry) -> Located:
    """Say where the fault is that all wrong parameters come from, as far as that can be known."""
    equations = Equations.of(inquiry, inquiry.composed)
    if equations is None:
        return Located(text=_TOO_LARGE)
    for mutant in form_mutants(equations):
        formed = inquiry.confirmed(mutant)
        if formed is not None:
            return Located(formed[1])
    suspects = Suspects(equations)
    for found in (suspects.single, suspects.of_operations, suspects.of_lines):
        proven = [each for each in found if each.solution.confirmed]
        fewest = min((each.solution.rank for each in proven), default=0)
        # those of equal rank differ by operations between them that hand everything on
        cause = _proven(suspects, [each for each in proven if each.solution.rank == fewest])
        if cause is not None:
            return Located(cause)
    return Located(text=_bounded(suspects))


class Suspects:
    """The places that can hold a fault by themselves.

    Attributes:
        equations: what must hold.
        graph: the loss.
        complete: whether all places were looked at that could matter.
    """

    def __init__(self, equations: Equations) -> None:
        """Look at the part that reaches what is wrong and nothing that is right."""
        self.equations, self.graph, self.complete = equations, equations.views.plain, True
        self._work, self._wrong = 0, frozenset(equations.inquiry.targets)
        right = frozenset(equations.inquiry.others)
        used = (node.index for node in self.graph.nodes if self.graph.adjoints[node.index] is not None)
        depends = self.graph.depends
        self._below = [i for i in used if depends[i] & self._wrong and not depends[i] & right]

    @cached_property
    def single(self) -> list[Suspect]:
        """The uses of single values."""
        found: dict[int, Suspect] = {}
        for index in self._below:
            operands = {each.index for each in self.graph.nodes[index].operands if not each.constant}
            # what a value of a single operand hands back is nothing that the operand could not have got
            if len(operands) != 1 or operands <= found.keys():
                for suspect in self._suspect((index,), self.graph.users(index)):
                    found[index] = suspect
        return [*found.values()]

    @cached_property
    def of_operations(self) -> list[Suspect]:
        """All uses that one operation makes of several operands."""
        found: list[Suspect] = []
        for node in self.graph.nodes:
            edges = [edge for edge in self._edges if edge.node == node.index]
            operands = dict.fromkeys(self.graph.use(edge).index for edge in edges)
            if len(operands) > 1:
                found += self._suspect(tuple(operands), edges)
        return found

    @property
    def of_lines(self) -> Iterator[Suspect]:
        """The uses of all values of a line, which a loop runs several times."""
        lines: dict[object, list[int]] = {}
        for index in self._below:
            node = self.graph.nodes[index]
            if node.operation is not None:
                lines.setdefault((node.line, node.name, node.shape), []).append(index)
                if any(self.graph.nodes[e.node].line != node.line for e in self.graph.users(index)):
                    lines.setdefault(node.line, []).append(index)
        for nodes in dict.fromkeys(map(tuple, lines.values())):
            if len(nodes) > 1:
                yield from self._suspect(nodes, [e for each in nodes for e in self.graph.users(each)])

    @cached_property
    def _edges(self) -> list[Edge]:
        below = {*self._below}
        return [edge for edge in self.graph.edges if self.graph.use(edge).index in below]

    def _suspect(self, nodes: tuple[int, ...], edges: Sequence[Edge]) -> Iterator[Suspect]:
        """Suspect uses of some operands, if they reach all that is wrong and something there gives it."""
        if not self._wrong <= frozenset[str]().union(*(self.graph.depends[each] for each in nodes)):
            return
        rows, columns = len(self.equations.error), self.equations.unknowns(nodes)
        self._work += rows * min(rows, columns) ** 2
        if self._work > _WORK:
            self.complete = False
            return
        solution = self.equations.solved(nodes)
        if solution is not None:
            yield Suspect(tuple(edges), solution)


# ------------------------------------------------------------------------ what is said


def _proven(suspects: Suspects, proven: Sequence[Suspect]) -> Cause | None:
    """Say the place that is proven; None where the balls do not confirm it."""
    if not proven:
        return None
    inquiry, graph = suspects.equations.inquiry, suspects.graph
    solution = proven[0].solution  # the nearest to the parameters, after which all is right
    if any(_is_scaled(graph, each.solution) for each in proven):
        return None
    exact = suspects.equations.gradients(solution)
    edges = sorted({edge for each in proven for edge in each.edges})
    values = _operations([graph.nodes[each] for each in solution.nodes])

    def told(names: Sequence[str]) -> str:
        noun = "gradient is what comes" if len(names) == 1 else "gradients are what come"
        return (
            f"your {noun} out for {listed(names)} if something else arrives on the way back at {values}, and "
            f"all that follows is right ({solution.rank + solution.spare} entries agree, with "
            f"{solution.rank} unknown): it goes wrong in {_through(graph, edges)}"
        )

    mutant = Mutant(CauseKind.ADJOINT_WRONG, told, 0.0, _where(graph, edges), lambda _: exact)
    confirmed = inquiry.confirmed(mutant)
    return None if confirmed is None else confirmed[1]


def _is_scaled(graph: Graph, solution: Solution) -> bool:
    """Tell whether entries are only left out or counted several times.

    That may as well have been done further down, where what is handed on to their places is added up.
    """
    true = [graph.adjoints[each] for each in solution.nodes]
    adjoint = np.concatenate([each.data[0, 0, ...].ravel() for each in true if each is not None])
    with np.errstate(all="ignore"):
        ratio = solution.added[adjoint != 0] / adjoint[adjoint != 0]
    whole = np.abs(ratio - np.round(ratio)) <= tolerances.MUTANT_ERROR
    return bool(np.all(whole & (np.abs(ratio) <= _TIMES)) and not np.any(solution.added[adjoint == 0]))


def _bounded(suspects: Suspects) -> str:
    """Say which part can hold the fault; empty where that is nothing that helps."""
    few = [*suspects.single, *suspects.of_operations] or [*suspects.of_lines]
    edges = sorted({edge for each in few for edge in each.edges})
    if not suspects.complete:
        return _TOO_LARGE
    if not edges:
        return ""
    right = suspects.equations.inquiry.others
    noun, verb = ("gradient", "is") if len(right) == 1 else ("gradients", "are")
    known = f"as the {noun} of {listed(right)} {verb} right, " if right else ""
    return f"If it is a single fault, {known}it goes wrong in {_through(suspects.graph, edges)}."


def _places(graph: Graph, edges: Sequence[Edge]) -> dict[str, list[Node]]:
    """Give the operations by line, in the order of the loss."""
    places: dict[str, list[Node]] = {}
    for index in sorted({edge.node for edge in edges}):
        node = graph.nodes[index]
        places.setdefault(node.line, []).append(node)
    return places


def _operations(nodes: Sequence[Node]) -> str:
    """Name operations by line, and parameters."""
    lines: dict[str, list[str]] = {}
    for node in nodes:
        lines.setdefault(node.line if node.operation else "", []).append(node.name)
    said = [
        f"{listed(list(dict.fromkeys(names)))} ({line})" if line else f"the parameter {listed(names)}"
        for line, names in lines.items()
    ]
    return listed(said)


def _through(graph: Graph, edges: Sequence[Edge]) -> str:
    places = _places(graph, edges)
    said = [_operations(nodes) for nodes in places.values()]
    if len(said) > _LINES:
        return f"one of {len(said)} lines from {said[0]} to {said[-1]}"
    return said[0] if len(said) == 1 else f"{', '.join(said[:-1])} or {said[-1]}"


def _where(graph: Graph, edges: Sequence[Edge]) -> str:
    places = _places(graph, edges)
    return "; ".join(f"{nodes[0].name} at {line}" for line, nodes in list(places.items())[:_LINES])
