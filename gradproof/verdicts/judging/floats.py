"""Are floating-point values as good as their dtype allows? The rule that decides by the rounding noise.

No other place in the package compares the error of a float with a limit; the limits themselves stand in
`gradproof.verdicts.tolerances`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import OWN, OWN_DTYPES
from gradproof.verdicts.conditioning import where_digits_are_lost
from gradproof.verdicts.judging.evidence import Known, PlaceEvidence
from gradproof.verdicts.judging.kinks import too_long
from gradproof.verdicts.judging.measuring import digits_of
from gradproof.verdicts.judging.together import Together, is_short, judge_together
from gradproof.verdicts.numerals import sentence
from gradproof.verdicts.tolerances import SPREADS, ZERO_UNITS
from gradproof.verdicts.verdict import CODE, SEVERITY, Codes, Verdict

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Assessment:
    """What the rule says of every entry of one parameter at T places; arrays of shape (T, entries).

    Attributes:
        value: what the implementation gave, as float64.
        exact: certified balls that hold the exact values, as `flint.arb`.
        least: |value - exact| is at least this.
        error: |value - exact| is at most this; infinite for a value that is not finite.
        relative_error: |value - exact| / |exact| is at most this; infinite where the exact value is not told
            from 0, and 0 where both are 0.
        beside: the relative error; of an exact 0, or of what is negligible, beside the greatest entry.
        ulps: errors in units in the last place.
        unit: the unit in the last place of each exact value.
        spread: the spread of the rounding noise, operation by operation.
        spreads: errors in the spread that the verdict goes by: at most SPREADS where an entry agrees. That is
            this one where it explains the error, or where the textbook's formula loses most digits; else the
            widest.
        widest: the greater of that spread and the textbook's formulas', where the latter was asked for.
        verdict: positions in `SEVERITY`.
        path: the coarsest format that anything on the way to the values was rounded in: what is left of them
            is counted in its digits.
        together: of shape (T,): what all entries tell together, in words; empty where that is nothing.
    """

    value: Array
    exact: NDArray[np.object_]
    least: Array
    error: Array
    relative_error: Array
    beside: Array
    ulps: Array
    unit: Array
    spread: Array
    spreads: Array
    widest: Array
    verdict: Codes
    path: str
    together: NDArray[np.object_]

    @property
    def digits(self) -> float:
        """Decimal digits to which the worst entry agrees; infinite for exact equality."""
        return float(np.min(np.where(self.error == 0, np.inf, digits_of(self.beside)), initial=np.inf))


def assess(value: Array, known: Known, dtype: str) -> Assessment:
    """Judge every entry of floating-point values.

    An entry agrees only if its error is proven to be at most SPREADS · spread, and disagrees only if it is
    proven to be more, also of the textbook's spread; written so that a NaN on either side does not pass.

    Between the two, the textbook's formula is to blame. Where it costs more than half of the dtype's digits,
    that is told (INACCURATE); where more than half are left, it agrees: a (1 - a) at a = 0.999 loses 3 of 16
    digits, as every program does that is written so, and to refuse it would accuse right gradients.
    In a format shorter than float32 a few entries that cancel are not told of the array: an error that is
    less than half of the digits of the greatest entry is that of one.

    Args:
        value: what the implementation gave, of shape (T, *parameter).
        known: of the same shape.
        dtype: what the values are held in.
    """
    path = known.path or dtype
    rows = (len(value), -1)
    with known.exact.kind.context():
        difference = known.exact.difference_from(value)
    error, relative, least = (
        bound.reshape(rows) for bound in (difference.upper, difference.relative, difference.lower)
    )
    values, exact = value.astype(np.float64).reshape(rows), known.exact.values().reshape(rows)
    radii = known.exact.radii().reshape(rows)
    zeros, scale = _zeros(exact, radii, relative, known.largest, path)
    # At a kink the exact value is an interval, whose ends are rounded like any other number.
    with np.errstate(over="ignore"):
        ends = np.abs(exact) + np.where(np.isfinite(radii), radii, 0.0)
    floor = least_spread(ends, dtype)
    floor = np.where(zeros, np.maximum(floor, ZERO_UNITS / SPREADS * _unit(path) * scale), floor)
    noise = _noise(known, error, np.isfinite(values), floor)
    with np.errstate(all="ignore"):
        beside = np.where(zeros, error / scale, relative)
        # More than half of the digits are gone where the relative error exceeds √u.
        lost = ~(beside <= np.sqrt(_unit(path)))
        cancels = is_short(path) & (error <= np.sqrt(_unit(path)) * scale)
        verdict = _verdicts(error, least, lost, cancels, noise)
        # What is left is in, or near, a ball that is too wide to tell: at a kink, an interval of slopes.
        undecided = verdict == CODE[Verdict.UNDECIDED]
        verdict[undecided & known.at_kink[:, np.newaxis] & np.isfinite(error)] = CODE[Verdict.KINK]
        verdict[~np.isfinite(values)] = CODE[Verdict.NOT_FINITE]
        # An error that agrees is told in spreads that explain it, a loss of digits in those that do not.
        explained = _within(error, noise.spread)
        goes_by = np.where(explained | (verdict == CODE[Verdict.INACCURATE]), noise.spread, noise.widest)
        ratio = np.where(error == 0, 0.0, error / goes_by)
        ratio = np.where(noise.is_known | explained, ratio, np.nan)
        unit = FORMATS[dtype].spacing(exact)
        together = np.full(len(value), "", dtype=object)
        bounds = (error, relative, beside, error / unit, unit, noise.spread, ratio, noise.widest)
        if known.at_hand is not None and known.sampling is not None:
            usable = np.isfinite(values) & noise.is_known & ~(radii > _unit(dtype) * np.abs(exact))
            entries = Together(values - exact, exact, noise.spread, usable)
            at_hand = known.at_hand().reshape(-1, *exact.shape)
            verdict, together = judge_together(entries, at_hand, verdict, known.sampling)
    return Assessment(values, known.exact.balls().reshape(rows), least, *bounds, verdict, path, together)


def _verdicts(
    error: Array, least: Array, lost: NDArray[np.bool_], cancels: NDArray[np.bool_], noise: "_Spreads"
) -> Codes:
    """Give the verdict of each entry by its error alone, UNDECIDED where that proves nothing."""
    tolerated = _within(error, noise.widest)
    verdict = np.full(error.shape, CODE[Verdict.UNDECIDED])
    verdict[tolerated] = CODE[Verdict.AGREES]
    verdict[tolerated & lost] = CODE[Verdict.ILL_CONDITIONED]
    # Only an error that is proven to be more than that of accurate operations is the formula's fault.
    verdict[tolerated & lost & ~cancels & (least > SPREADS * noise.spread)] = CODE[Verdict.INACCURATE]
    verdict[noise.is_known & (least > SPREADS * noise.widest)] = CODE[Verdict.DISAGREES]
    return verdict


@dataclass(frozen=True, eq=False)
class _Spreads:
    """The two spreads that the rule goes by, and whether they are known; arrays of shape (T, entries)."""

    spread: Array
    widest: Array
    is_known: NDArray[np.bool_]


def _noise(known: Known, error: Array, finite: Array, floor: Array) -> _Spreads:
    """Measure the spreads: the second, of the textbook's formulas, only where the first does not explain.

    A spread that is not finite tells nothing, but the exact value is rounded in any case: what that alone
    explains agrees, and nothing can be proven to be more than rounding explains.
    """
    measured = known.spread.reshape(error.shape)
    is_known = np.isfinite(measured)
    spread = np.where(is_known, np.maximum(measured, floor), floor)
    if not np.any(finite & ~_within(error, spread)):
        return _Spreads(spread, spread, is_known)
    textbook = known.textbook_spread().reshape(error.shape)
    has_textbook = np.isfinite(textbook)
    spread = np.where(is_known | ~has_textbook, spread, np.maximum(textbook, floor))
    widest = np.where(has_textbook, np.maximum(textbook, spread), spread)
    return _Spreads(spread, widest, has_textbook)


def _within(error: Array, spread: Array) -> NDArray[np.bool_]:
    """Tell where rounding with a spread explains an error."""
    with np.errstate(all="ignore"):
        limit = SPREADS * spread
    within: NDArray[np.bool_] = (error <= limit) & np.isfinite(limit)
    return within


def _unit(dtype: str) -> float:
    return FORMATS[dtype].unit_roundoff


def _zeros(
    exact: Array, radii: Array, relative: Array, largest: Array, dtype: str
) -> tuple[NDArray[np.bool_], Array]:
    """Tell the entries whose exact value is 0, or negligible, and give what they are measured beside."""
    sizes = np.abs(exact)
    scale = np.max(np.where(radii < sizes, sizes, 0.0), axis=1, keepdims=True, initial=0.0)
    scale = np.where(scale > 0, scale, largest[:, np.newaxis])
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


def is_off(verdict: Codes) -> NDArray[np.bool_]:
    """Tell where a value is off by its own fault: the loss would have left it more digits."""
    off: NDArray[np.bool_] = (verdict >= CODE[Verdict.DISAGREES]) | (verdict == CODE[Verdict.INACCURATE])
    return off


def explain(assessed: Assessment, verdict: Codes, wide: NDArray[np.object_]) -> NDArray[np.object_]:
    """Explain in words every verdict of floats that is not AGREES.

    Args:
        assessed: what the rule says of every entry at T places.
        verdict: the worst one of each place.
        wide: why balls are wide there, of shape (T,).
    """
    few = f"fewer than half of {assessed.path}'s digits are left"
    texts = {
        Verdict.ILL_CONDITIONED: f"rounding explains the error, but {few}",
        Verdict.INACCURATE: f"the textbook's formula loses digits that an accurate one keeps: {few}",
        Verdict.DISAGREES: "the error is proven to be more than rounding explains",
        Verdict.NOT_FINITE: "the value is NaN or infinite",
    }
    reasons = np.full(verdict.shape, "", dtype=object)
    for kind, text in texts.items():
        reasons[verdict == CODE[kind]] = text
    told = (verdict == CODE[Verdict.DISAGREES]) & (assessed.together != "")
    reasons[told] = assessed.together[told]
    for place in np.flatnonzero(verdict == CODE[Verdict.ILL_CONDITIONED]) if is_short(assessed.path) else ():
        count = np.count_nonzero(assessed.verdict[place] == verdict[place])
        reasons[place] += f" in {count:,} of {assessed.verdict.shape[1]:,} entries"
    unknown = (verdict == CODE[Verdict.KINK]) | (verdict == CODE[Verdict.UNDECIDED])
    reasons[unknown] = wide[unknown]
    no_reason = (reasons == "") & (verdict == CODE[Verdict.UNDECIDED])
    reasons[no_reason] = "the noisy runs are not finite, so the rounding noise is not known"
    return reasons


# -------------------------------------------------------------------- at one place


@dataclass(frozen=True, eq=False)
class Floats:
    """What the rule says of the floating-point values, by parameter and of all.

    Attributes:
        assessed: by parameter.
        verdict: the worst of all.
        spreads: the largest error in spreads of the rounding noise.
        reason: why the verdict is not AGREES; empty if it is.
        dtype: what they were computed in; `own` where each array has its own.
        blameless: whether they are off, if they are, for no fault of their own.
        together: what all entries of a parameter tell together, in words, where that decides.
    """

    assessed: Mapping[str, Assessment]
    verdict: Verdict
    spreads: float
    reason: str
    dtype: str
    blameless: bool = False
    together: str = ""

    def are_rounded(self, values: Mapping[str, Array]) -> bool:
        """Whether they are what rounding leaves of these values, instead of the exact ones."""
        return all(
            bool(np.all(np.abs(each.value.ravel() - values[name].ravel()) <= SPREADS * each.widest.ravel()))
            for name, each in self.assessed.items()
        )

    @property
    def loses(self) -> bool:
        """Whether the values are worse than rounding leaves them, and it is their fault."""
        off = {Verdict.INACCURATE, Verdict.DISAGREES, Verdict.NOT_FINITE}
        return not self.blameless and self.verdict in off

    @property
    def loses_half(self) -> bool:
        """Whether they are, and more than half of the dtype's digits are gone in some entry."""
        return self.loses and any(
            bool(np.any(~(each.relative_error <= np.sqrt(_unit(each.path))) & is_off(each.verdict)))
            for each in self.assessed.values()
        )

    @property
    def _where(self) -> str:
        return OWN_DTYPES if self.dtype == OWN else self.dtype

    @property
    def text(self) -> str:
        """Tell in words how far off they are, or why that is not known."""
        if self.verdict in {Verdict.UNDECIDED, Verdict.KINK, Verdict.ILL_CONDITIONED}:
            return sentence(self.reason)
        if self.verdict is Verdict.INACCURATE:
            return f"In {self._where} {sentence(self.reason)[0].lower()}{sentence(self.reason)[1:]}"
        if self.verdict is Verdict.NOT_FINITE:
            return f"In {self._where} it gives NaN or an infinity."
        if self.together:
            return f"In {self._where} {self.together}."
        return (
            f"In {self._where} its largest error is {self.spreads:.3g} spreads of the rounding noise "
            f"(at most {SPREADS:g} are rounding)."
        )


