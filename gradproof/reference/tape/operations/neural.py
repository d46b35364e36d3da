"""Operations of neural networks that have a better form than their composition.

Better means: no overflow on the way, and the derivative that frameworks use themselves.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape.arguments import Axis, Value
from gradproof.reference.tape.operations.entry import Array, Operation, Reading, Trait, along, one, reduced

_GOODFELLOW = "Goodfellow, Bengio and Courville, Deep Learning (2016)"
_BOYD = "Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5 (log-sum-exp)"
_HENDRYCKS = "Hendrycks and Gimpel, Gaussian Error Linear Units (2016), section 2"

_CUBIC = 0.044715
"""The coefficient of x^3 in GELU's approximation; frameworks take this double."""


def _logsumexp(x: Array, axes: tuple[int, ...], *, keepdims: bool) -> Array:
    # log sum e^x = c + log sum e^(x - c) for any c
    pivot = x.pivot(axes)
    result = (x - pivot).function("exp").sum(axes, keepdims=True).function("log") + pivot
    return result if keepdims else result.squeeze(axes)


def _softmax(x: Array, axes: tuple[int, ...]) -> Array:
    weights = (x - x.pivot(axes)).function("exp")
    return weights / weights.sum(axes, keepdims=True)


def _constant(x: Array, value: float) -> Array:
    """A constant in x's kind of number, so that its root is as exact as x."""
    constant: Array = x.kind.constant(value)
    return constant


def _pi(x: Array) -> Array:
    pi: Array = x.kind.pi()
    return pi


def _normal_cdf(x: Array) -> Array:
    # Phi(x) = (1 + erf(x / sqrt 2)) / 2
    return (1 + (x / _constant(x, 2).function("sqrt")).function("erf")) / 2


def _normal_density(x: Array) -> Array:
    # phi(x) = e^(-x^2/2) / sqrt(2 pi)
    return (-(x**2) / 2).function("exp") / (2 * _pi(x)).function("sqrt")


def _tanh_of_cubic(x: Array) -> Array:
    # t(x) = tanh(sqrt(2/pi) (x + 0.044715 x^3)), the approximation's 2 Phi(x) - 1
    return ((2 / _pi(x)).function("sqrt") * (x + _CUBIC * x**3)).function("tanh")


def _gelu_tanh_derivative(g: Array, _: Array, x: Array) -> Array:
    # y = x (1 + t) / 2:  y' = (1 + t) / 2 + x t' / 2,
    # t' = (1 - t^2) sqrt(2/pi) (1 + 3 * 0.044715 x^2)
    t = _tanh_of_cubic(x)
    slope = (1 - t * t) * ((2 / _pi(x)).function("sqrt") * (1 + 3 * (_CUBIC * x**2)))
    return g * ((1 + t) / 2 + x * slope / 2)


def _silu_derivative(g: Array, _: Array, x: Array) -> Array:
    # y = x s:  y' = s + x s' = s + x s (1 - s) = s (1 + x (1 - s))
    s = x.function("sigmoid")
    return g * (s * (1 + x * (1 - s)))


SIGMOID = Operation(
    name="sigmoid",
    summary="1 / (1 + exp(-x)).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION | Trait.READS_RESULT | Trait.FROM_RESULT,
    signature=one,
    forward=lambda x: x.function("sigmoid"),
    # s = 1/(1 + e^-x):  s' = e^-x / (1 + e^-x)^2 = s (1 - s)
    derivatives=(lambda g, y, x: g * (y * (1 - y)),),
    source=f"{_GOODFELLOW}, 3.10",
)

RELU = Operation(
    name="relu",
    summary="The greater of x and 0.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION | Trait.SELECTS,
    signature=one,
    forward=lambda x: x.maximum(0),
    derivatives=(lambda g, y, x: g * x.step(0),),
    kinks="x = 0: [0, 1]; by convention 0",
    at_kink=lambda x: x.equals(0),
    source=f"{_GOODFELLOW}, 6.3.1",
)

