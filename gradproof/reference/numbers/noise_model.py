"""The noise model: how much a single rounding moves a result, at random, in a floating-point format.

Every operation's result is multiplied by 1 + u ξ, u the format's unit roundoff and ξ uniform in
[-1, 1]; several samples of the whole computation run at once, along the first hidden axis. What only
moves entries, negation, comparisons and products with powers of two are exact. The inputs are exact
as given.

Results are not rounded to the format as well: where one rounding dominates, that would leave only
three values, of which the middle one has half of the probability, and one run in 2^samples would show
no spread at all. For the same reason float64, in which the samples are themselves computed, has its
noise amplified (`AMPLIFICATION`) and its spread divided by as much.

Equal things are rounded alike, as in a program: ξ is random from sample to sample and from operation to
operation, but one operation on equal operands gets the same ξ. So the rows of a batch that are repeated
stay equal.

An operation that is made of several may be computed as one (`NoiseModel.once`): nothing inside it is rounded
but sums, and its result is rounded once. That is how far a program that computes operation by operation can
get. Sums keep their noise, since a program must add the terms in some order.

Several formats in one run. Numbers that are held in another format, since an array of the loss is or since
they were cast to it, are of a kind of their own, which rounds to that format and shares the run's random
numbers; see `NoiseModel.related`. An operation on several computes in the finest of them. Where that happens
float64's noise must not be amplified, since the others' is not: `is_mixed` says that it happened.

Underflow: below the smallest normal number, numbers are flushed to zero, since much hardware and many
formulas do, or ± the smallest subnormal is added. Every second sample flushes them all, as hardware that is
set so does, and what it loses adds up; every fourth flushes none, as IEEE 754 has it; in the others a coin
decides for each number.

Products of matrices may round their factors to a shorter format first, as graphics processors do in TF32.
Some hardware rounds them to nearest, some reads the leading bits alone, which rounds towards zero: all errors
then have one sign, and do not cancel in a sum. Every second sample rounds so.

Source: Parker, Monte Carlo Arithmetic (1997).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS, Format, format_of
from gradproof.reference.numbers.noise_stream import Inside, Stream
from gradproof.reference.numbers.payload import Payload
from gradproof.reference.numbers.repeats import mixed
from gradproof.reference.numbers.run_formats import RunFormats, coarser, promoted

AMPLIFICATION = 16.0
"""How much larger than its rounding float64's noise is made, so that it is not lost in the rounding of the
samples themselves. Less than `NEAR_TIE`, so that it takes no branch which the rounding would not take."""

PARTIAL_SUMS = 8
"""So many partial sums of a product of matrices are kept in a shorter format, where some are. PyTorch's
documentation, "Numerical accuracy", has "a few"."""


@dataclass(frozen=True)
class NoiseModel:
    """How a format rounds, at random; `noisy.Noisy` makes numbers of it.

    Attributes:
        dtype: Of results: one of `formats.FORMATS` but tf32.
        samples: How many random runs at once.
        seed: Runs with equal settings give equal numbers.
        product: The format that products of matrices round their factors to, such as "tf32";
            None for the format itself.
        convolution: The same of convolutions.
        partial: The format that a few partial sums of a product of matrices are kept in
            (`PARTIAL_SUMS`); None for that of sums.
        accumulation: The format that sums are kept in; None for float32 under the shorter
            formats, as hardware has it, and the format itself else.
        amplified: Whether float64's noise is; see `AMPLIFICATION`.
        gridded: Whether results are rounded to a grid of their own instead; see `on_a_grid`.
        sums: The format that sums other than products of matrices are kept in; None for `accumulation`'s.
        formats: Those of the loss's arrays, where they differ; else all are held in `dtype`.
        coarsest: The coarsest format that numbers of this kind were rounded in on the way; empty for `dtype`.
        is_constant: Whether they are constants, which are held in whatever format they meet.
    """

    dtype: str = "float32"
    samples: int = 8
    seed: int = 0
    product: str | None = None
    convolution: str | None = None
    partial: str | None = None
    accumulation: str | None = None
    amplified: bool = True
    gridded: bool = False
    sums: str | None = None
    formats: RunFormats | None = None
    coarsest: str = ""
    is_constant: bool = False
    _stream: Stream = field(init=False, repr=False, compare=False)

    name: ClassVar[str] = "noisy"

    def __post_init__(self) -> None:
        """Checks the formats' names."""
        for name in (self.dtype, self.accumulation or self.dtype, self.sums or self.dtype):
            format_of(name)
        for name in {self.product or self.dtype, self.convolution or self.dtype} - {"tf32"}:
            format_of(name)
        stream = Stream(self.seed)
        stream.kinds[self._key] = self
        object.__setattr__(self, "_stream", stream)

    @classmethod
    def of(cls, formats: RunFormats | str, **settings: Any) -> Self:
        """Give the model of a loss's arrays, of which each may be held in a format of its own."""
        formats = RunFormats.of(formats)
        own = formats if formats.own else None
        return cls(formats.finest, formats=own, **vars(formats.products), **settings)

    # ---------------------------------------------------------------- several formats in one run

    @property
    def _key(self) -> tuple[str, str, bool]:
        return self.dtype, self.coarsest, self.is_constant

    def related(self, dtype: str, coarsest: str = "", *, is_constant: bool = False) -> Self:
        """The kind of numbers of the same run that are held in a format; always the same object."""
        key = dtype, "" if coarsest == dtype else coarsest, is_constant
        kinds = self._stream.kinds
        base: Self = next(iter(kinds.values()))
        self._stream.is_mixed |= dtype != base.dtype
        if key not in kinds:
            own = dtype == base.dtype
            kinds[key] = replace(
                base,
                dtype=dtype,
                coarsest=key[1],
                is_constant=is_constant,
                product=base.product if own else None,
                convolution=base.convolution if own else None,
                partial=base.partial if own else None,
                accumulation=base.accumulation if own else None,
                sums=dtype if base.sums == base.dtype else base.sums,
            )
            object.__setattr__(kinds[key], "_stream", self._stream)
        kind: Self = kinds[key]
        return kind

    @property
    def path(self) -> str:
        """The coarsest format that numbers of this kind were rounded in, this one included."""
        return self.coarsest or self.dtype

    @property
    def is_mixed(self) -> bool:
        """Whether the last run had numbers of several formats."""
        return self._stream.is_mixed

    def of_param(self, name: str) -> Self:
        """The kind of a parameter's numbers."""
        return self if self.formats is None else self.related(self.formats.of_param(name))

    def of_data(self, name: str) -> Self:
        """The kind of the numbers of data."""
        return self if self.formats is None else self.related(self.formats.of_data(name))

    def of_constants(self) -> Self:
        """The kind of constants that meet no other number."""
        return self.related(self.dtype, is_constant=True)

    def unrounded(self) -> Self:
        """The kind of numbers of this format that nothing has rounded yet."""
        return self.related(self.dtype, is_constant=self.is_constant) if self.coarsest else self

    def adopted(self, numbers: Any) -> Any:
        """Numbers that were computed in another run of this kind, as those of this run."""
        kind = numbers.kind
        own = self.related(kind.dtype, kind.coarsest, is_constant=kind.is_constant)
        return type(numbers)(numbers.data, own)

    def meeting(self, numbers: Sequence[Any]) -> Self:
        """The kind of constants that meet numbers, in whose format an operation on all of them computes.

        It is the finest one of those of the numbers that are no constants themselves.

        Args:
            numbers: of kinds of this run.
        """
        kinds = {each.kind.dtype for each in numbers if not each.kind.is_constant}
        return self.related(promoted(*kinds)) if kinds else self.of_constants()

    @property
    def held_in(self) -> str:
        """The format of all numbers whose own is not known."""
        return self.dtype

    @property
    def has_formats(self) -> bool:
        """Whether arrays are held each in a format of its own."""
        return self.formats is not None

    def at_most(self, dtype: str) -> str:
        """The format that a loss's cast leads to: none that is finer than those of the loss's arrays.

        Constants stay what they are.

        Some programs cast to a finer one in fact, and others (JAX, where 64 bits are not enabled) do not.
        """
        finest = next(iter(self._stream.kinds.values())).dtype
        return self.dtype if self.is_constant else coarser(finest, dtype)

    # ---------------------------------------------------------------- one format

    @property
    def format(self) -> Format:
        """The format of results."""
        return FORMATS[self.dtype]

    @contextmanager
    def convolving(self) -> Iterator[None]:
        """Rounds the factors of products as those of convolutions are."""
        self._stream.convolves = True
        try:
            yield
        finally:
            self._stream.convolves = False

    def factor(self, x: Payload) -> Payload:
        """A factor of a product of matrices, rounded to the format that it is there."""
        name = self.convolution if self._stream.convolves else self.product
        if name in {None, self.dtype}:
            return x
        return self.converted(x, FORMATS[str(name)], towards_zero=True)

    @property
    def partial_unit(self) -> float:
        """The largest relative noise of a partial sum of a product; 0 where all are kept as sums are."""
        return 0.0 if self.partial is None else self.amplification * FORMATS[self.partial].unit_roundoff

    @property
    def amplification(self) -> float:
        """How much larger than the rounding the noise is made."""
        return AMPLIFICATION if self.amplified and self.dtype == "float64" else 1.0

    @property
    def unit(self) -> float:
        """The largest relative noise of an elementwise result."""
        return self.amplification * self.format.unit_roundoff

    @property
    def accumulation_unit(self) -> float:
        """The largest relative noise of a sum of two."""
        short = self.format.significand_bits < FORMATS["float32"].significand_bits
        kept = FORMATS[self.accumulation or ("float32" if short else self.dtype)]
        return self.amplification * kept.unit_roundoff

    @property
    def sum_unit(self) -> float:
        """The same of sums that are no products of matrices."""
        if self.sums is None:
            return self.accumulation_unit
        return self.amplification * FORMATS[self.sums].unit_roundoff

    def roundings_of_sum(self, terms: int) -> float:
        """How many roundings a sum has, in the sense of `noisy`: of the formula there, instead of n - 1.

        Who keeps sums in a short format adds in pairs, or in many parts at once, since they stagnate
        otherwise (256 + 1 is 256 in bfloat16). In pairs the n/2^l partial sums of level l, of 2^l terms, have
        the variance u²/3 n/2^l ((2^l/n)² S² + 2^l/n Q), and those of all levels u²/3 (2 S² + Q log2 n): at
        most that of max(6, log2 n) roundings.
        """
        one_by_one = max(terms - 1, 0)
        return one_by_one if self.sums is None else min(one_by_one, max(6.0, np.log2(max(terms, 1))))

    @property
    def array_dtype(self) -> np.dtype[Any]:
        """The data type that a loss is told; float32 for formats that NumPy lacks, which it tells as well."""
        dtype = self.format.dtype
        return dtype if dtype.name == self.dtype else np.dtype(dtype, metadata={"format": self.dtype})

    @contextmanager
    def context(self) -> Iterator[None]:
        """Starts the random numbers anew, and silences NumPy: inf and NaN are results here."""
        with self._stream.run(self.seed), np.errstate(all="ignore"):
            yield

    @property
    def inside(self) -> Inside | None:
        """The operation that is computed as one at present; None where every step is rounded."""
        return self._stream.inside

    @contextmanager
    def quiet(self) -> Iterator[Inside]:
        """Rounds nothing but sums, and remembers whether something would have been."""
        self._stream.inside = inside = Inside()
        try:
            yield inside
        finally:
            self._stream.inside = None

    @property
    def near_ties(self) -> NDArray[np.bool_]:
        """In which lanes of the last run rounding may decide a branch, of shape (lanes,) or (1,)."""
        return self._stream.near_ties

    def note_near_ties(self, near: NDArray[np.bool_]) -> None:
        """Remember where rounding may decide a branch in this run, of shape (lanes, *shape)."""
        lanes = np.any(near, axis=tuple(range(1, near.ndim)))
        self._stream.near_ties = self._stream.near_ties | lanes

    def uniform(self, shape: tuple[int, ...]) -> Payload:
        """Random numbers in [-1, 1), one per sample and entry."""
        draws = self._stream.generator.random((self.samples, *shape), dtype=np.float32)
        uniform = draws.astype(np.float64)
        uniform *= 2.0
        uniform -= 1.0
        return uniform

    def roundings(self, *operands: Payload) -> Payload:
        """Random numbers in [-1, 1] to round the results of one operation by, for each sample.

        Where the operands are equal, so are the numbers; -0 counts as 0.
        """
        keys = self._stream.generator.bit_generator.random_raw(self.samples)
        bits: NDArray[np.uint64] = keys.reshape(-1, *(1,) * (operands[0].ndim - 1))
        for operand in operands:
            bits = mixed(bits ^ (operand + 0.0).view(np.uint64))
        roundings: Payload = bits.view(np.int64) * 2.0**-63
        return roundings

    def nudged(self, x: Payload, operands: tuple[Payload, ...], exact: NDArray[np.bool_] | bool) -> Payload:
        """Results with the rounding of their size, but for those that are exact."""
        if self.gridded:
            rounded = self.on_a_grid(x, self.format)
            return rounded if exact is False else np.where(exact, x, rounded)
        noise = self.roundings(*operands)
        noise *= self.unit
        if np.any(exact):
            noise = np.where(exact, 0.0, noise)
        noise += 1.0
        noise *= x
        return noise

    def on_a_grid(self, x: Payload, target: Format) -> Payload:
        """Results rounded to nearest on the format's grid, as each sample draws it.

        The grid is shifted by a part of its spacing, and stretched by up to an eighth, so that numbers that
        are far apart are rounded independently. Numbers that are near one another are rounded alike, as they
        are in a program: the probabilities of a thousand classes that are all about 1/1000, say. So the
        errors of entries are as much alike as a program's, which is one of these samples: that with the grid
        as it is.
        """
        generator, shape = self._stream.generator, (self.samples, *(1,) * (x.ndim - 1))
        shift, stretch = generator.random(shape), 1.0 + generator.random(shape) / 8
        significand, exponent = np.frexp(x)
        units = np.ldexp(significand, target.significand_bits) * stretch
        nearest = (np.rint(units + shift) - shift) / stretch
        rounded = np.ldexp(nearest, exponent - target.significand_bits)
        return np.where(np.isfinite(x) & (x != 0), rounded, x)

    def converted(self, x: Payload, target: Format, *, towards_zero: bool = False) -> Payload:
        """Numbers rounded to a format at random, but for those that it represents.

        Args:
            x: The numbers.
            target: The format.
            towards_zero: Whether every second sample rounds towards zero, with an error of up to 2 u.
        """
        held = target.holds(x) | np.isnan(x)
        if self.inside is not None or np.all(held):
            return x
        if self.gridded:
            return np.where(held, x, self.on_a_grid(x, target))
        noise = self.roundings(x)
        if towards_zero:
            noise[1::2] -= 1.0
        noisy = x * (1.0 + self.amplification * target.unit_roundoff * noise)
        return np.where(held, x, noisy)

    def rounded(self, x: Payload, vanished: NDArray[np.bool_] | bool = False) -> Payload:
        """Results with the format's underflow, as noise, and its overflow."""
        size = np.abs(x)
        tiny = size < self.format.smallest_normal
        if np.any(tiny) and np.any(tiny := tiny & ((size > 0) | vanished)):
            shape = tiny.shape[1:]
            noise = self.amplification * self.format.smallest_subnormal * self.uniform(shape)
            flushed = self.uniform(shape) > 0
            flushed[1::2] = True
            flushed[::4] = False
            # A flush loses all of x, and is amplified as all noise is.
            x = np.where(tiny, np.where(flushed, x - self.amplification * x, x + noise), x)
        too_large = size > self.format.greatest
        return np.where(too_large, np.copysign(self.format.overflow, x), x) if np.any(too_large) else x
