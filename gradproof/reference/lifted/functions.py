"""Elementary functions of single balls, with NumPy's answers at the edges of their domains.

Arb answers NaN at a pole; NumPy answers an infinity, on which code such as `np.where(p > 0, np.log(p), 0)`
relies. Where an operand is *exactly* at the pole, the infinity is therefore given here.
"""

from collections.abc import Callable, Mapping

from flint import arb

ZERO, ONE, INFINITY, NAN = arb(0), arb(1), arb("inf"), arb("nan")


def divide(x: arb, y: arb) -> arb:
    """Compute x / y; an infinity or NaN where y is exactly 0, as NumPy has it."""
    if y.is_zero():
        return INFINITY if x > 0 else -INFINITY if x < 0 else NAN
    if not y.is_finite() and x.is_finite() and not y.is_nan() and abs_(y) > 0:
        return ZERO
    return x / y


def abs_(x: arb) -> arb:
    """Compute |x|; Arb itself forgets the sign of an infinity."""
    if x > 0:
        return x
    return -x if x < 0 else abs(x)


def log(x: arb) -> arb:
    """Compute ln x, and -∞ at exactly 0."""
    if x.is_zero():
        return -INFINITY
    return INFINITY if x == INFINITY else x.log()


def log1p(x: arb) -> arb:
    """Compute ln(1 + x), and -∞ at exactly -1."""
    return -INFINITY if x == -1 else INFINITY if x == INFINITY else x.log1p()


def sqrt(x: arb) -> arb:
    """Compute √x."""
    return INFINITY if x == INFINITY else x.sqrt()


def power(x: arb, y: arb) -> arb:
    """Compute x^y; whole exponents are repeated products, whatever the base's sign."""
    if y.is_exact() and y.is_integer():
        exponent = int(y.unique_fmpz())
        if exponent < 0:
            return divide(ONE, x ** (-exponent))
        return x * x if exponent == 2 else x**exponent
    if y == arb(0.5):
        return sqrt(x)
    if x.is_zero():
        return ZERO if y > 0 else INFINITY if y < 0 else NAN
    return x**y


def maximum(x: arb, y: arb) -> arb:
    """Compute the greater of two, whichever it is."""
    if x.is_nan() or y.is_nan():
        return NAN
    return x if x >= y else y if y > x else x.max(y)


def minimum(x: arb, y: arb) -> arb:
    """Compute the lesser of two, whichever it is."""
    return -maximum(-x, -y)


def rint(x: arb) -> arb:
    """Round to the nearest integer, halves to the even one."""
    below = (x + arb(0.5)).floor()
    if x.is_exact() and below - x == arb(0.5) and (below / 2).floor() * 2 != below:
        return below - 1
    return below


def trunc(x: arb) -> arb:
    """Cut the fraction off."""
    return x.floor() if x >= 0 else x.ceil() if x < 0 else x.floor().union(x.ceil())


def expit(x: arb) -> arb:
    """Compute 1 / (1 + e^-x)."""
    return divide(ONE, ONE + (-x).exp())


def softplus(x: arb) -> arb:
    """Compute ln(1 + e^x)."""
    return x + (-x).exp().log1p() if x > 0 else x.exp().log1p()


def logaddexp(x: arb, y: arb) -> arb:
    """Compute ln(e^x + e^y), shifted by the greater one."""
    if not x.is_finite() or not y.is_finite():
        return log(x.exp() + y.exp())
    return x + softplus(y - x)


def xlogy(x: arb, y: arb) -> arb:
    """Compute x ln y, and 0 where x is exactly 0."""
    return ZERO if x.is_zero() and not y.is_nan() else x * log(y)


def xlog1py(x: arb, y: arb) -> arb:
    """Compute x ln(1 + y), and 0 where x is exactly 0."""
    return ZERO if x.is_zero() and not y.is_nan() else x * log1p(y)


def normal_distribution(x: arb) -> arb:
    """Compute Φ(x) = ½ erfc(-x/√2)."""
    return (-x / arb(2).sqrt()).erfc() / 2


UNARY: Mapping[str, Callable[[arb], arb]] = {
    "exp": arb.exp,
    "exp2": lambda x: (x * arb(2).log()).exp(),
    "expm1": arb.expm1,
    "log": log,
    "log2": lambda x: log(x) / arb(2).log(),
    "log10": lambda x: log(x) / arb(10).log(),
    "log1p": log1p,
    "sqrt": sqrt,
    "cbrt": lambda x: x.root(3) if x >= 0 else -((-x).root(3)),
    "square": lambda x: x * x,
    "reciprocal": lambda x: divide(ONE, x),
    "sin": arb.sin,
    "cos": arb.cos,
    "tan": arb.tan,
    "arcsin": arb.asin,
    "arccos": arb.acos,
    "arctan": arb.atan,
    "sinh": arb.sinh,
    "cosh": arb.cosh,
    "tanh": arb.tanh,
    "arcsinh": arb.asinh,
    "arccosh": arb.acosh,
    "arctanh": arb.atanh,
    "sign": arb.sgn,
    "fabs": abs_,
    "floor": arb.floor,
    "ceil": arb.ceil,
    "trunc": trunc,
    "rint": rint,
    "degrees": lambda x: x * 180 / arb.pi(),
    "radians": lambda x: x * arb.pi() / 180,
    "rad2deg": lambda x: x * 180 / arb.pi(),
    "deg2rad": lambda x: x * arb.pi() / 180,
    # scipy.special
    "expit": expit,
    "logit": lambda x: log(x) - log1p(-x),
    "log_expit": lambda x: -softplus(-x),
    "erf": arb.erf,
    "erfc": arb.erfc,
    "erfinv": arb.erfinv,
    "ndtr": normal_distribution,
    "log_ndtr": lambda x: normal_distribution(x).log(),
    "exprel": lambda x: ONE if x.is_zero() else x.expm1() / x,
    "entr": lambda x: -xlogy(x, x),
    "gamma": arb.gamma,
    "gammaln": arb.lgamma,
    "loggamma": arb.lgamma,
    "digamma": arb.digamma,
    "psi": arb.digamma,
    "i0": lambda x: x.bessel_i(0),
    "i1": lambda x: x.bessel_i(1),
}
"""By the name that NumPy or scipy.special gives it, a function of one number."""

BINARY: Mapping[str, Callable[[arb, arb], arb]] = {
    "maximum": maximum,
    "minimum": minimum,
    "fmax": maximum,
    "fmin": minimum,
    "logaddexp": logaddexp,
    "logaddexp2": lambda x, y: logaddexp(x * arb(2).log(), y * arb(2).log()) / arb(2).log(),
    "arctan2": arb.atan2,
    "hypot": lambda x, y: sqrt(x * x + y * y),
    "copysign": lambda x, y: abs_(x) * (ONE if y >= 0 else -ONE if y < 0 else arb(0, 1)),
    "heaviside": lambda x, h: ONE if x > 0 else ZERO if x < 0 else h if x.is_zero() else arb(0.5, 0.5),
    "float_power": power,
    "xlogy": xlogy,
    "xlog1py": xlog1py,
    "rel_entr": lambda x, y: xlogy(x, divide(x, y)),
    "kl_div": lambda x, y: xlogy(x, divide(x, y)) - x + y,
}
"""By the name that NumPy or scipy.special gives it, a function of two numbers."""
