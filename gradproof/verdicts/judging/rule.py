"""The one rule that decides: of floats by the rounding noise, of a formula by proof, of both together.

No other place in the package compares an error with a limit; the limits themselves stand in `tolerances`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.truth import Truth
from gradproof.verdicts.judging import kinks
from gradproof.verdicts.judging.claimed import Claimed
from gradproof.verdicts.judging.evidence import Evidence, Known
from gradproof.verdicts.judging.measuring import Agreement, compare_all, digits_of, midpoints
from gradproof.verdicts.tolerances import SPREADS, ZERO_UNITS
from gradproof.verdicts.verdict import SEVERITY, Verdict

Array = NDArray[Any]
Codes = NDArray[np.int8]

CODE = {verdict: np.int8(position) for position, verdict in enumerate(SEVERITY)}
"""The verdicts as positions in `SEVERITY`: of two codes the greater is the worse."""


# -------------------------------------------------------------------- floats


@dataclass(frozen=True, eq=False)
class Assessment:
    """What the rule says of every entry of one parameter at T places; arrays of shape (T, entries).

    Attributes:
        value: what the implementation gave, as float64.
        least: |value - exact| is at least this.
        error: |value - exact| is at most this; infinite for a value that is not finite.
        relative_error: |value - exact| / |exact| is at most this; infinite where the exact value is not told
            from 0, and 0 where both are 0.
        digits: decimal digits of agreement; of an exact 0 beside the greatest entry.
        ulps: errors in units in the last place.
        spreads: errors in spreads of the rounding noise.
        verdict: positions in `SEVERITY`.
    """

    value: Array
    least: Array
    error: Array
    relative_error: Array
    digits: Array
    ulps: Array
    spreads: Array
    verdict: Codes


def assess(value: Array, known: Known, dtype: str) -> Assessment:
    """Judge every entry of floating-point values.

    An entry agrees only if its error is proven to be at most SPREADS · spread, and disagrees only if it is
    proven to be more; written so that a NaN on either side does not pass.

    Args:
        value: what the implementation gave, of shape (T, *parameter).
        known: of the same shape.
        dtype: what the implementation computed in.
    """
    rows = (len(value), -1)
    with known.exact.kind.context():
        difference = known.exact.difference_from(value)
    error, relative, least = (
        bound.reshape(rows) for bound in (difference.upper, difference.relative, difference.lower)
    )
    values, exact = value.astype(np.float64).reshape(rows), known.exact.values().reshape(rows)
    zeros, scale = _zeros(known, relative, dtype)
    # A spread that is not finite tells nothing, but the exact value is rounded in any case: what that alone
    # explains agrees, and nothing can be proven to be more than rounding explains.
    measured, floor = known.spread.reshape(rows), least_spread(exact, dtype)
    floor = np.where(zeros, np.maximum(floor, ZERO_UNITS / SPREADS * _unit(dtype) * scale), floor)
    has_noise = np.isfinite(measured)
    spread = np.where(has_noise, np.maximum(measured, floor), floor)
    with np.errstate(all="ignore"):
        limit = SPREADS * spread
        ratio = np.where(error == 0, 0.0, error / spread)
        units = error / FORMATS[dtype].spacing(exact)
        beside = np.where(zeros, error / scale, relative)
    verdict = np.full(values.shape, CODE[Verdict.UNDECIDED])
    explained = (error <= limit) & np.isfinite(limit)
    verdict[explained] = CODE[Verdict.AGREES]
    # More than half of the dtype's digits are gone where the relative error exceeds √u.
    verdict[explained & ~(beside <= np.sqrt(_unit(dtype)))] = CODE[Verdict.ILL_CONDITIONED]
    verdict[has_noise & (least > limit)] = CODE[Verdict.DISAGREES]
    # What is left is in, or near, a ball that is too wide to tell: at a kink, an interval of subgradients.
    subgradient = (verdict == CODE[Verdict.UNDECIDED]) & known.at_kink[:, np.newaxis] & np.isfinite(error)
    verdict[subgradient] = CODE[Verdict.KINK]
    verdict[~np.isfinite(values)] = CODE[Verdict.NOT_FINITE]
    ratio = np.where(has_noise | explained, ratio, np.nan)
    digits = np.where(error == 0, np.inf, digits_of(beside))
    return Assessment(values, least, error, relative, digits, units, ratio, verdict)


def _unit(dtype: str) -> float:
    return FORMATS[dtype].unit_roundoff


def _zeros(known: Known, relative: Array, dtype: str) -> tuple[NDArray[np.bool_], Array]:
    """Tell the entries whose exact value is 0, or negligible, and give what they are measured beside."""
    rows = relative.shape
    sizes, radii = np.abs(known.exact.values()).reshape(rows), known.exact.radii().reshape(rows)
    scale = np.max(np.where(radii < sizes, sizes, 0.0), axis=1, keepdims=True, initial=0.0)
    scale = np.where(scale > 0, scale, known.largest[:, np.newaxis])
    with np.errstate(over="ignore"):
        negligible = sizes + radii <= 2.0**-10 * _unit(dtype) * scale
    zeros = ~np.isfinite(relative) & negligible & (scale > 0)
    return zeros, scale


def least_spread(exact: Array, dtype: str) -> Array:
    """Give the spread below which no measured spread is taken: that of rounding the exact value itself.

    Rounding to nearest errs uniformly within ± u·|x|, whose root mean square is u·|x| / √3, and near 0 by
    up to half of the smallest subnormal number.
    """
    spread: Array = (_unit(dtype) * np.abs(exact) + FORMATS[dtype].smallest_subnormal) / np.sqrt(3.0)
    return spread


def explain(verdict: Codes, wide: NDArray[np.object_], dtype: str) -> NDArray[np.object_]:
    """Explain in words every verdict of floats that is not AGREES.

    Args:
        verdict: one for each of T places.
        wide: why balls are wide there, of shape (T,).
        dtype: what the floats were computed in.
    """
    few = f"fewer than half of {dtype}'s digits are left"
    texts = {
        Verdict.ILL_CONDITIONED: f"rounding explains the error, but {few}",
        Verdict.DISAGREES: "the error is proven to be more than rounding explains",
        Verdict.NOT_FINITE: "the value is NaN or infinite",
    }
    reasons = np.full(verdict.shape, "", dtype=object)
    for kind, text in texts.items():
        reasons[verdict == CODE[kind]] = text
    unknown = (verdict == CODE[Verdict.KINK]) | (verdict == CODE[Verdict.UNDECIDED])
    reasons[unknown] = wide[unknown]
    no_reason = (reasons == "") & (verdict == CODE[Verdict.UNDECIDED])
    reasons[no_reason] = "the noisy runs are not finite, so the rounding noise is not known"
    return reasons


# -------------------------------------------------------------------- formulas


@dataclass(frozen=True, eq=False)
class Proof:
    """What is proven of a formula at one place.

    Attributes:
        verdict: EQUAL, KINK, WRONG or UNDECIDED.
        reason: why it is not EQUAL, or what it rests on; empty if there is nothing to say.
        agreement: by parameter; empty where a comparison in the code was not decided.
        wide: by parameter, the entries whose exact value is an interval.
        constants: whether equality holds up to the code's constants being doubles.
    """

    verdict: Verdict
    reason: str
    agreement: Mapping[str, Agreement]
    wide: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    constants: bool = False

    def codes(self, name: str, shape: tuple[int, ...]) -> Codes:
        """Give the verdict of every entry of a parameter, of the parameter's shape."""
        each = self.agreement.get(name)
        if each is None:
            return np.full(shape, CODE[self.verdict])
        others = ~each.equal
        if self.verdict is Verdict.KINK:
            # Those that follow a convention do so at the kink alone.
            others = others | self.wide[name]
        code = np.where(others, CODE[self.verdict], CODE[Verdict.EQUAL])
        if self.verdict is Verdict.WRONG and np.any(each.apart):
            code = np.where(others & ~each.apart, CODE[Verdict.UNDECIDED], code)
        return code.astype(np.int8)


