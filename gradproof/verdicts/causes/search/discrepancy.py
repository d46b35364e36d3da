"""The claimed gradient beside the exact one: what is wrong, and when a mutant explains it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts import tolerances

Floats = NDArray[np.float64]
Balls = NDArray[np.object_]


def doubt_from(spread: Floats, exact: Floats, dtype: str) -> Floats:
    """Give what rounding explains of a claim in floats, and may explain of mutants beside it.

    Args:
        spread: of each entry, what rounding in the dtype does to it, in root mean square.
        exact: the exact values.
        dtype: the claim's.

    >>> doubt_from(np.array([1e-9, 3e-9]), np.array([1.0, 2.0]), "float32").tolist()
    [2.2360679774997896e-07, 3e-07]
    """
    spread = np.nan_to_num(spread, nan=0.0, posinf=0.0)
    largest = np.max(spread, initial=np.finfo(np.float64).tiny)
    pooled = largest * np.sqrt(np.mean((spread / largest) ** 2)) if spread.size else 0.0
    greatest = np.max(np.abs(exact), initial=0.0, where=np.isfinite(exact))
    most = (2 * FORMATS[dtype].unit_roundoff) ** tolerances.MOST_ROUNDING * greatest
    return np.asarray(np.minimum(tolerances.CAUSE_SPREADS * np.maximum(spread, pooled), most))


class Discrepancy:
    """A claimed gradient, entry by entry beside the exact one.

    Attributes:
        claimed: the claim by parameter, as balls; those with a shape of their own too.
        exact: the exact gradient by parameter, as balls, decided at kinks.
        exact_floats: the same as float64.
        error: claimed minus exact, computed in balls, as float64; where the shapes agree.
        doubt: by parameter, what rounding explains of each entry; parameters without are certified.
        misshapen: parameters whose claim has another shape than they have.
        wrong: parameters with a wrong entry, in the parameters' order.
        finite: whether all claims of wrong parameters are numbers.
    """

    def __init__(
        self,
        claimed: Mapping[str, NDArray[Any]],
        exact: Mapping[str, Balls],
        doubt: Mapping[str, Floats],
        wrong: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        """Compare; must be called within the balls' context.

        Args:
            claimed: by parameter, balls or floats.
            exact: by parameter, certified and decided at kinks.
            doubt: by parameter whose claim is floats, what rounding explains of each entry.
            wrong: by parameter, which entries the rule has called wrong; measured for the others.
        """
        self.exact = exact
        self.exact_floats = {name: midpoints(balls) for name, balls in self.exact.items()}
        self.claimed = {name: _as_balls(claimed[name]) for name in self.exact if name in claimed}
        self.doubt = doubt
        # A wrong claim in floats has rounding errors of its own, perhaps far greater than a right one has:
        # a mutant must agree with it to half of its digits.
        dtypes = {name: np.asarray(array).dtype for name, array in claimed.items()}
        self._half = {n: float(np.sqrt(np.finfo(d).eps)) for n, d in dtypes.items() if d.kind == "f"}
        self.certified = all(dtype.kind == "O" for dtype in dtypes.values())
        self.misshapen = tuple(n for n, each in self.claimed.items() if each.shape != self.exact[n].shape)
        fitting = {name: each for name, each in self.claimed.items() if name not in self.misshapen}
        self.error: dict[str, Floats] = {n: floats_of(each - self.exact[n]) for n, each in fitting.items()}
        self.scale = {n: float(np.max(np.abs(self.exact_floats[n]), initial=0.0)) for n in fitting}
        self._off = {n: np.asarray(wrong[n]) if n in wrong else self._measured(n) for n in fitting}
        self.wrong = tuple(name for name in fitting if np.any(self._off[name]))
        self.finite = all(np.all(np.isfinite(self.error[name])) for name in self.wrong)

    def _measured(self, name: str) -> NDArray[np.bool_]:
        return np.asarray(~(np.abs(self.error[name]) <= self._negligible(name)))

    def _negligible(self, name: str) -> Floats:
        """Give what doubles in code and rounding explain of each entry."""
        size = tolerances.WRONG_ENTRY * np.abs(self.exact_floats[name])
        least = np.maximum(size, tolerances.CANCELLED_ENTRY * self.scale[name])
        return np.asarray(np.maximum(least, self.doubt.get(name, 0.0)))

    def off(self, name: str) -> NDArray[np.bool_]:
        """Tell which entries of a parameter are wrong."""
        return self._off[name]

    @property
    def rounding(self) -> float:
        """What rounding explains of a claim in floats, relative to its parameters; 0 for certified claims."""
        known = [name for name in self.wrong if name in self.doubt and self.scale[name] > 0]
        return max((float(np.max(self.doubt[name])) / self.scale[name] for name in known), default=0.0)

    def doubt_at(self, name: str, place: tuple[int, ...]) -> float:
        """Give what rounding explains of one entry; 0 for a certified claim."""
        return float(self.doubt[name][place]) if name in self.doubt else 0.0

    # ---------------------------------------------------------------- does a mutant explain it?

    def may_explain(self, name: str, mutant: Floats) -> bool:
        """Tell whether a mutant in float64 may equal a parameter's claim."""
        greatest = float(np.max(np.abs(self.error[name]), initial=0.0))
        limit = tolerances.MUTANT_ERROR * greatest + tolerances.MUTANT_FLOATS * self.scale[name]
        change = mutant - self.exact_floats[name]
        near = np.abs(change - self.error[name]) <= np.maximum(limit, self.doubt.get(name, 0.0))
        return bool(np.all(near))

    def may_leave(self, name: str, mutant: Floats) -> bool:
        """Tell whether a mutant in float64 may leave a parameter as it truly is."""
        change = np.abs(mutant - self.exact_floats[name])
        return bool(np.all(change <= tolerances.UNTOUCHED * self.scale[name]))

    def leaves(self, name: str, mutant: Balls) -> bool:
        """Tell whether a mutant in balls leaves a parameter as it truly is."""
        change = floats_of(abs(mutant - self.exact[name]), upper=True)
        return bool(np.all(change <= self._negligible(name)))

    def explains(self, name: str, mutant: Balls) -> bool:
        """Tell whether a mutant in balls equals a parameter's claim, to the digits that the claim carries."""
        mutant = np.asarray(mutant, dtype=object)
        if mutant.shape != self.claimed[name].shape:
            return False
        error = float(np.max(np.abs(self.error[name]), initial=0.0)) if name in self.error else np.inf
        distance = floats_of(abs(self.claimed[name] - mutant), upper=True)
        size = np.maximum(np.abs(floats_of(self.claimed[name])), np.abs(floats_of(mutant)))
        scale = max(float(np.max(size, initial=0.0)), self.scale.get(name, 0.0))
        doubt = self.doubt.get(name, np.zeros(mutant.shape))
        if doubt.shape != mutant.shape:
            doubt = np.full(mutant.shape, np.max(doubt, initial=0.0))
        digits = max(tolerances.EXPLAINED_ENTRY, self._half.get(name, 0.0))
        limit = np.maximum(digits * size, tolerances.EXPLAINED_CANCELLED * scale)
        limit = np.maximum(np.minimum(limit, tolerances.EXPLAINED_SHARE * error), doubt)
        return bool(np.all(distance <= limit))


def _as_balls(values: NDArray[Any]) -> Balls:
    array = np.asarray(values)
    balls = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        value = array[place]
        balls[place] = value if isinstance(value, arb) else arb(float(value))
    return balls


def midpoints(balls: Balls) -> Floats:
    """Give the midpoints of balls, in an array even of one."""
    values: Floats = np.asarray(balls, dtype=object).astype(np.float64)
    return values


def floats_of(balls: Balls, *, upper: bool = False) -> Floats:
    """Give the midpoints of balls, or upper bounds; NaN where a ball is unbounded."""
    flat = np.asarray(balls, dtype=object).ravel()
    values = [float(ball.upper() if upper else ball.mid()) if ball.is_finite() else np.nan for ball in flat]
    return np.array(values, dtype=np.float64).reshape(np.shape(balls))
