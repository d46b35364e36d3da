"""A certified number that behaves like a float, and gives notice where it cannot."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from gradproof.reference.lifted import functions
from gradproof.reference.lifted.notes import is_widened, note_cast, note_comparison

_SHORT = 2.0**20
_LARGE = 2.0**40


def constant(value: float) -> arb:
    """Give the ball of a number that the code holds: itself, or in a widened run all that round to it.

    A double such as 0.1 or 1/3 stands for a number that it is not. In a widened run it is taken as any
    number within two units in the last place, since it may be the result of some operations on doubles.
    Whole numbers and short binary fractions (0.5, 0.125) are taken as what they are.
    """
    if isinstance(value, int) or not is_widened() or not math.isfinite(value):
        return arb(value)
    if (value * _SHORT).is_integer() and abs(value) < _LARGE:
        return arb(value)
    return arb(value, abs(value) * 2.0**-51)


def as_arb(value: Any) -> arb | None:
    """Give the ball of a Ball or a plain number; None for anything else."""
    if type(value) is Ball:
        return value.arb
    if isinstance(value, bool | np.bool_):
        return arb(int(value))
    if isinstance(value, int | float):
        return constant(value)
    if isinstance(value, np.integer | np.floating):
        return constant(value.item())
    return value if isinstance(value, arb) else None


class Ball:
    """A number that is proven to lie in `arb`.

    A comparison that the ball does not decide is answered by the midpoints and noted; so is every rounding
    to a float.
    """

    __slots__ = ("arb",)
    __hash__ = None  # type: ignore[assignment] # equal numbers need not have equal balls

    def __init__(self, value: arb) -> None:
        """Wrap a ball."""
        self.arb = value

    # ---------------------------------------------------------------- arithmetic

    def __add__(self, other: Any) -> Any:
        """Compute x + y."""
        y = other.arb if type(other) is Ball else as_arb(other)
        return NotImplemented if y is None else Ball(self.arb + y)

    def __sub__(self, other: Any) -> Any:
        """Compute x - y."""
        y = other.arb if type(other) is Ball else as_arb(other)
        return NotImplemented if y is None else Ball(self.arb - y)

    def __rsub__(self, other: Any) -> Any:
        """Compute y - x."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(y - self.arb)

    def __mul__(self, other: Any) -> Any:
        """Compute x · y."""
        y = other.arb if type(other) is Ball else as_arb(other)
        return NotImplemented if y is None else Ball(self.arb * y)

    __radd__, __rmul__ = __add__, __mul__

    def __truediv__(self, other: Any) -> Any:
        """Compute x / y."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(functions.divide(self.arb, y))

    def __rtruediv__(self, other: Any) -> Any:
        """Compute y / x."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(functions.divide(y, self.arb))

    def __pow__(self, other: Any) -> Any:
        """Compute x to the power y."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(functions.power(self.arb, y))

    def __rpow__(self, other: Any) -> Any:
        """Compute y to the power x."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(functions.power(y, self.arb))

    def __floordiv__(self, other: Any) -> Any:
        """Compute the floor of x / y."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(functions.divide(self.arb, y).floor())

    def __rfloordiv__(self, other: Any) -> Any:
        """Compute the floor of y / x."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(functions.divide(y, self.arb).floor())

    def __mod__(self, other: Any) -> Any:
        """Compute x - y · floor(x / y)."""
        y = as_arb(other)
        return NotImplemented if y is None else self - Ball(y) * (self // Ball(y))

    def __rmod__(self, other: Any) -> Any:
        """Compute y - x · floor(y / x)."""
        y = as_arb(other)
        return NotImplemented if y is None else Ball(y) % self

    def __neg__(self) -> "Ball":
        """Compute -x."""
        return Ball(-self.arb)

    def __pos__(self) -> "Ball":
        """Give x."""
        return self

    def __abs__(self) -> "Ball":
        """Compute |x|."""
        return Ball(functions.abs_(self.arb))

    # ---------------------------------------------------------------- comparisons

    def _decided(
        self,
        other: Any,
        yes: Callable[[arb, arb], bool],
        no: Callable[[arb, arb], bool],
    ) -> Any:
        """Answer a comparison, given a test that proves it and one that proves its opposite."""
        y = as_arb(other)
        if y is None:
            return NotImplemented
        x = self.arb
        if yes(x, y):
            return True
        if no(x, y):
            return False
        if x.is_nan() or y.is_nan():
            return yes is _unequal
        note_comparison()
        return yes(x.mid(), y.mid())

    def __lt__(self, other: Any) -> Any:
        """Whether x < y."""
        return self._decided(other, _less, _not_less)

    def __le__(self, other: Any) -> Any:
        """Whether x <= y."""
        return self._decided(other, _not_greater, _greater)

    def __gt__(self, other: Any) -> Any:
        """Whether x > y."""
        return self._decided(other, _greater, _not_greater)

    def __ge__(self, other: Any) -> Any:
        """Whether x >= y."""
        return self._decided(other, _not_less, _less)

    def __eq__(self, other: object) -> Any:
        """Whether x = y."""
        return self._decided(other, _equal, _unequal)

    def __ne__(self, other: object) -> Any:
        """Whether x and y differ."""
        return self._decided(other, _unequal, _equal)

    def __bool__(self) -> bool:
        """Whether x is not 0."""
        return bool(self != 0)

    # ---------------------------------------------------------------- what loses the proof

    def __float__(self) -> float:
        """Round to the nearest double, which is noted unless the double is the number itself."""
        nearest = self.midpoint
        if not (self.arb == arb(nearest) or self.arb.is_nan()):
            note_cast()
        return nearest

    def __int__(self) -> int:
        """Cut the fraction off; noted if the ball does not decide the integer."""
        whole = functions.trunc(self.arb).unique_fmpz()
        if whole is None:
            note_comparison()
            return int(self.midpoint)
        return int(whole)

    @property
    def midpoint(self) -> float:
        """The midpoint as a float, for looking at."""
        return float(self.arb)

    # ---------------------------------------------------------------- what NumPy calls on objects

    def conjugate(self) -> "Ball":
        """Give x: it is real."""
        return self

    @property
    def real(self) -> "Ball":
        """Give x: it is real."""
        return self

    def item(self) -> "Ball":
        """Give x, as NumPy's scalars do."""
        return self

    def __round__(self, digits: int = 0) -> "Ball":
        """Round to so many decimals."""
        scale = arb(10) ** digits
        return Ball(functions.rint(self.arb * scale) / scale)

    def __repr__(self) -> str:
        """Show the midpoint as a float is shown."""
        return repr(self.midpoint)

    def __format__(self, specification: str) -> str:
        """Format the midpoint."""
        return format(self.midpoint, specification)


def _less(x: arb, y: arb) -> bool:
    return bool(x < y)


def _not_less(x: arb, y: arb) -> bool:
    return bool(x >= y)


def _greater(x: arb, y: arb) -> bool:
    return bool(x > y)


def _not_greater(x: arb, y: arb) -> bool:
    return bool(x <= y)


def _equal(x: arb, y: arb) -> bool:
    return bool(x == y)


def _unequal(x: arb, y: arb) -> bool:
    return bool(x != y)


def _method(function: Callable[[arb], arb]) -> Callable[[Ball], Ball]:
    return lambda ball: Ball(function(ball.arb))


# NumPy computes np.exp of an array of objects as the method `exp` of each of them.
for _name, _function in functions.UNARY.items():
    setattr(Ball, _name, _method(_function))
