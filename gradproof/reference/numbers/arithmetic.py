"""What a kind of number must be able to do, and the array that the tape computes with."""

import operator
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import reduce
from math import prod
from typing import Any, ClassVar, Generic, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.float_payloads import FloatPayloads
from gradproof.reference.numbers.integers import Integers
from gradproof.reference.numbers.mask import Mask, decided
from gradproof.reference.numbers.payload import HIDDEN, Payload, aligned

Operand: TypeAlias = "Numbers[Any] | float"

Made_co = TypeVar("Made_co", bound="Numbers[Any]", covariant=True)


class Kind(ABC, Generic[Made_co]):
    """A kind of number: how values become numbers, and under which settings they compute."""

    name: ClassVar[str]

    @abstractmethod
    def lift(self, values: NDArray[Any]) -> Made_co:
        """Numbers that are exactly the given values.

        Args:
            values: Array of shape (lanes, *shape), lanes possibly 1; floats or integers.
        """

    @abstractmethod
    def constant(self, values: "NDArray[Any] | float") -> Made_co:
        """Numbers for a constant that a loss holds, the same in all lanes."""

    # Of the kinds here noisy floats alone are held in formats; all others stay what they are.

    def of_param(self, name: str) -> Self:  # noqa: ARG002 - see above
        """The kind of a parameter's numbers."""
        return self

    def of_data(self, name: str) -> Self:  # noqa: ARG002 - see above
        """The kind of the numbers of data."""
        return self

    def of_constants(self) -> Self:
        """The kind of constants that meet no other number."""
        return self

    def adopted(self, numbers: "Numbers[Any]") -> "Numbers[Any]":
        """Numbers that were computed in another run of this kind, as those of this run."""
        return type(numbers)(numbers.data, self)

    def meeting(self, numbers: "Sequence[Numbers[Any]]") -> Self:  # noqa: ARG002 - see above
        """The kind of constants that meet numbers, in whose format an operation on all of them computes."""
        return self

    @property
    def held_in(self) -> str:
        """The format of all numbers whose own is not known; empty for kinds that have none."""
        return ""

    @property
    def has_formats(self) -> bool:
        """Whether arrays are held each in a format of its own."""
        return False

    def at_most(self, dtype: str) -> str:
        """The format that a loss's cast leads to."""
        return dtype

    def of_samples(self, data: NDArray[Any]) -> Made_co:
        """Numbers that are exactly the given integers, of shape (samples, lanes, *shape)."""
        return self.lift(data[0])

    def pi(self) -> Made_co:
        """The circle's constant, as exactly as the kind can."""
        return self.constant(np.pi)

    @abstractmethod
    def context(self) -> AbstractContextManager[object]:
        """Sets what the arithmetic depends on (precision, random state, NumPy's warnings)."""

    def once(self, compute: Callable[[], Made_co]) -> Made_co:
        """What a function computes, as the result of one operation: of numbers with noise, rounded once."""
        return compute()

    def convolving(self) -> AbstractContextManager[object]:
        """Products are those of a convolution meanwhile, which hardware may round otherwise."""
        return nullcontext()

    @property
    def array_dtype(self) -> np.dtype[Any]:
        """The data type that a loss is told its arrays have."""
        return np.dtype(np.float64)


KindType = TypeVar("KindType", bound=Kind[Any])
NumbersType = TypeVar("NumbersType", bound="Numbers[Any]")


_Operator = Callable[["Numbers[Any]", Operand], "Numbers[Any]"]
_Comparison = Callable[["Numbers[Any]", Operand], Mask]


def _operators(compute: Callable[[Any, Any], Any], text: str) -> tuple[_Operator, _Operator]:
    """An operator, and the one for a constant as the left operand."""

    def forward(self: "Numbers[Any]", other: Operand) -> "Numbers[Any]":
        return self.joined(other).like(self._computed(compute, *self._pair(other)))

    def reflected(self: "Numbers[Any]", other: Operand) -> "Numbers[Any]":
        return self.joined(other).like(self._computed(compute, *reversed(self._pair(other))))

    forward.__doc__ = reflected.__doc__ = text
    return forward, reflected


def _comparisons(compare: Callable[[Any, Any], Any], text: str) -> tuple[_Comparison, _Comparison]:
    """A comparison, and its mirror image."""

    def forward(self: "Numbers[Any]", other: Operand) -> Mask:
        return Mask(self._compared(compare, *self._pair(other)))

    def mirrored(self: "Numbers[Any]", other: Operand) -> Mask:
        return Mask(self._compared(compare, *reversed(self._pair(other))))

    forward.__doc__ = mirrored.__doc__ = text
    return forward, mirrored