def prove(claimed: Claimed, evidence: Evidence) -> Proof:
    """Judge a formula by proof: two balls that are disjoint prove it wrong, two that agree show it right.

    Args:
        claimed: a claim whose code ran on balls.
        evidence: of the loss, at the very place of the claim.
    """
    formula, truth = claimed.formula, evidence.truth
    assert formula is not None  # noqa: S101 - asked for certified claims alone
    if formula.undecided:
        return Proof(Verdict.UNDECIDED, formula.reason, {})
    found = agreements(formula.values, truth)
    constants = False
    if any(np.any(each.apart) for each in found.values()):
        widened = formula.widened()
        if all(name in widened and widened[name].shape == each.exact.shape for name, each in found.items()):
            found = {name: each.explained_by(widened[name]) for name, each in found.items()}
            constants = any(np.any(each.constant) for each in found.values())
    unequal = [name for name, each in found.items() if not np.all(each.equal)]
    differing = any(np.any(each.apart) for each in found.values())
    if not unequal:
        return Proof(Verdict.EQUAL, "", found, constants=constants)
    if truth.complete and not differing:
        reason = f"the balls of the gradient of {unequal[0]!r} are too wide to compare"
        return Proof(Verdict.UNDECIDED, reason, found, constants=constants)
    outcome = kinks.judge(claimed, evidence, found, differs=differing)
    wide = {name: entries[0, ...] for name, entries in truth.undecided.items()}
    return Proof(outcome.verdict, outcome.reason, outcome.agreement or found, wide, constants)


