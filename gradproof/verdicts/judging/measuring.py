"""How far claimed balls are from exact ones, entry by entry, with proof; and which of them agree."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, cached_property, partial
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.bounds import (
    are_sharp,
    bounds_of_sizes,
    greatest_size,
    least_sizes,
    relative_bounds,
)
from gradproof.reference.numbers.elementary import on_balls
from gradproof.verdicts.tolerances import EQUAL_DIGITS, WIDE

Floats = NDArray[np.float64]
BallArray = NDArray[np.object_]


_overlap = on_balls(arb.overlaps, 2)


@dataclass(frozen=True, eq=False)
class Distance:
    """How far claimed balls are from exact ones; arrays of one shape.

    Attributes:
        least: |value - exact| is at least this; positive where the two are proven to differ.
        error: |value - exact| is at most this; infinite where nothing is known.
        relative_error: |value - exact| / |exact| is at most this; 0 where both are the same number, and
            infinite where the exact value is not told from 0.
        digits: decimal digits to which the two are proven to agree; infinite for exact equality. An entry
            that has none of its own, since it is not told from 0, is measured beside the greatest one.
    """

    least: Floats
    error: Floats
    relative_error: Floats
    digits: Floats


def distance(value: BallArray, exact: BallArray, scale: float) -> Distance:
    """Measure how far claimed balls are from exact ones.

    Args:
        value: as `flint.arb`.
        exact: of the same shape.
        scale: the size that an entry is measured beside whose exact value is not told from 0.

    >>> from flint import arb
    >>> value, exact = (np.array([arb(x), arb(0)], dtype=object) for x in (1.5, 1.0))
    >>> found = distance(value, exact, 1.0)
    >>> found.error.round(3).tolist(), found.digits.round(3).tolist()
    ([0.5, 0.0], [0.301, inf])
    """
    shape = exact.shape
    value, exact = value.reshape(-1), exact.reshape(-1)  # NumPy makes bare objects of arrays without axes
    least, error = bounds_of_sizes(value - exact)
    size = least_sizes(exact, error)  # which is no less than the radius of either
    relative = relative_bounds(error, size)
    with np.errstate(all="ignore"):
        beside = digits_of(error / scale) if scale > 0 else np.zeros(error.shape)
    digits = digits_of(relative)
    # What is known only as negligible beside the greatest entry has no relative error either.
    shares = (size == 0) | ((digits < EQUAL_DIGITS) & (least == 0))
    digits = np.where(shares, np.maximum(digits, beside), digits)
    # Both are 0 by cancellation, as far as float64 tells: they agree in so many decimal places.
    vanish = (size == 0) & (least == 0) & (error > 0) & (error <= np.finfo(np.float64).smallest_subnormal)
    if np.any(vanish):
        vanish[vanish] = [
            ours.contains(0) and true.contains(0)
            for ours, true in zip(value[vanish], exact[vanish], strict=True)
        ]
        digits = np.where(vanish, np.maximum(digits, digits_of(error)), digits)
    digits = np.where(error == 0, np.inf, digits)
    return Distance(*(bound.reshape(shape) for bound in (least, error, relative, digits)))


def digits_of(relative: Any) -> Floats:
    """Give the decimal digits that a relative error leaves; 0 where it leaves none."""
    with np.errstate(all="ignore"):
        digits = -np.log10(relative)
    return np.asarray(np.where(digits > 0, digits, 0.0), dtype=np.float64)


# -------------------------------------------------------------------- agreement


@dataclass(frozen=True, eq=False)
class Agreement:
    """How the claimed gradient of one parameter agrees with the exact one; arrays of the parameter's shape.

    Attributes:
        value: the claim, as `flint.arb`.
        exact: the exact gradient, as `flint.arb`.
        measure: gives how far they are from each other, and measures that once.
        constant: entries whose difference is explained by the code's constants being doubles.
    """

    value: BallArray
    exact: BallArray
    measure: Callable[[], Distance]
    constant: NDArray[np.bool_] = field(default_factory=lambda: np.zeros((), dtype=bool))

    @property
    def distance(self) -> Distance:
        """How far they are from each other."""
        return self.measure()

    @cached_property
    def _coincide(self) -> bool:
        """Whether all balls overlap and are sharp: then they agree in 18 digits and more, unmeasured."""
        together = _overlap(self.value, self.exact)
        return bool(np.all(together)) and are_sharp(self.value) and are_sharp(self.exact)

    @property
    def apart(self) -> NDArray[np.bool_]:
        """Entries that are proven to differ in one of the first `EQUAL_DIGITS` digits."""
        if self._coincide:
            return np.zeros(self.exact.shape, dtype=bool)
        return (self.distance.least > 0) & (self.distance.digits < EQUAL_DIGITS) & ~self.constant

    @property
    def equal(self) -> NDArray[np.bool_]:
        """Entries that agree."""
        if self._coincide:
            return np.ones(self.exact.shape, dtype=bool)
        return (self.distance.digits >= EQUAL_DIGITS) | self.constant

    @property
    def digits(self) -> float:
        """The digits of the worst entry."""
        return float(np.min(self.distance.digits, initial=np.inf))

    @property
    def explicable(self) -> bool:
        """Whether constants may explain all that differs: it is little beside the greatest entry."""
        return not np.any(self.apart & (self.distance.least > 2 * WIDE * greatest_size(self.exact)))

    def explained_by(self, claimed: BallArray, exact: BallArray, digits: float) -> "Agreement":
        """Take entries for equal whose difference may come from constants of the code that are doubles.

        Args:
            claimed: the claim, computed with each such constant standing for all numbers near it.
            exact: the gradient of the loss, likewise.
            digits: how many an entry must agree in.
        """
        limit = WIDE * greatest_size(self.exact)
        asked = self.apart & (self.distance.digits >= digits)
        columns: list[list[Any]] = [each.ravel().tolist() for each in (asked, claimed, exact)]
        explained = [
            bool(apart)
            and all(ball.is_finite() and float(ball.rad()) <= limit for ball in (ours, true))
            and ours.overlaps(true)
            for apart, ours, true in zip(*columns, strict=True)
        ]
        shaped = np.array(explained, dtype=bool).reshape(self.exact.shape)
        return replace(self, constant=self.constant | shaped)


def compare(value: BallArray, exact: BallArray, scale: float) -> Agreement:
    """Compare claimed balls with exact ones of the same shape; `scale` is that of `distance`."""
    return _compared(value, exact, lambda: scale)


def _compared(value: BallArray, exact: BallArray, scale: Callable[[], float]) -> Agreement:
    return Agreement(value, exact, cache(lambda: distance(value, exact, scale())))


def compare_with(exact: Mapping[str, BallArray], found: Mapping[str, Agreement]) -> dict[str, Agreement]:
    """Compare what was claimed with other exact gradients; what constants explain stays explained."""
    scales = {name: greatest_size(balls) for name, balls in exact.items()}
    largest = max(scales.values(), default=0.0)
    return {
        name: replace(
            compare(each.value, exact[name], scales[name] or largest),
            constant=np.broadcast_to(each.constant, each.exact.shape),
        )
        for name, each in found.items()
    }


def compare_all(
    values: Mapping[str, BallArray], exact: Mapping[str, BallArray], largest: float
) -> dict[str, Agreement]:
    """Compare what is claimed of some parameters with all parameters' exact gradients.

    Args:
        values: by parameter; those of another shape than the exact gradient are left out.
        exact: by parameter.
        largest: the size of the loss, which an entry is measured beside where every gradient is 0.
    """

    @cache
    def scales() -> dict[str, float]:
        return {name: greatest_size(balls) for name, balls in exact.items()}

    def scale(name: str) -> float:
        return scales()[name] or max([*scales().values(), largest])

    return {
        name: _compared(balls, exact[name], partial(scale, name))
        for name, balls in values.items()
        if name in exact and balls.shape == exact[name].shape
    }
