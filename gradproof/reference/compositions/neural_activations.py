"""Activations that are made of others, by the names of torch.nn.functional, or else of jax.nn."""

import math
from collections.abc import Callable

from gradproof.reference.compositions.composition import Array, Composition

# Klambauer, Unterthiner, Mayr and Hochreiter, Self-normalizing neural networks (2017), equation 14.
_SELU_ALPHA, _SELU_SCALE = 1.6732632423543772848170429916717, 1.0507009873554804934193349852946


class NeuralActivations(Composition):
    """What is made of `sigmoid`, `softplus`, `elu` and the standard's functions."""

    sigmoid: Callable[..., Array]
    softplus: Callable[..., Array]
    elu: Callable[..., Array]
    logsumexp: Callable[..., Array]

    def selu(self, x: Array, /) -> Array:
        """1.0507 x where x is positive, and 1.0507 · 1.6733 (exp(x) - 1) elsewhere."""
        return self.elu(x, alpha=_SELU_ALPHA, scale=_SELU_SCALE)

    def celu(self, x: Array, /, *, alpha: float = 1.0) -> Array:
        """X where it is positive, and alpha (exp(x / alpha) - 1) elsewhere."""
        return alpha * self.elu(x / alpha)

    def relu6(self, x: Array, /) -> Array:
        """The number from 0 to 6 that is nearest to x."""
        return self._xp.clip(x, 0.0, 6.0)

    def hardtanh(self, x: Array, /, *, low: float = -1.0, high: float = 1.0) -> Array:
        """The number from `low` to `high` that is nearest to x."""
        return self._xp.clip(x, low, high)

    def hardsigmoid(self, x: Array, /) -> Array:
        """relu6(x + 3) / 6."""
        return self.relu6(x + 3.0) / 6.0

    def hardswish(self, x: Array, /) -> Array:
        """X relu6(x + 3) / 6."""
        return x * self.relu6(x + 3.0) / 6.0

    def mish(self, x: Array, /) -> Array:
        """X tanh(softplus(x)).

        Source: Misra, Mish: a self regularized non-monotonic activation function (2019), equation 1.
        """
        return x * self._xp.tanh(self.softplus(x))

    def log_sigmoid(self, x: Array, /) -> Array:
        """log(sigmoid(x)), as -softplus(-x)."""
        return -self.softplus(-x)

    def glu(self, x: Array, /, *, axis: int = -1) -> Array:
        """The first half along an axis times the sigmoid of the second.

        Raises:
            ValueError: the axis has an odd length.
        """
        length = x.shape[axis]
        if length % 2:
            raise ValueError(f"an axis of length {length} has no halves")
        kept = (slice(None),) * (axis % x.ndim)
        return x[(*kept, slice(0, length // 2))] * self.sigmoid(x[(*kept, slice(length // 2, length))])

    def softshrink(self, x: Array, /, *, threshold: float = 0.5) -> Array:
        """X moved towards 0 by the threshold; 0 where that is farther than 0."""
        return x - self._xp.clip(x, -threshold, threshold)

    def hardshrink(self, x: Array, /, *, threshold: float = 0.5) -> Array:
        """X where it is farther from 0 than the threshold, and 0 elsewhere."""
        xp = self._xp
        return xp.where(xp.abs(x) > threshold, x, xp.zeros_like(x))

    def threshold(self, x: Array, /, *, threshold: float, value: float) -> Array:
        """X where it is greater than the threshold, and a value elsewhere."""
        return self._xp.where(x > threshold, x, self._xp.full_like(x, value))

    def squareplus(self, x: Array, /, *, b: float = 4.0) -> Array:
        """(x + sqrt(x² + b)) / 2.

        Source: Barron, Squareplus: a softplus-like algebraic rectifier (2021), equation 1.
        """
        return (x + self._xp.sqrt(x**2 + b)) / 2

    def logmeanexp(self, x: Array, /, *, axis: int = -1, keepdims: bool = False) -> Array:
        """The logarithm of the mean of exponentials along an axis."""
        return self.logsumexp(x, axis=axis, keepdims=keepdims) - math.log(x.shape[axis])
