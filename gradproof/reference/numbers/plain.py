"""Plain float64: fast, uncertified, with a stated convention at every kink."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.arithmetic import Kind, KindType, Numbers
from gradproof.reference.numbers.elementary import ELEMENTARY
from gradproof.reference.numbers.payload import Payload


class FloatNumbers(Numbers[KindType]):
    """What float64 payloads share, whether they carry rounding noise or not."""

    __slots__ = ()

    def _function(self, name: str, x: Payload) -> Payload:
        function = ELEMENTARY[name].floats
        if function is None:
            raise NotImplementedError(f"{name} has no form for float64 in the table of elementary functions")
        return function(x)

    def _maximum(self, x: Payload, y: Payload) -> Payload:
        return np.maximum(x, y)

    def _max(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest: Payload = np.max(x, axis=axes)
        return greatest

    def _less(self, x: Payload, y: Payload) -> NDArray[np.int8]:
        return _truth(x < y)

    def _less_equal(self, x: Payload, y: Payload) -> NDArray[np.int8]:
        return _truth(x <= y)

    def _equal(self, x: Payload, y: Payload) -> NDArray[np.int8]:
        return _truth(x == y)

    def _select(self, mask: Payload, x: Payload, y: Payload) -> Payload:
        return np.where(mask > 0, x, y)

    def _jump(self, x: Payload) -> Payload:
        return np.zeros_like(x)


class PlainNumbers(FloatNumbers["Plain"]):
    """float64 numbers; one sample.

    Kinks: relu'(0) = 0, |x|'(0) = 0, clip' is 1 on the bounds, tied maxima share equally.
    """

    __slots__ = ()

    def values(self) -> NDArray[np.float64]:
        """The numbers as float64, shape (lanes, *shape)."""
        values: NDArray[np.float64] = self.data[0]
        return values

    def _step(self, x: Payload, at_zero: float) -> Payload:
        # np.heaviside hands on NaN, so that a NaN never looks like a decided branch.
        return np.heaviside(x, at_zero)

    def _shares(self, x: Payload, axes: tuple[int, ...]) -> Payload:
        greatest = np.equal(x, np.max(x, axis=axes, keepdims=True))
        shares: Payload = greatest / np.sum(greatest, axis=axes, keepdims=True)
        return shares


@dataclass(frozen=True)
class Plain(Kind):
    """Plain float64.

    >>> (Plain().lift(np.array([[1.0, 2.0]])) * 3).values()
    array([[3., 6.]])
    """

    name: ClassVar[str] = "plain"

    def lift(self, values: NDArray[Any]) -> PlainNumbers:
        """Float64 numbers from an array of shape (lanes, *shape)."""
        return PlainNumbers(np.asarray(values, dtype=np.float64)[np.newaxis], self)

    def constant(self, values: NDArray[Any] | float) -> PlainNumbers:
        """A constant; shape () for a Python number."""
        return self.lift(np.asarray(values, dtype=np.float64)[np.newaxis])

    def context(self) -> AbstractContextManager[object]:
        """Silences NumPy's floating-point warnings: inf and NaN are results here, to be judged."""
        return np.errstate(all="ignore")


def _truth(booleans: Payload) -> NDArray[np.int8]:
    return np.where(booleans, np.int8(1), np.int8(-1))
