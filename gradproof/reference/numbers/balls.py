"""Certified balls: a midpoint and a radius that provably hold the exact number.

The arithmetic is Arb's, through python-flint, on NumPy arrays of dtype object. Matrix products go
through `flint.arb_mat` where they are large enough to pay for the conversion. Comparisons that the
balls do not decide are undecided, and what depends on them is the hull of both outcomes; python-flint
itself answers False there, so that no comparison here relies on a False alone.

Source: Johansson, Arb: efficient arbitrary-precision midpoint-radius interval arithmetic, IEEE
Transactions on Computers 66 (2017); at a kink, the derivative is Clarke's generalized gradient.
"""

import operator
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from math import inf, log10
from typing import Any, ClassVar

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.arithmetic import Kind, Numbers
from gradproof.reference.numbers.bounds import (
    accuracies,
    bounds_of_sizes,
    least_sizes,
    midpoints,
    radii,
    relative_bounds,
)
from gradproof.reference.numbers.certified_matrices import array_of, matrix_of
from gradproof.reference.numbers.elementary import (
    BY_OPERANDS,
    ONE,
    ZERO,
    greatest,
    near,
    on_balls,
    whole_power,
)
from gradproof.reference.numbers.integers import Integers
from gradproof.reference.numbers.mask import Mask
from gradproof.reference.numbers.matrix_functions import of_balls
from gradproof.reference.numbers.orders import are_equal, groups, in_order, put_back
from gradproof.reference.numbers.payload import Payload

_OPPOSITES: Mapping[Callable[..., Any], Callable[..., Any]] = {
    operator.lt: operator.ge,
    operator.le: operator.gt,
    operator.eq: operator.ne,
}

_UNIT_INTERVAL = arb(0.5, 0.5)
_ANYTHING = arb(0, inf)


_FUNCTIONS = {
    name: on_balls(entry.ball, operands) for operands, table in BY_OPERANDS for name, entry in table.items()
}

_ball = on_balls(arb)
_greater = on_balls(greatest, 2)
_hull = on_balls(arb.union, 2)
_is_finite = on_balls(arb.is_finite)
_is_infinite = on_balls(lambda ball: ball.is_exact() and not ball.is_nan() and not ball.is_finite())


@dataclass(frozen=True)
class Difference:
    """How far float64 values are from certified balls, entry by entry.

    Attributes:
        lower: The true distance is at least this; positive where the value is proven inexact.
        upper: The true distance is at most this.
        relative: The true distance divided by the true value is at most this; 0 where both are 0,
            inf where the ball cannot tell its value from 0.
    """

    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    relative: NDArray[np.float64]


