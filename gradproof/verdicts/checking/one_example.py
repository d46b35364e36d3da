"""Several examples where the user gave one: it hides whether a sum over them is a mean, or taken at all."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from gradproof.errors import GradproofError
from gradproof.verdicts.checking.drawing import Draw
from gradproof.verdicts.checking.explanations import Trials
from gradproof.verdicts.checking.looking import Array
from gradproof.verdicts.checking.places import Drawer
from gradproof.verdicts.checking.points import Point
from gradproof.verdicts.checking.properties import Worth
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Arrays, Place
from gradproof.verdicts.judging.judgement import STRUCTURAL, Judgement
from gradproof.verdicts.verdict import Verdict

_EXAMPLES = 3
_NUMBER = 2_000_000

_HIDDEN = CheckFinding("hidden-by-data", "Hidden by your data: there is one example.")
_UNTOLD = CheckFinding(
    "one-example",
    "There is one example, so a mean over the examples cannot be told from a sum, and the loss or its "
    "gradient does not run with more of them. Check again with two examples or more.",
)


def with_more_examples(trials: Trials) -> tuple[tuple[Judgement, Point] | None, CheckFinding | None]:
    """Judge a gradient with several examples where one was given.

    Returns:
        what fails and where, and what is to be said of it.
    """
    longer = _longer(trials.drawer)
    random = np.random.default_rng([trials.seed, _NUMBER, 15])
    if longer is None:
        return None, None
    place = longer.draw(Draw(), longer.known.of_worth(Worth.ACCIDENT), random)
    if place is None:
        return None, None
    failures = []
    for batch in _with_counts(place.batch):
        label = f"with {_EXAMPLES} examples in place of one"
        point = Point(Place(place.params, batch), label, trials.seed)
        found = _judged(trials, point)
        if found is None:
            return None, _UNTOLD
        if not trials.is_failure(found):
            return None, None
        failures.append((found, point))
    return failures[0], _HIDDEN


def _judged(trials: Trials, point: Point) -> Judgement | None:
    """Judge; None where the code does not run with several examples, or says nothing of them."""
    try:
        found = trials.judged(point)
    except GradproofError:
        return None
    # Code that is written for one example gives another shape for more of them: that is no error.
    misshapen = found is not None and any(finding.kind in STRUCTURAL for finding in found.findings)
    return None if found is None or misshapen or found.verdict is Verdict.UNDECIDED else found


def _longer(drawer: Drawer) -> Drawer | None:
    """Draw with several examples; None where the user gave several, or none."""
    given, known = drawer.given, drawer.known
    held = {relation.target for relation in known.relations if relation.held is not None}
    stay = held | known.fixed
    if {len(array) for array in given.batch.values() if array.ndim} != {1}:
        return None

    def long(name: str, array: Array) -> Array:
        return np.concatenate([array] * _EXAMPLES) if array.ndim and name not in stay else array

    longer = {name: long(name, array) for name, array in given.batch.items()}
    data = {name: replace(v, given=longer[name], looked_at=v.given) for name, v in known.data.items()}
    relations = [replace(relation, given=longer[relation.target]) for relation in known.relations]
    others = replace(known, data=data, relations=relations, fixed=frozenset(stay))
    return Drawer(Place(given.params, longer), others)


def _with_counts(batch: Arrays) -> Iterator[Arrays]:
    """Give a batch, and where numbers in it may count its examples, the batch with these counted anew."""
    yield batch
    counts = {name: np.full_like(a, _EXAMPLES) for name, a in batch.items() if a.ndim == 0 and a == 1}
    if counts:
        yield {**batch, **counts}
