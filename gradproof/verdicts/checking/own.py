"""Judging a gradient at a point of the check's own.

There the numbers are nobody's: a right formula may well lose digits at some of them, to saturation or
cancellation. So a formula is judged by proof, as everywhere, but a floating-point result only by errors that
matter beside the gradient that the user's own point has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gradproof.reference.norms import with_norms
from gradproof.reference.numbers import Balls
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.special_points import ROUND, kinks
from gradproof.reference.tape import differentiate
from gradproof.reference.truth import Truth
from gradproof.verdicts.checking.points import Point
from gradproof.verdicts.judging.check_findings import CheckFinding
from gradproof.verdicts.judging.claimed import Claimed
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.judging.floats import Floats
from gradproof.verdicts.judging.formulas import USUAL
from gradproof.verdicts.judging.judge import claim, judge
from gradproof.verdicts.judging.judgement import STRUCTURAL, Judgement
from gradproof.verdicts.judging.user_gradient import UserGradient
from gradproof.verdicts.verdict import Verdict


@dataclass(frozen=True, eq=False)
class Terms:
    """On which terms a gradient is judged, as the user's point showed them.

    Attributes:
        formats: what its floating-point result is judged by.
        takes: the arrays that it wants.
        scales: by parameter, the greatest entry of the true gradient at the user's point.
        rounded: the unit roundoff of the data there, if the gradient was off by what that explains; else 0.
    """

    formats: RunFormats
    takes: str
    scales: Mapping[str, float]
    rounded: float = 0.0


def judge_own(
    gradient: UserGradient, point: Point, terms: Terms, *, for_show: bool = False
) -> Judgement | None:
    """Judge a gradient at a point of the check's own; None where the loss has no gradient there.

    Where numbers are of usual size, few digits mostly suffice for a verdict, in half of the time.

    Args:
        gradient: whose.
        point: where.
        terms: on which terms.
        for_show: whether all digits are wanted, to be shown.

    Raises:
        InputError: the gradient raises there.
    """
    few = point.usual and not for_show
    near = point.place.rounded(terms.formats)
    evidence = PlaceEvidence(gradient.loss, point.place, terms.formats, near, sharp_is_enough=few)
    truth = evidence.truth
    if not truth.complete and not truth.kinks:
        return None
    precision = truth.precision if few else max(truth.precision, USUAL)
    claimed = claim(gradient, point.place, terms.formats, terms.takes, precision)
    if claimed.formats != terms.formats:
        evidence = PlaceEvidence(gradient.loss, point.place, claimed.formats, claimed.near)
    if _divides_by_a_norm_of_0(claimed, evidence):
        return None
    if claimed.certified and _is_close(claimed, truth):
        # Right to half of its digits: nothing needs judging but the formula.
        claimed = replace(claimed, floats={})
    found = judge(claimed, evidence)
    if not terms.rounded:
        found = replace(found, findings=(*found.findings, *_digits_lost(point, found.floats)))
    if claimed.formula is None or any(finding.kind in STRUCTURAL for finding in found.findings):
        return found
    return replace(found, verdict=_verdict(found, point, evidence.near, terms.scales))


def _verdict(found: Judgement, point: Point, near: PlaceEvidence, scales: Mapping[str, float]) -> Verdict:
    """Give the verdict, floating-point errors counting only where they matter."""
    floats = found.floats
    if floats is None or not floats.loses or found.verdict is Verdict.WRONG:
        return found.verdict
    if floats.verdict is Verdict.INACCURATE:
        # What a textbook's formula loses at numbers of the check's own is worth a note, and no more.
        of_floats = found.verdict is Verdict.INACCURATE and not found.certified
        return Verdict.AGREES if of_floats else _without_loss(found.verdict)
    matters = point.usual and _matters(floats, near.truth, scales)
    if found.verdict is Verdict.INACCURATE:
        return found.verdict if matters else _without_loss(found.verdict)
    # Where the formula is not decided, rounding may take another branch: only what is not finite tells.
    tells = floats.verdict is Verdict.NOT_FINITE or not found.certified
    return found.verdict if matters and tells else Verdict.UNDECIDED


def _without_loss(verdict: Verdict) -> Verdict:
    """Give the verdict of a formula whose lost digits do not count."""
    return Verdict.EQUAL if verdict is Verdict.INACCURATE else verdict


def _matters(floats: Floats, truth: Truth, scales: Mapping[str, float]) -> bool:
    """Whether some error is more than half of the dtype's digits of the gradient's usual size."""
    if floats.verdict is Verdict.NOT_FINITE:
        # In a narrow format numbers overflow on the way that the user's point would never meet.
        return floats.dtype == "float64" and truth.complete
    for name, assessed in floats.assessed.items():
        half = _half(assessed.path)
        exact = truth.gradients[name].values()
        size = max(scales.get(name, 0.0), float(np.max(np.abs(exact), initial=0.0)))
        if float(np.max(assessed.least, initial=0.0)) > half * size:
            return True
    return False


def _digits_lost(point: Point, floats: Floats | None) -> list[CheckFinding]:
    if floats is None or not floats.loses_half:
        return []
    if floats.verdict is Verdict.INACCURATE and not point.usual:
        return []  # at extreme numbers textbooks' formulas do
    text = (
        f"At a point of the check's own ({point.label}) the evaluation loses most of its digits, to "
        f"saturation, overflow or cancellation. {floats.text}"
    )
    return [CheckFinding("loses-digits", text)]


def _half(dtype: str) -> float:
    """The relative error that leaves half of a dtype's digits."""
    return float(np.sqrt(FORMATS[dtype].unit_roundoff))


def _divides_by_a_norm_of_0(claimed: Claimed, evidence: PlaceEvidence) -> bool:
    """Whether a gradient is no number where a norm in the loss is exactly 0.

    x / |x|, as the textbook has it, is none there. At the user's own point that is told; no user's code is
    accused of it at a point that the check itself draws (two examples that are equal, say).
    """
    if all(np.all(np.isfinite(value)) for value in claimed.floats.values()):
        return False
    place, found = evidence.place, []
    for loss in (evidence.loss, with_norms(evidence.loss)):
        tape = differentiate(loss, place.params, place.batch, Balls(evidence.truth.precision)).tape
        found.append({(kink.operation, kink.source) for kink in kinks(tape, np.ones(1, dtype=bool))})
    written, as_norms = found
    # A root of a square is |x| as a norm, and no kink of its own as it is written.
    return any(kink[0] in ROUND or kink not in written for kink in as_norms)


def _is_close(claimed: Claimed, truth: Truth) -> bool:
    """Whether floating-point results are right to half of their digits."""
    for name, value in claimed.floats.items():
        half = _half(claimed.formats.of_param(name))
        exact = truth.gradients[name].values()[0, ...]
        with np.errstate(all="ignore"):
            if not np.all(np.abs(value - exact) <= half * np.abs(exact)):
                return False
    return True
