"""Operations on single entries.

A rule reads as in a textbook: g is the derivative of the loss with respect to the result y, and
the names after y are the operands. Operands broadcast; the tape sums the derivative back.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from collections.abc import Callable
from math import factorial

import numpy as np

from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, one, two

_DLMF = "NIST Digital Library of Mathematical Functions"
_CALCULUS = "Apostol, Calculus I, 2nd ed., sections 4.4-4.5 (sum, product, quotient, powers)"
_CLARKE = "Clarke, Optimization and Nonsmooth Analysis (1983), section 2.3 (generalized gradient)"

Slope = Callable[[Array, Array, Array], Array]


def of_one_number(
    name: str,
    summary: str,
    slope: Slope,
    *,
    source: str,
    factor: str = "",
    traits: Trait = Trait.NONE,
    domain: str = "all reals",
    accurate: Accurate | None = None,
) -> Operation:
    """An elementary function of one number, by its name in `numbers.elementary`."""
    return Operation(
        name=name,
        summary=summary,
        traits=Trait.ELEMENTWISE | traits,
        signature=one,
        forward=lambda x: x.function(name),
        derivatives=(slope,),
        factor=factor,
        domain=domain,
        source=source,
        accurate=accurate,
    )


ADD = Operation(
    name="add",
    summary="The sum of two numbers.",
    traits=Trait.ELEMENTWISE | Trait.LINEAR,
    signature=two,
    integers=np.add,
    forward=lambda a, b: a + b,
    derivatives=(lambda g, y, a, b: g, lambda g, y, a, b: g),
    source=_CALCULUS,
)

SUBTRACT = Operation(
    name="subtract",
    summary="The difference of two numbers.",
    traits=Trait.ELEMENTWISE | Trait.LINEAR,
    signature=two,
    integers=np.subtract,
    forward=lambda a, b: a - b,
    derivatives=(lambda g, y, a, b: g, lambda g, y, a, b: -g),
    source=_CALCULUS,
)

MULTIPLY = Operation(
    name="multiply",
    summary="The product of two numbers.",
    traits=Trait.ELEMENTWISE | Trait.BILINEAR,
    signature=two,
    integers=np.multiply,
    forward=lambda a, b: a * b,
    derivatives=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    source=_CALCULUS,
)

DIVIDE = Operation(
    name="divide",
    summary="The quotient of two numbers.",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    signature=two,
    forward=lambda a, b: a / b,
    # d(a/b)/da = 1/b,  d(a/b)/db = -a/b^2 = -y/b
    derivatives=(lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y) / b),
    domain="b != 0",
    source=_CALCULUS,
)

NEGATIVE = Operation(
    name="negative",
    summary="The negation.",
    traits=Trait.ELEMENTWISE | Trait.LINEAR,
    signature=one,
    integers=np.negative,
    forward=lambda x: -x,
    derivatives=(lambda g, y, x: -g,),
    source=_CALCULUS,
)

SQUARE = Operation(
    name="square",
    summary="The square.",
    traits=Trait.ELEMENTWISE,
    signature=one,
    integers=np.square,
    forward=lambda x: x**2,
    derivatives=(lambda g, y, x: g * (2 * x),),
    factor="2 x",
    source=_CALCULUS,
)

INTEGER_POWER = Operation(
    name="integer_power",
    summary="A power with a whole exponent, of any base.",
    traits=Trait.ELEMENTWISE,
    forward=lambda x, *, exponent: x**exponent,
    # d(x^n)/dx = n x^(n-1); for n = 0 it is 0, also at x = 0, where x^(n-1) would be infinite
    derivatives=(lambda g, y, x, *, exponent: g * (exponent * x ** (exponent - 1)) if exponent else g * 0,),
    factor="n x^(n - 1)",
    domain="all reals; x != 0 for a negative exponent",
    source=_CALCULUS,
)

POW = Operation(
    name="pow",
    summary="A power of a positive base.",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    forward=lambda a, b: a**b,
    # a^b = e^(b log a):  d/da = b a^(b-1),  d/db = a^b log a
    derivatives=(
        lambda g, y, a, b: g * (b * a ** (b - 1)),
        lambda g, y, a, b: g * (y * a.function("log")),
    ),
    domain="a > 0",
    source=f"{_DLMF}, 4.2(iv) and 4.10",
    # the textbook's, but that b - 1 is not rounded
    accurate=Accurate(
        loses="a^(b - 1), whose exponent is rounded",
        keeps="the exponent b - 1 with all its digits",
        source=f"{_DLMF}, 4.2(iv)",
    ),
)

EXP = of_one_number(
    "exp",
    "The exponential function.",
    lambda g, y, x: g * y,
    factor="y",
    traits=Trait.READS_RESULT | Trait.FROM_RESULT,
    source=f"{_DLMF}, 4.10(ii)",
)

EXPM1 = of_one_number(
    "expm1",
    "exp(x) - 1, exact near 0 too.",
    # d(e^x - 1)/dx = e^x = y + 1
    lambda g, y, x: g * (y + 1),
    factor="y + 1",
    traits=Trait.READS_RESULT | Trait.FROM_RESULT,
    source=f"{_DLMF}, 4.10(ii)",
    accurate=Accurate(
        derivatives=(lambda g, y, x: g * x.function("exp"),),
        loses="expm1(x) + 1",
        keeps="exp(x)",
        source=f"{_DLMF}, 4.10(ii)",
    ),
)

LOG = of_one_number(
    "log",
    "The natural logarithm.",
    lambda g, y, x: g / x,
    factor="1 / x",
    domain="x > 0",
    source=f"{_DLMF}, 4.10(i)",
)

LOG1P = of_one_number(
    "log1p",
    "log(1 + x), exact near 0 too.",
    lambda g, y, x: g / (1 + x),
    factor="1 / (1 + x)",
    domain="x > -1",
    source=f"{_DLMF}, 4.10(i)",
)

SQRT = of_one_number(
    "sqrt",
    "The square root.",
    # d(x^1/2)/dx = 1/2 x^-1/2 = 1/(2y)
    lambda g, y, x: g / (2 * y),
    factor="1 / (2 y)",
    traits=Trait.READS_RESULT | Trait.FROM_RESULT,
    domain="x > 0",
    source=_CALCULUS,
)

SIN = of_one_number(
    "sin",
    "The sine of an angle in radians.",
    lambda g, y, x: g * x.function("cos"),
    factor="cos(x)",
    source=f"{_DLMF}, 4.20",
)

COS = of_one_number(
    "cos",
    "The cosine of an angle in radians.",
    lambda g, y, x: -g * x.function("sin"),
    factor="-sin(x)",
    source=f"{_DLMF}, 4.20",
)

TANH = of_one_number(
    "tanh",
    "The hyperbolic tangent.",
    # tanh' = sech^2 = 1 - tanh^2
    lambda g, y, x: g * (1 - y * y),
    factor="1 - y^2",
    traits=Trait.ACTIVATION | Trait.READS_RESULT | Trait.FROM_RESULT,
    source=f"{_DLMF}, 4.34 and 4.35(ii)",
    accurate=Accurate(
        # 1/cosh(x) = 2 / (e^x + e^-x), and 1/(1 + e^-2x) = e^x / (e^x + e^-x):  tanh' = 4 s(2x) s(-2x)
        derivatives=(lambda g, y, x: g * (4 * (2 * x).function("sigmoid") * (-2 * x).function("sigmoid")),),
        loses="1 - tanh(x)^2",
        keeps="1/cosh(x)^2",
        source=f"{_DLMF}, 4.28.3 and 4.35(ii)",
    ),
)

ATAN = of_one_number(
    "atan",
    "The arc tangent, between -pi/2 and pi/2.",
    lambda g, y, x: g / (1 + x * x),
    factor="1 / (1 + x^2)",
    traits=Trait.ACTIVATION,
    source=f"{_DLMF}, 4.24(ii)",
    accurate=Accurate(
        loses="1 + x^2, which overflows",
        keeps="1/(1 + x^2) with the exponents that it needs",
        source=f"{_DLMF}, 4.24(ii)",
    ),
)


def _rounded_sinc(x: Array) -> Array:
    # sin(pi x) / (pi x), with the product rounded: near a whole number it loses digits
    pi: Array = x.kind.pi()
    return (pi * x / pi).function("sinc")


def _sinc_slope(x: Array) -> Array:
    # with t = pi x:  sinc' = pi (t cos t - sin t) / t^2, in which the powers of t below 3 cancel:
    # t cos t - sin t = sum over k >= 1 of (-1)^k 2k / (2k + 1)! t^(2k + 1)
    pi: Array = x.kind.pi()
    t, is_near = pi * x, x.abs() <= 0.3
    series = t * 0
    for k in range(11, 0, -1):
        series = series * t * t + (-1) ** k * (2 * k / factorial(2 * k + 1))
    direct = (t.function("cos") - x.function("sinc")) / x.select(~is_near, 1)
    return (pi * t * series).select(is_near, direct)


SINC = Operation(
    name="sinc",
    summary="sin(pi x) / (pi x), and 1 at 0.",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    signature=one,
    forward=_rounded_sinc,
    # y = sin(pi x) / (pi x):  y' = (cos(pi x) - y) / x, and 0 at 0
    derivatives=(lambda g, y, x: (g * ((x.kind.pi() * x).function("cos") - y) / x).select(~x.equals(0), 0),),
    factor="(cos(pi x) - y) / x",
    source=f"{_DLMF}, 3.3(vi)",
    accurate=Accurate(
        forward=lambda x: x.function("sinc"),
        derivatives=(lambda g, y, x: g * _sinc_slope(x),),
        loses="(cos(pi x) - sinc(x)) / x",
        keeps="its power series near 0",
        source=f"{_DLMF}, 4.19 (power series)",
    ),
)


ABS = Operation(
    name="abs",
    summary="The absolute value.",
    traits=Trait.ELEMENTWISE,
    signature=one,
    integers=np.abs,
    forward=lambda x: x.abs(),
    # the slope goes from -1 to 1 at 0: 2 step(x) - 1
    derivatives=(lambda g, y, x: g * (2 * x.step(0.5) - 1),),
    factor="sign(x)",
    kinks="x = 0: [-1, 1]; by convention 0",
    at_kink=lambda x: x.equals(0),
    source=_CLARKE,
)

MAXIMUM = Operation(
    name="maximum",
    summary="The greater of two numbers.",
    traits=Trait.ELEMENTWISE | Trait.SELECTS | Trait.EXTREMUM,
    signature=two,
    integers=np.maximum,
    forward=lambda a, b: a.maximum(b),
    derivatives=(
        lambda g, y, a, b: g * (a - b).step(0.5),
        lambda g, y, a, b: g * (b - a).step(0.5),
    ),
    kinks="a = b: each [0, 1]; by convention 1/2",
    at_kink=lambda a, b: a.equals(b),
    source=_CLARKE,
)

MINIMUM = Operation(
    name="minimum",
    summary="The lesser of two numbers.",
    traits=Trait.ELEMENTWISE | Trait.SELECTS | Trait.EXTREMUM,
    signature=two,
    integers=np.minimum,
    forward=lambda a, b: a.minimum(b),
    derivatives=(
        lambda g, y, a, b: g * (b - a).step(0.5),
        lambda g, y, a, b: g * (a - b).step(0.5),
    ),
    kinks="a = b: each [0, 1]; by convention 1/2",
    at_kink=lambda a, b: a.equals(b),
    source=_CLARKE,
)

CLIP = Operation(
    name="clip",
    summary="The number, or the bound that it goes beyond.",
    traits=Trait.ELEMENTWISE | Trait.SELECTS,
    # min(max(x, low), high), so that `high` wins where low > high
    forward=lambda x, low, high: x.maximum(low).minimum(high),
    derivatives=(
        lambda g, y, x, low, high: g * (x - low).step(1) * (high - x).step(1),
        lambda g, y, x, low, high: g * (low - x).step(0) * (high - low).step(1),
        lambda g, y, x, low, high: g * (x.maximum(low) - high).step(0),
    ),
    kinks="x on a bound: [0, 1]; by convention 1 for x",
    at_kink=lambda x, low, high: x.equals(low) | x.equals(high),
    source=_CLARKE,
)

WHERE = Operation(
    name="where",
    summary="One number where a condition holds, another elsewhere.",
    traits=Trait.ELEMENTWISE | Trait.LINEAR | Trait.SELECTS,
    forward=lambda a, b, *, condition: a.select(condition, b),
    derivatives=(
        lambda g, y, a, b, *, condition: g.select(condition, 0),
        lambda g, y, a, b, *, condition: g.select(~condition, 0),
    ),
    domain="where the condition is decided",
    kinks="an undecided condition: the hull of both branches",
    # undecided where the condition is, false elsewhere
    at_kink=lambda a, b, *, condition: condition & ~condition,
    source="definition",
)
