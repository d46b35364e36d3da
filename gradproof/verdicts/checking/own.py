"""Examining a gradient at a point of the check's own.

There the numbers are nobody's: a right formula may well lose digits at some of them, to saturation or
cancellation. So a formula is judged by proof, as everywhere, but a floating-point result only by errors that
matter beside the gradient that the user's own point has.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.truth import Truth, exact_gradient
from gradproof.verdicts.checking.calling import call_gradient
from gradproof.verdicts.checking.examining import STRUCTURAL, Examined, decide, formula_of, same_place
from gradproof.verdicts.checking.findings import CheckFinding
from gradproof.verdicts.checking.floating import Array, Floating, judge_floating, rounded
from gradproof.verdicts.checking.points import Point
from gradproof.verdicts.checking.subject import Subject
from gradproof.verdicts.verdict import Verdict


@dataclass(frozen=True)
class Terms:
    """On which terms a gradient is examined, as the user's point showed them.

    Attributes:
        dtype: what its floating-point result is judged by.
        takes: the arrays that it wants.
        scales: by parameter, the greatest entry of the true gradient at the user's point.
    """

    dtype: str
    takes: str
    scales: Mapping[str, float]


def examine_own(subject: Subject, point: Point, terms: Terms) -> Examined | None:
    """Examine a gradient at a point of the check's own; None where the loss has no gradient there.

    Args:
        subject: whose gradient.
        point: where.
        terms: on which terms.

    Raises:
        InputError: the gradient raises there.
    """
    truth = exact_gradient(subject.loss, point.place.params, point.place.batch)
    if not truth.complete and not truth.kinks:
        return None
    called = call_gradient(subject, point.place, terms.dtype, terms.takes)
    formula = formula_of(subject, point.place, called, truth)
    certified = formula is not None and formula.certified
    floating = None
    if called.values and not (certified and _close(called.values, truth, called.dtype)):
        near = rounded(point.place, terms.dtype)
        known = truth if same_place(near, point.place) else None
        floating = judge_floating(subject, near, called.values, called.dtype, known)
    findings = list(called.findings)
    verdict, reason = decide(formula, floating, findings)
    found = Examined(
        point, verdict, reason, formula, floating, (*findings, *_digits_lost(point, floating)), called
    )
    if formula is None or any(finding.kind in STRUCTURAL for finding in findings):
        return found
    return replace(found, verdict=_verdict(found, truth, terms.scales))


def _verdict(found: Examined, truth: Truth, scales: Mapping[str, float]) -> Verdict:
    """Give the verdict, floating-point errors counting only where they matter."""
    formula, floating = found.formula, found.floating
    matters = floating is not None and found.point.usual and _matters(floating, truth, scales)
    if formula is None or formula.verdict is Verdict.WRONG:
        return found.verdict
    if found.verdict is Verdict.INACCURATE and not matters:
        return formula.verdict or Verdict.UNDECIDED
    if found.verdict is Verdict.WRONG:
        # Where the formula is not decided, rounding may take another branch: only what is not finite tells.
        broken = floating is not None and floating.verdict is Verdict.NOT_FINITE
        return Verdict.WRONG if matters and (broken or not formula.certified) else Verdict.UNDECIDED
    return found.verdict


def _matters(floating: Floating, truth: Truth, scales: Mapping[str, float]) -> bool:
    """Whether some error is more than half of the dtype's digits of the gradient's usual size."""
    if floating.verdict is Verdict.NOT_FINITE:
        # In a narrow format numbers overflow on the way that the user's point would never meet.
        return floating.dtype == "float64" and truth.complete
    if not floating.loses_digits:
        return False
    half = np.sqrt(FORMATS[floating.dtype].unit_roundoff)
    for name, evidence in floating.evidence.items():
        size = max(scales.get(name, 0.0), float(np.max(np.abs(evidence.expected), initial=0.0)))
        if name in floating.values and float(np.max(evidence.least_error, initial=0.0)) > half * size:
            return True
    return False


def _digits_lost(point: Point, floating: Floating | None) -> list[CheckFinding]:
    if floating is None or not floating.loses_half:
        return []
    text = (
        f"At a point of the check's own ({point.label}) the evaluation loses most of its digits, to "
        f"saturation, overflow or cancellation. {floating.text}"
    )
    return [CheckFinding("loses-digits", text)]


def _close(values: Mapping[str, Array], truth: Truth, dtype: str) -> bool:
    """Whether floating-point results are right to half of their digits, so that nothing needs judging."""
    half = np.sqrt(FORMATS[dtype].unit_roundoff)
    for name, value in values.items():
        exact = truth.gradients[name].values()[0, ...]
        with np.errstate(all="ignore"):
            if not np.all(np.abs(value - exact) <= half * np.abs(exact)):
                return False
    return True
