"""Special functions: the namespace `xp.special`, by the names of scipy.special.

Where a derivative cancels or overflows as it is written, `numbers.special_balls` has it as a function of
its own, which is the accurate form.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from typing import Any

from gradproof.reference.numbers import Numbers
from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, one
from gradproof.reference.tape.operations.entrywise import of_one_number

_DLMF = "NIST Digital Library of Mathematical Functions"


def _constant(x: Array, value: float) -> Array:
    """A constant in x's kind of number, so that its root is as exact as x."""
    constant: Array = x.kind.constant(value)
    return constant


def _pi(x: Array) -> Array:
    pi: Array = x.kind.pi()
    return pi


def _in_kind(x: Array, value: Any) -> Array:
    """An operand that has no derivative, in x's kind of number."""
    return value if isinstance(value, Numbers) else _constant(x, value)


def _one_more(x: Array, value: Any) -> Array:
    """An operand that has no derivative, plus 1; a whole number stays one."""
    return value + 1 if isinstance(value, Numbers) else _constant(x, value + 1)


def _slope_of(name: str) -> Any:
    """The rule that multiplies by a slope which is a function of its own."""
    return lambda g, y, x: g * x.function(name)


def _gaussian(x: Array) -> Array:
    return (-(x * x)).function("exp")


def _normal_density(x: Array) -> Array:
    # phi(x) = e^(-x^2/2) / sqrt(2 pi)
    return (-(x * x) / 2).function("exp") / (2 * _pi(x)).function("sqrt")


def _sign(x: Array) -> Array:
    # at 0, where |x| has a kink, all of [-1, 1]
    return 2 * x.step(0.5) - 1


# -------------------------------------------------------------------- error functions, normal distribution

ERF = of_one_number(
    "erf",
    "The error function, 2/sqrt(pi) times the integral of exp(-t^2) from 0 to x.",
    lambda g, y, x: g * (2 * _gaussian(x) / _pi(x).function("sqrt")),
    factor="2 exp(-x^2) / sqrt(pi)",
    source=f"{_DLMF}, 7.2.1",
    accurate=Accurate(
        loses="exp(-x^2), whose square is rounded",
        keeps="the square with all its digits",
        source=f"{_DLMF}, 7.2.1",
    ),
)

ERFC = of_one_number(
    "erfc",
    "1 - erf(x), of which nothing cancels for large x.",
    lambda g, y, x: -g * (2 * _gaussian(x) / _pi(x).function("sqrt")),
    factor="-2 exp(-x^2) / sqrt(pi)",
    source=f"{_DLMF}, 7.2.2",
    accurate=Accurate(
        loses="exp(-x^2), whose square is rounded",
        keeps="the square with all its digits",
        source=f"{_DLMF}, 7.2.2",
    ),
)

ERFCX = of_one_number(
    "erfcx",
    "exp(x^2) erfc(x).",
    # (e^(x^2) erfc x)' = 2 x e^(x^2) erfc x - 2/sqrt pi
    lambda g, y, x: g * (2 * x * y - 2 / _pi(x).function("sqrt")),
    factor="2 x y - 2 / sqrt(pi)",
    traits=Trait.READS_RESULT,
    source=f"{_DLMF}, 7.2.2",
    accurate=Accurate(
        derivatives=(_slope_of("erfcx_slope"),),
        loses="2 x y - 2/sqrt(pi)",
        keeps="its value, computed with as many bits as cancel",
        source=f"{_DLMF}, 7.12.1 (its size)",
    ),
)

ERFINV = of_one_number(
    "erfinv",
    "The inverse of the error function.",
    # x = erf(y):  dy/dx = 1 / erf'(y) = sqrt(pi)/2 e^(y^2)
    lambda g, y, x: g * (_pi(x).function("sqrt") / 2 * (y * y).function("exp")),
    factor="sqrt(pi) exp(y^2) / 2",
    traits=Trait.READS_RESULT | Trait.FROM_RESULT,
    domain="-1 < x < 1",
    source=f"{_DLMF}, 7.17(i)",
    accurate=Accurate(
        derivatives=(_slope_of("erfinv_slope"),),
        loses="exp(y^2), whose y is rounded",
        keeps="y with all its digits",
        source=f"{_DLMF}, 7.17(i)",
    ),
)

NDTR = Operation(
    name="ndtr",
    summary="The normal distribution function.",
    traits=Trait.ELEMENTWISE,
    signature=one,
    # Phi(x) = erfc(-x / sqrt(2)) / 2
    forward=lambda x: (-x / _constant(x, 2.0).function("sqrt")).function("erfc") / 2,
    derivatives=(lambda g, y, x: g * _normal_density(x),),
    factor="phi(x)",
    source=f"{_DLMF}, 7.18 and 7.2.2",
    accurate=Accurate(
        forward=lambda x: x.function("ndtr"),
        loses="erfc(-x / sqrt(2)) and exp(-x^2/2), whose operands are rounded",
        keeps="the operands with all their digits",
        source=f"{_DLMF}, 7.2.2",
    ),
)

