"""Plain float64: fast, uncertified, with a stated convention at every kink."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.arithmetic import Kind, Numbers


class PlainNumbers(Numbers["Plain"]):
    """float64 numbers; one sample.

    Kinks: relu'(0) = 0, |x|'(0) = 0, clip' is 1 on the bounds, tied maxima share equally.
    """

    __slots__ = ()

    def values(self) -> NDArray[np.float64]:
        """The numbers as float64, shape (lanes, *shape)."""
        values: NDArray[np.float64] = self.data[0]
        return values


@dataclass(frozen=True)
class Plain(Kind[PlainNumbers]):
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
