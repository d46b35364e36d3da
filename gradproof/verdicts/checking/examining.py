"""Examining a gradient at one point: as a formula and in floating point, and what both lead to."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.truth import Truth, exact_gradient
from gradproof.verdicts.checking.agreement import as_floats
from gradproof.verdicts.checking.calling import FRAMEWORKS, Called, call_gradient
from gradproof.verdicts.checking.findings import CheckFinding
from gradproof.verdicts.checking.floating import Floating, judge_floating, rounded
from gradproof.verdicts.checking.formula import Formula, check_formula
from gradproof.verdicts.checking.points import Point
from gradproof.verdicts.checking.subject import Place, Subject
from gradproof.verdicts.verdict import Verdict

Array = NDArray[Any]

STRUCTURAL = {"none", "not-a-mapping", "missing-parameter", "wrong-shape"}
"""Findings after which a gradient is none of these parameters, whatever its numbers."""


_CONSTANTS = (
    "Some entries agree in fewer than 15 digits, which is explained by constants of the code being doubles: "
    "0.1 and 1/3 are not the numbers that they stand for."
)


@dataclass(frozen=True)
class Examined:
    """What was found at one point.

    Attributes:
        point: where.
        verdict: of the formula and its evaluation together.
        reason: why it is not EQUAL; empty if there is nothing to say.
        formula: what is said of the formula; None where it was not asked for.
        floating: what is said of the floating-point result; None where it was not needed.
        findings: what else was noticed.
        called: how the gradient was called in floating point.
    """

    point: Point
    verdict: Verdict
    reason: str
    formula: Formula | None
    floating: Floating | None
    findings: tuple[CheckFinding, ...]
    called: Called

    @property
    def claims(self) -> Mapping[str, NDArray[Any]]:
        """What was claimed, by parameter: balls where the formula was certified, else floats."""
        if self.formula is not None and self.formula.certified:
            return self.formula.claims
        return self.called.values


def examine(subject: Subject, point: Point, dtype: str, takes: str | None = None) -> Examined:
    """Examine a gradient at the user's point.

    Args:
        subject: whose gradient.
        point: where.
        dtype: what its floating-point result is judged by.
        takes: the arrays that it wants, if known.

    Raises:
        InputError: the gradient raises, or the loss cannot be worked with.
    """
    called = call_gradient(subject, point.place, dtype, takes)
    found = [*called.findings]
    if called.dtype != dtype:
        found.append(
            CheckFinding(
                "lower-precision",
                f"The gradient was asked for in {dtype} and gives {called.dtype}, so it is judged as "
                f"{called.dtype}.",
            )
        )
    truth = exact_gradient(subject.loss, point.place.params, point.place.batch)
    formula = formula_of(subject, point.place, called, truth)
    floating = None
    if called.values:
        near = rounded(point.place, dtype)
        same = same_place(near, point.place)
        floating = judge_floating(subject, near, called.values, called.dtype, truth if same else None)
        found += _not_finite(called.values)
    if formula is not None and not formula.certified:
        found.append(
            CheckFinding("not-certified", _sentence(f"The formula was not certified: {formula.reason}"))
        )
    if formula is not None and formula.constants:
        found.append(CheckFinding("constants", _CONSTANTS))
    verdict, reason = decide(formula, floating, [*called.findings])
    return Examined(point, verdict, reason, formula, floating, tuple(found), called)


def formula_of(subject: Subject, place: Place, called: Called, truth: Truth) -> Formula | None:
    """Check the formula, if the code is plain NumPy."""
    if called.takes != "numpy" or called.gives != "numpy":
        which = called.takes.partition("-")[0] if called.takes != "numpy" else called.gives
        reason = f"it works with {FRAMEWORKS[which]}, which do not run on certified balls"
        return Formula(None, truth, {}, {}, reason)
    if any(finding.kind in {"none", "not-a-mapping"} for finding in called.findings):
        return None
    return check_formula(subject, place, truth)


def decide(
    formula: Formula | None, floating: Floating | None, findings: list[CheckFinding]
) -> tuple[Verdict, str]:
    """Give the verdict at a point that formula, floating-point result and findings lead to."""
    for finding in findings:
        if finding.kind in STRUCTURAL:
            return Verdict.WRONG, finding.text
    if formula is None or not formula.certified:
        return _decide_by_floats(formula, floating)
    loses = floating is not None and floating.loses_digits and not _blameless(formula, floating)
    if formula.verdict is Verdict.UNDECIDED and loses:
        assert floating is not None  # noqa: S101 - it loses digits
        return Verdict.WRONG, f"{_sentence(formula.reason)} {floating.text}"
    if formula.verdict in {Verdict.EQUAL, Verdict.KINK} and loses:
        assert floating is not None  # noqa: S101 - likewise
        return Verdict.INACCURATE, f"The formula is right, but its evaluation loses digits. {floating.text}"
    assert formula.verdict is not None  # noqa: S101 - it is certified
    return formula.verdict, _sentence(formula.reason)


def _blameless(formula: Formula, floating: Floating) -> bool:
    """Whether a floating-point result that is off is off for no fault of its own."""
    if floating.verdict is Verdict.NOT_FINITE:
        # Where the loss has no gradient, there is no right number either.
        return not formula.truth.complete and not formula.truth.kinks
    if formula.verdict is not Verdict.KINK:
        return False
    # At a kink it is as good as the formula that it evaluates, whatever branch the truth follows.
    half = np.sqrt(FORMATS[floating.dtype].unit_roundoff)
    pairs = [(as_floats(each.claimed), floating.values.get(name)) for name, each in formula.agreement.items()]
    return all(ours is not None and np.allclose(ours, claimed, rtol=half) for claimed, ours in pairs)


def _decide_by_floats(formula: Formula | None, floating: Floating | None) -> tuple[Verdict, str]:
    """Judge by the floating-point result alone."""
    why = "" if formula is None else f"Judged in floating point alone: {formula.reason}."
    if floating is None:
        return Verdict.UNDECIDED, why or "There is no result to judge."
    if floating.verdict is Verdict.NOT_FINITE and formula is not None and _blameless(formula, floating):
        return Verdict.UNDECIDED, f"{why} {' '.join(formula.truth.reasons)}".strip()
    if floating.loses_digits:
        return Verdict.WRONG, f"{why} {floating.text}".strip()
    if floating.verdict is Verdict.UNDECIDED:
        return Verdict.UNDECIDED, f"{why} {_sentence(floating.reason)}".strip()
    if floating.verdict is Verdict.KINK:
        return Verdict.KINK, f"{why} {_sentence(floating.reason)}".strip()
    return Verdict.AGREES, f"{why} {floating.text}".strip()


def _not_finite(values: Mapping[str, Array]) -> list[CheckFinding]:
    findings = []
    for name, value in values.items():
        bad = np.argwhere(~np.isfinite(value))
        if len(bad):
            index = ",".join(str(int(i)) for i in bad[0])
            entry = f"{name}[{index}]" if index else name
            count = f"{len(bad)} of {value.size} entries are not finite"
            text = f"The gradient of {entry} is {value[tuple(bad[0])]}; {count}."
            findings.append(CheckFinding("not-finite", text, parameter=name))
    return findings


def same_place(a: Place, b: Place) -> bool:
    """Whether two places hold the same numbers."""
    pairs = [(a.params[n], b.params[n]) for n in a.params] + [(a.batch[n], b.batch[n]) for n in a.batch]
    return all(np.array_equal(x, y) for x, y in pairs)


def _sentence(text: str) -> str:
    """Write a reason as a sentence."""
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "!", "?")) else ".") if text else ""
