"""Operations of neural networks that have a better form than their composition.

Better means: no overflow on the way, and the derivative that frameworks use themselves.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from math import inf

from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape.arguments import Axis, Value, all_axes, rank_of
from gradproof.reference.tape.operations.entry import (
    Accurate,
    Array,
    Operation,
    Reading,
    Trait,
    along,
    one,
    reduced,
)

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


def _normal_tail(x: Array) -> Array:
    # Phi(x) = erfc(-x / sqrt 2) / 2, in which nothing cancels
    return (-x / _constant(x, 2).function("sqrt")).function("erfc") / 2


def _sigmoid_of_cubic(x: Array) -> Array:
    # (1 + tanh u) / 2 = 1 / (1 + e^-2u)
    return (2 * ((2 / _pi(x)).function("sqrt") * (x + _CUBIC * x**3))).function("sigmoid")


def _gelu_tanh_slope(g: Array, _: Array, x: Array) -> Array:
    # y = x s(2u):  y' = s(2u) + 2 x s(2u) s(-2u) u',  u' = sqrt(2/pi) (1 + 3 * 0.044715 x^2)
    s, rest = _sigmoid_of_cubic(x), _sigmoid_of_cubic(-x)
    slope = (2 / _pi(x)).function("sqrt") * (1 + 3 * (_CUBIC * x**2))
    return g * (s * (1 + 2 * x * rest * slope))


def _silu_derivative(g: Array, _: Array, x: Array) -> Array:
    # y = x s:  y' = s + x s' = s + x s (1 - s) = s (1 + x (1 - s))
    s = x.function("sigmoid")
    return g * (s * (1 + x * (1 - s)))


def _beside_greatest(x: Array, axes: tuple[int, ...]) -> Array:
    """The sum of e^(x_j - c) over all entries but the first greatest, c."""
    exponentials = (x - x.pivot(axes)).function("exp")
    return exponentials.select(~x.is_first_greatest(axes), 0).sum(axes, keepdims=True)


def _accurate_logsumexp(x: Array, axes: tuple[int, ...], *, keepdims: bool) -> Array:
    # log sum e^x = c + log(1 + the others' e^(x_j - c))
    result = x.pivot(axes) + _beside_greatest(x, axes).function("log1p")
    return result if keepdims else result.squeeze(axes)


def _accurate_log_softmax(x: Array, axes: tuple[int, ...]) -> Array:
    return (x - x.pivot(axes)) - _beside_greatest(x, axes).function("log1p")


def _accurate_softmax_derivative(g: Array, _: Array, x: Array, *, axes: tuple[int, ...]) -> Array:
    # y (g - sum g y) is the same for g - c with any c, since the sum of y is 1. Of the g at the greatest y
    # taken as c, nothing is left that y rounds to 1 beside.
    y = _softmax(x, axes)
    difference = g - g.select(x.is_first_greatest(axes), -inf).max(axes, keepdims=True)
    return y * (difference - (difference * y).sum(axes, keepdims=True))


def _sums_of_others(x: Array, axes: tuple[int, ...]) -> Array:
    """For each entry the sum of all others along an axis: of those before it and of those behind it."""
    (axis,) = axes
    n = x.shape[axis]

    def before(x: Array) -> Array:
        sums = x.cumulative_sum(axis)
        return (x.part(axis, 0, 1) * 0).concatenated([sums.part(axis, 0, n - 1)], axis)

    return before(x) + before(x.flip(axis)).flip(axis) if n else x


def _accurate_log_softmax_derivative(g: Array, _: Array, x: Array, *, axes: tuple[int, ...]) -> Array:
    # g_i - p_i sum g = g_i (1 - p_i) - p_i (the sum of the other g), and 1 - p_i is the sum of the other p
    p = _softmax(x, axes)
    return g * _sums_of_others(p, axes) - p * _sums_of_others(g, axes)


SIGMOID = Operation(
    name="sigmoid",
    summary="1 / (1 + exp(-x)).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION | Trait.READS_RESULT | Trait.FROM_RESULT,
    signature=one,
    forward=lambda x: x.function("sigmoid"),
    # s = 1/(1 + e^-x):  s' = e^-x / (1 + e^-x)^2 = s (1 - s)
    derivatives=(lambda g, y, x: g * (y * (1 - y)),),
    factor="y (1 - y)",
    source=f"{_GOODFELLOW}, 3.10",
    accurate=Accurate(
        # 1 - s(x) = s(-x)
        derivatives=(lambda g, y, x: g * (x.function("sigmoid") * (-x).function("sigmoid")),),
        loses="1 - sigmoid(x)",
        keeps="sigmoid(-x)",
        source=f"{_GOODFELLOW}, equation 3.35",
    ),
)

RELU = Operation(
    name="relu",
    summary="The greater of x and 0.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION | Trait.SELECTS,
    signature=one,
    forward=lambda x: x.maximum(0),
    derivatives=(lambda g, y, x: g * x.step(0),),
    factor="x > 0",
    kinks="x = 0: [0, 1]; by convention 0",
    at_kink=lambda x: x.equals(0),
    source=f"{_GOODFELLOW}, 6.3.1",
)

SOFTPLUS = Operation(
    name="softplus",
    summary="log(1 + exp(x)).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION | Trait.READS_RESULT,
    signature=one,
    forward=lambda x: x.function("softplus"),
    # y = log(1 + e^x):  y' = e^x / (1 + e^x) = e^(x - y), as it is for log(e^x + e^0)
    derivatives=(lambda g, y, x: g * (x - y).function("exp"),),
    factor="sigmoid(x)",
    source=f"{_GOODFELLOW}, 3.10",
    accurate=Accurate(
        # e^x / (1 + e^x) = 1 / (1 + e^-x)
        derivatives=(lambda g, y, x: g * x.function("sigmoid"),),
        loses="exp(x - softplus(x))",
        keeps="sigmoid(x)",
        source=f"{_GOODFELLOW}, equation 3.33",
    ),
)

GELU = Operation(
    name="gelu",
    summary="x times the normal distribution function of x.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    forward=lambda x: x * _normal_cdf(x),
    # y = x Phi(x):  y' = Phi + x phi
    derivatives=(lambda g, y, x: g * (_normal_cdf(x) + x * _normal_density(x)),),
    factor="Phi(x) + x phi(x)",
    source=_HENDRYCKS,
    accurate=Accurate(
        forward=lambda x: x * _normal_tail(x),
        derivatives=(lambda g, y, x: g * (_normal_tail(x) + x * _normal_density(x)),),
        loses="1 + erf(x/sqrt 2)",
        keeps="erfc(-x/sqrt 2)",
        source="NIST Digital Library of Mathematical Functions, 7.2.2 and 7.4.1",
    ),
)

GELU_TANH = Operation(
    name="gelu_tanh",
    summary="GELU's approximation by a tanh.",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    forward=lambda x: x * (1 + _tanh_of_cubic(x)) / 2,
    derivatives=(_gelu_tanh_derivative,),
    source=_HENDRYCKS,
    accurate=Accurate(
        forward=lambda x: x * _sigmoid_of_cubic(x),
        derivatives=(_gelu_tanh_slope,),
        loses="1 + tanh(u) and 1 - tanh(u)^2",
        keeps="sigmoid(2u) and sigmoid(-2u)",
        source=f"{_HENDRYCKS}; (1 + tanh u)/2 = sigmoid(2u)",
    ),
)

SILU = Operation(
    name="silu",
    summary="x times sigmoid(x).",
    traits=Trait.ELEMENTWISE | Trait.ACTIVATION,
    signature=one,
    forward=lambda x: x * x.function("sigmoid"),
    derivatives=(_silu_derivative,),
    factor="sigmoid(x) (1 + x - y)",
    source=_HENDRYCKS,
    accurate=Accurate(
        # 1 - s(x) = s(-x)
        derivatives=(lambda g, y, x: g * (x.function("sigmoid") * (1 + x * (-x).function("sigmoid"))),),
        loses="1 - sigmoid(x)",
        keeps="sigmoid(-x)",
        source=f"{_GOODFELLOW}, equation 3.35",
    ),
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
    accurate=Accurate(
        forward=lambda x, *, axes, keepdims: _accurate_logsumexp(x, axes, keepdims=keepdims),
        derivatives=(lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * _softmax(x, axes),),
        loses="log(1 + ...) and exp(x - logsumexp)",
        keeps="log1p of the other exponentials, and softmax",
        source=_BOYD,
    ),
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
    accurate=Accurate(
        derivatives=(_accurate_softmax_derivative,),
        loses="g - sum(g softmax)",
        keeps="the differences of g from that of the greatest probability",
        source=f"{_GOODFELLOW}, 6.2.2.3; the sum of softmax is 1",
    ),
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
    accurate=Accurate(
        forward=lambda x, *, axes: _accurate_log_softmax(x, axes),
        derivatives=(_accurate_log_softmax_derivative,),
        loses="1 - softmax",
        keeps="the sum of the other probabilities",
        source=f"{_GOODFELLOW}, 6.2.2.3; the sum of softmax is 1",
    ),
)


def _standardized(x: Value, /, *, axis: Axis = -1, epsilon: float = 1e-5) -> Reading:
    return (x,), {"axes": all_axes(axis, rank_of(x)), "epsilon": epsilon}


def _mean(x: Array, axes: tuple[int, ...]) -> Array:
    return x.sum(axes, keepdims=True) / x.count(axes)


def _deviation(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    # s = sqrt(the mean of d^2 + epsilon), d the deviations from the mean
    return (_mean((x - _mean(x, axes)) ** 2, axes) + epsilon).function("sqrt")


def _standardize(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    return (x - _mean(x, axes)) / _deviation(x, axes, epsilon)


def _expanded_standardize(x: Array, axes: tuple[int, ...], epsilon: float) -> Array:
    # x/s - m/s, as libraries' kernels have it
    scale = 1 / _deviation(x, axes, epsilon)
    return x * scale - _mean(x, axes) * scale


def _standardize_derivative(g: Array, _: Array, x: Array, *, axes: tuple[int, ...], epsilon: float) -> Array:
    # y_i = d_i / s with d_i = x_i - m:  dd_i/dx_j = delta_ij - 1/n,  ds/dx_j = d_j / (n s) = y_j / n, so that
    # dL/dx_j = (g_j - mean g - y_j mean(g y)) / s
    #         = g_j / s + b x_j - b m - mean g / s  with  b = -mean(g y) / s^2 = (m mean g - mean(g x)) / s^3,
    # which is how libraries' kernels have it
    m, mean_g, scale = _mean(x, axes), _mean(g, axes), 1 / _deviation(x, axes, epsilon)
    b = (m * mean_g - _mean(g * x, axes)) * scale**3
    return g * scale + b * x - (b * m + mean_g * scale)


def _accurate_standardize_derivative(
    g: Array, _: Array, x: Array, *, axes: tuple[int, ...], epsilon: float
) -> Array:
    x = x - x.pivot(axes)
    y = _standardize(x, axes, epsilon)
    return (g - _mean(g, axes) - y * _mean(g * y, axes)) / _deviation(x, axes, epsilon)


STANDARDIZE = Operation(
    name="standardize",
    summary="The deviations from the mean along axes, over the root of their mean square plus epsilon.",
    traits=Trait.NORMALISES,
    signature=_standardized,
    forward=lambda x, *, axes, epsilon: _expanded_standardize(x, axes, epsilon),
    derivatives=(_standardize_derivative,),
    domain="all reals; not all entries equal where epsilon is 0",
    source="Ioffe and Szegedy, Batch normalization (2015), section 3",
    accurate=Accurate(
        # d - mean(d) with d = x - c for any c: of numbers near one another d loses nothing
        forward=lambda x, *, axes, epsilon: _standardize(x - x.pivot(axes), axes, epsilon),
        derivatives=(_accurate_standardize_derivative,),
        loses="x/s - m/s, and its like in the derivative",
        keeps="(d - mean(d))/s for d = x - max(x)",
        source="Chan, Golub and LeVeque, Algorithms for computing the sample variance (1983), section 3",
    ),
)

CROSS_ENTROPY_OF_LOGITS = Operation(
    name="binary_cross_entropy_with_logits",
    summary="The binary cross-entropy of sigmoid(x) and targets, entry by entry.",
    traits=Trait.ELEMENTWISE,
    # -(t log s + (1 - t) log(1 - s)), with log s = x - softplus(x), log(1 - s) = -softplus(x)
    forward=lambda x, t: x.function("softplus") - t * x,
    # d/dx = s(x) - t; of (1 - t) x + softplus(-x), which is the same, (1 - t) - s(-x). Programs have either,
    # and s(x) may be e^(x - softplus(x)). This has the rounding of all: s = 1 - (1 - s).
    derivatives=(
        lambda g, y, x, t: g * ((1 - (1 - (x - x.function("softplus")).function("exp"))) - t),
        lambda g, y, x, t: -g * x,
    ),
    source=f"{_GOODFELLOW}, 6.2.2.2",
    accurate=Accurate(
        # softplus(x) - x = softplus(-x), and 1 - s(x) = s(-x)
        forward=lambda x, t: (1 - t) * x.function("softplus") + t * (-x).function("softplus"),
        derivatives=(
            lambda g, y, x, t: g * ((1 - t) * x.function("sigmoid") - t * (-x).function("sigmoid")),
        ),
        loses="sigmoid(x) - t, (1 - t) - sigmoid(-x), or exp(x - softplus(x))",
        keeps="(1 - t) sigmoid(x) - t sigmoid(-x)",
        source=f"{_GOODFELLOW}, equations 3.35 and 3.41",
    ),
)