SOFTPLUS = Operation(
    name="softplus",
    summary="log(1 + exp(x)).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=one,
    forward=lambda x: x.function("softplus"),
    # log(1 + e^x)' = e^x / (1 + e^x) = sigmoid(x)
    derivatives=(lambda g, y, x: g * x.function("sigmoid"),),
    source=f"{_GOODFELLOW}, 3.10",
)

GELU = Operation(
    name="gelu",
    summary="x times the normal distribution function of x.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    forward=lambda x: x * _normal_cdf(x),
    # y = x Phi(x):  y' = Phi + x phi
    derivatives=(lambda g, y, x: g * (_normal_cdf(x) + x * _normal_density(x)),),
    source=_HENDRYCKS,
)

GELU_TANH = Operation(
    name="gelu_tanh",
    summary="GELU's approximation by a tanh.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    forward=lambda x: x * (1 + _tanh_of_cubic(x)) / 2,
    derivatives=(_gelu_tanh_derivative,),
    source=_HENDRYCKS,
)

SILU = Operation(
    name="silu",
    summary="x times sigmoid(x).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=one,
    forward=lambda x: x * x.function("sigmoid"),
    derivatives=(_silu_derivative,),
    source=_HENDRYCKS,
)

XLOGY = Operation(
    name="xlogy",
    summary="x log(y), and 0 where x is 0.",
    traits=Trait.ELEMENTWISE,
    # x log y, and 0 where x = 0 even if y = 0: a class of probability 0 costs nothing
    forward=lambda x, p: (x * p.function("log")).select(~x.equals(0), 0),
    derivatives=(
        lambda g, y, x, p: g * p.function("log"),
        lambda g, y, x, p: (g * x / p).select(~x.equals(0), 0),
    ),
    domain="p > 0, or x = 0",
    source="Cover and Thomas, Elements of Information Theory, 2nd ed. (2006), section 2.1",
)


def _exponentials(x: Value, /, *, axis: Axis = -1, keepdims: bool = False) -> Reading:
    return reduced(x, axis=axis, keepdims=keepdims)


LOGSUMEXP = Operation(
    name="logsumexp",
    summary="The logarithm of the sum of exponentials along axes.",
    traits=Trait.REDUCTION | Trait.READS_RESULT,
    signature=_exponentials,
    forward=lambda x, *, axes, keepdims: _logsumexp(x, axes, keepdims=keepdims),
    # dy/dx_i = e^x_i / sum e^x_j = e^(x_i - y)
    derivatives=(
        lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * (x - kept(y, x, axes)).function("exp"),
    ),
    source=_BOYD,
)

SOFTMAX = Operation(
    name="softmax",
    summary="Exponentials along an axis, divided by their sum.",
    traits=Trait.NORMALISES | Trait.READS_RESULT | Trait.FROM_RESULT,
    signature=along,
    forward=lambda x, *, axes: _softmax(x, axes),
    # dy_i/dx_j = y_i (delta_ij - y_j):  dL/dx = y (g - sum g y)
    derivatives=(lambda g, y, x, *, axes: y * (g - (g * y).sum(axes, keepdims=True)),),
    source=f"{_GOODFELLOW}, 6.2.2.3",
)

LOG_SOFTMAX = Operation(
    name="log_softmax",
    summary="The logarithm of softmax.",
    traits=Trait.NORMALISES | Trait.READS_RESULT | Trait.FROM_RESULT,
    signature=along,
    forward=lambda x, *, axes: x - _logsumexp(x, axes, keepdims=True),
    # dy_i/dx_j = delta_ij - e^y_j:  dL/dx = g - e^y sum g
    derivatives=(lambda g, y, x, *, axes: g - y.function("exp") * g.sum(axes, keepdims=True),),
    source=f"{_GOODFELLOW}, 6.2.2.3",
)
