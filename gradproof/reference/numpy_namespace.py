"""The array namespace that a loss sees when NumPy runs it: NumPy's own, `xp.nn` and `xp.special`."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.compositions import AllCompositions
from gradproof.reference.compositions.special_compositions import SpecialCompositions
from gradproof.reference.numbers.elementary import EVERY
from gradproof.reference.numbers.float_functions import sigmoid, softplus

Array = NDArray[Any]

# The tanh approximation of GELU and its constants: Hendrycks and Gimpel, "Gaussian Error Linear Units",
# equation 2.
_GELU_CUBIC = 0.044715


# NumPy has no error function of its own.
_erfc = np.vectorize(math.erfc, otypes=[np.float64])


def gelu(x: Array, *, approximate: str = "none") -> Array:
    """Compute x · Φ(x), Φ the normal distribution function, or its tanh approximation."""
    if approximate == "tanh":
        with np.errstate(over="ignore"):  # tanh of infinity is 1
            inner = math.sqrt(2.0 / math.pi) * (x + _GELU_CUBIC * x**3)
        distribution = 0.5 * (1.0 + np.tanh(inner))
    else:
        # Φ(x) = ½ erfc(-x/√2), which does not cancel for negative x as ½ (1 + erf(x/√2)) does.
        distribution = 0.5 * _erfc(-x / math.sqrt(2.0)).astype(x.dtype)
    result: Array = x * distribution
    return result


def logsumexp(x: Array, *, axis: int = -1, keepdims: bool = False) -> Array:
    """Compute ln Σ e^x along an axis, shifted by the largest entry."""
    largest = np.max(x, axis=axis, keepdims=True)
    result: Array = largest + np.log(np.sum(np.exp(x - largest), axis=axis, keepdims=True))
    return result if keepdims else np.squeeze(result, axis=axis)


def log_softmax(x: Array, *, axis: int = -1) -> Array:
    """Compute x - ln Σ e^x along an axis, shifted by the largest entry."""
    shifted = x - np.max(x, axis=axis, keepdims=True)
    result: Array = shifted - np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
    return result


def softmax(x: Array, *, axis: int = -1) -> Array:
    """Compute e^x / Σ e^x along an axis, shifted by the largest entry."""
    exponential = np.exp(x - np.max(x, axis=axis, keepdims=True))
    result: Array = exponential / np.sum(exponential, axis=axis, keepdims=True)
    return result


def _reduced(terms: Array, reduction: str) -> Array:
    if reduction == "none":
        return terms
    return np.asarray(np.mean(terms) if reduction == "mean" else np.sum(terms))


def binary_cross_entropy(probabilities: Array, targets: Array, *, reduction: str = "mean") -> Array:
    """Compute -[y ln p + (1 - y) ln(1 - p)], with 0 · ln 0 = 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        positive = np.where(targets == 0, 0.0, targets * np.log(probabilities))
        negative = np.where(targets == 1, 0.0, (1 - targets) * np.log1p(-probabilities))
    return _reduced(-(positive + negative).astype(probabilities.dtype), reduction)


def binary_cross_entropy_with_logits(logits: Array, targets: Array, *, reduction: str = "mean") -> Array:
    """Compute the binary cross-entropy of sigmoid(logits), softplus(z) - y z.

    As max(z, 0) - y z + ln(1 + e^-|z|), in which nothing cancels for y = 0 and y = 1.
    """
    tail = np.log1p(np.exp(-np.abs(logits)))
    return _reduced((np.maximum(logits, 0.0) - targets * logits) + tail, reduction)


def cross_entropy(logits: Array, targets: Array, *, reduction: str = "mean") -> Array:
    """Compute -ln softmax(logits)[target] along the last axis.

    Targets are class indices (integers, one axis fewer than the logits) or probabilities (of the
    logits' shape).
    """
    log_probabilities = log_softmax(logits)
    if np.issubdtype(targets.dtype, np.integer):
        terms = -np.take_along_axis(log_probabilities, targets[..., None], axis=-1)[..., 0]
    else:
        terms = -np.sum(targets * log_probabilities, axis=-1)
    return _reduced(terms, reduction)


