"""Functions that the tape has in its table of operations, composed for the namespaces that lack them."""

from math import prod

import numpy as np

from gradproof.reference.compositions.composition import Array, Composition


class TableCompositions(Composition):
    """What they compute is told in `gradproof.reference.tape.operations`."""

    def elu(self, x: Array, /, *, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Array:
        """Scale x where x is positive, and scale alpha (exp(input_scale x) - 1) elsewhere."""
        xp = self._xp
        negative = alpha * xp.expm1(input_scale * xp.where(x > 0, xp.zeros_like(x), x))
        return scale * xp.where(x > 0, x, negative)

    def leaky_relu(self, x: Array, /, *, negative_slope: float = 0.01) -> Array:
        """X where it is positive, and negative_slope x elsewhere."""
        return self._xp.where(x > 0, x, negative_slope * x)

    def prelu(self, x: Array, slope: Array, /) -> Array:
        """X where it is positive, and a slope times x elsewhere."""
        return self._xp.where(x > 0, x, slope * x)

    def softsign(self, x: Array, /) -> Array:
        """X / (1 + |x|)."""
        return x / (1 + self._xp.abs(x))

    def tanhshrink(self, x: Array, /) -> Array:
        """X - tanh(x)."""
        return x - self._xp.tanh(x)

    def logcumsumexp(self, x: Array, /, *, axis: int = -1) -> Array:
        """The logarithms of the running sums of exponentials along an axis."""
        xp = self._xp
        greatest = xp.max(x, axis=axis, keepdims=True)
        return greatest + xp.log(xp.cumulative_sum(xp.exp(x - greatest), axis=axis))

    def standardize(self, x: Array, /, *, axis: int | tuple[int, ...] = -1, epsilon: float = 1e-5) -> Array:
        """The deviations from the mean along axes, over the root of their mean square plus epsilon."""
        xp = self._xp
        deviations = x - xp.mean(x, axis=axis, keepdims=True)
        return deviations / xp.sqrt(xp.mean(deviations**2, axis=axis, keepdims=True) + epsilon)

    def scatter_add(self, x: Array, positions: Array, /, *, shape: tuple[int, ...]) -> Array:
        """Entries added to their flat places in zeros of a shape, by a matrix of zeros and ones."""
        xp = self._xp
        places = np.equal.outer(np.asarray(positions).reshape(-1), np.arange(prod(shape)))
        rows = xp.reshape(x, (1, places.shape[0]))
        return xp.reshape(xp.matmul(rows, self._constant(places.astype(np.float64), x)), tuple(shape))