NDTRI = of_one_number(
    "ndtri",
    "The inverse of the normal distribution function.",
    # x = Phi(y):  dy/dx = 1 / phi(y) = sqrt(2 pi) e^(y^2/2)
    lambda g, y, x: g * ((2 * _pi(x)).function("sqrt") * (y * y / 2).function("exp")),
    factor="sqrt(2 pi) exp(y^2 / 2)",
    traits=Trait.READS_RESULT | Trait.FROM_RESULT,
    domain="0 < x < 1",
    source=f"{_DLMF}, 7.17(i)",
    accurate=Accurate(
        derivatives=(_slope_of("ndtri_slope"),),
        loses="exp(y^2/2), whose y is rounded",
        keeps="y with all its digits",
        source=f"{_DLMF}, 7.17(i)",
    ),
)

LOG_NDTR = of_one_number(
    "log_ndtr",
    "The logarithm of the normal distribution function.",
    # (log Phi)' = phi / Phi = e^(-x^2/2 - y) / sqrt(2 pi)
    lambda g, y, x: g * ((-(x * x) / 2 - y).function("exp") / (2 * _pi(x)).function("sqrt")),
    factor="exp(-x^2 / 2 - y) / sqrt(2 pi)",
    traits=Trait.READS_RESULT,
    source=f"{_DLMF}, 7.8.1 (Mills' ratio)",
    accurate=Accurate(
        derivatives=(_slope_of("log_ndtr_slope"),),
        loses="exp(-x^2/2 - y), whose terms cancel",
        keeps="phi(x) / Phi(x)",
        source=f"{_DLMF}, 7.8.1 (Mills' ratio)",
    ),
)

# -------------------------------------------------------------------- gamma function

_STEPS = 6
"""So far libraries move x to the right, where few terms of an asymptotic series are enough."""


def _moved_gammaln(x: Array) -> Array:
    # Gamma(x + n) = x (x + 1) ... (x + n - 1) Gamma(x)
    product = x
    for k in range(1, _STEPS):
        product = product * (x + k)
    return (x + _STEPS).function("gammaln") - product.abs().function("log")


def _moved_digamma(x: Array) -> Array:
    # psi(x + n) = psi(x) + 1/x + 1/(x + 1) + ... + 1/(x + n - 1)
    total = 1 / x
    for k in range(1, _STEPS):
        total = total + 1 / (x + k)
    return (x + _STEPS).function("digamma") - total


GAMMALN = Operation(
    name="gammaln",
    summary="The logarithm of the gamma function's absolute value.",
    traits=Trait.ELEMENTWISE,
    signature=one,
    forward=_moved_gammaln,
    derivatives=(lambda g, y, x: g * _moved_digamma(x),),
    factor="digamma(x)",
    domain="all reals but 0, -1, -2, ...",
    source=f"{_DLMF}, 5.2.2 and 5.5.1",
    accurate=Accurate(
        forward=lambda x: x.function("gammaln"),
        derivatives=(lambda g, y, x: g * x.function("digamma"),),
        loses="the recurrence near a zero",
        keeps="its value, computed with as many bits as cancel",
        source=f"{_DLMF}, 5.5.2",
    ),
)

DIGAMMA = Operation(
    name="digamma",
    summary="The derivative of the logarithm of the gamma function.",
    traits=Trait.ELEMENTWISE,
    signature=one,
    forward=_moved_digamma,
    derivatives=(lambda g, y, x: g * _constant(x, 1).function("polygamma", x),),
    factor="polygamma(1, x)",
    domain="all reals but 0, -1, -2, ...",
    source=f"{_DLMF}, 5.15 and 5.5.2",
    accurate=Accurate(
        forward=lambda x: x.function("digamma"),
        loses="the recurrence near a zero",
        keeps="its value, computed with as many bits as cancel",
        source=f"{_DLMF}, 5.5.2",
    ),
)

POLYGAMMA = Operation(
    name="polygamma",
    summary="The derivative of order n of the digamma function.",
    traits=Trait.ELEMENTWISE,
    forward=lambda x, *, n: _constant(x, n).function("polygamma", x),
    derivatives=(lambda g, y, x, *, n: g * _constant(x, n + 1).function("polygamma", x),),
    factor="polygamma(n + 1, x)",
    domain="all reals but 0, -1, -2, ...",
    source=f"{_DLMF}, 5.15",
)

ZETA = Operation(
    name="zeta",
    summary="Hurwitz's zeta function, the sum of (k + q)^-s over k = 0, 1, ...",
    traits=Trait.ELEMENTWISE,
    forward=lambda q, *, s: _in_kind(q, s).function("zeta", q),
    # d(k + q)^-s/dq = -s (k + q)^(-s - 1)
    derivatives=(lambda g, y, q, *, s: -g * (_in_kind(q, s) * _one_more(q, s).function("zeta", q)),),
    factor="-s zeta(s + 1, x)",
    domain="s > 1 and q > 0",
    source=f"{_DLMF}, 25.11.17",
    # the textbook's, but that s + 1 is not rounded
    accurate=Accurate(
        loses="zeta(s + 1), whose s + 1 is rounded",
        keeps="s + 1 with all its digits",
        source=f"{_DLMF}, 25.11.17",
    ),
)