class NumpyFunctions(AllCompositions):
    """`xp.nn` on NumPy's arrays."""

    @property
    def _xp(self) -> "NumpyNamespace":
        return NumpyNamespace()

    sigmoid = staticmethod(sigmoid)
    gelu = staticmethod(gelu)
    softplus = staticmethod(softplus)
    softmax = staticmethod(softmax)
    log_softmax = staticmethod(log_softmax)
    logsumexp = staticmethod(logsumexp)
    binary_cross_entropy = staticmethod(binary_cross_entropy)
    binary_cross_entropy_with_logits = staticmethod(binary_cross_entropy_with_logits)
    cross_entropy = staticmethod(cross_entropy)

    def relu(self, x: Array) -> Array:
        """Compute max(x, 0)."""
        return np.maximum(x, 0.0)

    def stop_gradient(self, x: Array) -> Array:
        """Give the array itself: nothing goes back here."""
        return x

    def logcumsumexp(self, x: Array, *, axis: int = -1) -> Array:
        """Compute the logarithms of the running sums of e^x."""
        return np.logaddexp.accumulate(x, axis=axis)

    def scatter_add(self, x: Array, positions: Array, *, shape: tuple[int, ...]) -> Array:
        """Add entries to their flat places in zeros of a shape."""
        result = np.zeros(math.prod(shape), dtype=x.dtype)
        np.add.at(result, np.ravel(positions), np.ravel(x))
        return result.reshape(shape)

    def silu(self, x: Array) -> Array:
        """Compute x · sigmoid(x)."""
        return x * sigmoid(x)


def _in_dtype(name: str) -> Any:
    """A special function of floats, in the dtype of its last operand."""

    def function(*operands: Any) -> Array:
        floats = EVERY[name].floats
        assert floats is not None  # noqa: S101 - of those that are named here
        values: Array = floats(*operands)
        dtype = np.asarray(operands[-1]).dtype
        return values.astype(dtype if dtype.kind == "f" else np.float64)

    function.__name__ = name
    function.__doc__ = f"Compute {name} as scipy.special does."
    return function


class NumpySpecial(SpecialCompositions):
    """`xp.special` on NumPy's arrays, correctly rounded but for the last digit."""

    _xp = np

    erf, erfc, erfcx, erfinv = (staticmethod(_in_dtype(name)) for name in ("erf", "erfc", "erfcx", "erfinv"))
    ndtr, ndtri, log_ndtr = (staticmethod(_in_dtype(name)) for name in ("ndtr", "ndtri", "log_ndtr"))
    gammaln, digamma = (staticmethod(_in_dtype(name)) for name in ("gammaln", "digamma"))
    polygamma, zeta = (staticmethod(_in_dtype(name)) for name in ("polygamma", "zeta"))
    gammainc, gammaincc = (staticmethod(_in_dtype(name)) for name in ("gammainc", "gammaincc"))
    i0, i0e, i1, i1e = (staticmethod(_in_dtype(name)) for name in ("i0", "i0e", "i1", "i1e"))

    @staticmethod
    def xlogy(x: Array, y: Array) -> Array:
        """Compute x ln y, and 0 where x is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(x == 0, 0 * x, x * np.log(y)))

    @staticmethod
    def xlog1py(x: Array, y: Array) -> Array:
        """Compute x ln(1 + y), and 0 where x is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(x == 0, 0 * x, x * np.log1p(y)))


class NumpyNamespace:
    """NumPy with `xp.nn` and `xp.special` beside it; every other name is NumPy's own.

    >>> float(NumpyNamespace().nn.sigmoid(np.array(0.0)))
    0.5
    """

    nn = NumpyFunctions()
    special = NumpySpecial()

    def __getattr__(self, name: str) -> Any:
        """Give NumPy's own function or constant."""
        return getattr(np, name)
