"""The elementary functions of numbers: each stands here once, for all kinds and for plain NumPy code.

Arb answers NaN at a pole; NumPy answers an infinity, on which code such as `np.where(p > 0, np.log(p), 0)`
relies. Where an operand is *exactly* at the pole, a function's form for NumPy's code therefore gives that;
the tape, which differentiates there, does not.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import erf, erfc, inf, isfinite
from types import MappingProxyType
from typing import Any

import numpy as np
from flint import arb

from gradproof.reference.numbers import special_balls as special
from gradproof.reference.numbers.float_functions import sigmoid, sinc, softplus, through_balls
from gradproof.reference.numbers.payload import Payload

Floats = Callable[..., Payload]

ZERO, ONE, INFINITY, NAN = arb(0), arb(1), arb("inf"), arb("nan")


@dataclass(frozen=True)
class Elementary:
    """A function of one number, or of two.

    Attributes:
        names: The standard's first, then those that NumPy and scipy.special give it.
        ball: What it is of balls.
        floats: What it is of float64 arrays; None where the tape has no use for it.
        edge: What it is of balls for NumPy's code, where that has an answer at the edge; else as `ball`.
        never_zero: Whether it is never 0 exactly, so that a 0 is an underflow.
        exact: Whether its results are exact in every format, so that none is rounded.
    """

    names: tuple[str, ...]
    ball: Callable[..., arb]
    floats: Floats | None = None
    edge: Callable[..., arb] | None = None
    never_zero: bool = False
    exact: bool = False

    @property
    def numpys(self) -> Callable[..., arb]:
        """What it is of balls for NumPy's code."""
        return self.edge or self.ball


# -------------------------------------------------------------------- in balls


def divide(x: arb, y: arb) -> arb:
    """Compute x / y; an infinity or NaN where y is exactly 0, as NumPy has it."""
    if y.is_zero():
        return INFINITY if x > 0 else -INFINITY if x < 0 else NAN
    if not y.is_finite() and x.is_finite() and not y.is_nan() and absolute(y) > 0:
        return ZERO
    return x / y


def absolute(x: arb) -> arb:
    """Compute |x|; Arb itself forgets the sign of an infinity."""
    if x > 0:
        return x
    return -x if x < 0 else abs(x)


def _log(x: arb) -> arb:
    if x.is_zero():
        return -INFINITY
    return INFINITY if x == INFINITY else x.log()


def _log1p(x: arb) -> arb:
    return -INFINITY if x == -1 else INFINITY if x == INFINITY else x.log1p()


def _sqrt(x: arb) -> arb:
    return INFINITY if x == INFINITY else x.sqrt()


_SHORT = 2.0**20
_LARGE = 2.0**40


def near(value: float, share: float) -> arb:
    """Give the ball of all numbers within a share of a double that code holds; share 0 for the double alone.

    A double such as 0.1 or 1/3 stands for a number that it is not. Whole numbers and short binary fractions
    (0.5, 0.125) are taken as what they are, whatever the share.

    >>> near(0.5, 1e-9), near(0.1, 1e-9).contains(arb(1) / 10)
    (0.500000000000000, True)
    """
    if not share or isinstance(value, int) or not isfinite(value):
        return arb(value)
    if (value * _SHORT).is_integer() and abs(value) < _LARGE:
        return arb(value)
    return arb(value, abs(value) * share)


def whole_power(x: arb, exponent: int) -> arb:
    """Compute x^n by repeated products; Arb itself goes by the logarithm, and gives no number around 0.

    >>> whole_power(arb(-0.5), -3), whole_power(arb(0, 0.5), 3)
    (-8.00000000000000, [+/- 0.126])
    """
    if exponent < 0:
        return divide(ONE, whole_power(x, -exponent))
    product = ONE
    while exponent:
        if exponent % 2:
            product = product * x
        exponent //= 2
        if exponent:
            x = x * x
    return product


def power(x: arb, y: arb) -> arb:
    """Compute x^y; whole exponents are repeated products, whatever the base's sign."""
    if y.is_exact() and y.is_integer():
        return whole_power(x, int(y.unique_fmpz()))
    if y == arb(0.5):
        return _sqrt(x)
    if x.is_zero():
        return ZERO if y > 0 else INFINITY if y < 0 else NAN
    return x**y


def greatest(x: arb, y: arb) -> arb:
    """Compute the greater of two; next to 0 no ball is left that reaches below it, and has no root.

    >>> greatest(arb(0, 0.5), arb(0)).sqrt()
    [+/- 0.708]
    """
    if y.is_zero() and x.is_finite():
        return x.nonnegative_part()
    if x.is_zero() and y.is_finite():
        return y.nonnegative_part()
    # Arb itself answers all numbers where one is infinite, and code may ask which it was (h == h.max())
    return x if x >= y else y if y > x else x.max(y)


