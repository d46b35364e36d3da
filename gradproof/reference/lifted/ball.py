"""A certified number that behaves like a float, and gives notice where it cannot."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from flint import arb

from gradproof.reference.lifted.notes import note_cast, note_comparison, share_of_constants
from gradproof.reference.numbers.elementary import (
    ELEMENTARY,
    ZERO,
    absolute,
    divide,
    near,
    power,
    rounded,
    truncated,
)


def as_arb(value: Any) -> arb | None:
    """Give the ball of a Ball or a plain number; None for anything else."""
    if type(value) is Ball:
        return value.arb
    if isinstance(value, bool | np.bool_):
        return arb(int(value))
    if isinstance(value, int | float):
        return near(value, share_of_constants())
    if isinstance(value, np.integer | np.floating):
        return near(value.item(), share_of_constants())
    return value if isinstance(value, arb) else None


_Operator = Callable[[Any, Any], Any]


def _operators(function: Callable[[arb, arb], arb], text: str) -> tuple[_Operator, _Operator]:
    """The operator that computes a function, and the one for a left operand that is a plain number."""

    def forward(self: "Ball", other: Any) -> Any:
        y = other.arb if type(other) is Ball else as_arb(other)
        return NotImplemented if y is None else Ball(function(self.arb, y))

    def reflected(self: "Ball", other: Any) -> Any:
        y = as_arb(other)
        return NotImplemented if y is None else Ball(function(y, self.arb))

    forward.__doc__ = reflected.__doc__ = text
    return forward, reflected


def _comparison(
    proves: Callable[[arb, arb], bool], refutes: Callable[[arb, arb], bool], text: str
) -> _Operator:
    """The operator that answers a comparison; one that the balls do not decide is guessed, and noted."""

    def compared(self: "Ball", other: Any) -> Any:
        y = as_arb(other)
        if y is None:
            return NotImplemented
        x = self.arb
        if proves(x, y):
            return True
        if refutes(x, y):
            return False
        if x.is_nan() or y.is_nan():
            return proves is operator.ne
        if x is y:  # the very number, which a maximum gave back, say: h == h.max()
            return proves(ZERO, ZERO)
        note_comparison()
        return bool(proves(x.mid(), y.mid()))

    compared.__doc__ = text
    return compared


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

    __add__, __radd__ = _operators(operator.add, "Compute x + y.")
    __sub__, __rsub__ = _operators(operator.sub, "Compute x - y.")
    __mul__, __rmul__ = _operators(operator.mul, "Compute x · y.")
    __truediv__, __rtruediv__ = _operators(divide, "Compute x / y.")
    __pow__, __rpow__ = _operators(power, "Compute x to the power y.")
    __floordiv__, __rfloordiv__ = _operators(lambda x, y: divide(x, y).floor(), "Compute the floor of x / y.")
    __mod__, __rmod__ = _operators(lambda x, y: x - y * divide(x, y).floor(), "Compute x - y · floor(x / y).")

    def __neg__(self) -> "Ball":
        """Compute -x."""
        return Ball(-self.arb)

    def __pos__(self) -> "Ball":
        """Give x."""
        return self

    def __abs__(self) -> "Ball":
        """Compute |x|."""
        return Ball(absolute(self.arb))

    # ---------------------------------------------------------------- comparisons

    __lt__ = _comparison(operator.lt, operator.ge, "Whether x < y.")
    __le__ = _comparison(operator.le, operator.gt, "Whether x <= y.")
    __gt__ = _comparison(operator.gt, operator.le, "Whether x > y.")
    __ge__ = _comparison(operator.ge, operator.lt, "Whether x >= y.")
    __eq__ = _comparison(operator.eq, operator.ne, "Whether x = y.")
    __ne__ = _comparison(operator.ne, operator.eq, "Whether x and y differ.")

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
        whole = truncated(self.arb).unique_fmpz()
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
        return Ball(rounded(self.arb * scale) / scale)

    def __repr__(self) -> str:
        """Show the midpoint as a float is shown."""
        return repr(self.midpoint)

    def __format__(self, specification: str) -> str:
        """Format the midpoint."""
        return format(self.midpoint, specification)


def _method(function: Callable[[arb], arb]) -> Callable[[Ball], Ball]:
    return lambda ball: Ball(function(ball.arb))


# NumPy computes np.exp of an array of objects as the method `exp` of each of them.
for _name, _entry in ELEMENTARY.items():
    setattr(Ball, _name, _method(_entry.numpys))
