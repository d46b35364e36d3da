"""The points that are tried for a plan: the first is drawn as planned, the others with ever more caution."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradproof.errors import GradproofError
from gradproof.verdicts.checking.drawing import Draw, Random
from gradproof.verdicts.checking.explanations import Trials
from gradproof.verdicts.checking.held import held_by, whole_lengths
from gradproof.verdicts.checking.indices import index_bounds
from gradproof.verdicts.checking.own import Terms
from gradproof.verdicts.checking.places import Item, Items, KnownData
from gradproof.verdicts.checking.points import PLANS, Phase, Plan, Point
from gradproof.verdicts.checking.relations import find_relations
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.judging.calling import call_gradient
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judgement import STRUCTURAL
from gradproof.verdicts.judging.user_gradient import UserGradient

_ROWS = ("left out", "resampled", "repeated", "permuted")

_PARTS = 4
"""Where not all that data is can be broken at once, so many single things are."""

_NEAR = (0.05, 0.002)
"""How near to the user's numbers a point is drawn where the loss has no gradient further off."""

_SIGNS = {"positive", "not-negative", "no-zero"}


def known_of(gradient: UserGradient, given: Place, terms: Terms, fixed: frozenset[str]) -> KnownData:
    """Find out what the data is: how each array is, what it indexes, and how arrays belong together."""
    bounds = dict(index_bounds(given, lambda place: _runs(gradient, place, terms)))
    held = held_by(gradient.scenario.loss, gradient.function)
    data = {n: View(n, array, parameter=False, bound=bounds.get(n)) for n, array in given.batch.items()}
    params = {n: View(n, array, parameter=True) for n, array in given.params.items()}
    relations = find_relations(list(data.values()), held)
    return KnownData(data, params, relations, fixed, whole_lengths(held))


def _runs(gradient: UserGradient, place: Place, terms: Terms) -> bool:
    try:
        gradient.loss_value(place)
        call_gradient(gradient, place, terms.formats, terms.takes)
    except GradproofError:
        return False
    return True


def candidates(trials: Trials, number: int, plan: Plan, broken: Items) -> Iterator[Point]:
    """Draw a point, and then more cautious ones, in case that the loss has no gradient there.

    Args:
        trials: whose gradient, and what draws.
        number: of the plan, which makes its points differ from others.
        plan: what kind of point.
        broken: what need not be kept.
    """
    random = np.random.default_rng([trials.seed, number, 1])  # never what default_rng(0) gives a user
    data = plan.phase is not Phase.PARAMETERS
    cautiously = f"{plan.label}, as far as the loss allows"

    def drawn(how: Draw, broken: Items, label: str, must: Item | None = None) -> Iterator[Point]:
        place = trials.drawer.draw(how, broken, random, data=data, must=must)
        if place is not None:
            yield Point(place, label, trials.seed, plan.usual)

    if plan.rows:
        yield from _with_rows_moved(trials, number, plan, random)
    yield from drawn(plan.how, broken, plan.label)
    if plan.phase is Phase.NATURES and broken:
        parts = np.array(sorted(broken, key=Item.told), dtype=object)
        for item in random.permutation(parts)[:_PARTS]:
            yield from drawn(plan.how, trials.drawer.known.broken_with(item) & broken, plan.label, item)
        # The loss may bind the parameters (thresholds in their order, say), and the data not at all.
        for point in drawn(plan.how, broken, plan.label):
            yield replace(point, place=Place(trials.drawer.given.params, point.place.batch))
        return
    calm = Draw(centred=False, integers=plan.how.integers, levels=plan.how.levels, tied=True)
    yield from drawn(calm, frozenset(item for item in broken if item.slug not in _SIGNS), cautiously)
    for near in _NEAR:
        yield from drawn(Draw(near=near), frozenset(), cautiously)


def _with_rows_moved(trials: Trials, number: int, plan: Plan, random: Random) -> Iterator[Point]:
    first = number // len(PLANS) % len(_ROWS)
    for kind in (*_ROWS[first:], *_ROWS[:first]):
        place = trials.drawer.rows(plan.how, frozenset(), random, kind)
        if place is None:
            continue
        point = Point(place, f"with rows {kind}", trials.seed, plan.usual)
        try:
            found = trials.judged(point)
        except GradproofError:
            continue  # code that is written for so many rows is no error
        if found is not None and not any(finding.kind in STRUCTURAL for finding in found.findings):
            yield point
