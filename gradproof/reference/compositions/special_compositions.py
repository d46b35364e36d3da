"""Special functions that are made of others, by the names of scipy.special."""

import math
from collections.abc import Callable

from gradproof.reference.compositions.composition import Array, Composition


class SpecialCompositions(Composition):
    """What is made of `xlogy`, `gammaln` and the standard's functions."""

    xlogy: Callable[..., Array]
    gammaln: Callable[..., Array]

    def logit(self, p: Array, /) -> Array:
        """log(p / (1 - p)), for 0 < p < 1."""
        return self._xp.log(p) - self._xp.log1p(-p)

    def entr(self, p: Array, /) -> Array:
        """-p log(p), and 0 at 0."""
        return -self.xlogy(p, p)

    def rel_entr(self, p: Array, q: Array, /) -> Array:
        """P log(p / q), and 0 where p is 0."""
        return self.xlogy(p, p / q)

    def kl_div(self, p: Array, q: Array, /) -> Array:
        """P log(p / q) - p + q."""
        return self.rel_entr(p, q) - p + q

    def betaln(self, a: Array, b: Array, /) -> Array:
        """The logarithm of the beta function, Gamma(a) Gamma(b) / Gamma(a + b)."""
        return self.gammaln(a) + self.gammaln(b) - self.gammaln(a + b)

    def multigammaln(self, a: Array, d: int, /) -> Array:
        """The logarithm of the multivariate gamma function of dimension d, for a > (d - 1) / 2.

        Source: NIST Digital Library of Mathematical Functions, 35.3.4.
        """
        total = d * (d - 1) / 4 * math.log(math.pi)
        return sum((self.gammaln(a - j / 2) for j in range(d)), start=total)
