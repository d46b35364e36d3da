"""The lines of the gradient's code that make a wrong value, one that the mutant has, of right ones."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradproof.reference.lifted import Trace
from gradproof.reference.lifted.trace import Call
from gradproof.reference.source import Source
from gradproof.reference.tape import Edge
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Changed, Graph, Spot
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.lines.landmarks import (
    Floats,
    Key,
    Landmarks,
    at,
    backward,
    changed_slopes,
    exact_key,
    forward,
    scaled_key,
    slopes,
)
from gradproof.verdicts.causes.lines.program import Program, UnknownOriginError
from gradproof.verdicts.causes.lines.statements import common_call, line_of

MOST_STEPS = 2000
"""A gradient that takes more calls of NumPy is not looked at."""

MOST_NUMBERS = 300_000
"""So many numbers of the loss go back in balls, one pass for each place and one for the truth, at most."""

MOST_PLACES = 32
"""A mutant with changes at more places than this is not looked for in the code."""

_NOT_TOLD = frozenset(
    {
        CauseKind.PATH_NOT_CARRIED_BACK,
        CauseKind.GRADIENT_IS_ZERO,
        CauseKind.UPSTREAM_IGNORED,
        CauseKind.BLOCK_SKIPPED,
        CauseKind.TRANSPOSED,
        CauseKind.WRONG_ORDER,
        CauseKind.WRONG_POSITIONS,
    }
)
"""Of these each number of the code may be a right one, of which something else is to be made: it is to be
multiplied with more, added to, or turned; that could be done at any later line."""

_OF_RIGHT_VALUES = frozenset(
    {
        CauseKind.DERIVATIVE_AT_OUTPUT,
        CauseKind.DERIVATIVE_AT_INPUT,
        CauseKind.DERIVATIVE_OF_ANOTHER_LAYER,
        CauseKind.WRONG_OPERAND,
        CauseKind.ANOTHER_STEP,
        CauseKind.ONE_SLICE_FOR_ALL,
        CauseKind.ANOTHER_CONDITION,
        CauseKind.WEIGHTS_ALREADY_UPDATED,
    }
)
"""Of these a formula is right, and what it is given is not: the fault is where that is, not in a helper."""


def lines_of(
    graph: Graph, changes: Mapping[Spot, Changed], kind: CauseKind, trace: Trace
) -> tuple[Source, ...]:
    """Give the lines at which the code that was traced does what a mutant does, one for each of its places.

    At a few places of many a number may be met by chance that is right elsewhere, as a last step's is; so the
    lines are given if more than half of the places tell theirs.

    Args:
        graph: of the loss, in balls.
        changes: what the mutant does otherwise.
        kind: of the mutant.
        trace: what the gradient's code computed.
    """
    places = _places(changes)
    numbers = sum(node.value.size for node in graph.nodes) * (len(places) + 1)
    too_many = len(trace.steps) > MOST_STEPS or len(places) > MOST_PLACES or numbers > MOST_NUMBERS
    if kind in _NOT_TOLD or too_many or not trace.complete:
        return ()
    program, true = Program(trace), Landmarks.of(backward(graph, {}))
    right = Landmarks(Landmarks.of([*forward(graph), *slopes(graph)]) | true)
    found, untold = list[Source](), 0
    done: dict[Spot, Changed] = {}
    for place in places:
        before, done = done, done | place
        back = Landmarks.of(backward(graph, done))
        mutant = Landmarks(back | Landmarks.of(changed_slopes(graph, place)))
        look = Look(program, right, mutant, true.scaled | back.scaled, kind)
        handed = [(at(graph, before, spot), at(graph, done, spot)) for spot in place]
        line = look.line([(a, b) for a, b in handed if a is not None and b is not None])
        untold += line is None
        if 2 * untold >= len(places):
            return ()
        found += [] if line is None or line in found else [line]
        right = Landmarks(right | mutant)
    return tuple(found)


def _places(changes: Mapping[Spot, Changed]) -> list[dict[Spot, Changed]]:
    """Give the changes by operation, in the order in which a backward pass meets them."""
    by_node: dict[int, dict[Spot, Changed]] = {}
    for spot, changed in changes.items():
        by_node.setdefault(spot.node if isinstance(spot, Edge) else spot, {})[spot] = changed
    return [by_node[node] for node in sorted(by_node, reverse=True)]


@dataclass(frozen=True)
class Look:
    """A look for the line that does what a mutant does at one more place.

    Attributes:
        program: where.
        right: the values that are right, and those that are wrong because of other places.
        mutant: what goes back in the mutant.
        backward: what goes back, in truth and in the mutant, up to a factor.
        kind: of the mutant.
    """

    program: Program
    right: Landmarks
    mutant: Landmarks
    backward: frozenset[Key]
    kind: CauseKind

    def line(self, handed: Sequence[tuple[Floats, Floats]]) -> Source | None:
        """Give the line, if there is one.

        Args:
            handed: what goes back at the place, without the mutant's change and with it.
        """
        if any(exact_key(a) == exact_key(b) for a, b in handed):
            return None  # the same numbers in another order, which are not told apart here
        try:
            first = self._first()
            if any(_is_factor(a, b) for a, b in handed):
                line = self._place(self._off_by_a_factor(first))
                return line if line is not None and not self.program.read_at(line) else None
            left = {scaled_key(b) for _, b in handed} & self.right.scaled
            line = self._place(_joined(first.values()) | self._handed_on(first, left))
        except UnknownOriginError:
            return None
        # one of these may stand for what is not there
        neutral = line is not None and {-1, 0, 1, None} & {*self.program.read_at(line)}
        return None if neutral else line

    # ---------------------------------------------------------------- which steps

    def _first(self) -> dict[int, frozenset[int]]:
        """Give the steps that make a wrong value of right ones, up to a factor, each with its origin."""
        keys, back, slope = self.program.scaled, *self._wrong
        wrong = {number for number, key in enumerate(keys) if key in back}
        # a slope that is not multiplied with as it is, is a part of another formula
        wrong |= {n for n, key in enumerate(keys) if key in slope and self.program.users[n] & wrong}
        origins = {number: self._origin(number, wrong) for number in wrong}
        return {number: origin for number, origin in origins.items() if origin is not None}

    @cached_property
    def _wrong(self) -> tuple[frozenset[Key], frozenset[Key]]:
        """What goes back in the mutant alone, up to a factor; and its slopes."""
        wrong = self.mutant.scaled - self.right.scaled
        return wrong & self.backward, wrong - self.backward

    def _origin(
        self, number: int, wrong: Collection[int] = (), *, exactly: bool = False
    ) -> frozenset[int] | None:
        """Follow a step back to values that are right: give it, and those whose values are not known.

        None if one of them is made of what is wrong.
        """
        back, _ = self._wrong
        right = self.right.keys() if exactly else self.right.scaled
        known = self.program.exact if exactly else self.program.scaled
        steps, front = {number}, [number]
        while front:
            for operand in self.program.steps[front.pop()].operands:
                key = self.program.known(operand, exactly=exactly)
                if key in right:
                    continue
                makers = self.program.makers(operand) - steps
                if wrong and (key in back or not makers.isdisjoint(wrong)):
                    return None
                new = {maker for maker in makers if known[maker] not in right}
                steps |= new
                front += new
        return frozenset(steps)

    def _handed_on(self, first: Iterable[int], left: Collection[Key | None]) -> frozenset[int]:
        """Give the steps that made what is handed on as it is, where it is to be changed: it may be there."""
        given = self.program.operands([*first])
        handed = [operand for operand in given if self.program.known(operand, exactly=False) in left]
        makers = {maker for operand in handed for maker in self.program.makers(operand)}
        return _joined(origin for maker in makers if (origin := self._origin(maker)) is not None)

    def _off_by_a_factor(self, first: Mapping[int, frozenset[int]]) -> frozenset[int]:
        """Give the steps that are off by a factor alone, and all that could have it instead of them.

        A factor may be left out wherever something is that is right up to it; but where several wrong values
        are made of one, it is not left out of each.
        """
        wrong = self.mutant.keys() - self.right.keys()
        keys = zip(self.program.exact, self.program.scaled, strict=True)
        off = {n for n, (exact, scaled) in enumerate(keys) if exact in wrong and scaled in self.right.scaled}
        off |= first.keys()
        before = {number: self.program.before(number) & off for number in off}
        last = [number for number in off if not any(number in each for each in before.values())]
        shared = set.intersection(*(before[number] | {number} for number in last)) if last else set[int]()
        origins = (self._origin(number, exactly=True) for number in shared or off)
        steps = _joined(origin for origin in origins if origin is not None)
        return steps | self._right_up_to_a_factor(steps, {self.mutant[key] for key in wrong})

    def _right_up_to_a_factor(self, steps: Collection[int], carried: Collection[Key]) -> set[int]:
        """Give the steps that made what the factor may be left out of: nothing else is made of that."""
        given = self.program.operands(steps)
        given = [operand for operand in given if self.program.known(operand, exactly=False) in carried]
        makers = {maker for operand in given for maker in self.program.makers(operand)}
        return {
            maker
            for maker in makers
            if self.program.exact[maker] in self.right
            and not any(
                self.program.exact[user] in self.right for user in self.program.users[maker] - {*steps}
            )
        }

    # ---------------------------------------------------------------- which line

    def _place(self, steps: Collection[int]) -> Source | None:
        """Give the line of some steps, if it is one."""
        chosen = {*steps}
        if self.kind in _OF_RIGHT_VALUES:
            given = self.program.operands(steps)
            chosen |= {operand.taken for operand in given if operand.taken is not None}
            # what is computed for these steps alone may be computed wrongly
            makers = {maker for operand in given for maker in self.program.makers(operand)}
            chosen |= {maker for maker in makers if self.program.users[maker] <= chosen}
        computed = [self.program.steps[each] for each in sorted(chosen)]
        depth = common_call(computed) if computed else None
        while depth and self.kind in _OF_RIGHT_VALUES and self._is_helper(computed[0].calls[depth]):
            depth -= 1
        return None if depth is None else line_of(computed, depth)

    def _is_helper(self, call: Call) -> bool:
        """Tell whether nothing goes back in a call: it only computes what is asked of it."""
        inside = (number for number, step in enumerate(self.program.steps) if call[0] in dict(step.calls))
        return not any(self.program.scaled[number] in self.backward for number in inside)


def _joined(origins: Iterable[frozenset[int]]) -> frozenset[int]:
    return frozenset[int]().union(*origins)


def _is_factor(true: Floats, changed: Floats) -> bool:
    """Tell whether something is another one times a number that is not 0."""
    sizes = [float(np.max(np.abs(each), initial=0.0)) for each in (true, changed)]
    return sizes[1] > tolerances.EXPLAINED_ENTRY * sizes[0] and scaled_key(true) == scaled_key(changed)
