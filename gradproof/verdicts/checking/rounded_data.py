"""Data that is what it is up to rounding: rows of float32 sum to one to 7 digits, those of float64 to 16.

A formula that rests on it (softmax minus target) is right to as much. So a gradient that is wrong at the
user's own point is judged once more where the data is what it is to all digits of float64, at the nearest
place. Nothing is taken from the rule: what is wrong there, too, is wrong.

Where it is not known what the data is up to rounding, that place is not to be had. Then the data is moved: an
error that comes of its rounding grows as the data moves away from what it is, and any other stays as it is.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import floor, log10

import numpy as np

from gradproof.errors import GradproofError
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.verdicts.checking.drawing import Draw
from gradproof.verdicts.checking.held import held_by
from gradproof.verdicts.checking.looking import Array, format_of, whole
from gradproof.verdicts.checking.places import Drawer, KnownData
from gradproof.verdicts.checking.relations import Relation, find_relations
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.tolerances import DATA_UNITS
from gradproof.verdicts.verdict import CODE, Verdict

UNKNOWN_LAW = "rounded-law"
"""The kind of the finding that tells of data which obeys an unknown law up to rounding."""

MOVED = 2.0**-10
"""How far, relative, data is moved to see whether an error grows."""

_MOVES, _FAR = 3, 16
_STILL = {"constant", "pattern"}

_ERRORS = frozenset({Verdict.WRONG, Verdict.DISAGREES, Verdict.INACCURATE})


def judged_with_rounded_data(found: Judgement, gradient: UserGradient, formats: RunFormats) -> Judgement:
    """Judge a gradient that does not pass once more, where data is to all digits what it is up to rounding.

    Args:
        found: what is said of it at the user's own point.
        gradient: whose.
        formats: what its floating-point result is judged in.

    Returns:
        what was found, or what is said there, with a finding that tells the data.
    """
    place = found.claimed.place
    if found.verdict not in _ERRORS or any(finding.fails for finding in found.findings):
        return found
    views = [View(name, array, parameter=False) for name, array in place.batch.items()]
    views += [View(name, array, parameter=True) for name, array in place.params.items()]
    held = held_by(gradient.scenario.loss, gradient.function)
    found_relations = find_relations([view for view in views if not view.parameter], held)
    relations = [relation for relation in found_relations if not _is_exact(relation, place)]
    what = [told for view in views for told in view.rounded] + [relation.told() for relation in relations]
    if not what:
        return _with_an_unknown_law(found, gradient, formats, found_relations, rounding_of(place)) or found
    there = _to_all_digits(place, views, relations)
    try:
        again = judge_at(gradient, there, formats)
    except GradproofError:  # it does not take arrays of float64, say: then nothing is known of it there
        return found
    if again.is_up_to_rounded_data:
        again = _equal(again)
    if not again.ok:
        explained = _with_an_unknown_law(again, gradient, formats, found_relations, rounding_of(place))
        if explained is None:
            return found
        again = explained
    text = (
        f"The last digits are explained by data that is what it is up to rounding: {', '.join(what)}"
        f"{_how_far(place, there)}."
    )
    findings = (*again.findings, CheckFinding("rounded-data", text))
    return replace(again, reason="", findings=findings)


def _is_exact(relation: Relation, place: Place) -> bool:
    derived = _derived(relation, place.batch)
    return relation.way.exact and derived is not None and np.array_equal(derived, relation.given)


def _derived(relation: Relation, batch: Mapping[str, Array]) -> Array | None:
    """Compute an array from others in float64, whatever its own dtype is."""
    given = relation.given
    wide = given.astype(np.float64) if given.dtype.kind == "f" else given
    return replace(relation, given=wide).derived(batch)


def _to_all_digits(place: Place, views: Sequence[View], relations: Sequence[Relation]) -> Place:
    """Give the nearest place at which data is to all digits what it is up to rounding."""
    arrays = {view.name: view.to_all_digits for view in views}
    batch = {name: arrays[name] for name in place.batch}
    for relation in relations:
        exact = _derived(relation, batch)
        batch[relation.target] = batch[relation.target] if exact is None else exact
    return Place({name: arrays[name] for name in place.params}, batch)


def _how_far(place: Place, there: Place) -> str:
    """Tell to how many digits data is what it is, where these are fewer than float64 has."""
    pairs = [
        (array.astype(np.float64), there.batch.get(name, there.params.get(name, array)).astype(np.float64))
        for name, array in (*place.batch.items(), *place.params.items())
    ]
    moved = [
        float(
            np.max(np.abs(now - before), initial=0.0) / np.max(np.abs(before), initial=np.finfo(float).tiny)
        )
        for before, now in pairs
    ]
    most = max(moved, default=0.0)
    return f" (to {floor(-log10(most))} digits)" if most > np.finfo(float).eps * 4 else ""


def _equal(found: Judgement) -> Judgement:
    equal, wrong = CODE[Verdict.EQUAL], CODE[Verdict.WRONG]
    parameters = {
        name: replace(judged, verdict=np.where(judged.verdict == wrong, equal, judged.verdict))
        for name, judged in found.parameters.items()
    }
    return replace(found, verdict=Verdict.EQUAL, reason="", parameters=parameters)


# -------------------------------------------------------------------- up to what is not known


def _with_an_unknown_law(
    found: Judgement,
    gradient: UserGradient,
    formats: RunFormats,
    relations: Sequence[Relation],
    rounding: float,
) -> Judgement | None:
    """Take a formula for equal whose error comes of the data's rounding alone, which shows as it moves."""

    def judged(place: Place) -> Judgement | None:
        try:
            return judge_at(gradient, place, formats)
        except GradproofError:
            return None

    if not is_of_rounded_data(found, judged, relations, rounding):
        return None
    text = (
        "The last digits are explained by data that obeys a law up to rounding alone, which this check does "
        "not know: the error is what the rounding of its numbers makes of it, and grows by as much more as "
        "they are moved further."
    )
    return replace(_equal(found), findings=(*found.findings, CheckFinding(UNKNOWN_LAW, text)))


