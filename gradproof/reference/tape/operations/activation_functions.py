"""Activation functions that have a kink, or lose digits, where their composition would.

A composition of `where` would tell no kink, because its condition is decided there: frameworks follow
different conventions at 0, which are all subgradients.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.tape.arguments import Value
from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Reading, Trait, one

_CLARKE = "Clarke, Optimization and Nonsmooth Analysis (1983), section 2.3 (generalized gradient)"


def _exponential(x: Value, /, *, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Reading:
    return (x,), {"alpha": alpha, "scale": scale, "input_scale": input_scale}


def _elu_slope(x: Array, exponential: Array, alpha: float, scale: float, input_scale: float) -> Array:
    # scale where x > 0, and scale alpha c e^(c x) where x < 0, c the input's scale; written so that both meet
    # without a gap where alpha c is 1
    left = alpha * input_scale * exponential
    return scale * (left + x.step(0) * (1 - left))


ELU = Operation(
    name="elu",
    summary="scale x where x is positive, and scale alpha (exp(input_scale x) - 1) elsewhere.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=_exponential,
    forward=lambda x, *, alpha, scale, input_scale: (
        scale * (x.maximum(0) + alpha * (input_scale * x.minimum(0)).function("expm1"))
    ),
    # the derivative of expm1 is e^x = expm1(x) + 1
    derivatives=(
        lambda g, y, x, *, alpha, scale, input_scale: (
            g * _elu_slope(x, (input_scale * x.minimum(0)).function("expm1") + 1, alpha, scale, input_scale)
        ),
    ),
    factor="scale where(x > 0, 1, alpha input_scale exp(input_scale x))",
    kinks="x = 0, unless alpha input_scale is 1: between both slopes; by convention that of the left",
    at_kink=lambda x, *, alpha, scale, input_scale: x.equals(0) & (alpha * input_scale != 1),
    source="Clevert, Unterthiner and Hochreiter, Fast and accurate deep learning by ELUs (2016), (16)",
    accurate=Accurate(
        derivatives=(
            lambda g, y, x, *, alpha, scale, input_scale: (
                g * _elu_slope(x, (input_scale * x.minimum(0)).function("exp"), alpha, scale, input_scale)
            ),
        ),
        loses="expm1(x) + 1",
        keeps="exp(x)",
        source="NIST Digital Library of Mathematical Functions, 4.10(ii)",
    ),
)


def _leaky(x: Value, /, *, negative_slope: float = 0.01) -> Reading:
    return (x,), {"negative_slope": negative_slope}


LEAKY_RELU = Operation(
    name="leaky_relu",
    summary="x where it is positive, and negative_slope x elsewhere.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=_leaky,
    forward=lambda x, *, negative_slope: x.maximum(0) + negative_slope * x.minimum(0),
    derivatives=(lambda g, y, x, *, negative_slope: g * (negative_slope + x.step(0) * (1 - negative_slope)),),
    factor="where(x > 0, 1, negative_slope)",
    kinks="x = 0: between the slope and 1; by convention the slope",
    at_kink=lambda x, *, negative_slope: x.equals(0),
    source=_CLARKE,
    accurate=Accurate(
        derivatives=(lambda g, y, x, *, negative_slope: g * x.step(0) + g * (negative_slope * (-x).step(1)),),
        loses="slope + (1 - slope)",
        keeps="1, or the slope",
        source=_CLARKE,
    ),
)


def _with_slope(x: Value, slope: Value, /) -> Reading:
    return (x, slope), {}


PRELU = Operation(
    name="prelu",
    summary="x where it is positive, and a slope times x elsewhere.",
    traits=Trait.ELEMENTWISE,
    signature=_with_slope,
    forward=lambda x, slope: x.maximum(0) + slope * x.minimum(0),
    derivatives=(
        lambda g, y, x, slope: g * (slope + x.step(0) * (1 - slope)),
        lambda g, y, x, slope: g * x.minimum(0),
    ),
    kinks="x = 0: between the slope and 1; by convention the slope",
    at_kink=lambda x, slope: x.equals(0),
    source="He, Zhang, Ren and Sun, Delving deep into rectifiers (2015), equations 1 and 3",
    accurate=Accurate(
        derivatives=(lambda g, y, x, slope: g * x.step(0) + g * (slope * (-x).step(1)),),
        loses="slope + (1 - slope)",
        keeps="1, or the slope",
        source=_CLARKE,
    ),
)

SOFTSIGN = Operation(
    name="softsign",
    summary="x / (1 + |x|).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=one,
    forward=lambda x: x / (1 + x.abs()),
    # (u/v)' = u'/v - u v'/v^2, for x > 0 of x / (1 + x), and the same of -x for x < 0: both are 1 at 0
    derivatives=(lambda g, y, x: g * (1 / (1 + x.abs()) - x.abs() / (1 + x.abs()) ** 2),),
    factor="1 / (1 + abs(x))^2",
    source="Glorot and Bengio, Understanding the difficulty of training deep networks (2010), section 3",
    accurate=Accurate(
        # ((1 + x) - x) / (1 + x)^2
        derivatives=(lambda g, y, x: g / (1 + x.abs()) / (1 + x.abs()),),
        loses="1 / (1 + |x|) - |x| / (1 + |x|)^2",
        keeps="1 / (1 + |x|)^2",
        source="NIST Digital Library of Mathematical Functions, 1.4.10 (quotient rule)",
    ),
)

TANHSHRINK = Operation(
    name="tanhshrink",
    summary="x - tanh(x).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=one,
    forward=lambda x: x - x.function("tanh"),
    # x' - tanh' = 1 - (1 - tanh^2)
    derivatives=(lambda g, y, x: g * (1 - (1 - x.function("tanh") ** 2)),),
    factor="tanh(x)^2",
    source="NIST Digital Library of Mathematical Functions, 4.34",
    accurate=Accurate(
        forward=lambda x: x.function("tanhshrink"),
        derivatives=(lambda g, y, x: g * x.function("tanh") ** 2,),
        loses="x - tanh(x), and 1 - (1 - tanh^2)",
        keeps="the series of x - tanh(x), and tanh^2",
        source="NIST Digital Library of Mathematical Functions, 4.33 and 4.34",
    ),
)
