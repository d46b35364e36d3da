"""Looking for a point of the check's own at which a gradient is wrong."""

from dataclasses import dataclass, field

import numpy as np

from gradproof.errors import GradproofError, InputError
from gradproof.verdicts.checking.own import Terms, judge_own
from gradproof.verdicts.checking.points import Point, cautious, more_examples, own_points
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Place
from gradproof.verdicts.judging.judgement import STRUCTURAL, Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
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
        worst: what is said at the first point at which the gradient does not pass, else at the first at which
            only its evaluation loses digits; None if there is neither.
        point: that point.
        findings: what else was noticed.
        tally: what became of the points.
    """

    worst: Judgement | None
    point: Point | None
    findings: tuple[CheckFinding, ...]
    tally: Tally


def search_points(gradient: UserGradient, given: Place, count: int, seed: int, terms: Terms) -> Searched:
    """Judge a gradient at points of the check's own, until one proves it wrong.

    Args:
        gradient: whose.
        given: the user's point, whose shapes, scales and natures of data the points have.
        count: how many points.
        seed: what they are drawn with.
        terms: on which terms, as the user's point showed them.
    """
    tally = Tally(asked=count)
    findings: dict[str, CheckFinding] = {}
    inaccurate: tuple[Judgement | None, Point | None] = (None, None)
    entries = sum(array.size for arrays in (given.params, given.batch) for array in arrays.values())
    allowed = min(count, max(1, _ENTRIES // max(entries, 1))) if count else 0
    tally.left_out = count - allowed
    single = more_examples(given, seed) if count else None
    if single is not None:
        found, finding = _with_more_examples(gradient, single, terms)
        findings |= {finding.kind: finding} if finding else {}
        if found is not None:
            return Searched(found, single, tuple(findings.values()), tally)
    for number, drawn in enumerate(own_points(given, allowed, seed)):
        point = _in_domain(gradient, given, drawn, number)
        found = None if point is None else _judged(gradient, point, terms, tally)
        if found is None:
            tally.dropped += point is None
            continue
        findings |= {finding.kind: finding for finding in found.findings if not finding.fails}
        if found.verdict is Verdict.UNDECIDED:
            tally.undecided += 1
            continue
        tally.checked += 1
        if not found.ok:
            return Searched(found, point, tuple(findings.values()), tally)
        if found.verdict is Verdict.INACCURATE and inaccurate[0] is None:
            inaccurate = found, point
    return Searched(*inaccurate, tuple(findings.values()), tally)


def _in_domain(gradient: UserGradient, given: Place, point: Point, number: int) -> Point | None:
    """Give the point, or a more cautious one if the loss is not finite there; None if it is not either."""
    for candidate in (point, cautious(given, point, number)):
        try:
            if np.isfinite(gradient.loss_value(candidate.place)):
                return candidate
        except InputError:
            continue
    return None


def _judged(gradient: UserGradient, point: Point, terms: Terms, tally: Tally) -> Judgement | None:
    try:
        found = judge_own(gradient, point, terms)
    except GradproofError as error:
        tally.raised.append(str(error))
        return None
    tally.dropped += found is None
    return found


def _with_more_examples(
    gradient: UserGradient, point: Point, terms: Terms
) -> tuple[Judgement | None, CheckFinding | None]:
    """Judge a gradient with several examples where one was given: what is wrong, and what is to be said."""
    untold = CheckFinding(
        "one-example",
        "There is one example, so a mean over the examples cannot be told from a sum, and the loss or its "
        "gradient does not run with more of them. Check again with two examples or more.",
    )
    try:
        if not np.isfinite(gradient.loss_value(point.place)):
            return None, untold
        found = judge_own(gradient, point, terms)
    except GradproofError:
        return None, untold
    if found is None or found.verdict is Verdict.UNDECIDED:
        return None, untold
    if any(finding.kind in STRUCTURAL for finding in found.findings):
        # Code that is written for one example gives another shape for more of them: that is no error.
        return None, untold
    return (None if found.verdict.passes else found), None
