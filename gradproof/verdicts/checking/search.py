"""Looking for a point at which a gradient is wrong, and for the cause."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import GradproofError, InputError
from gradproof.verdicts import causes
from gradproof.verdicts.causes import Cause
from gradproof.verdicts.checking.examining import STRUCTURAL, Examined
from gradproof.verdicts.checking.findings import CheckFinding
from gradproof.verdicts.checking.floating import rounded
from gradproof.verdicts.checking.own import Terms, examine_own
from gradproof.verdicts.checking.points import Point, cautious, more_examples, own_points
from gradproof.verdicts.checking.subject import Place, Subject
from gradproof.verdicts.verdict import Verdict

_ENTRIES = 400_000
"""So many entries of parameters and data are looked at in points of the check's own, all points together."""


@dataclass
class Tally:
    """What became of the check's own points.

    Attributes:
        asked: how many were asked for.
        checked: points at which the gradient was judged.
        dropped: points outside the loss's domain, where it has no gradient.
        undecided: points at which no verdict was reached.
        raised: points at which the gradient raised, with what it said first.
        left_out: points that were not drawn, because the arrays are large.
    """

    asked: int = 0
    checked: int = 0
    dropped: int = 0
    undecided: int = 0
    left_out: int = 0
    raised: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Tell the counts in words."""
        if not self.asked:
            return "no points of its own"
        parts = [f"{self.checked} points of its own"]
        if self.dropped:
            parts.append(f"{self.dropped} dropped (outside the loss's domain)")
        if self.undecided:
            parts.append(f"{self.undecided} undecided")
        if self.raised:
            parts.append(f"{len(self.raised)} at which the gradient raised")
        if self.left_out:
            parts.append(f"{self.left_out} left out (the arrays are large)")
        return ", ".join(parts)


@dataclass(frozen=True)
class Searched:
    """What was found at the check's own points.

    Attributes:
        worst: the first point at which the gradient is wrong, else the first at which it is inaccurate.
        findings: what else was noticed.
        tally: what became of the points.
    """

    worst: Examined | None
    findings: tuple[CheckFinding, ...]
    tally: Tally


def search_points(subject: Subject, given: Place, count: int, seed: int, terms: Terms) -> Searched:
    """Examine a gradient at points of the check's own, until one proves it wrong.

    Args:
        subject: whose gradient.
        given: the user's point, whose shapes, scales and kinds of data the points have.
        count: how many points.
        seed: what they are drawn with.
        terms: on which terms, as the user's point showed them.
    """
    tally = Tally(asked=count)
    findings: dict[str, CheckFinding] = {}
    inaccurate: Examined | None = None
    entries = sum(array.size for arrays in (given.params, given.batch) for array in arrays.values())
    allowed = min(count, max(1, _ENTRIES // max(entries, 1))) if count else 0
    tally.left_out = count - allowed
    single = more_examples(given, seed) if count else None
    if single is not None:
        examined, finding = _with_more_examples(subject, single, terms)
        findings |= {finding.kind: finding} if finding else {}
        if examined is not None:
            return Searched(examined, tuple(findings.values()), tally)
    for number, drawn in enumerate(own_points(given, allowed, seed)):
        point = _in_domain(subject, given, drawn, number)
        examined = None if point is None else _examined(subject, point, terms, tally)
        if examined is None:
            tally.dropped += point is None
            continue
        findings |= {finding.kind: finding for finding in examined.findings if not finding.fails}
        if examined.verdict is Verdict.UNDECIDED:
            tally.undecided += 1
            continue
        tally.checked += 1
        if examined.verdict is Verdict.WRONG or any(finding.fails for finding in examined.findings):
            return Searched(examined, tuple(findings.values()), tally)
        if examined.verdict is Verdict.INACCURATE:
            inaccurate = inaccurate or examined
    return Searched(inaccurate, tuple(findings.values()), tally)


def _in_domain(subject: Subject, given: Place, point: Point, number: int) -> Point | None:
    """Give the point, or a more cautious one if the loss is not finite there; None if it is not either."""
    for candidate in (point, cautious(given, point, number)):
        try:
            if np.isfinite(subject.loss_value(candidate.place)):
                return candidate
        except InputError:
            continue
    return None


def _examined(subject: Subject, point: Point, terms: Terms, tally: Tally) -> Examined | None:
    try:
        examined = examine_own(subject, point, terms)
    except GradproofError as error:
        tally.raised.append(str(error))
        return None
    tally.dropped += examined is None
    return examined


def _with_more_examples(
    subject: Subject, point: Point, terms: Terms
) -> tuple[Examined | None, CheckFinding | None]:
    """Examine a gradient with several examples where one was given: what is wrong, and what is to be said."""
    untold = CheckFinding(
        "one-example",
        "There is one example, so a mean over the examples cannot be told from a sum, and the loss or its "
        "gradient does not run with more of them. Check again with two examples or more.",
    )
    try:
        if not np.isfinite(subject.loss_value(point.place)):
            return None, untold
        examined = examine_own(subject, point, terms)
    except GradproofError:
        return None, untold
    if examined is None or examined.verdict is Verdict.UNDECIDED:
        return None, untold
    if any(finding.kind in STRUCTURAL for finding in examined.findings):
        # Code that is written for one example gives another shape for more of them: that is no error.
        return None, untold
    return (examined if examined.verdict is Verdict.WRONG else None), None


def find_cause(subject: Subject, examined: Examined, learning_rate: float | None) -> Cause | None:
    """Find the change of the true gradient that gives the wrong one; None if none explains it."""
    place, claims = _claimed(examined)
    if not claims:
        return None
    return causes.find_cause(subject.loss, place.params, place.batch, claims, learning_rate=learning_rate)


def difference(subject: Subject, examined: Examined) -> str:
    """Say which entries are off, where no cause is found."""
    place, claims = _claimed(examined)
    return causes.describe_difference(subject.loss, place.params, place.batch, claims) if claims else ""


def _claimed(examined: Examined) -> tuple[Place, dict[str, NDArray[Any]]]:
    """Give the point and what was claimed there: balls, or floats of the dtype that they were computed in."""
    place, dtype = examined.point.place, examined.called.dtype
    claims = {name: claim for name, claim in examined.claims.items() if name in place.params}
    if examined.formula is not None and examined.formula.certified:
        return place, claims
    return rounded(place, dtype), {name: claim.astype(dtype) for name, claim in claims.items()}