def agreements(values: Mapping[str, NDArray[np.object_]], truth: Truth) -> dict[str, Agreement]:
    """Compare claimed balls with the exact gradient of a single place."""
    exact = {name: numbers.balls()[0, ...] for name, numbers in truth.gradients.items()}
    return compare_all(values, exact, float(abs(truth.value.values()[0])))


# -------------------------------------------------------------------- both together


def combined(formula: Codes, floats: Codes, *, blameless: bool) -> Codes:
    """Give the verdict of each entry of which both the formula and its floating-point value are judged.

    A right formula whose value is off by more than rounding explains is INACCURATE; where the formula could
    not be decided, the value alone speaks.

    Args:
        formula: codes of the formula.
        floats: codes of its value.
        blameless: whether a value that is off is off for no fault of its own.
    """
    off = (floats >= CODE[Verdict.DISAGREES]) & (not blameless)
    right = (formula == CODE[Verdict.EQUAL]) | (formula == CODE[Verdict.KINK])
    verdict = np.where(off & right, CODE[Verdict.INACCURATE], formula)
    return np.where(off & (formula == CODE[Verdict.UNDECIDED]), floats, verdict).astype(np.int8)


def is_blameless(proof: Proof, truth: Truth, claimed: Claimed, floats: Verdict) -> bool:
    """Tell whether floating-point values that are off are so for no fault of their own.

    Args:
        proof: what is proven of the formula.
        truth: the exact gradient.
        claimed: whose values.
        floats: the worst verdict of them.
    """
    if floats is Verdict.NOT_FINITE:
        # Where the loss has no gradient, there is no right number either.
        return not truth.complete and not truth.kinks
    if proof.verdict is not Verdict.KINK:
        return False
    # At a kink it is as good as the formula that it evaluates, whatever branch the truth follows.
    half = np.sqrt(_unit(claimed.dtype))
    pairs = [(claimed.floats.get(name), midpoints(each.value)) for name, each in proof.agreement.items()]
    return all(ours is not None and np.allclose(ours, exactly, rtol=half) for ours, exactly in pairs)
