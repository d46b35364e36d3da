"""Data that is what it is up to rounding: rows of float32 sum to one to 7 digits, those of float64 to 16.

A formula that rests on it (softmax minus target) is right to as much. So a gradient that is wrong at the
user's own point is judged once more where the data is what it is to all digits of float64, at the nearest
place. Nothing is taken from the rule: what is wrong there, too, is wrong.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import floor, log10

import numpy as np

from gradproof.errors import GradproofError
from gradproof.verdicts.checking.held import held_by
from gradproof.verdicts.checking.looking import Array
from gradproof.verdicts.checking.relations import Relation, find_relations
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judge import judge_at
from gradproof.verdicts.judging.judgement import Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.verdict import CODE, Verdict

_ERRORS = frozenset({Verdict.WRONG, Verdict.DISAGREES, Verdict.INACCURATE})


def judged_with_rounded_data(found: Judgement, gradient: UserGradient, dtype: str) -> Judgement:
    """Judge a gradient that does not pass once more, where data is to all digits what it is up to rounding.

    Args:
        found: what is said of it at the user's own point.
        gradient: whose.
        dtype: what its floating-point result is judged in.

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
        return found
    there = _to_all_digits(place, views, relations)
    try:
        again = judge_at(gradient, there, dtype)
    except GradproofError:  # it does not take arrays of float64, say: then nothing is known of it there
        return found
    if again.is_up_to_rounded_data:
        again = _equal(again)
    if not again.ok:
        return found
    text = (
        f"The last digits are explained by data that is what it is up to rounding: {', '.join(what)}"
        f"{_how_far(place, there)}."
    )
    findings = (*found.findings, CheckFinding("rounded-data", text))
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
