"""Noisy floats: stochastic arithmetic, whose spread over samples is the rounding noise.

`noise_model` says how a single result is rounded. Here is what that makes of sums, products of matrices and
branches.

Sums and products of matrices. Adding n terms one after the other has the partial sums s_2, ..., s_n
and rounds each: a variance of u²/3 Σ s_k². The order is not known, so the partial sums are taken to
be what they are on average: s_k² = (k/n)² S² from the total S, which sums of one sign follow, plus
the random part, at most Q = Σ x_i². Summed over k this is

    variance = u²/3 (n - 1) (S²/3 + Q),

which for terms of one sign is the sequential sum's own variance (S² = nQ dominates) and for terms
of random signs is an upper bound. Sums in blocks or pairs, as most frameworks have them, err less.

Equal terms are rounded alike, which is seen in sums: adding the same term to partial sums of the same size
errs by the same amount. Where each term comes r times, there are n/r independent errors, each r times as
large, and the variance is r times as large; r is the mean of how often a term comes, over all terms that
are not zero.

Source: Higham, Accuracy and Stability of Numerical Algorithms, 2nd ed. (2002), section 4.2 (sums).
"""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.arithmetic import Kind, Numbers, Operand
from gradproof.reference.numbers.branches import shares, sides
from gradproof.reference.numbers.elementary import EVERY
from gradproof.reference.numbers.mask import decided
from gradproof.reference.numbers.matrix_functions import (
    MATRIX_FUNCTIONS,
    not_quite_orthonormal,
    of_floats,
    perturbed,
    with_signs_of,
)
from gradproof.reference.numbers.noise_model import PARTIAL_SUMS, NoiseModel
from gradproof.reference.numbers.noise_stream import Inside
from gradproof.reference.numbers.orders import shuffled_within
from gradproof.reference.numbers.payload import Payload
from gradproof.reference.numbers.repeats import repeats_in_product, repeats_in_sum
from gradproof.reference.numbers.run_formats import coarser

NEAR_TIE = 32
"""Margins of so many spreads may fall on either side: both branches are then sampled."""

_WHOLE = frozenset({"floor", "ceil", "trunc", "round"})
"""Functions that are constant but for jumps."""


