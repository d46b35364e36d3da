"""Comparisons and what is made of them: conditions joined and counted, without a gradient."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Integers, Mask
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Axis, Value, all_axes, condition_of, is_discrete
from gradproof.reference.tape.functions import Functions


def _comparison(name: str, compare: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    def function(self: Functions, x1: Value, x2: Value, /) -> Value:
        return getattr(np, name)(x1, x2) if is_discrete(x1, x2) else compare(self._tensor(x1), x2)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Whether {name.replace('_', ' ')}, entry by entry; undecided where balls overlap."
    return function


def _logical(name: str, join: Callable[..., Any]) -> Callable[..., Any]:
    def function(self: Functions, x1: Value, x2: Value, /) -> Value:  # noqa: ARG001 - as all functions of the namespace
        return getattr(np, name)(x1, x2) if is_discrete(x1, x2) else join(condition_of(x1), condition_of(x2))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name.replace('_', ' ').capitalize()} of two conditions, entry by entry."
    return function


def _bitwise(name: str, join: Callable[..., Any]) -> Callable[..., Any]:
    def function(self: "Comparing", x1: Value, x2: Value, /) -> Value:
        return getattr(np, name)(x1, x2) if is_discrete(x1, x2) else join(self._own(x1), self._own(x2))

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"{name.replace('_', ' ').capitalize()} of integers, or of conditions."
    return function


class Comparing(Functions):
    """The functions of the array API standard that compare, or join conditions."""

    less = _comparison("less", operator.lt)
    less_equal = _comparison("less_equal", operator.le)
    greater = _comparison("greater", operator.gt)
    greater_equal = _comparison("greater_equal", operator.ge)
    equal = _comparison("equal", operator.eq)
    not_equal = _comparison("not_equal", operator.ne)

    logical_and = _logical("logical_and", operator.and_)
    logical_or = _logical("logical_or", operator.or_)
    logical_xor = _logical("logical_xor", operator.xor)

    def logical_not(self, x: Value, /) -> Value:
        """True where a condition does not hold."""
        return np.logical_not(x) if is_discrete(x) else ~condition_of(x)

    bitwise_and = _bitwise("bitwise_and", operator.and_)
    bitwise_or = _bitwise("bitwise_or", operator.or_)
    bitwise_xor = _bitwise("bitwise_xor", operator.xor)
    bitwise_left_shift = _bitwise("bitwise_left_shift", operator.lshift)
    bitwise_right_shift = _bitwise("bitwise_right_shift", operator.rshift)

    def bitwise_invert(self, x: Value, /) -> Value:
        """The bits of integers inverted, or a condition."""
        return np.bitwise_invert(x) if is_discrete(x) else ~self._own(x)

    def _own(self, x: Value) -> Value:
        """A condition, or integers of the batch, as it is; anything else as numbers."""
        return x if isinstance(x, Mask) or is_discrete(x) else self._tensor(x)

    # ---------------------------------------------------------------- what kind of number

    def isfinite(self, x: Value, /) -> Value:
        """Whether a number is neither infinite nor NaN."""
        return np.isfinite(x) if is_discrete(x) else self._tensor(x).value.is_finite()

    def isnan(self, x: Value, /) -> Value:
        """Whether a number is NaN; undecided where a ball tells nothing."""
        return np.isnan(x) if is_discrete(x) else self._tensor(x).value.is_nan()

    def isinf(self, x: Value, /) -> Value:
        """Whether a number is infinite."""
        return np.isinf(x) if is_discrete(x) else ~(self.isfinite(x) | self.isnan(x))

    def signbit(self, x: Value, /) -> Value:
        """Whether a number is negative; 0 is not, whatever its sign bit."""
        return np.less(x, 0) if is_discrete(x) else self._tensor(x) < 0

    # ---------------------------------------------------------------- joined along axes

    def any(self, x: Value, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
        """Whether a condition holds somewhere along axes."""
        if is_discrete(x):
            return np.any(x, axis=axis, keepdims=keepdims)
        condition = condition_of(x)
        return condition.somewhere(all_axes(axis, condition.ndim), keepdims=keepdims)

    def all(self, x: Value, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
        """Whether a condition holds everywhere along axes."""
        if is_discrete(x):
            return np.all(x, axis=axis, keepdims=keepdims)
        condition = condition_of(x)
        return condition.everywhere(all_axes(axis, condition.ndim), keepdims=keepdims)

    def count_nonzero(self, x: Value, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
        """How many numbers are not 0 along axes, or how often a condition holds."""
        if is_discrete(x):
            return np.count_nonzero(x, axis=axis, keepdims=keepdims)
        condition = condition_of(x)
        return Integers.counted(condition, all_axes(axis, condition.ndim), keepdims=keepdims)

    def nonzero(self, x: Value, /) -> tuple[NDArray[np.intp], ...]:
        """The places where numbers are not 0, or a condition holds.

        Raises:
            UnsupportedError: They are not the same in all that is computed together, or not decided.
        """
        if is_discrete(x):
            return np.nonzero(x)
        condition = condition_of(x)
        first = condition.data[0, 0]
        if np.any(condition.undecided) or np.any(condition.data != first):
            raise UnsupportedError(
                f"The result of nonzero at {caller()} has a shape that depends on computed numbers, and "
                "which are 0 is not decided or differs. Use xp.where(condition, a, b) on all of them."
            )
        return np.nonzero(np.asarray(first > 0))
