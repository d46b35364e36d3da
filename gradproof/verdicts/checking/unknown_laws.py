"""Data that obeys a law which no table knows: an operator's matrix, a grid, lags of a series, a stencil.

A gradient that is right of the user's data whatever the parameters are, and wrong of other data that keeps
all that is known of it, rests on something that is not known: on a law, if the data obeys one. That shows in
two ways. An array that the gradient, or else the loss, does not read and that tells something must be known
to it from elsewhere. And of numbers that obey none, the gradient would be as right if they moved by a little:
two formulas that agree for all parameters, at numbers that are nothing special, agree for all numbers nearby.
An error behind a threshold that the data never meets does not show by a little, and stays an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradproof.errors import GradproofError
from gradproof.verdicts.checking.drawing import Draw
from gradproof.verdicts.checking.explanations import Trial, Trials
from gradproof.verdicts.checking.looking import Array
from gradproof.verdicts.checking.places import Drawer, Item
from gradproof.verdicts.checking.points import Plan, Point
from gradproof.verdicts.checking.relations import BITS, information
from gradproof.verdicts.checking.rounded_data import MOVED, is_near
from gradproof.verdicts.judging.calling import call_gradient
from gradproof.verdicts.judging.claimed import Place

Names = frozenset[str]

_TRIES, _ROWS = 3, 4
_MOST_UNITS = 12


@dataclass
class Laws:
    """Looking for arrays that obey a law, at points of one plan.

    Attributes:
        trials: whose gradient, and what draws.
        plan: at which it failed.
        number: of the plan.
        failed: the place.
    """

    trials: Trials
    plan: Plan
    number: int
    failed: Place

    def found(self) -> Names:
        """Give the arrays that must stay as they are for the gradient to be right, if they obey a law."""
        units = list(self._units())
        everything: Names = frozenset().union(*units)
        if not units or len(units) > _MOST_UNITS or not self._passes(everything):
            return frozenset()
        stay = everything
        for unit in units:
            if stay != unit and self._passes(stay - unit):
                stay = stay - unit
        kept = [unit for unit in units if unit <= stay]
        return stay if any(self._obeys_a_law(unit, everything) for unit in kept) else frozenset()

    def _units(self) -> Iterator[Names]:
        """Give the arrays that move, those together that follow from one another."""
        known = self.trials.drawer.known
        held = {relation.target for relation in known.relations if relation.held is not None}
        todo = [name for name in known.data if name not in known.fixed | held]
        related = [{r.target, *r.sources} for r in known.relations if r.held is None]
        while todo:
            unit = {todo[0]}
            while more := [names for names in related if names & unit and not names <= unit]:
                unit.update(*more)
            yield frozenset(unit & set(todo))
            todo = [name for name in todo if name not in unit]

    def _with_fixed(self, stay: Names) -> Trials:
        drawer = self.trials.drawer
        known = replace(drawer.known, fixed=drawer.known.fixed | stay)
        return replace(self.trials, drawer=Drawer(drawer.given, known))

    def _passes(self, stay: Names) -> bool:
        """Whether the gradient is right where these arrays are as they are, there and at other places."""
        given = self.trials.drawer.given.batch
        batch = {name: given[name] if name in stay else array for name, array in self.failed.batch.items()}
        point = Point(Place(self.failed.params, batch), self.plan.label, self.trials.seed)
        try:
            found = self.trials.judged(point)
        except GradproofError:
            return False
        if found is None or self.trials.is_failure(found):
            return False
        return Trial(self._with_fixed(stay), self.plan, self.number).passes(frozenset())

    def _obeys_a_law(self, unit: Names, everything: Names) -> bool:
        views = self.trials.drawer.known.data
        telling = [name for name in unit if information(views[name].given) >= BITS]
        if not telling:
            return False
        if any(
            not reads(self.trials, name, of_gradient) for name in telling for of_gradient in (True, False)
        ):
            return True
        if any(is_stencil(views[name].given) for name in telling):
            return True
        return self._fails_nearby(unit, self._with_fixed(everything - unit))

    def _fails_nearby(self, unit: Names, alone: Trials) -> bool:
        """Whether the gradient fails wherever these arrays move by a little."""
        failed = 0
        for attempt in range(_TRIES):
            random = np.random.default_rng([self.trials.seed, self.number, 4, attempt])
            place = alone.drawer.draw(Draw(near=MOVED), frozenset(), random)
            if place is None or not any(is_near(place, alone.drawer.given, name) for name in unit):
                continue
            try:
                found = alone.judged(Point(place, self.plan.label, self.trials.seed))
            except GradproofError:
                continue
            if found is None:
                continue
            if not alone.is_failure(found):
                return False
            failed += 1
        return failed > 0


def made_anew(trials: Trials, item: Item) -> bool:
    """Whether a gradient does not read the order or the assignment that it rests on: it makes it anew."""
    arranged = item.slug in {"all-different", "permutation", "sorted"} and not item.view.parameter
    return arranged and not reads(trials, item.view.name, of_gradient=True)


def is_stencil(array: Array) -> bool:
    """Whether all rows but the outer ones have the same numbers, each one further on than the row before.

    >>> is_stencil(np.diff(np.eye(6), 2, axis=0)), is_stencil(np.arange(16.0).reshape(4, 4))
    (True, False)
    """
    if array.ndim != 2 or array.dtype.kind != "f" or min(array.shape) < _ROWS:
        return False
    inner = array[1:-1]
    alike = bool(np.all(inner[1:, 1:] == inner[:-1, :-1]))
    return alike and len(np.unique(inner)) > 1


def reads(trials: Trials, name: str, of_gradient: bool) -> bool:
    """Whether the gradient, or the loss, gives something else where an array is another."""
    drawer = trials.drawer
    if name not in drawer.known.data:
        return True
    others = frozenset(drawer.known.data) - {name}
    relations = [relation for relation in drawer.known.relations if relation.target != name]
    known = replace(drawer.known, fixed=others, relations=relations)
    alone = Drawer(drawer.given, known)
    given = drawer.given
    changed = [given.batch[name][::-1] if given.batch[name].ndim else given.batch[name]]
    for broken in (frozenset[Item](), frozenset(known.items)):
        for attempt in range(_TRIES):
            place = alone.draw(Draw(), broken, np.random.default_rng([trials.seed, 5, attempt]))
            if place is not None:
                changed.append(place.batch[name])
        changed = [array for array in changed if not np.array_equal(array, given.batch[name])]
        if changed:
            break
    try:
        before = _given_by(trials, given, of_gradient)
        return not changed or any(
            before != _given_by(trials, Place(given.params, {**given.batch, name: array}), of_gradient)
            for array in changed
        )
    except GradproofError:
        return True


def _given_by(trials: Trials, place: Place, of_gradient: bool) -> list[bytes]:
    if not of_gradient:
        return [np.float64(trials.gradient.loss_value(place)).tobytes()]
    called = call_gradient(trials.gradient, place, trials.terms.formats, trials.terms.takes)
    return [name.encode() + values.tobytes() for name, values in called.values.items()]