class NoisyNumbers(Numbers["Noisy"]):
    """Floats with the rounding noise of a format, as samples."""

    __slots__ = ()

    def values(self) -> NDArray[np.float64]:
        """All samples as float64, shape (samples, lanes, *shape)."""
        samples, *rest = self.data.shape
        return np.broadcast_to(self.data, (max(samples, self.kind.samples), *rest))

    def spread(
        self, centre: NDArray[np.float64], radius: NDArray[np.float64] | float = 0.0
    ) -> NDArray[np.float64]:
        """The root mean square deviation of the samples from a centre, without the amplification.

        Args:
            centre: Usually the true values; shape (lanes, *shape), or one that broadcasts to it.
            radius: What the samples may be off without deviating: the truth is an interval at a kink, and to
                take one of its ends is no rounding noise. Of the same shape, or 0.

        Returns:
            Array of shape (lanes, *shape); inf or NaN where a sample is.
        """
        with np.errstate(all="ignore"):
            deviations = np.abs(self.data - centre)
            if np.any(radius):
                deviations = np.maximum(deviations - np.where(np.isfinite(radius), radius, 0.0), 0.0)
            greatest = np.max(deviations, axis=0)
            # Scaled, so that squares neither overflow nor vanish.
            scale = np.where((greatest > 0) & np.isfinite(greatest), greatest, 1.0)
            spread: NDArray[np.float64] = scale * np.sqrt(np.mean((deviations / scale) ** 2, axis=0))
            spread /= self.kind.amplification
            # Subnormal numbers may vanish on the way; a deviation never does.
            return np.where((spread == 0) & (greatest > 0), greatest, spread)

    # ---------------------------------------------------------------- formats

    @property
    def format(self) -> str:
        """The name of the floating-point format that they are held in."""
        return self.kind.dtype

    def in_format(self, dtype: str) -> Self:
        """The numbers rounded to a format, but for those that it holds."""
        if dtype == self.kind.dtype:
            return self
        kind = self.kind.related(dtype, coarser(*self.ways(), dtype))
        if kind.format.holds_all(self.kind.format):
            return type(self)(self.data, kind)
        return type(self)(kind.rounded(kind.converted(self.data, kind.format)), kind)

    def as_in(self, kind: "Noisy") -> Self:
        """The same numbers as an operation computes with them in the format of a kind, which holds them."""
        if kind.dtype == self.kind.dtype:
            return self
        if self.kind.is_constant:
            return self.in_format(kind.dtype)
        return type(self)(self.data, self.kind.related(kind.dtype, coarser(*self.ways(), kind.dtype)))

    def joined(self, *others: Operand) -> Self:
        """The same numbers, of the kind of what is computed of them and of others of the same format."""
        joined: list[NoisyNumbers] = [self]
        joined += [each for each in others if isinstance(each, NoisyNumbers) and each.kind is not self.kind]
        if len(joined) == 1:
            return self
        kind = self.kind.related(
            self.kind.dtype,
            coarser(self.kind.dtype, *(way for each in joined for way in each.ways())),
            is_constant=all(each.kind.is_constant for each in joined),
        )
        return type(self)(self.data, kind)

    def ways(self) -> tuple[str, ...]:
        """The coarsest format that they were rounded in; none where they are exact."""
        return () if self.data.shape[0] == 1 else (self.kind.path,)

    # ---------------------------------------------------------------- by entry

    def _computed(self, compute: Callable[[Any, Any], Any], x: Payload, y: Payload) -> Payload:
        result: Payload = compute(x, y)
        vanished: NDArray[np.bool_] | bool = False
        exact: NDArray[np.bool_] | bool = False
        if compute is operator.mul:
            vanished, exact = (result == 0) & (x != 0) & (y != 0), _scales(x) | _scales(y)
        elif compute is operator.truediv:
            vanished, exact = (result == 0) & (x != 0) & np.isfinite(y), _scales(y)
        elif compute is operator.pow:
            vanished = (result == 0) & (x != 0)
        elif compute is operator.mod:
            result = self._remainder(x, y, result)
        return self._perturbed(result, (x, y), vanished, exact)

    def _integer_power(self, x: Payload, exponent: int) -> Payload:
        if exponent in {0, 1}:
            return x**exponent
        power: Payload = np.power(x, float(exponent))
        return self._perturbed(power, (x,), (power == 0) & (x != 0) & np.isfinite(x))

    def _function(self, name: str, *operands: Payload) -> Payload:
        if name == "sign":
            return 2 * self._step(operands[0], 0.5) - 1
        result = super()._function(name, *operands)
        if name in _WHOLE:
            return self._whole(name, operands[0], result)
        if EVERY[name].exact:
            return result
        return self._perturbed(result, operands, (result == 0) if EVERY[name].never_zero else False)

    def rounded_once(self, inside: Inside) -> Self:
        """The results of an operation that was computed as one, rounded."""
        if not inside.rounds:
            return self
        # Equal results are rounded alike, whatever they were computed from.
        return self.like(self._perturbed(self.data, (self.data,), (self.data == 0) & inside.vanished))

    def _perturbed(
        self,
        x: Payload,
        operands: tuple[Payload, ...],
        vanished: NDArray[np.bool_] | bool = False,
        exact: NDArray[np.bool_] | bool = False,
    ) -> Payload:
        """Results of an elementwise operation with their rounding.

        Args:
            x: The results in float64.
            operands: What they are computed from.
            vanished: Where a result is 0 by underflow alone.
            exact: Where no rounding happens.
        """
        inside = self.kind.inside
        if inside is not None:
            inside.rounds |= exact is False or not np.all(exact)
            inside.vanished |= bool(np.any(vanished))
            return x
        if exact is not False and np.all(exact):
            return self.kind.rounded(x, vanished)
        return self.kind.rounded(self.kind.nudged(x, operands, exact), vanished)

    # ---------------------------------------------------------------- sums and products

    def _sum(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        scale = _magnitude(x, axes)
        scaled = x / scale
        total = np.add.reduce(scaled, axis=axes, keepdims=True)
        squares = np.add.reduce(scaled * scaled, axis=axes, keepdims=True)
        terms = prod(x.shape[axis] for axis in axes)
        roundings = self.kind.roundings_of_sum(terms) * repeats_in_sum(x, axes)
        noise = self._sum_noise(total, squares, roundings, self.kind.sum_unit)
        return self._stored(np.squeeze((total + noise) * scale, axis=axes), self.kind.sum_unit)

    def _cumulative_sum(self, x: Payload, axis: int) -> Payload:
        sums = np.cumsum(x, axis=axis)
        noise = self.kind.roundings(sums) * (self.kind.sum_unit * sums)
        # The first one is no sum; every later one keeps the roundings of those before it.
        first: list[slice | int] = [slice(None)] * noise.ndim
        first[axis] = 0
        noise[tuple(first)] = 0.0
        return self._stored(sums + np.cumsum(noise, axis=axis), self.kind.sum_unit)

    def _segment_sums(self, data: Payload, starts: NDArray[np.intp]) -> Payload:
        scale = _magnitude(data, (-1,))
        scaled = data / scale
        totals = np.add.reduceat(scaled, starts, axis=-1)
        squares = np.add.reduceat(scaled * scaled, starts, axis=-1)
        terms = np.diff(starts, append=data.shape[-1])
        noise = self._sum_noise(totals, squares, terms - 1, self.kind.sum_unit)
        return self._stored((totals + noise) * scale, self.kind.sum_unit)

    def _matmul(self, x: Payload, y: Payload) -> Payload:
        x, y = self.kind.factor(x), self.kind.factor(y)
        # Scaled by rows of x and columns of y, so that squares neither overflow nor vanish.
        rows, columns = _magnitude(x, (-1,)), _magnitude(y, (-2,))
        left, right = x / rows, y / columns
        total = np.matmul(left, right)
        squares = np.matmul(left * left, right * right)
        unit = self.kind.accumulation_unit
        noise = self._sum_noise(total, squares, x.shape[-1] * repeats_in_product(x, y), unit)
        if self.kind.partial is not None:
            parts = min(max(x.shape[-1] - 1, 0), PARTIAL_SUMS)
            noise += self._sum_noise(total, squares, parts, self.kind.partial_unit)
        noise += total
        noise *= rows
        noise *= columns
        return self._stored(noise, unit)

    def _matrix_function(self, name: str, *operands: Payload) -> Payload:
        function = MATRIX_FUNCTIONS[name]
        first, *others = operands
        # equal matrices get the same noise, and so do not the equal entries of one
        places = np.arange(first.shape[-2] * first.shape[-1], dtype=np.float64).reshape(first.shape[-2:])
        random = self.kind.accumulation_unit * self.kind.roundings(
            first, np.broadcast_to(places, first.shape)
        )
        result = of_floats(name, perturbed(function, first, random), *others)
        if function.free is not None:
            result = with_signs_of(function, result, of_floats(name, *operands), first.shape)
            random = self.kind.accumulation_unit * self.kind.roundings(result)
            result = not_quite_orthonormal(function, result, random, first.shape)
        return self._perturbed(result, (result,))

    def _stored(self, sums: Payload, unit: float) -> Payload:
        """Sums, rounded from the format that they are kept in to that of results if it is a shorter one."""
        if self.kind.inside is not None:
            self.kind.inside.rounds = True
            return sums
        if unit >= self.kind.unit:
            return self.kind.rounded(sums)
        return self._perturbed(sums, (sums,))

    def _sum_noise(
        self, total: Payload, squares: Payload, roundings: NDArray[np.intp] | Payload | int, unit: float
    ) -> Payload:
        """The error of a sum: u √(roundings (S²/3 + Q)) ξ, with ξ² = 1/3 on average."""
        size = np.sqrt((total * total / 3 + squares) * roundings)
        noise = self.kind.roundings(total, squares)
        noise *= size
        noise *= unit
        noise[~np.isfinite(noise)] = 0.0  # an infinite sum stays infinite
        return noise

    # ---------------------------------------------------------------- comparisons and kinks

    def _compared(self, compare: Callable[[Any, Any], Any], x: Payload, y: Payload) -> NDArray[np.int8]:
        if compare is operator.eq:
            return super()._compared(compare, x, y)
        margin = y - x
        return decided(self._sided(margin, compare(0, margin), at_zero=compare is operator.le))

    def _step(self, x: Payload, at_zero: float) -> Payload:
        return self._sided(x, np.heaviside(x, at_zero), at_zero=at_zero)

    def _sided(self, margin: Payload, sure: NDArray[Any], at_zero: float) -> NDArray[Any]:
        """Whether margins are positive, or above `at_zero`'s; near ties are on either side."""
        near = self._near_tie(margin)
        if not np.any(near):
            return sure
        sided = np.where(near, sides(margin, near), sure)
        return np.where(near & (margin == 0), at_zero, sided).astype(sure.dtype)

    def _whole(self, name: str, x: Payload, sure: Payload) -> Payload:
        """Whole numbers near x; where rounding may carry x over a jump, those of either side."""
        middle = np.mean(x, axis=0, keepdims=True)
        jump = np.floor(middle) + 0.5 if name == "round" else np.rint(middle)
        near = self._near_tie(x - jump)
        if not np.any(near):
            return sure
        aside = np.where(sides(x - jump, near), 0.25, -0.25)
        return np.where(near, super()._function(name, jump + aside), sure)

    def _remainder(self, x: Payload, y: Payload, sure: Payload) -> Payload:
        """Remainders; where rounding may carry the quotient over a whole number, those of either side."""
        with np.errstate(all="ignore"):
            quotient = x / y
            whole = np.rint(np.mean(quotient, axis=0, keepdims=True))
            margin = np.where(np.isfinite(quotient), quotient - whole, 1.0)
        near = self._near_tie(margin)
        if not np.any(near):
            return sure
        return np.where(near, x - y * np.where(sides(margin, near), whole, whole - 1), sure)

    def _near_tie(self, margin: Payload) -> NDArray[np.bool_]:
        """Where the rounding noise may decide a margin's sign, of shape (1, lanes, *shape)."""
        if margin.shape[0] == 1 or self.kind.inside is not None:
            return np.zeros(margin.shape, dtype=bool)
        mean, spread = np.mean(margin, axis=0), np.std(margin, axis=0) / self.kind.amplification
        near: NDArray[np.bool_] = (np.abs(mean) <= NEAR_TIE * spread) & (spread > 0)
        self.kind.note_near_ties(near)
        return near[np.newaxis]

    def _order(self, x: Payload) -> NDArray[np.intp]:
        # near ties are in either order, whatever the samples say
        order = np.argsort(np.mean(x, axis=0), axis=-1, kind="stable")
        near = self._near_tie(np.diff(np.take_along_axis(x, order[np.newaxis], axis=-1), axis=-1))
        return shuffled_within(order, near[0], x) if np.any(near) else super()._order(x)

    def _shares(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        margin = np.max(x, axis=axes, keepdims=True) - x
        candidates = np.any(margin == 0, axis=0) | self._near_tie(margin)[0]
        # Tied noisy numbers are near ties, even if all samples are tied: another order of sums unties them.
        noisy = candidates & (np.ptp(x, axis=0) > 0)
        self.kind.note_near_ties(np.count_nonzero(noisy, axis=axes, keepdims=True) > 1)
        shared = shares(candidates, axes, self.kind.uniform(x.shape[1:]))
        return np.where(np.isnan(margin), np.nan, shared)


@dataclass(frozen=True)
class Noisy(NoiseModel, Kind[NoisyNumbers]):
    """Stochastic arithmetic in a floating-point format; the attributes are those of the model.

    >>> kind = Noisy("float32", samples=100)
    >>> with kind.context():
    ...     third = kind.lift(np.array([[1.0]])) / 3
    >>> bool(third.spread(np.array([[1 / 3]]))[0, 0] < 2**-24)
    True
    """

    def lift(self, values: NDArray[Any]) -> NoisyNumbers:
        """Numbers that are exactly the given values, in all samples."""
        return NoisyNumbers(np.asarray(values, dtype=np.float64)[np.newaxis], self.unrounded())

    def of_samples(self, data: NDArray[Any]) -> NoisyNumbers:
        """Numbers that are exactly the given integers."""
        return NoisyNumbers(np.asarray(data, dtype=np.float64), self.unrounded())

    def once(self, compute: Callable[[], NoisyNumbers]) -> NoisyNumbers:
        """What a function computes, with one rounding at the end, and those of sums."""
        with self.quiet() as inside:
            result = compute()
        return result.rounded_once(inside)

    def constant(self, values: NDArray[Any] | float) -> NoisyNumbers:
        """A constant; perturbed where the format does not represent it."""
        data = np.asarray(values, dtype=np.float64)[np.newaxis, np.newaxis]
        return NoisyNumbers(self.converted(data, self.format), self.unrounded())


def _magnitude(x: Payload, axes: tuple[int, ...]) -> Payload:
    """A power of two near the greatest absolute value along axes; 1 for zeros and infinities.

    Dividing by it is exact, so that it adds no error of its own.
    """
    greatest = np.max(np.abs(x), axis=axes, keepdims=True, initial=0.0)
    _, exponent = np.frexp(np.where(np.isfinite(greatest) & (greatest > 0), greatest, 0.5))
    # Not beyond the normal numbers, so that the division does not overflow.
    power: Payload = np.ldexp(1.0, np.minimum(np.maximum(exponent, -1000), 1000))
    return power


def _scales(x: Payload) -> NDArray[np.bool_]:
    """Where a factor is exact and a power of two, or zero, so that a product with it is exact."""
    if x.shape[0] != 1:
        return np.zeros((1,) * x.ndim, dtype=bool)
    significand, _ = np.frexp(x)
    scales: NDArray[np.bool_] = (np.abs(significand) == 0.5) | (x == 0)
    return scales
