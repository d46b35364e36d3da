"""All that the search asks: the loss's graphs, the discrepancy, the probes, the time; does a mutant fit?"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.noise import noisy_gradients
from gradproof.reference.norms import with_norms
from gradproof.reference.numbers import Balls, Noisy, Plain
from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.tape import Loss, differentiate, never
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Graph, Spot, Views
from gradproof.verdicts.causes.kinds import Cause
from gradproof.verdicts.causes.phrases import ExpectedFactors
from gradproof.verdicts.causes.search.again import NOT_AGAIN, Again, SecondPoint
from gradproof.verdicts.causes.search.discrepancy import Arrays, Discrepancy, Floats, doubt_from
from gradproof.verdicts.causes.search.mutant import Mutant
from gradproof.verdicts.causes.search.probes import Probes, probe
from gradproof.verdicts.causes.search.recognition import composed, standardised


class Costed(NamedTuple):
    """A cause.

    Attributes:
        cost: how far-fetched it is.
        cause: what is said of it.
        mutant: the gradient that equals the claim.
        there: the same change at the second point, with that; None where nothing is wrong there.
    """

    cost: float
    cause: Cause
    mutant: Mutant
    there: "tuple[Inquiry, Mutant] | None" = None


_SAMPLES = 8

_CALL = 2_000
"""To compute an operation costs as much as so many entries of its result do."""

_BALL = 30
"""To compute a ball costs as much as so many floats do."""


@dataclass
class Count:
    """What a search has computed, in float64 numbers.

    Attributes:
        most: the search stops after so many.
        done: how many it has computed.
        mutants: how many mutants were compared with the claim.
    """

    most: int
    done: int = 0
    mutants: int = 0

    def add(self, operations: int, entries: int, *, balls: bool = False) -> None:
        """Count operations that have so many entries together."""
        self.done += operations * _CALL + entries * (_BALL if balls else 1)


class Inquiry:
    """A claimed gradient of a loss at a point, of which the cause is asked.

    Attributes, beside what `search_cause` is given:
        expected: which factors one would expect.
        composed: the loss with the functions that it writes out recognised.
        discrepancy: the claim beside the exact gradient.
        targets: the wrong parameters that are to be explained.
        work: what was computed so far.
        is_second: whether it is asked to confirm what was found at the first point.
    """

    def __init__(
        self,
        loss: Loss,
        params: Arrays,
        batch: Arrays,
        claimed: Arrays,
        learning_rate: float | None = None,
        doubt: Mapping[str, Floats] | None = None,
        wrong: Mapping[str, NDArray[np.bool_]] | None = None,
        work: int = tolerances.CAUSE_WORK,
        again: Again = NOT_AGAIN,
    ) -> None:
        """Run the loss on float64 and on balls, and compare the claim; arguments as for `search_cause`."""
        self.work, self.again, self.is_second = Count(work), again, False
        self._second = cache(lambda: self._asked_again(again.second()))
        self.loss, self.params, self.batch, self.learning_rate = loss, params, batch, learning_rate
        self.expected = ExpectedFactors(params, batch, learning_rate)
        kinds = Plain(), Balls(tolerances.CAUSE_BITS)
        floats = differentiate(loss, params, batch, kinds[0])
        if not all(np.all(np.isfinite(each.values())) for each in floats.gradients.values()):
            self.loss = with_norms(loss)
        self._tapes = [differentiate(self.loss, params, batch, kind).tape for kind in kinds]
        self.composed = composed(*self._tapes)
        graph = self.composed.balls
        adjoints = {name: graph.adjoints[index] for name, index in graph.parameters.items()}
        zero = {name: graph.kind.constant(np.zeros(np.shape(array))) for name, array in params.items()}
        exact = {n: (zero[n] if g is None else g).data[0, 0, ...] for n, g in adjoints.items()}
        doubt = dict(doubt or {})
        doubt |= self._rounding({n: a for n, a in claimed.items() if n not in doubt}, exact)
        with graph.context():
            self.discrepancy = Discrepancy(claimed, exact, doubt, wrong or {})
        self.targets = self.discrepancy.wrong
        self._size = sum(node.value.size for node in graph.nodes)
        self.work.add(3 * len(graph.nodes), 2 * self._size)
        self.work.add(2 * len(graph.nodes), 3 * self._size, balls=True)

    @cached_property
    def views(self) -> tuple[Views, ...]:
        """The ways to see the loss: composed, with normalisations taken whole, and operation by operation.

        The last two only where they are other ones.
        """
        whole = standardised(*self._tapes)
        found = (self.composed,) if whole is None else (self.composed, whole)
        if not any(node.composite for views in found for node in views.plain.nodes):
            return found
        plain = Graph(self._tapes[0])
        return *found, Views(plain, Graph(self._tapes[1], None, plain))

    def seen(self, views: Views) -> frozenset[Spot]:
        """Give the places of a view that the other one has just so: edges of equal operations, all values."""
        if views is self.composed:
            return frozenset()
        before, nodes = self.composed.plain, views.plain.nodes
        edges = (e for e in before.edges if nodes[e.node].operation is before.nodes[e.node].operation)
        return frozenset([*edges, *range(len(nodes))])

    @cached_property
    def probes(self) -> Probes:
        """The derivatives along random directions."""
        return probe(self.loss, self.params, self.batch, self.discrepancy)

    @property
    def others(self) -> tuple[str, ...]:
        """The parameters whose claims are right, and must stay so."""
        return tuple(name for name in self.discrepancy.error if name not in self.discrepancy.wrong)

    @property
    def confirms_a_number(self) -> bool:
        """Whether enough entries are wrong to confirm a number that was solved for from one of them."""
        # What rounding leaves of right entries confirms nothing.
        wrong = [self.discrepancy.off[name] for name in self.targets]
        return bool(sum(map(np.count_nonzero, wrong)) >= tolerances.CONFIRMING_ENTRIES)

    def confirms(self, value: float) -> bool:
        """Whether a number that was solved for is confirmed: by enough entries, or by the second point.

        There the same number must make the claim again; of fewer entries it must be a short one, as people
        write it, so that no accident of two points passes for it.
        """
        short = float(f"{value:.{tolerances.SHORT_NUMBER}g}")
        is_short = abs(value - short) <= tolerances.FACTOR_SOLVED * abs(short)
        again = self.is_second or (self.second is not None and any(self.second.discrepancy.wrong))
        return self.confirms_a_number or (is_short and again and self.discrepancy.certified)

    @property
    def late(self) -> bool:
        """Whether the search has computed all that it may."""
        return self.work.done > self.work.most

    @property
    def second(self) -> "Inquiry | None":
        """The same asked at a second point; None where there is none, or the loss is another one there.

        Only what is wrong there confirms anything.
        """
        return self._second()

    def _asked_again(self, point: SecondPoint | None) -> "Inquiry | None":
        if point is None:
            return None
        try:
            params, batch, claimed, traced = point
            there, most = Again(traced=traced), self.work.most
            again = Inquiry(self.loss, params, batch, claimed, self.learning_rate, work=most, again=there)
        except (InputError, UnsupportedError):
            return None
        again.is_second = True
        alike = len(again.composed.plain.nodes) == len(self.composed.plain.nodes)
        return again if alike and again.discrepancy.finite else None

    def with_targets(self, targets: tuple[str, ...]) -> "Inquiry":
        """Ask for an explanation of some wrong parameters alone; the others may be anything."""
        part = copy(self)
        part.targets = targets
        return part

    def _rounding(self, claimed: Arrays, exact: Mapping[str, NDArray[np.object_]]) -> dict[str, Floats]:
        """Measure by parameter what rounding may do to a claim that is floats."""
        dtypes = {n: np.asarray(array).dtype.name for n, array in claimed.items() if n in exact}
        doubt: dict[str, Floats] = {}
        for dtype in set(dtypes.values()) & set(FORMATS):
            # a claim follows the textbook's formulas, if any: what they lose is no other mistake's
            kind = Noisy(dtype, samples=_SAMPLES, seed=0)
            noisy = noisy_gradients(self.loss, self.params, self.batch, kind, accurately=never)
            for name in (name for name, its in dtypes.items() if its == dtype):
                centre = midpoints(exact[name])
                if np.all(np.isfinite(centre)):
                    doubt[name] = doubt_from(noisy[name].spread(centre[np.newaxis])[0], centre, dtype)
        return doubt

    # ---------------------------------------------------------------- is a mutant the claim?

    def tried(self, mutant: Mutant) -> Costed | None:
        """Give the cause that a mutant is, with its cost: sorted out in float64, confirmed in balls."""
        self.work.mutants += 1
        # what is run with others leaves a comparison of the targets
        self.work.add(1 if mutant.counted else len(self.composed.plain.nodes), self._size)
        floats = mutant.gradients(False)
        if not all(n in floats and self.discrepancy.may_explain(n, floats[n]) for n in self.targets):
            return None
        others = () if mutant.alone else (n for n in self.others if n in floats)
        if not all(self.discrepancy.may_leave(n, floats[n]) for n in others):
            return None
        return self.confirmed(mutant)

    def confirmed(self, mutant: Mutant) -> Costed | None:
        """Give the cause that a mutant is, with its cost, if it equals the claim in certified arithmetic."""
        self.work.add(len(self.composed.plain.nodes), self._size, balls=True)
        gradients = mutant.gradients(True)
        with self.composed.balls.context():
            known = {name: each for name, each in gradients.items() if name in self.discrepancy.claimed}
            explained = {name: self.discrepancy.explains(name, each) for name, each in known.items()}
            unchanged = [self.discrepancy.leaves(n, known[n]) for n in self.others if n in known]
        if not all(explained.get(name, False) for name in self.targets):
            return None
        if not mutant.alone and not all(unchanged):
            return None
        names = tuple(name for name in self.discrepancy.wrong if explained.get(name, False))
        only = mutant.alone and any(name not in names for name in self.discrepancy.error)
        text = mutant.told(names, alone=only)
        return Costed(mutant.cost, Cause(mutant.kind.slug, mutant.where, mutant.factor, text, names), mutant)
