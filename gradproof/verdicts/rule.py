"""The one rule that decides; no other place in the package compares an error with a limit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.layout import worst_of_blocks
from gradproof.verdicts.records import ParameterRecord, WorstEntries, worst_step
from gradproof.verdicts.verdict import SEVERITY, SPREADS, Verdict

Array = NDArray[Any]

_CODE = {verdict: np.int8(position) for position, verdict in enumerate(SEVERITY)}


@dataclass(frozen=True)
class Evidence:
    """What is known of one parameter's gradient (or updated weights) at T steps, entry by entry.

    All arrays have shape (T, *parameter) and dtype float64.

    Attributes:
        exact: certified balls that hold the exact values, as `flint.arb`.
        expected: their midpoints, rounded to float64.
        least_error: |value - exact| is at least this.
        error: |value - exact| is at most this; infinite for a value that is not finite.
        relative_error: |value - exact| / |exact| is at most this; infinite where the ball does not tell the
            exact value from 0, and 0 where both are 0.
        spread: the root mean square of what rounding in the run's dtype does to this entry.
        at_kink: of shape (T,): whether the loss is, or may be, at a kink at this step.
        reasons: of shape (T,): why balls of this step are wide, as a text; empty where they are not.
    """

    exact: NDArray[np.object_]
    expected: Array
    least_error: Array
    error: Array
    relative_error: Array
    spread: Array
    at_kink: NDArray[np.bool_]
    reasons: NDArray[np.object_]


DIGITS = 30
"""Decimal digits of the exact values that reports show; fewer where fewer are proven."""


@dataclass(frozen=True)
class Assessment:
    """What the rule says of every entry of one parameter at T steps; arrays of shape (T, entries).

    Attributes:
        value: what the implementation gave.
        verdict: positions in `SEVERITY`.
        spreads: errors in spreads of the rounding noise.
        ulps: errors in units in the last place.
    """

    value: Array
    verdict: NDArray[np.int8]
    spreads: Array
    ulps: Array


def assess(value: Array, evidence: Evidence, dtype: str) -> Assessment:
    """Judge every entry.

    An entry agrees only if its error is proven to be at most SPREADS · spread, and disagrees only if it is
    proven to be more; written so that a NaN on either side does not pass.

    Args:
        value: what the implementation gave, of shape (T, *parameter).
        evidence: of the same shape.
        dtype: what the implementation computed in.
    """
    rows = (len(value), -1)
    values = value.astype(np.float64).reshape(rows)
    expected, error = evidence.expected.reshape(rows), evidence.error.reshape(rows)
    least_error, relative = evidence.least_error.reshape(rows), evidence.relative_error.reshape(rows)
    # A spread that is not finite tells nothing, but the exact value is rounded in any case: what that alone
    # explains agrees, and nothing can be proven to be more than rounding explains.
    measured, least = evidence.spread.reshape(rows), least_spread(expected, dtype)
    known = np.isfinite(measured)
    spread = np.where(known, np.maximum(measured, least), least)
    with np.errstate(all="ignore"):
        limit = SPREADS * spread
        ratio = np.where(error == 0, 0.0, error / spread)
        units = error / FORMATS[dtype].spacing(expected)
    verdict = np.full(values.shape, _CODE[Verdict.UNDECIDED])
    explained = (error <= limit) & np.isfinite(limit)
    ratio = np.where(known | explained, ratio, np.nan)
    verdict[explained] = _CODE[Verdict.AGREES]
    # More than half of the dtype's digits are gone where the relative error exceeds √u.
    half = np.sqrt(FORMATS[dtype].unit_roundoff)
    verdict[explained & ~(relative <= half)] = _CODE[Verdict.ILL_CONDITIONED]
    verdict[known & (least_error > limit)] = _CODE[Verdict.DISAGREES]
    # What is left is in, or near, a ball that is too wide to tell: at a kink, an interval of subgradients.
    subgradient = (verdict == _CODE[Verdict.UNDECIDED]) & evidence.at_kink[:, np.newaxis] & np.isfinite(error)
    verdict[subgradient] = _CODE[Verdict.KINK]
    verdict[~np.isfinite(values)] = _CODE[Verdict.NOT_FINITE]
    return Assessment(values, verdict, ratio, units)


def judge_entries(parameter: str, value: Array, evidence: Evidence, dtype: str) -> ParameterRecord:
    """Judge every entry as `assess` does, and keep the worst of each step.

    Args:
        parameter: its dotted name.
        value: what the implementation gave, of shape (T, *parameter).
        evidence: of the same shape.
        dtype: what the implementation computed in.
    """
    steps = len(value)
    assessed = assess(value, evidence, dtype)
    worst = _worst_entries(assessed.verdict, assessed.spreads)
    pick = (np.arange(steps), worst)
    verdict = assessed.verdict[pick]
    spreads = rounded_up(assessed.spreads[pick])
    return ParameterRecord(
        parameter=parameter,
        shape=value.shape[1:],
        index=worst,
        value=assessed.value[pick],
        exact=decimals(evidence.exact.reshape(steps, -1)[pick]),
        error=rounded_up(evidence.error.reshape(steps, -1)[pick]),
        relative_error=rounded_up(evidence.relative_error.reshape(steps, -1)[pick]),
        ulps=rounded_up(assessed.ulps[pick]),
        spreads=spreads,
        verdict=verdict,
        reason=explain(verdict, evidence.reasons, dtype),
        worst=worst_entries(assessed, evidence, value.shape[1:], worst_step(verdict, spreads)),
    )


def worst_entries(
    assessed: Assessment, evidence: Evidence, shape: tuple[int, ...], step: int
) -> WorstEntries:
    """Lay out what the rule says of every entry of one parameter at one step; bounds are not yet rounded."""
    grid, block, index = worst_of_blocks(shape, assessed.verdict[step], assessed.spreads[step])
    return WorstEntries(
        step=step,
        grid=grid,
        block=block,
        index=index,
        value=assessed.value[step, index],
        exact=decimals(evidence.exact.reshape(len(evidence.exact), -1)[step, index]),
        error=evidence.error[step].reshape(-1)[index],
        ulps=assessed.ulps[step, index],
        spreads=assessed.spreads[step, index],
        verdict=assessed.verdict[step, index],
    )


def decimals(balls: NDArray[np.object_]) -> NDArray[np.str_]:
    """Write balls as decimals with the digits that are proven, `DIGITS` at most."""
    return np.array([ball.str(DIGITS, radius=False) for ball in balls], dtype=np.str_)


def explain(verdict: NDArray[np.int8], wide: NDArray[np.object_], dtype: str) -> NDArray[np.object_]:
    """Explain in words every verdict that is not AGREES."""
    few = f"fewer than half of {dtype}'s digits are left"
    texts = {
        Verdict.ILL_CONDITIONED: f"rounding explains the error, but {few}",
        Verdict.DISAGREES: "the error is proven to be more than rounding explains",
        Verdict.NOT_FINITE: "the value is NaN or infinite",
    }
    reasons = np.full(verdict.shape, "", dtype=object)
    for kind, text in texts.items():
        reasons[verdict == _CODE[kind]] = text
    unknown = (verdict == _CODE[Verdict.KINK]) | (verdict == _CODE[Verdict.UNDECIDED])
    reasons[unknown] = wide[unknown]
    no_reason = (reasons == "") & (verdict == _CODE[Verdict.UNDECIDED])
    reasons[no_reason] = "the noisy runs are not finite, so the rounding noise is not known"
    return reasons


def least_spread(expected: Array, dtype: str) -> Array:
    """Give the spread below which no measured spread is taken: that of rounding the exact value itself.

    Rounding to nearest errs uniformly within ± u·|x|, whose root mean square is u·|x| / √3, and near 0 by
    up to half of the smallest subnormal number.
    """
    unit, smallest = FORMATS[dtype].unit_roundoff, FORMATS[dtype].smallest_subnormal
    spread: Array = (unit * np.abs(expected) + smallest) / np.sqrt(3.0)
    return spread


def rounded_up(bounds: Array) -> Array:
    """Round upper bounds up to four significant digits, which is all that a reader of them needs.

    >>> rounded_up(np.array([1.23411e-17, 0.0, np.inf]))
    array([1.235e-17, 0.000e+00,       inf])
    """
    rounded = bounds.copy()
    chosen = np.isfinite(bounds) & (bounds > np.finfo(np.float64).tiny)
    unit = 10.0 ** (np.floor(np.log10(bounds[chosen])) - 3)
    with np.errstate(over="ignore"):  # the greatest float64 is rounded up to infinity
        upper = np.ceil(bounds[chosen] / unit) * unit
    # The nearest float64 of the decimal, so that it is written with four digits.
    texts = [f"{number:.3e}" for number in upper.tolist()]
    rounded[chosen] = [float(text) for text in texts]
    return rounded


def _worst_entries(verdict: Array, ratio: Array) -> NDArray[np.intp]:
    # Verdicts count first; among entries of the same verdict, the larger ratio.
    order = np.nan_to_num(ratio, nan=np.inf, posinf=np.inf)
    within = np.where(verdict == verdict.max(axis=1, keepdims=True), order, -1.0)
    worst: NDArray[np.intp] = np.argmax(within, axis=1)
    return worst