def _minimum(x: arb, y: arb) -> arb:
    return x if x <= y else y if y < x else x.min(y)


def rounded(x: arb) -> arb:
    """Round to the nearest integer, halves to the even one."""
    below = (x + arb(0.5)).floor()
    if x.is_exact() and below - x == arb(0.5) and (below / 2).floor() * 2 != below:
        return below - 1
    return below


def truncated(x: arb) -> arb:
    """Cut the fraction off."""
    return x.floor() if x >= 0 else x.ceil() if x < 0 else x.floor().union(x.ceil())


def _softplus_of_ball(x: arb) -> arb:
    # log(1 + e^x) = x + log(1 + e^-x): both hold everywhere, and the exponential stays small
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def _logaddexp(x: arb, y: arb) -> arb:
    # ln(e^x + e^y), shifted by the greater one
    if not x.is_finite() or not y.is_finite():
        return _log(x.exp() + y.exp())
    return x + _softplus_of_ball(y - x)


def _xlogy(x: arb, y: arb) -> arb:
    return ZERO if x.is_zero() and not y.is_nan() else x * _log(y)


def _relative_entropy(x: arb, y: arb) -> arb:
    # x ln(x/y); scipy.special answers infinity outside of x >= 0, y >= 0, and where y alone is 0
    outside = x < 0 or y < 0 or (y.is_zero() and x > 0)
    return INFINITY if outside else _xlogy(x, divide(x, y))


_TABLE = (
    Elementary(("exp",), arb.exp, np.exp, never_zero=True),
    Elementary(("expm1",), arb.expm1, np.expm1),
    Elementary(("log",), arb.log, np.log, _log),
    Elementary(("log1p",), arb.log1p, np.log1p, _log1p),
    Elementary(("sqrt",), arb.sqrt, np.sqrt, _sqrt),
    Elementary(("sin",), arb.sin, np.sin),
    Elementary(("cos",), arb.cos, np.cos),
    Elementary(("tanh",), arb.tanh, np.tanh),
    Elementary(("atan", "arctan"), arb.atan, np.arctan),
    Elementary(("erf",), arb.erf, np.vectorize(erf, otypes=[np.float64])),
    Elementary(("erfc",), arb.erfc, np.vectorize(erfc, otypes=[np.float64]), never_zero=True),
    Elementary(("sinc",), arb.sinc_pi, sinc),
    Elementary(("sigmoid", "expit"), lambda x: divide(ONE, ONE + (-x).exp()), sigmoid, never_zero=True),
    Elementary(("softplus",), _softplus_of_ball, softplus, never_zero=True),
    Elementary(("sign",), lambda x: NAN if x.is_nan() else x.sgn(), np.sign, exact=True),
    Elementary(("floor",), arb.floor, np.floor, exact=True),
    Elementary(("ceil",), arb.ceil, np.ceil, exact=True),
    Elementary(("trunc",), truncated, np.trunc, exact=True),
    Elementary(("round", "rint"), rounded, np.rint, exact=True),
    Elementary(("log2",), lambda x: x.log() / arb(2).log(), np.log2, lambda x: _log(x) / arb(2).log()),
    Elementary(("log10",), lambda x: x.log() / arb(10).log(), np.log10, lambda x: _log(x) / arb(10).log()),
    Elementary(("tan",), arb.tan, np.tan),
    Elementary(("asin", "arcsin"), arb.asin, np.arcsin),
    Elementary(("acos", "arccos"), arb.acos, np.arccos),
    Elementary(("sinh",), arb.sinh, np.sinh),
    Elementary(("cosh",), arb.cosh, np.cosh),
    Elementary(("asinh", "arcsinh"), arb.asinh, np.arcsinh),
    Elementary(("acosh", "arccosh"), arb.acosh, np.arccosh),
    Elementary(
        ("atanh", "arctanh"),
        arb.atanh,
        np.arctanh,
        edge=lambda x: INFINITY if x == 1 else -INFINITY if x == -1 else x.atanh(),
    ),
    # of NumPy's code alone
    Elementary(("exp2",), lambda x: (x * arb(2).log()).exp()),
    Elementary(("cbrt",), lambda x: x.root(3) if x >= 0 else -((-x).root(3))),
    Elementary(("square",), lambda x: x * x),
    Elementary(("reciprocal",), lambda x: divide(ONE, x)),
    Elementary(("fabs",), absolute),
    Elementary(("degrees", "rad2deg"), lambda x: x * 180 / arb.pi()),
    Elementary(("radians", "deg2rad"), lambda x: x * arb.pi() / 180),
    # scipy.special's
    Elementary(("logit",), lambda x: _log(x) - _log1p(-x)),
    Elementary(("log_expit",), lambda x: -_softplus_of_ball(-x)),
    Elementary(("erfcx",), special.erfcx, through_balls(special.erfcx, inf, 0.0), never_zero=True),
    Elementary(("erfinv",), arb.erfinv, through_balls(arb.erfinv)),
    Elementary(("ndtr",), special.ndtr, through_balls(special.ndtr, 0.0, 1.0), never_zero=True),
    Elementary(("log_ndtr",), special.log_ndtr, through_balls(special.log_ndtr, -inf, 0.0), never_zero=True),
    Elementary(("ndtri",), special.ndtri, through_balls(special.ndtri)),
    Elementary(("exprel",), lambda x: ONE if x.is_zero() else x.expm1() / x),
    Elementary(("entr",), lambda x: -INFINITY if x < 0 else -_xlogy(x, x)),
    Elementary(("gamma",), arb.gamma),
    Elementary(("gammaln", "lgamma"), special.gammaln, through_balls(special.gammaln, inf, inf)),
    Elementary(("loggamma",), arb.lgamma),
    Elementary(("digamma", "psi"), arb.digamma, through_balls(arb.digamma, high=inf)),
    Elementary(("i0",), special.i0, through_balls(special.i0, inf, inf)),
    Elementary(("i1",), special.i1, through_balls(special.i1, -inf, inf)),
    Elementary(("i0e",), special.i0e, through_balls(special.i0e, 0.0, 0.0)),
    Elementary(("i1e",), special.i1e, through_balls(special.i1e, 0.0, 0.0)),
)