def is_of_rounded_data(
    found: Judgement,
    judged: Callable[[Place], Judgement | None],
    relations: Sequence[Relation],
    rounding: float,
) -> bool:
    """Whether a formula is off by no more than the rounding of the data makes of what it rests on.

    Where numbers obey a law up to rounding, a gradient that rests on it is off by about their rounding times
    how fast the gradient changes as they leave the law. An error that does not come of that does not grow.

    Args:
        found: what is said of it.
        judged: judges it at another place; gives None where that cannot be done.
        relations: how arrays of the data follow from others; the data keeps them as it moves.
        rounding: the unit roundoff that the user's data is held in.
    """
    if found.verdict is not Verdict.WRONG:
        return False
    place = found.claimed.place
    grown = dict.fromkeys(found.parameters, 0.0)
    for moved in _moved(place, relations):
        there = judged(moved)
        if there is None or there.verdict is not Verdict.WRONG:
            return False
        for name, each in there.parameters.items():
            grown[name] = max(grown[name], each.wrong_by / MOVED)
        limits = {name: DATA_UNITS * rounding * growth for name, growth in grown.items()}
        if all(each.wrong_by <= limits[name] for name, each in found.parameters.items()):
            return True
    return False


def rounding_of(place: Place) -> float:
    """Give the greatest unit roundoff that numbers of data are held in; 0 where there are none."""
    floats = [array for array in place.batch.values() if array.dtype.kind == "f" and not whole(array)]
    return max((FORMATS[format_of(array)].unit_roundoff for array in floats), default=0.0)


def _moved(place: Place, relations: Sequence[Relation]) -> Iterator[Place]:
    """Give places at which the data is moved by a little, and keeps all that is known of it."""
    batch = {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array
        for name, array in place.batch.items()
    }
    views = {name: View(name, array, parameter=False) for name, array in batch.items()}
    discrete = {name for name, view in views.items() if view.given.dtype.kind != "f" or whole(view.given)}
    discrete |= {n for n, view in views.items() if any(seen.property.slug in _STILL for seen in view.seen)}
    related = [replace(relation, given=batch[relation.target]) for relation in relations]
    drawer = Drawer(Place({}, batch), KnownData(views, {}, related, frozenset(discrete)))
    few = frozenset(item for item in drawer.known.items if item.slug == "few")
    for attempt in range(_MOVES):
        random = np.random.default_rng([attempt, 7])
        drawn = drawer.draw(Draw(near=MOVED), few, random)
        if drawn is not None and any(is_near(drawn, drawer.given, name) for name in batch):
            yield Place(place.params, drawn.batch)
        else:  # nothing nearby is found that keeps all that is known of it
            away = {
                name: array * (1 + MOVED * random.uniform(-1, 1, size=array.shape))
                for name, array in batch.items()
                if name not in discrete
            }
            yield Place(place.params, {**batch, **away})


def is_near(place: Place, given: Place, name: str) -> bool:
    """Whether an array moved, and by a little."""
    before, now = given.batch[name].astype(float), place.batch[name].astype(float)
    if before.shape != now.shape:
        return False
    far = float(np.max(np.abs(now - before), initial=0.0))
    return 0 < far <= _FAR * MOVED * float(np.max(np.abs(before), initial=0.0))