class BallNumbers(Numbers["Balls"]):
    """Certified balls; one sample. Accessors answer arrays of shape (lanes, *shape), not to be changed."""

    # without __slots__, so that what Arb was asked once is kept

    # ---------------------------------------------------------------- accessors

    def balls(self) -> NDArray[np.object_]:
        """The balls themselves, as `flint.arb`."""
        balls: NDArray[np.object_] = self.data[0]
        return balls

    def values(self) -> NDArray[np.float64]:
        """The midpoints, rounded to float64."""
        return self._midpoints

    def radii(self) -> NDArray[np.float64]:
        """Upper bounds of the radii; 0 only where a ball is a single number."""
        return self._radii

    @cached_property
    def _midpoints(self) -> NDArray[np.float64]:
        return _kept(midpoints(self.data[0]))

    @cached_property
    def _radii(self) -> NDArray[np.float64]:
        return _kept(radii(self.data[0]))

    def digits(self) -> NDArray[np.float64]:
        """Decimal digits of relative accuracy; inf for a single number, at most 0 for nothing."""
        bits = accuracies(self.data[0])
        digits = np.where(bits > _ALL_BITS, inf, np.maximum(bits, 0.0) * log10(2))
        return np.asarray(digits, dtype=np.float64)

    def difference_from(self, values: NDArray[Any]) -> Difference:
        """The certified distance of float64 values from the exact numbers.

        Args:
            values: Array of shape (lanes, *shape); NaN and infinities have an infinite distance.
        """
        claimed = np.broadcast_to(np.asarray(values, dtype=np.float64), self.data.shape[1:])
        finite = np.isfinite(claimed)
        distance = self.data[0] - _ball(np.where(finite, claimed, 0.0))
        lower, upper = bounds_of_sizes(distance)
        relative = self._relative(claimed, upper)
        return Difference(*(np.where(finite, bound, inf) for bound in (lower, upper, relative)))

    def _relative(self, claimed: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
        """Upper bounds of the distance over the absolute value of the balls."""
        # |true| >= |claimed| - distance, which is cheap, and close where the distance is small.
        with np.errstate(all="ignore"):
            relative = upper / (np.abs(claimed) - upper) * (1 + 1e-12)
        far = ~(upper < 1e-3 * np.abs(claimed))
        if np.any(far):
            relative[far] = relative_bounds(upper[far], least_sizes(self.data[0][far]))
        return relative

    # ---------------------------------------------------------------- arithmetic

    def _zeros(self, shape: Any) -> Payload:
        return np.full(shape, ZERO, dtype=object)

    def _computed(self, compute: Callable[[Any, Any], Any], x: Payload, y: Payload) -> Payload:
        return super()._computed(_powers if compute is operator.pow else compute, x, y)

    def _integer_power(self, x: Payload, exponent: int) -> Payload:
        if exponent == 2:
            return x * x
        # A pole is outside the domain: what is no number there stays so.
        powers: Payload = (
            x**exponent if exponent < 0 else on_balls(partial(whole_power, exponent=exponent))(x)
        )
        return powers

    def _function(self, name: str, *operands: Payload) -> Payload:
        return _FUNCTIONS[name](*operands)

    def _sum(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        # NumPy's own sum of no objects is the int 0.
        total: Payload = np.add.reduce(x, axis=axes, **({} if x.size else {"initial": ZERO}))
        return total

    def _matmul(self, x: Payload, y: Payload) -> Payload:
        return product_of_stacks(x, y)

    def _matrix_function(self, name: str, *operands: Payload) -> Payload:
        return of_balls(name, *operands)

    def pivot(self, axes: tuple[int, ...]) -> "BallNumbers":
        """A single number near the maximum along axes; any would be right."""
        middle = on_balls(arb.mid)(super().pivot(axes).data)
        return self.like(np.where(on_balls(arb.is_finite)(middle).astype(bool), middle, ZERO))

    # ---------------------------------------------------------------- comparisons and kinks

    def _maximum(self, x: Payload, y: Payload) -> Payload:
        return _greater(x, y)

    def _max(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        for axis in sorted(axes):
            x = np.expand_dims(_greater.reduce(x, axis=axis), axis)  # type: ignore[attr-defined] # a ufunc
        return np.squeeze(x, axis=axes)

    def _compared(self, compare: Callable[[Any, Any], Any], x: Payload, y: Payload) -> NDArray[np.int8]:
        # 1 where a comparison is certain, -1 where its opposite is, 0 where neither is
        true, false = (np.asarray(each(x, y)).astype(np.int8) for each in (compare, _OPPOSITES[compare]))
        return np.asarray(true - false)

    def _sorted(self, x: Payload) -> Payload:
        return _by_row(in_order, x)

    def _put_back(self, x: Payload, g: Payload) -> Payload:
        return _by_row(put_back, *np.broadcast_arrays(x, g))

    def _argsort(self, x: Payload) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        order = _by_row(lambda row: np.concatenate(groups(row)).astype(object), x)
        tied = _by_row(_undecided_in_order, x)
        return order.astype(np.intp), tied.astype(bool)

    def argmax(self, axis: int) -> Integers:
        """The place of the greatest entry, undecided where several may be and are not one exact number."""
        x = self.data
        candidates = ~np.asarray(x < np.expand_dims(self._max(x, (axis,)), axis), dtype=bool)
        undecided = np.sum(candidates, axis=axis, keepdims=True) > 1
        rows, chosen, open_ = (np.moveaxis(each, axis, -1) for each in (x, candidates, undecided))
        for place in zip(*np.nonzero(open_[..., 0]), strict=True):
            open_[place] = not are_equal(rows[place][chosen[place]])
        return Integers(np.argmax(candidates, axis=axis, keepdims=True), undecided)

    def is_finite(self) -> Mask:
        """Whether an entry is no infinity; undecided where a ball holds nothing or all numbers."""
        return Mask(_is_finite(self.data).astype(np.int8) - _is_infinite(self.data).astype(np.int8))

    def is_nan(self) -> Mask:
        """Whether an entry is NaN; undecided where a ball tells nothing of its number."""
        known = _is_finite(self.data).astype(bool) | _is_infinite(self.data).astype(bool)
        return Mask(np.where(known, np.int8(-1), np.int8(0)))

    def _select(self, mask: Payload, x: Payload, y: Payload) -> Payload:
        chosen = np.where(mask > 0, x, y)
        undecided = np.broadcast_to(mask == 0, chosen.shape)
        if np.any(undecided):
            both = (np.broadcast_to(each, chosen.shape)[undecided] for each in (x, y))
            chosen[undecided] = _hull(*both)
        return chosen

    def _step(self, x: Payload, at_zero: float) -> Payload:
        del at_zero  # a convention, and at zero the truth is all of [0, 1]
        return _chosen(x > 0, ONE, _chosen(x < 0, ZERO, _UNIT_INTERVAL))

    def _jump(self, x: Payload) -> Payload:
        return _chosen(x != 0, ZERO, _ANYTHING)

    def _shares(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest = np.expand_dims(self._max(x, axes), axes)
        candidates = ~np.asarray(x < greatest, dtype=bool)
        alone = np.sum(candidates, axis=axes, keepdims=True) == 1
        return _chosen(candidates, _chosen(alone, ONE, _UNIT_INTERVAL), ZERO)


@dataclass(frozen=True)
class Balls(Kind[BallNumbers]):
    """Certified balls.

    Attributes:
        precision: Bits of the midpoints; the radii tell what was lost.
        share: How far the numbers may be, relative to it, that a constant stands for; see `elementary.near`.

    >>> kind = Balls(128)
    >>> with kind.context():
    ...     third = kind.lift(np.array([1.0])) / 3
    >>> print(third.balls()[0].str(20))
    [0.33333333333333333333 +/- 3.34e-21]
    """

    precision: int = 128
    share: float = 0.0

    name: ClassVar[str] = "balls"

    def lift(self, values: NDArray[Any]) -> BallNumbers:
        """Balls of radius 0 from an array of shape (lanes, *shape); floats, ints or balls."""
        return BallNumbers(np.asarray(_ball(values), dtype=object)[np.newaxis], self)

    def constant(self, values: NDArray[Any] | float) -> BallNumbers:
        """A constant, taken as exactly the double or the integer that it is, or as all numbers near it."""
        array = np.asarray(values)
        if self.share:
            array = np.asarray(on_balls(partial(near, share=self.share))(array), dtype=object)
        if array.ndim == 0:
            return self.lift(np.array([array.item()], dtype=object))
        return self.lift(array[np.newaxis])

    def pi(self) -> BallNumbers:
        """The circle's constant, to the working precision."""
        return self.lift(np.array([arb.pi()], dtype=object))

    def context(self) -> AbstractContextManager[object]:
        """Sets the working precision, and puts the caller's back afterwards."""
        context: AbstractContextManager[object] = flint.ctx.workprec(self.precision)
        return context


def _kept(bounds: NDArray[np.float64]) -> NDArray[np.float64]:
    bounds.flags.writeable = False
    return bounds


def _by_row(function: Callable[..., Any], *payloads: Payload) -> Payload:
    """Apply a function to the rows along the last axis."""
    result = np.empty(payloads[0].shape, dtype=object)
    for place in np.ndindex(result.shape[:-1]):
        result[place] = function(*(payload[place] for payload in payloads))
    return result


def _undecided_in_order(row: NDArray[np.object_]) -> NDArray[np.object_]:
    return np.array(
        [len(group) > 1 and not are_equal(row[group]) for group in groups(row) for _ in group], dtype=object
    )


_ALL_BITS = 2**62
"""Arb's accuracy of a single number is about 2^63 bits."""


def _chosen(condition: Payload, a: "Payload | arb", b: "Payload | arb") -> Payload:
    chosen: Payload = np.where(condition, a, b)
    return chosen


def _power(x: arb, y: arb) -> arb:
    whole = y.unique_fmpz() if y.is_exact() else None
    return x**y if whole is None or whole < 0 else whole_power(x, int(whole))


_powers = on_balls(_power, 2)


# -------------------------------------------------------------------- products of matrices

_ENTRY, _PRODUCT, _CALL, _TERM = 130.0, 15.0, 2500.0, 140.0
"""Nanoseconds: to convert an entry, per product in arb_mat, per arb_mat, per product of objects."""


_BLOCK, _WORTH = 61, 30
"""From so many rows, terms and columns on, Arb multiplies in blocks, by products of integers, in a third or a
quarter of the time; from so many on it pays to fill up with zeros, so that it does."""


def _product(x: Payload, y: Payload) -> Payload:
    """Compute the product of two matrices through Arb's."""
    n, inner, m = *x.shape, y.shape[-1]
    if inner >= _BLOCK:
        if _WORTH <= n < _BLOCK <= m:
            x = np.concatenate([x, np.full((_BLOCK - n, inner), ZERO, dtype=object)])
        elif _WORTH <= m < _BLOCK <= n:
            y = np.concatenate([y, np.full((inner, _BLOCK - m), ZERO, dtype=object)], axis=1)
    return array_of(matrix_of(x) * matrix_of(y))[:n, :m]


def _pays(n: int, inner: int, m: int) -> bool:
    """Whether a product through arb_mat costs less than one of object arrays."""
    converted = n * inner + inner * m + n * m
    return _CALL + _ENTRY * converted + _PRODUCT * n * inner * m < _TERM * n * inner * m


def product_of_stacks(x: Payload, y: Payload) -> Payload:
    """Compute x @ y of object arrays of `flint.arb`, each with two axes or more, whose lengths fit."""
    n, inner, m = x.shape[-2], x.shape[-1], y.shape[-1]
    stack = np.broadcast_shapes(x.shape[:-2], y.shape[:-2])
    if not inner:
        return np.full((*stack, n, m), arb(0), dtype=object)
    if not _pays(n, inner, m):
        return np.asarray(np.matmul(x, y))
    x, y = np.broadcast_to(x, stack + x.shape[-2:]), np.broadcast_to(y, stack + y.shape[-2:])
    product = np.empty((*stack, n, m), dtype=object)
    for place in np.ndindex(stack):
        product[place] = _product(x[place], y[place])
    return product
