"""Why a gradient fails where it does: which of the things that a point breaks it needs.

An accident explains a failure if the gradient fails as soon as that is broken, and all else is kept. What a
right gradient rests on is what must be kept for it to be right, whatever else is broken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from gradproof.errors import GradproofError, InputError
from gradproof.verdicts.checking.drawing import Draw
from gradproof.verdicts.checking.own import Terms, judge_own
from gradproof.verdicts.checking.places import Drawer, Item, Items, KnownData
from gradproof.verdicts.checking.points import Plan, Point
from gradproof.verdicts.checking.properties import Worth
from gradproof.verdicts.checking.relations import Relation
from gradproof.verdicts.checking.rounded_data import is_of_rounded_data
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.verdict import CODE, Verdict

_REPEATS = 3
"""At so many places a gradient must be right to be called so of what they keep."""

_MOST_TRIALS = 150
"""An explanation is sought at so many places; after that it is as short as it has become."""

_LONGEST = 4
"""So many things are told one by one."""

_BREAKS = {
    "all-different": Draw(integers="repeated"),
    "no-zero": Draw(zeros=0.4),
    "no-ties": Draw(levels=1, tied=True),
}
"""How numbers are drawn that break an accident which others would seldom break."""

_WORDS = {"binary": "the entries of {} are 0 or 1", "signs": "the entries of {} are -1 or 1"}
_MEMBERS = {"binary": (0, 1), "signs": (-1, 1)}


@dataclass(frozen=True, eq=False)
class Trials:
    """Judging a gradient at places that are drawn.

    Attributes:
        gradient: whose.
        drawer: what draws.
        terms: on which terms it is judged.
        seed: what is drawn with.
        last: the point that was judged last, and what was said; it is not judged again.
    """

    gradient: UserGradient
    drawer: Drawer
    terms: Terms
    seed: int
    last: list[tuple[Point, Judgement | None]] = field(default_factory=list, repr=False)

    def is_in_domain(self, point: Point) -> bool:
        """Whether the loss is a number at a point."""
        try:
            return bool(np.isfinite(self.gradient.loss_value(point.place)))
        except InputError:
            return False

    def judged(self, point: Point) -> Judgement | None:
        """Judge at a point; None where the loss has no gradient.

        Raises:
            GradproofError: the loss or the gradient raises there.
        """
        if self.last and self.last[0][0] is point:
            return self.last[0][1]
        found = judge_own(self.gradient, point, self.terms) if self.is_in_domain(point) else None
        self.last[:] = [(point, found)]
        return found

    def is_failure(self, found: Judgement) -> bool:
        """Whether a gradient does not pass, nor is right up to how exactly doubles can be what data is."""
        if found.ok or found.verdict is Verdict.UNDECIDED:
            return False
        if found.is_up_to_rounded_data:
            return False
        return not (
            self.terms.rounded
            and is_of_rounded_data(found, self._judged_at, self._relations, self.terms.rounded)
        )

    @property
    def _relations(self) -> Sequence[Relation]:
        return self.drawer.known.relations

    def _judged_at(self, place: Place) -> Judgement | None:
        try:
            return self.judged(Point(place, "", self.seed))
        except GradproofError:
            return None


@dataclass
class Trial:
    """Trying what makes a gradient fail at points of one plan."""

    trials: Trials
    plan: Plan
    number: int
    count: int = field(default=0)
    failed: tuple[Judgement, Place] | None = field(default=None)

    def fails(self, broken: Items, must: Item | None = None, constant: str = "") -> bool:
        """Whether the gradient fails at one of a few places at which just this is broken."""
        return self.outcome(broken, must, constant) is True

    def passes(self, broken: Items) -> bool:
        """Whether the gradient is judged at some of a few places at which this is broken, and passes."""
        return self.outcome(broken) is False

    def outcome(self, broken: Items, must: Item | None = None, constant: str = "") -> bool | None:
        """Tell whether the gradient fails; None if it could not be judged."""
        how = replace(self.plan.how, constant=constant or self.plan.how.constant)
        if must is not None and must.slug in _BREAKS:
            how = _BREAKS[must.slug]
        if self.count >= _MOST_TRIALS:
            return None
        judged = False
        drawer = self.trials.drawer
        drawer.counting = False
        for attempt in range(_REPEATS + 1):
            if judged and attempt == _REPEATS:
                break
            self.count += 1
            random = np.random.default_rng([self.trials.seed, self.number, 3, self.count])
            place = drawer.draw(how, broken, random, must=must)
            if place is None:
                continue
            if attempt == _REPEATS:  # what is left is a loss that binds the parameters: they stay
                place = Place(drawer.given.params, place.batch)
            try:
                found = self.trials.judged(Point(place, self.plan.label, self.trials.seed, self.plan.usual))
            except GradproofError:
                continue
            if found is None or found.verdict is Verdict.UNDECIDED:
                continue
            if self.trials.is_failure(found):
                drawer.counting, self.failed = True, (found, place)
                return True
            judged = True
        drawer.counting = True
        return False if judged else None


def necessary(trial: Trial, known: KnownData, broken: Items) -> tuple[Item, ...]:
    """Find what must be broken for a gradient to fail, the least of it.

    One array is sought of which that holds, and then one thing of it, the most special first; else things are
    kept, one after the other, as long as the gradient still fails.
    """
    order = [item for item in known.items if item in broken]
    for view in dict.fromkeys(item.view for item in order):
        of_one = [item for item in order if item.view is view]
        if not trial.fails(frozenset(of_one)):
            continue
        for item in of_one:
            if trial.fails(known.broken_with(item) & broken, must=item):
                return (item,)
        order = of_one
        break
    for item in tuple(order):
        fewer = [each for each in order if each is not item]
        if fewer and trial.fails(frozenset(fewer)):
            order = fewer
    return tuple(order)


def sufficient(trial: Trial, known: KnownData, broken: Items) -> tuple[Item, ...]:
    """Find what must be kept for a gradient to be right, the least of it.

    One thing is sought that suffices, and of several the one that asks the least; else things are given up,
    one after the other, as long as the gradient is still right.
    """
    order = [item for item in known.items if item in broken]
    alone = [item for item in order if trial.passes(broken - {item} - _implied(item, known))]
    for item in reversed(alone):
        if not any(each is not item and _implies(item, each) for each in alone):
            return (item,)
    kept = order
    for item in tuple(order):
        fewer = [each for each in kept if each is not item]
        if fewer and trial.passes(broken - frozenset(fewer)):
            kept = fewer
    return tuple(kept)


def beside(trial: Trial, known: KnownData, broken: Items, found: Sequence[Item]) -> tuple[Item, ...]:
    """Find what arrays merely happen to have, and what a condition holds only with.

    Numbers of a permutation that are sorted are 0, 1, 2, ...: what is right of them need not be right of all
    that are sorted.
    """
    views = [item.view for item in found]
    kept = frozenset(found).union(*(_implied(item, known) for item in found))
    accidents = [item for item in known.of_worth(Worth.ACCIDENT) if item.view in views and item not in kept]
    free = (broken | frozenset(accidents)) - kept
    if not accidents or trial.outcome(free) is not True:
        return ()
    needed = list(accidents)
    for item in accidents:
        fewer = [each for each in needed if each is not item]
        if trial.passes(free - frozenset(fewer)):
            needed = fewer
    return tuple(needed)


def _implied(item: Item, known: KnownData) -> Items:
    return frozenset(other for other in known.items if _implies(item, other))


def _implies(item: Item, other: Item) -> bool:
    if isinstance(item.what, Relation) or other.view is not item.view:
        return False
    return other.slug in item.what.property.implies


def right_values(trial: Trial, known: KnownData, item: Item) -> str:
    """Tell with which values a gradient is right, of an array whose entries all are the same; if any."""
    if item.slug != "constant":
        return ""
    value = item.view.given.flat[0]
    for constant, members in _MEMBERS.items():
        if value in members and not trial.fails(known.broken_with(item), must=item, constant=constant):
            return _WORDS[constant].format(item.view.name)
    return ""


def rests_on_order(trial: Trial, item: Item) -> bool:
    """Tell whether a gradient that fails of repeated indices fails elsewhere than in what these choose.

    Code that overwrites where it should add is wrong in the repeated rows alone. What inverts a permutation
    needs one, and gives something else altogether where there is none.
    """
    bound = item.view.bound
    if trial.failed is None or bound is None or item.slug not in {"all-different", "permutation"}:
        return False
    found, place = trial.failed
    values, counts = np.unique(place.batch[item.view.name], return_counts=True)
    repeated = values[(counts > 1) & (values >= 0) & (values < bound)]
    for judged in found.parameters.values():
        axes = [axis for axis, length in enumerate(judged.value.shape) if length == bound]
        if len(axes) == 1 and np.any(
            np.delete(judged.verdict, repeated, axis=axes[0]) == CODE[Verdict.WRONG]
        ):
            return True
    return False


def told(items: Sequence[Item]) -> str:
    """Tell what is broken or kept, as part of a sentence."""
    texts = list(dict.fromkeys(item.told() for item in items))
    if len(texts) <= _LONGEST:
        return " and ".join(texts)
    return f"{' and '.join(texts[:_LONGEST])} and {len(texts) - _LONGEST} more such things hold"
