"""Which uses of values can hold a fault by themselves: what the equations leave of the loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradproof.reference.tape import Edge, Trait
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.search.equations import Equations
from gradproof.verdicts.causes.search.linear import Solution

_WORK = 500_000_000
"""At most so many products of numbers are computed to solve the equations of all places."""


@dataclass(frozen=True)
class Suspect:
    """Uses of operands that can hold the fault by themselves.

    Attributes:
        nodes: the operands.
        edges: the uses.
        solution: what must have been added to the adjoints of the operands.
    """

    nodes: tuple[int, ...]
    edges: tuple[Edge, ...]
    solution: Solution


_HANDING_ON = having(Trait.LINEAR, without=Trait.SELECTS) | {None}
"""Operations that hand back all that they are given, and parameters."""


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
        right = np.isin(equations.owners, equations.inquiry.others)
        used = (node.index for node in self.graph.nodes if self.graph.adjoints[node.index] is not None)
        reaching = (i for i in used if self.graph.depends[i] & self._wrong)
        self._below = [i for i in reaching if not np.any(equations.derivatives[i][right])]

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

    def below(self, suspect: Suspect) -> list[Edge]:
        """Give the uses before a single value that can hold the fault too, as less comes through to them.

        What a softmax or a mask hands back is of fewer kinds than what it might: a fault before it may look
        like one after it.
        """
        [node, *others] = [self.graph.nodes[each] for each in suspect.nodes]
        if others or node.operation in _HANDING_ON:
            return []
        return [edge for each in self.single for edge in each.edges]

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
            yield Suspect(nodes, tuple(edges), solution)