class Numbers(FloatPayloads[KindType]):
    """An array of one kind of number with the operations that the tape's table is written in.

    Operands broadcast as NumPy's do, by their visible shapes; ints and floats are constants. Axes
    are counted from the right. The methods that start with an underscore are the arithmetic on payloads;
    see `FloatPayloads`.
    """

    __slots__ = ()
    __array_ufunc__ = None

    # ---------------------------------------------------------------- formats

    @property
    def format(self) -> str:
        """The name of the floating-point format that they are held in; empty for kinds that have none."""
        return ""

    def in_format(self, dtype: str) -> Self:  # noqa: ARG002 - see `Kind.of_param`
        """The numbers as a format holds them: rounded to it."""
        return self

    def as_in(self, kind: KindType) -> Self:  # noqa: ARG002 - see `Kind.of_param`
        """The same numbers as an operation computes with them in the format of a kind, which holds them."""
        return self

    def joined(self, *others: Operand) -> Self:  # noqa: ARG002 - see `Kind.of_param`
        """The same numbers, of the kind of what is computed of them and of others of the same format."""
        return self

    # ---------------------------------------------------------------- arithmetic, by entry

    def _lifted(self, other: Operand) -> "Numbers[Any]":
        return other if isinstance(other, Numbers) else self.kind.constant(other)

    def _pair(self, other: Operand) -> list[Payload]:
        return aligned(self.data, self._lifted(other).data)

    __add__, __radd__ = _operators(operator.add, "The sum.")
    __sub__, __rsub__ = _operators(operator.sub, "The difference.")
    __mul__, __rmul__ = _operators(operator.mul, "The product, entry by entry.")
    __truediv__, __rtruediv__ = _operators(operator.truediv, "The quotient.")
    __mod__, __rmod__ = _operators(
        operator.mod, "The remainder, which has the divisor's sign; of floats alone."
    )

    def __neg__(self) -> Self:
        """The negation, which is exact in every kind."""
        return self.like(-self.data)

    def __pow__(self, other: Operand) -> Self:
        """The power; an exponent that is an int is a repeated product, whatever the base's sign."""
        if isinstance(other, int):
            return self.like(self._integer_power(self.data, other))
        return self.joined(other).like(self._computed(operator.pow, *self._pair(other)))

    def function(self, name: str, *others: Operand) -> Self:
        """An elementary function by name: of one number, as exp and log1p are, or of two, as atan2."""
        operands = aligned(self.data, *(self._lifted(other).data for other in others))
        return self.joined(*others).like(self._function(name, *operands))

    def abs(self) -> Self:
        """The absolute value."""
        return self.like(abs(self.data))

    def maximum(self, other: Operand) -> Self:
        """The greater of the two."""
        return self.joined(other).like(self._maximum(*self._pair(other)))

    def minimum(self, other: Operand) -> Self:
        """The lesser of the two."""
        return -(-self).maximum(-self._lifted(other))

    # ---------------------------------------------------------------- sums and products

    def sum(self, axes: tuple[int, ...], *, keepdims: bool = False) -> Self:
        """The sum over axes."""
        if not axes:
            return self
        total = self.like(self._sum(self.data, axes))
        return kept(total, self, axes) if keepdims else total

    def count(self, axes: tuple[int, ...]) -> int:
        """How many entries a sum over axes adds."""
        return prod(self.shape[axis] for axis in axes)

    def sum_to(self, shape: tuple[int, ...]) -> Self:
        """Sums over the axes that broadcasting added to `shape` or stretched.

        It is the adjoint of `broadcast_to`: <x.sum_to(shape), y> = <x, y.broadcast_to(x.shape)>.
        """
        if self.shape == shape:
            return self
        padded = (1,) * (self.ndim - len(shape)) + shape
        axes = tuple(
            axis - self.ndim
            for axis, (mine, target) in enumerate(zip(self.shape, padded, strict=True))
            if axis < self.ndim - len(shape) or (target == 1 and mine != 1)
        )
        return self.sum(axes, keepdims=True).reshape(shape)

    def cumulative_sum(self, axis: int) -> Self:
        """The running sums along an axis."""
        return self.like(self._cumulative_sum(self.data, axis))

    def prod(self, axes: tuple[int, ...]) -> Self:
        """The product along axes, which keep length 1; along one after the other, from left to right."""
        product = self
        for axis in axes:
            parts: list[Numbers[Any]] = [product.part(axis, i, i + 1) for i in range(product.shape[axis])]
            empty = [] if parts else [product.sum((axis,), keepdims=True) + 1]
            product = product.like(reduce(operator.mul, parts + empty).data)
        return product

    def max(self, axes: tuple[int, ...], *, keepdims: bool = False) -> Self:
        """The greatest entry along axes."""
        greatest = self.like(self._max(self.data, axes))
        return kept(greatest, self, axes) if keepdims else greatest

    def is_first_greatest(self, axes: tuple[int, ...]) -> Mask:
        """Whether an entry is the first of the greatest along axes; of floats alone.

        It is no derivative, which `shares` is: any greatest entry serves to measure the others from.
        """
        last = tuple(range(-len(axes), 0))
        moved = np.moveaxis(self.data, axes, last)
        flat = moved.reshape(*moved.shape[: moved.ndim - len(axes)], -1)
        first = np.zeros(flat.shape, dtype=bool)
        np.put_along_axis(first, np.argmax(flat, axis=-1, keepdims=True), True, axis=-1)
        return Mask(decided(np.moveaxis(first.reshape(moved.shape), last, axes)))

    def pivot(self, axes: tuple[int, ...]) -> Self:
        """A number near the maximum along axes, which keep length 1, to shift exponents by.

        Any shift gives the same softmax; this one keeps exponentials from overflowing.
        """
        return self.max(axes, keepdims=True)

    def __matmul__(self, other: "Numbers[Any]") -> Self:
        """The product of matrices, or of stacks of them; both operands have two axes or more.

        A stack times one matrix is one product of a taller matrix: cheaper, and how frameworks do
        it.
        """
        if self.ndim > other.ndim == HIDDEN:
            tall = self.reshape((prod(self.shape[:-1]), self.shape[-1]))
            return (tall @ other).reshape((*self.shape[:-1], other.shape[-1]))
        return self.joined(other).like(self._matmul(*aligned(self.data, other.data)))

    def matrix_function(self, name: str, *others: "Numbers[Any]") -> Self:
        """A function of matrices, or of stacks of them, by its name in `matrix_functions`."""
        if self.ndim < HIDDEN:
            raise ValueError(f"an array with {self.ndim} axes is no matrix")
        operands = aligned(self.data, *(other.data for other in others))
        return self.joined(*others).like(self._matrix_function(name, *operands))

    # ---------------------------------------------------------------- comparisons and kinks

    __lt__, __gt__ = _comparisons(operator.lt, "Whether it is less, or greater.")
    __le__, __ge__ = _comparisons(operator.le, "Whether it is at most, or at least, the other.")

    def equals(self, other: Operand) -> Mask:
        """Whether both are the same number; not `==`, which stays Python's own.

        What is compared with itself is the same, however wide a ball it is, unless it is NaN.
        """
        if other is self:
            return ~self.is_nan()
        return Mask(self._compared(operator.eq, *self._pair(other)))

    def select(self, mask: Mask, other: Operand) -> Self:
        """These numbers where the mask is true, `other` where it is false.

        Where the mask is undecided, the result holds both (the hull of two balls).
        """
        selected = self._select(*aligned(mask.data, self.data, self._lifted(other).data))
        return self.joined(other).like(selected)

    def step(self, at_zero: float) -> Self:
        """1 where a number is positive and 0 where it is negative: a kink's derivative.

        At zero it is `at_zero` for a kind that follows a convention, and [0, 1] for one that
        tells the truth. Two laws hold: x.step(c) + (-x).step(1 - c) is 1, and repeated calls agree.
        """
        return self.like(self._step(self.data, at_zero))

    def jump(self) -> Self:
        """The derivative of a function that jumps at 0: 0 elsewhere, and at 0 anything at all."""
        return self.like(self._jump(self.data))

    def shares(self, axes: tuple[int, ...]) -> Self:
        """How much each entry has of the derivative of the maximum along axes.

        1 for a single greatest entry; for ties, equal shares by convention, or each [0, 1].
        """
        return self.like(self._shares(self.data, axes))

    # ---------------------------------------------------------------- order, along an axis

    def sort(self, axis: int) -> Self:
        """The entries in ascending order."""
        return self.like(np.swapaxes(self._sorted(np.swapaxes(self.data, axis, -1)), axis, -1))

    def put_back(self, g: Self, axis: int) -> Self:
        """The derivative with respect to the entries, from g, that with respect to them in order."""
        x, given = (np.swapaxes(each.data, axis, -1) for each in (self, g))
        return self.joined(g).like(np.swapaxes(self._put_back(x, given), axis, -1))

    def argsort(self, axis: int) -> Integers:
        """The places of the entries in ascending order; equal entries in the order of their places."""
        places, undecided = self._argsort(np.swapaxes(self.data, axis, -1))
        return Integers(np.swapaxes(places, axis, -1), np.swapaxes(undecided, axis, -1))

    def argmax(self, axis: int) -> Integers:
        """The place of the greatest entry, the first one of several; the axis keeps length 1."""
        shares = np.swapaxes(self._shares(self.data, (axis,)), axis, -1)
        return Integers(np.swapaxes(np.argmax(shares > 0, axis=-1, keepdims=True), axis, -1))

    def is_finite(self) -> Mask:
        """Whether an entry is no infinity and not NaN."""
        return Mask(decided(np.isfinite(self.data)))

    def is_nan(self) -> Mask:
        """Whether an entry is NaN."""
        return Mask(decided(np.isnan(self.data)))


def kept(reduced: NumbersType, x: Numbers[Any], axes: tuple[int, ...]) -> NumbersType:
    """A result of a reduction of x, its reduced axes put back as length 1."""
    return reduced.reshape([1 if axis - x.ndim in axes else n for axis, n in enumerate(x.shape)])
