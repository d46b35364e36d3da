"""Circular and hyperbolic functions and their inverses, of one number, and the angle of two."""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.operations.along_axes import direction
from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, two
from gradproof.reference.tape.operations.entrywise import of_one_number

_DLMF = "NIST Digital Library of Mathematical Functions"


def _root_of_difference(x: Array | float, y: Array) -> Array:
    """sqrt(x^2 - y^2) as sqrt((x - y) (x + y)), in which the squares do not cancel."""
    root: Array = ((x - y) * (x + y)).function("sqrt")
    return root


TAN = of_one_number(
    "tan",
    "The tangent of an angle in radians.",
    # tan' = 1/cos^2 = 1 + tan^2
    lambda g, y, x: g * (1 + y * y),
    factor="1 + y^2",
    traits=Trait.READS_RESULT | Trait.FROM_RESULT,
    domain="x is no odd multiple of pi/2",
    source=f"{_DLMF}, 4.20",
)

ASIN = of_one_number(
    "asin",
    "The arc sine, between -pi/2 and pi/2.",
    # sin y = x:  y' = 1/cos y = 1/sqrt(1 - x^2)
    lambda g, y, x: g / (1 - x * x).function("sqrt"),
    factor="1 / sqrt(1 - x^2)",
    domain="-1 < x < 1",
    source=f"{_DLMF}, 4.24(ii)",
    accurate=Accurate(
        derivatives=(lambda g, y, x: g / _root_of_difference(1, x),),
        loses="1 - x^2",
        keeps="(1 - x) (1 + x)",
        source=f"{_DLMF}, 4.24(ii)",
    ),
)

ACOS = of_one_number(
    "acos",
    "The arc cosine, between 0 and pi.",
    # cos y = x:  y' = -1/sin y = -1/sqrt(1 - x^2)
    lambda g, y, x: -g / (1 - x * x).function("sqrt"),
    factor="-1 / sqrt(1 - x^2)",
    domain="-1 < x < 1",
    source=f"{_DLMF}, 4.24(ii)",
    accurate=Accurate(
        derivatives=(lambda g, y, x: -g / _root_of_difference(1, x),),
        loses="1 - x^2",
        keeps="(1 - x) (1 + x)",
        source=f"{_DLMF}, 4.24(ii)",
    ),
)

SINH = of_one_number(
    "sinh",
    "The hyperbolic sine.",
    lambda g, y, x: g * x.function("cosh"),
    factor="cosh(x)",
    source=f"{_DLMF}, 4.34",
)

COSH = of_one_number(
    "cosh",
    "The hyperbolic cosine.",
    lambda g, y, x: g * x.function("sinh"),
    factor="sinh(x)",
    source=f"{_DLMF}, 4.34",
)

ASINH = of_one_number(
    "asinh",
    "The inverse of the hyperbolic sine.",
    # sinh y = x:  y' = 1/cosh y = 1/sqrt(1 + x^2)
    lambda g, y, x: g / (x * x + 1).function("sqrt"),
    factor="1 / sqrt(1 + x^2)",
    source=f"{_DLMF}, 4.38(ii)",
    accurate=Accurate(
        derivatives=(lambda g, y, x: g / x.function("hypot", 1),),
        loses="1 + x^2, which overflows",
        keeps="the hypotenuse of 1 and x",
        source=f"{_DLMF}, 4.38(ii)",
    ),
)

ACOSH = of_one_number(
    "acosh",
    "The inverse of the hyperbolic cosine, at least 0.",
    # cosh y = x:  y' = 1/sinh y = 1/sqrt(x^2 - 1)
    lambda g, y, x: g / (x * x - 1).function("sqrt"),
    factor="1 / sqrt(x^2 - 1)",
    domain="x > 1",
    source=f"{_DLMF}, 4.38(ii)",
    accurate=Accurate(
        # the product of the roots does not overflow
        derivatives=(lambda g, y, x: g / ((x - 1).function("sqrt") * (x + 1).function("sqrt")),),
        loses="x^2 - 1",
        keeps="(x - 1) (x + 1)",
        source=f"{_DLMF}, 4.38(ii)",
    ),
)

ATANH = of_one_number(
    "atanh",
    "The inverse of the hyperbolic tangent.",
    # tanh y = x:  y' = 1/(1 - x^2)
    lambda g, y, x: g / (1 - x * x),
    factor="1 / (1 - x^2)",
    domain="-1 < x < 1",
    source=f"{_DLMF}, 4.38(ii)",
    accurate=Accurate(
        derivatives=(lambda g, y, x: g / ((1 - x) * (1 + x)),),
        loses="1 - x^2",
        keeps="(1 - x) (1 + x)",
        source=f"{_DLMF}, 4.38(ii)",
    ),
)


def _on_the_cut(y: Array, x: Array) -> Mask:
    return y.equals(0) & (x <= 0)


def _over_square(a: Array, x1: Array, x2: Array) -> Array:
    """The quotient a / (x1^2 + x2^2), without squares that overflow or vanish."""
    radius = x1.function("hypot", x2)
    quotient: Array = a / radius / radius
    return quotient


ATAN2 = Operation(
    name="atan2",
    summary="The angle, between -pi and pi, of the point whose height is the first number.",
    traits=Trait.ELEMENTWISE,
    signature=two,
    forward=lambda a, b: a.function("atan2", b),
    # tan t = a/b:  dt = (b da - a db) / (a^2 + b^2)
    derivatives=(
        lambda g, y, a, b: g * b / (a * a + b * b),
        lambda g, y, a, b: -g * a / (a * a + b * b),
    ),
    domain="not both 0",
    kinks="a = 0 with b <= 0 is a jump of 2 pi: by convention the slope of either side",
    at_kink=_on_the_cut,
    source=f"{_DLMF}, 4.23(iv)",
    accurate=Accurate(
        derivatives=(
            lambda g, y, a, b: g * _over_square(b, a, b),
            lambda g, y, a, b: -g * _over_square(a, a, b),
        ),
        loses="a^2 + b^2, which overflows or vanishes",
        keeps="the hypotenuse",
        source=f"{_DLMF}, 4.23(iv)",
    ),
)

HYPOT = Operation(
    name="hypot",
    summary="The length of the hypotenuse, sqrt(a^2 + b^2).",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    signature=two,
    forward=lambda a, b: a.function("hypot", b),
    # y^2 = a^2 + b^2:  y dy = a da + b db
    derivatives=(lambda g, y, a, b: g * direction(a, y), lambda g, y, a, b: g * direction(b, y)),
    kinks="both are 0: any pair of slopes of length 1 or less; by convention 0",
    at_kink=lambda a, b: (a * a + b * b).equals(0),
    source="Apostol, Calculus II, 2nd ed., section 8.8 (gradient of a scalar field)",
)