_OF_TWO = (
    Elementary(("maximum", "fmax"), greatest),
    Elementary(("minimum", "fmin"), _minimum),
    Elementary(("pow", "power", "float_power"), power),
    Elementary(("logaddexp",), _logaddexp, np.logaddexp),
    Elementary(("logaddexp2",), lambda x, y: _logaddexp(x * arb(2).log(), y * arb(2).log()) / arb(2).log()),
    Elementary(("atan2", "arctan2"), arb.atan2, np.arctan2),
    Elementary(("hypot",), lambda x, y: _sqrt(x * x + y * y), np.hypot),
    Elementary(
        ("copysign",),
        lambda x, y: absolute(x) * (ONE if y >= 0 else -ONE if y < 0 else arb(0, 1)),
        np.copysign,
        exact=True,
    ),
    Elementary(
        ("heaviside",),
        lambda x, y: ONE if x > 0 else ZERO if x < 0 else y if x.is_zero() else arb(0.5, 0.5),
    ),
    Elementary(("xlogy",), _xlogy),
    Elementary(("gammainc",), special.gammainc, through_balls(special.gammainc)),
    Elementary(("gammaincc",), special.gammaincc, through_balls(special.gammaincc), never_zero=True),
    Elementary(("xlog1py",), lambda x, y: ZERO if x.is_zero() and not y.is_nan() else x * _log1p(y)),
    Elementary(("rel_entr",), _relative_entropy),
    Elementary(("kl_div",), lambda x, y: _relative_entropy(x, y) - x + y),
)


def _by_name(table: tuple[Elementary, ...]) -> Mapping[str, Elementary]:
    return MappingProxyType({name: entry for entry in table for name in entry.names})


ELEMENTARY: Mapping[str, Elementary] = _by_name(_TABLE)
"""The functions of one number, by each of their names."""

OF_TWO: Mapping[str, Elementary] = _by_name(_OF_TWO)
"""The functions of two numbers, by each of their names."""

OF_THE_TAPE: Mapping[str, Elementary] = _by_name(
    tuple(
        Elementary((function.__name__,), function, through_balls(function))
        for function in (
            *(special.erfcx_slope, special.erfinv_slope, special.log_ndtr_slope, special.ndtri_slope),
            *(special.i0e_slope, special.i1_slope, special.i1e_slope, special.tanhshrink),
        )
    )
)
"""Functions of one number that NumPy's code has no name for, and of which compositions lose digits."""

OF_THE_TAPE_TWO: Mapping[str, Elementary] = _by_name(
    tuple(
        Elementary((function.__name__,), function, through_balls(function))
        for function in (special.polygamma, special.zeta, special.gammainc_slope)
    )
)
"""Likewise of two, or that are no ufuncs there."""

BY_OPERANDS = ((1, ELEMENTARY), (1, OF_THE_TAPE), (2, OF_TWO), (2, OF_THE_TAPE_TWO))

EVERY: Mapping[str, Elementary] = MappingProxyType(
    {name: entry for _, table in BY_OPERANDS for name, entry in table.items()}
)
"""All of them, by each of their names."""


def on_balls(function: Callable[..., Any], operands: int = 1) -> Callable[..., Payload]:
    """Give a function of balls on arrays of them."""
    on_arrays: Callable[..., Payload] = np.frompyfunc(function, operands, 1)
    return on_arrays