def judge_floats(values: Mapping[str, Array], evidence: PlaceEvidence) -> Floats | None:
    """Judge floating-point values at one place; None where there are none.

    Args:
        values: by parameter, float64 arrays of the parameters' shapes.
        evidence: of the loss there, in the dtype that the values were computed in.
    """
    if not values:
        return None
    known, formats = evidence.gradients, evidence.formats
    assessed = {
        name: assess(value[np.newaxis], known[name], formats.of_param(name)) for name, value in values.items()
    }
    codes = {name: each.verdict.max(axis=1, initial=CODE[Verdict.AGREES]) for name, each in assessed.items()}
    worst = max(codes, key=lambda name: int(codes[name][0]))
    reason = str(explain(assessed[worst], codes[worst], known[worst].reasons)[0])
    if codes[worst][0] == CODE[Verdict.ILL_CONDITIONED]:
        reason += f"; most are lost in {_where(evidence, worst)}"
    spreads = max(
        float(np.max(np.nan_to_num(each.spreads, nan=np.inf), initial=0.0)) for each in assessed.values()
    )
    verdict, decides = SEVERITY[int(codes[worst][0])], spreads <= SPREADS
    together = str(assessed[worst].together[0]) if decides else ""
    if verdict is Verdict.KINK and (together := _too_long(values, evidence, assessed)):
        verdict, assessed = Verdict.DISAGREES, {name: _refuted(each) for name, each in assessed.items()}
    return Floats(assessed, verdict, spreads, reason, formats.dtype, together=together)


def _too_long(
    values: Mapping[str, Array], evidence: PlaceEvidence, assessed: Mapping[str, Assessment]
) -> str:
    """Say how values are no subgradient, though each entry may be one's; nothing where they may be."""
    shapes = {name: value.shape for name, value in values.items()}
    allowed = {name: SPREADS * each.widest.reshape(shapes[name]) for name, each in assessed.items()}
    if not all(np.isfinite(each).all() for each in allowed.values()):
        return ""
    told = too_long(evidence, values, allowed)
    return told[:1].lower() + told[1:].rstrip(".")


def _refuted(assessed: Assessment) -> Assessment:
    """Let the entries that are at the kink disagree, which they do together."""
    at_kink = assessed.verdict == CODE[Verdict.KINK]
    return replace(assessed, verdict=np.where(at_kink, CODE[Verdict.DISAGREES], assessed.verdict))


def _where(evidence: PlaceEvidence, name: str) -> str:
    place = evidence.place
    return where_digits_are_lost(evidence.loss, place.params, place.batch, evidence.formats, name)
