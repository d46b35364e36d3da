"""Functions on single entries, and the comparisons."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.arguments import Value, is_discrete
from gradproof.reference.tape.functions import Functions, binary, unary
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import entrywise as table


def _comparison(
    compare: Callable[[Tensor, Value], Mask], on_integers: Callable[..., NDArray[np.bool_]]
) -> Callable[[Functions, Value, Value], Mask | NDArray[np.bool_]]:
    def function(self: Functions, a: Value, b: Value, /) -> Mask | NDArray[np.bool_]:
        if is_discrete(a, b):
            return on_integers(a, b)
        return compare(self._tape.lift(a), b)

    function.__name__ = function.__qualname__ = on_integers.__name__
    function.__doc__ = f"{on_integers.__name__}, entry by entry; undecided where balls overlap."
    return function


class ElementwiseFunctions(Functions):
    """Functions on single entries."""

    exp = unary(table.EXP)
    expm1 = unary(table.EXPM1)
    log = unary(table.LOG)
    log1p = unary(table.LOG1P)
    sqrt = unary(table.SQRT)
    sin = unary(table.SIN)
    cos = unary(table.COS)
    tanh = unary(table.TANH)
    atan = unary(table.ATAN)
    arctan = atan

    add = binary(table.ADD, np.add)
    subtract = binary(table.SUBTRACT, np.subtract)
    multiply = binary(table.MULTIPLY, np.multiply)
    divide = binary(table.DIVIDE)
    maximum = binary(table.MAXIMUM, np.maximum)
    minimum = binary(table.MINIMUM, np.minimum)

    less = _comparison(Tensor.__lt__, np.less)
    less_equal = _comparison(Tensor.__le__, np.less_equal)
    greater = _comparison(Tensor.__gt__, np.greater)
    greater_equal = _comparison(Tensor.__ge__, np.greater_equal)
    equal = _comparison(Tensor.__eq__, np.equal)
    not_equal = _comparison(Tensor.__ne__, np.not_equal)

    def abs(self, x: Value, /) -> Value:
        """The absolute value; its derivative at 0 is [-1, 1]."""
        return np.abs(x) if is_discrete(x) else self._apply(table.ABS, x)

    def sign(self, x: Value, /) -> Value:
        """-1, 0 or 1."""
        return np.sign(x) if is_discrete(x) else self._apply(table.SIGN, x)

    def negative(self, x: Value, /) -> Value:
        """The negation."""
        return -np.asarray(x) if is_discrete(x) else self._apply(table.NEGATIVE, x)

    def positive(self, x: Value, /) -> Value:
        """The number itself."""
        return x

    def square(self, x: Value, /) -> Value:
        """The square."""
        return np.square(x) if is_discrete(x) else self._apply(table.SQUARE, x)

    def reciprocal(self, x: Value, /) -> Tensor:
        """1/x."""
        return self._apply(table.DIVIDE, 1, x)

    def pow(self, base: Value, exponent: Value, /) -> Value:
        """The power; a whole Python number as exponent is taken for any base."""
        if is_discrete(base, exponent):
            return np.power(base, exponent)
        return self._tensor(base) ** exponent

    def clip(self, x: Value, /, min: Value | None = None, max: Value | None = None) -> Value:  # noqa: A002 - the standard's names
        """The number, or the bound that it goes beyond."""
        if is_discrete(x, *(bound for bound in (min, max) if bound is not None)):
            return np.clip(x, min, max)
        if min is None and max is None:
            return self._tensor(x)
        if min is None:
            return self._apply(table.MINIMUM, x, max)
        if max is None:
            return self._apply(table.MAXIMUM, x, min)
        return self._apply(table.CLIP, x, min, max)

    def where(self, condition: Value, a: Value, b: Value, /) -> Value:
        """`a` where the condition holds, `b` elsewhere; the hull of both where it is undecided."""
        if is_discrete(condition, a, b):
            return np.where(condition, a, b)
        return self._apply(table.WHERE, a, b, condition=self._mask(condition))

    def logical_and(self, a: Value, b: Value, /) -> Value:
        """True where both hold."""
        return np.logical_and(a, b) if is_discrete(a, b) else self._mask(a) & self._mask(b)

    def logical_or(self, a: Value, b: Value, /) -> Value:
        """True where one holds."""
        return np.logical_or(a, b) if is_discrete(a, b) else self._mask(a) | self._mask(b)

    def logical_xor(self, a: Value, b: Value, /) -> Value:
        """True where exactly one holds."""
        return np.logical_xor(a, b) if is_discrete(a, b) else self._mask(a) ^ self._mask(b)

    def logical_not(self, a: Value, /) -> Value:
        """True where it does not hold."""
        return np.logical_not(a) if is_discrete(a) else ~self._mask(a)

    def _mask(self, condition: Value) -> Mask:
        if isinstance(condition, Mask):
            return condition
        if is_discrete(condition):
            return Mask.lift(np.asarray(condition).astype(bool))
        return self._tensor(condition) != 0