def _gamma_density(x: Array, a: Any) -> Array:
    # x^(a - 1) e^-x / Gamma(a)
    order = _in_kind(x, a)
    return ((order - 1) * x.function("log") - x - order.function("gammaln")).function("exp")


def _accurate_gamma_density(x: Array, a: Any) -> Array:
    return _in_kind(x, a).function("gammainc_slope", x)


GAMMAINC = Operation(
    name="gammainc",
    summary="The integral of t^(a - 1) exp(-t) from 0 to x, over Gamma(a).",
    traits=Trait.ELEMENTWISE,
    forward=lambda x, *, a: _in_kind(x, a).function("gammainc", x),
    derivatives=(lambda g, y, x, *, a: g * _gamma_density(x, a),),
    factor="x^(a - 1) exp(-x) / gamma(a)",
    domain="a > 0 and x > 0",
    source=f"{_DLMF}, 8.2(i)",
    accurate=Accurate(
        derivatives=(lambda g, y, x, *, a: g * _accurate_gamma_density(x, a),),
        loses="exp((a - 1) log(x) - x - gammaln(a)), whose terms are rounded",
        keeps="the exponent with all its digits",
        source=f"{_DLMF}, 8.2(i)",
    ),
)

GAMMAINCC = Operation(
    name="gammaincc",
    summary="The integral of t^(a - 1) exp(-t) from x to infinity, over Gamma(a).",
    traits=Trait.ELEMENTWISE,
    forward=lambda x, *, a: _in_kind(x, a).function("gammaincc", x),
    derivatives=(lambda g, y, x, *, a: -g * _gamma_density(x, a),),
    factor="-x^(a - 1) exp(-x) / gamma(a)",
    domain="a > 0 and x > 0",
    source=f"{_DLMF}, 8.2(i)",
    accurate=Accurate(
        derivatives=(lambda g, y, x, *, a: -g * _accurate_gamma_density(x, a),),
        loses="exp((a - 1) log(x) - x - gammaln(a)), whose terms are rounded",
        keeps="the exponent with all its digits",
        source=f"{_DLMF}, 8.2(i)",
    ),
)

# -------------------------------------------------------------------- modified Bessel functions

I0 = of_one_number(
    "i0",
    "The modified Bessel function of order 0.",
    lambda g, y, x: g * x.function("i1"),
    factor="besseli(1, x)",
    source=f"{_DLMF}, 10.29.3",
)

I1 = of_one_number(
    "i1",
    "The modified Bessel function of order 1.",
    # I_1' = I_0 - I_1 / x, and 1/2 at 0
    lambda g, y, x: g * (x.function("i0") - y / x).select(~x.equals(0), 0.5),
    factor="besseli(0, x) - y / x",
    traits=Trait.READS_RESULT,
    source=f"{_DLMF}, 10.29.2",
    accurate=Accurate(
        derivatives=(_slope_of("i1_slope"),),
        loses="i0(x) - i1(x) / x",
        keeps="the half of I_0(x) + I_2(x)",
        source=f"{_DLMF}, 10.29.1",
    ),
)

I0E = Operation(
    name="i0e",
    summary="exp(-|x|) times the modified Bessel function of order 0.",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    signature=one,
    forward=lambda x: x.function("i0e"),
    # (e^-|x| I_0)' = e^-|x| I_1 - sign(x) e^-|x| I_0
    derivatives=(lambda g, y, x: g * (x.function("i1e") - _sign(x) * y),),
    factor="exp(-abs(x)) besseli(1, x) - sign(x) y",
    kinks="x = 0: [-1, 1]; by convention 0",
    at_kink=lambda x: x.equals(0),
    source=f"{_DLMF}, 10.29.3",
    accurate=Accurate(
        derivatives=(_slope_of("i0e_slope"),),
        loses="i1e(x) - sign(x) i0e(x)",
        keeps="its value, computed with as many bits as cancel",
        source=f"{_DLMF}, 10.29.3",
    ),
)

I1E = of_one_number(
    "i1e",
    "exp(-|x|) times the modified Bessel function of order 1.",
    # (e^-|x| I_1)' = e^-|x| (I_0 - I_1 / x) - sign(x) e^-|x| I_1, and 1/2 at 0
    lambda g, y, x: g * (x.function("i0e") - y / x - x.function("sign") * y).select(~x.equals(0), 0.5),
    factor="exp(-abs(x)) besseli(0, x) - y / x - sign(x) y",
    traits=Trait.READS_RESULT,
    source=f"{_DLMF}, 10.29.2",
    accurate=Accurate(
        derivatives=(_slope_of("i1e_slope"),),
        loses="i0e(x) - i1e(x) (1/x + sign(x))",
        keeps="its value, computed with as many bits as cancel",
        source=f"{_DLMF}, 10.29.1",
    ),
)
