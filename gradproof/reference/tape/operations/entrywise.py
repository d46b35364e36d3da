"""Operations on single entries.

A rule reads as in a textbook: g is the derivative of the loss with respect to the result y, and
the names after y are the operands. Operands broadcast; the tape sums the derivative back.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.tape.operations.entry import Operation
from gradproof.reference.tape.operations.traits import Trait

_DLMF = "NIST Digital Library of Mathematical Functions"
_CALCULUS = "Apostol, Calculus I, 2nd ed., sections 4.4-4.5 (sum, product, quotient, powers)"
_CLARKE = "Clarke, Optimization and Nonsmooth Analysis (1983), section 2.3 (generalized gradient)"

ADD = Operation(
    name="add",
    traits=Trait.ELEMENTWISE | Trait.LINEAR,
    forward=lambda a, b: a + b,
    derivatives=(lambda g, y, a, b: g, lambda g, y, a, b: g),
    domain="all reals",
    source=_CALCULUS,
)

SUBTRACT = Operation(
    name="subtract",
    traits=Trait.ELEMENTWISE | Trait.LINEAR,
    forward=lambda a, b: a - b,
    derivatives=(lambda g, y, a, b: g, lambda g, y, a, b: -g),
    domain="all reals",
    source=_CALCULUS,
)

MULTIPLY = Operation(
    name="multiply",
    traits=Trait.ELEMENTWISE | Trait.BILINEAR,
    forward=lambda a, b: a * b,
    derivatives=(lambda g, y, a, b: g * b, lambda g, y, a, b: g * a),
    domain="all reals",
    source=_CALCULUS,
)

DIVIDE = Operation(
    name="divide",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    forward=lambda a, b: a / b,
    # d(a/b)/da = 1/b,  d(a/b)/db = -a/b^2 = -y/b
    derivatives=(lambda g, y, a, b: g / b, lambda g, y, a, b: -(g * y) / b),
    domain="b != 0",
    source=_CALCULUS,
)

NEGATIVE = Operation(
    name="negative",
    traits=Trait.ELEMENTWISE | Trait.LINEAR,
    forward=lambda x: -x,
    derivatives=(lambda g, y, x: -g,),
    domain="all reals",
    source=_CALCULUS,
)

SQUARE = Operation(
    name="square",
    traits=Trait.ELEMENTWISE,
    forward=lambda x: x**2,
    derivatives=(lambda g, y, x: g * (2 * x),),
    domain="all reals",
    source=_CALCULUS,
)

INTEGER_POWER = Operation(
    name="integer_power",
    traits=Trait.ELEMENTWISE,
    forward=lambda x, *, exponent: x**exponent,
    # d(x^n)/dx = n x^(n-1); for n = 0 it is 0, also at x = 0, where x^(n-1) would be infinite
    derivatives=(lambda g, y, x, *, exponent: g * (exponent * x ** (exponent - 1)) if exponent else g * 0,),
    domain="all reals; x != 0 for a negative exponent",
    source=_CALCULUS,
)

POW = Operation(
    name="pow",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    forward=lambda a, b: a**b,
    # a^b = e^(b log a):  d/da = b a^(b-1),  d/db = a^b log a
    derivatives=(
        lambda g, y, a, b: g * (b * a ** (b - 1)),
        lambda g, y, a, b: g * (y * a.function("log")),
    ),
    domain="a > 0",
    source=f"{_DLMF}, 4.2(iv) and 4.10",
)

EXP = Operation(
    name="exp",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.function("exp"),
    derivatives=(lambda g, y, x: g * y,),
    domain="all reals",
    source=f"{_DLMF}, 4.10(ii)",
)

EXPM1 = Operation(
    name="expm1",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.function("expm1"),
    # d(e^x - 1)/dx = e^x = y + 1
    derivatives=(lambda g, y, x: g * (y + 1),),
    domain="all reals",
    source=f"{_DLMF}, 4.10(ii)",
)

LOG = Operation(
    name="log",
    traits=Trait.ELEMENTWISE,
    forward=lambda x: x.function("log"),
    derivatives=(lambda g, y, x: g / x,),
    domain="x > 0",
    source=f"{_DLMF}, 4.10(i)",
)

LOG1P = Operation(
    name="log1p",
    traits=Trait.ELEMENTWISE,
    forward=lambda x: x.function("log1p"),
    derivatives=(lambda g, y, x: g / (1 + x),),
    domain="x > -1",
    source=f"{_DLMF}, 4.10(i)",
)

SQRT = Operation(
    name="sqrt",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.function("sqrt"),
    # d(x^1/2)/dx = 1/2 x^-1/2 = 1/(2y)
    derivatives=(lambda g, y, x: g / (2 * y),),
    domain="x > 0",
    source=_CALCULUS,
)

SIN = Operation(
    name="sin",
    traits=Trait.ELEMENTWISE,
    forward=lambda x: x.function("sin"),
    derivatives=(lambda g, y, x: g * x.function("cos"),),
    domain="all reals",
    source=f"{_DLMF}, 4.20",
)

COS = Operation(
    name="cos",
    traits=Trait.ELEMENTWISE,
    forward=lambda x: x.function("cos"),
    derivatives=(lambda g, y, x: -g * x.function("sin"),),
    domain="all reals",
    source=f"{_DLMF}, 4.20",
)

TANH = Operation(
    name="tanh",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION | Trait.READS_RESULT | Trait.FROM_RESULT,
    forward=lambda x: x.function("tanh"),
    # tanh' = sech^2 = 1 - tanh^2
    derivatives=(lambda g, y, x: g * (1 - y * y),),
    domain="all reals",
    source=f"{_DLMF}, 4.34 and 4.35(ii)",
)

ATAN = Operation(
    name="atan",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    forward=lambda x: x.function("atan"),
    derivatives=(lambda g, y, x: g / (1 + x * x),),
    domain="all reals",
    source=f"{_DLMF}, 4.24(ii)",
)

ABS = Operation(
    name="abs",
    traits=Trait.ELEMENTWISE,
    forward=lambda x: x.abs(),
    # the slope goes from -1 to 1 at 0: 2 step(x) - 1
    derivatives=(lambda g, y, x: g * (2 * x.step(0.5) - 1),),
    domain="all reals",
    kinks="x = 0: [-1, 1]; by convention 0",
    at_kink=lambda x: x.equals(0),
    source=_CLARKE,
)

SIGN = Operation(
    name="sign",
    traits=Trait.ELEMENTWISE | Trait.PIECEWISE_CONSTANT,
    forward=lambda x: x.sign(),
    # constant but for the jump at 0
    derivatives=(lambda g, y, x: g * x.jump(),),
    domain="x != 0",
    kinks="x = 0 is a jump: anything; by convention 0",
    at_kink=lambda x: x.equals(0),
    source="definition",
)

MAXIMUM = Operation(
    name="maximum",
    traits=Trait.ELEMENTWISE | Trait.SELECTS | Trait.EXTREMUM,
    forward=lambda a, b: a.maximum(b),
    derivatives=(
        lambda g, y, a, b: g * (a - b).step(0.5),
        lambda g, y, a, b: g * (b - a).step(0.5),
    ),
    domain="all reals",
    kinks="a = b: each [0, 1]; by convention 1/2",
    at_kink=lambda a, b: a.equals(b),
    source=_CLARKE,
)

MINIMUM = Operation(
    name="minimum",
    traits=Trait.ELEMENTWISE | Trait.SELECTS | Trait.EXTREMUM,
    forward=lambda a, b: a.minimum(b),
    derivatives=(
        lambda g, y, a, b: g * (b - a).step(0.5),
        lambda g, y, a, b: g * (a - b).step(0.5),
    ),
    domain="all reals",
    kinks="a = b: each [0, 1]; by convention 1/2",
    at_kink=lambda a, b: a.equals(b),
    source=_CLARKE,
)

CLIP = Operation(
    name="clip",
    traits=Trait.ELEMENTWISE | Trait.SELECTS,
    # min(max(x, low), high), so that `high` wins where low > high
    forward=lambda x, low, high: x.maximum(low).minimum(high),
    derivatives=(
        lambda g, y, x, low, high: g * (x - low).step(1) * (high - x).step(1),
        lambda g, y, x, low, high: g * (low - x).step(0) * (high - low).step(1),
        lambda g, y, x, low, high: g * (x.maximum(low) - high).step(0),
    ),
    domain="all reals",
    kinks="x on a bound: [0, 1]; by convention 1 for x",
    at_kink=lambda x, low, high: x.equals(low) | x.equals(high),
    source=_CLARKE,
)

WHERE = Operation(
    name="where",
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
