"""The one rule that decides; no other place in the package compares an error with a limit."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.records import Judgement
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
    """

    exact: NDArray[np.object_]
    expected: Array
    least_error: Array
    error: Array
    relative_error: Array
    spread: Array


DIGITS = 30
"""Decimal digits of the exact values that reports show; fewer where fewer are proven."""


def unit_roundoff(dtype: str) -> float:
    """Tell u, half the distance from 1 to the next number of the dtype.

    >>> unit_roundoff("float32") == 2.0**-24
    True
    """
    return float(np.finfo(dtype).eps) / 2


def judge_entries(parameter: str, value: Array, evidence: Evidence, dtype: str) -> Judgement:
    """Judge every entry and keep the worst of each step.

    An entry agrees only if its error is proven to be at most SPREADS · spread, and disagrees only if it is
    proven to be more; written so that a NaN on either side does not pass.

    Args:
        parameter: its dotted name.
        value: what the implementation gave, of shape (T, *parameter).
        evidence: of the same shape.
        dtype: what the implementation computed in.
    """
    steps, shape = len(value), value.shape[1:]
    rows = (steps, -1)
    values = value.astype(np.float64).reshape(rows)
    expected, error = evidence.expected.reshape(rows), evidence.error.reshape(rows)
    least_error, relative = evidence.least_error.reshape(rows), evidence.relative_error.reshape(rows)
    spread = np.maximum(evidence.spread.reshape(rows), least_spread(expected, dtype))
    with np.errstate(all="ignore"):
        ratio = np.where(error == 0, 0.0, error / spread)
    limit = SPREADS * spread
    verdict = np.full(values.shape, _CODE[Verdict.UNDECIDED])
    explained = error <= limit
    verdict[explained] = _CODE[Verdict.AGREES]
    # More than half of the dtype's digits are gone where the relative error exceeds √u.
    verdict[explained & ~(relative <= np.sqrt(unit_roundoff(dtype)))] = _CODE[Verdict.INACCURATE]
    verdict[least_error > limit] = _CODE[Verdict.DISAGREES]
    # What is left is too close to a ball that is too wide: an interval of subgradients, if it is bounded.
    bounded = np.isfinite(expected) & np.isfinite(error)
    verdict[(verdict == _CODE[Verdict.UNDECIDED]) & bounded] = _CODE[Verdict.KINK]
    verdict[~np.isfinite(values)] = _CODE[Verdict.NOT_FINITE]
    worst = _worst_entries(verdict, ratio)
    pick = (np.arange(steps), worst)
    exact = evidence.exact.reshape(rows)[pick]
    return Judgement(
        parameter=parameter,
        shape=shape,
        index=worst,
        value=values[pick],
        expected=expected[pick],
        exact=np.array([ball.str(DIGITS, radius=False) for ball in exact]),
        absolute_error=rounded_up(error[pick]),
        relative_error=rounded_up(relative[pick]),
        ulps=rounded_up(ulps(error[pick], expected[pick], dtype)),
        spreads=rounded_up(ratio[pick]),
        verdict=verdict[pick],
    )


def least_spread(expected: Array, dtype: str) -> Array:
    """Give the spread below which no measured spread is taken: that of rounding the exact value itself.

    Rounding to nearest errs uniformly within ± u·|x|, whose root mean square is u·|x| / √3, and near 0 by
    up to half of the smallest subnormal number.
    """
    smallest = float(np.finfo(dtype).smallest_subnormal)
    spread: Array = (unit_roundoff(dtype) * np.abs(expected) + smallest) / np.sqrt(3.0)
    return spread


def rounded_up(bounds: Array) -> Array:
    """Round upper bounds up to four significant digits, which is all that a reader of them needs.

    >>> rounded_up(np.array([1.23411e-17, 0.0, np.inf]))
    array([1.235e-17, 0.000e+00,       inf])
    """
    rounded = bounds.copy()
    chosen = np.isfinite(bounds) & (bounds > np.finfo(np.float64).tiny)
    unit = 10.0 ** (np.floor(np.log10(bounds[chosen])) - 3)
    # The nearest float64 of the decimal, so that it is written with four digits.
    texts = [f"{number:.3e}" for number in (np.ceil(bounds[chosen] / unit) * unit).tolist()]
    rounded[chosen] = [float(text) for text in texts]
    return rounded


def ulps(error: Array, expected: Array, dtype: str) -> Array:
    """Give errors in units in the last place of the exact value in a dtype.

    >>> float(ulps(np.array(2.0**-23), np.array(1.0), "float32"))
    1.0
    """
    with np.errstate(all="ignore"):
        units: Array = error / np.spacing(np.abs(expected).astype(dtype)).astype(np.float64)
    return units


def _worst_entries(verdict: Array, ratio: Array) -> NDArray[np.intp]:
    # Verdicts count first; among entries of the same verdict, the larger ratio.
    order = np.nan_to_num(ratio, nan=np.inf, posinf=np.inf)
    within = np.where(verdict == verdict.max(axis=1, keepdims=True), order, -1.0)
    worst: NDArray[np.intp] = np.argmax(within, axis=1)
    return worst
