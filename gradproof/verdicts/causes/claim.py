"""The claimed gradient beside the true one: what is wrong, and when a mutant explains it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.verdicts.causes.graph import Array

_WRONG = 1e-14
"""Relative distance from which a certified entry counts as wrong; constants in code are doubles (1e-16)."""

_DIGITS = 1e-12
"""A mutant explains an entry when it agrees with the claim to so many digits ..."""

_SHARE = 1e-3
"""... and leaves at most this share of the parameter's greatest error unexplained."""

_FLOAT = 1e-11
"""Mutants in float64 are as good as this, relative to the parameter's greatest entry; the balls decide."""

Floats = NDArray[np.float64]
Balls = NDArray[np.object_]


class Claim:
    """A claimed gradient, entry by entry beside the truth.

    Attributes:
        balls: the claim by parameter, as balls; those with a shape of their own too.
        true: the true gradient by parameter, as balls.
        true_floats: the same as float64.
        error: claimed minus true, computed in balls, as float64; where the shapes agree.
        half: by parameter whose claim is floats, the root of the dtype's eps: half its digits, to which a
            mutant must agree.
        certified: whether no parameter's claim is floats.
        misshapen: parameters whose claim has another shape than they have.
        wrong: parameters with a wrong entry, in the parameters' order.
    """

    def __init__(
        self,
        claimed: Mapping[str, NDArray[Any]],
        true: Mapping[str, Array],
        tolerance: Mapping[str, Floats],
    ) -> None:
        """Compare; must be called within the balls' context.

        Args:
            claimed: by parameter, balls or floats.
            true: by parameter, certified and decided at kinks.
            tolerance: by parameter whose claim is floats, what rounding explains of each entry.
        """
        self.true: dict[str, Balls] = {name: numbers.data[0, 0, ...] for name, numbers in true.items()}
        self.true_floats = {name: balls.astype(np.float64) for name, balls in self.true.items()}
        self.balls = {name: _as_balls(claimed[name]) for name in self.true if name in claimed}
        self.tolerance = tolerance
        self.half = {
            name: float(np.sqrt(np.finfo(array.dtype).eps))
            for name, array in ((name, np.asarray(array)) for name, array in claimed.items())
            if array.dtype.kind == "f"
        }
        self.certified = all(np.asarray(array).dtype == object for array in claimed.values())
        self.misshapen = tuple(n for n, balls in self.balls.items() if balls.shape != self.true[n].shape)
        self.error: dict[str, Floats] = {}
        self.scale: dict[str, float] = {}
        for name, balls in self.balls.items():
            if name in self.misshapen:
                continue
            self.error[name] = _floats(balls - self.true[name])
            self.scale[name] = float(np.max(np.abs(self.true_floats[name]), initial=0.0))
        self.wrong = tuple(name for name in self.error if np.any(self.off(name)))
        self.finite = all(np.all(np.isfinite(self.error[name])) for name in self.wrong)

    def off(self, name: str) -> NDArray[np.bool_]:
        """Tell which entries of a parameter are wrong."""
        error, true = np.abs(self.error[name]), np.abs(self.true_floats[name])
        limit = np.maximum(_WRONG * true, 1e-24 * self.scale[name])
        return np.asarray(~(error <= np.maximum(limit, self.tolerance.get(name, 0.0))))

    def greatest_error(self, name: str) -> float:
        """Give the greatest absolute error of a parameter's entries."""
        return float(np.max(np.abs(self.error[name]), initial=0.0))

    @property
    def rounding(self) -> float:
        """What rounding explains of a claim in floats, relative to its parameters; 0 for certified claims."""
        shares = [np.max(self.tolerance[n]) / self.scale[n] for n in self.wrong if n in self.tolerance]
        return float(max(shares, default=0.0))

    def tolerated(self, name: str, place: tuple[int, ...]) -> float:
        """Give what rounding explains of one entry; 0 for a certified claim."""
        return float(self.tolerance[name][place]) if name in self.tolerance else 0.0

    # ---------------------------------------------------------------- does a mutant explain it?

    def may_explain(self, name: str, mutant: Floats) -> bool:
        """Tell whether a mutant in float64 may equal a parameter's claim."""
        greatest = self.greatest_error(name)
        limit = 1e-6 * greatest + _FLOAT * self.scale[name]
        change = mutant - self.true_floats[name]
        near = np.abs(change - self.error[name]) <= np.maximum(limit, self.tolerance.get(name, 0.0))
        return bool(np.all(near))

    def leaves(self, name: str, mutant: Floats) -> bool:
        """Tell whether a mutant in float64 leaves a parameter as it truly is."""
        near = np.abs(mutant - self.true_floats[name]) <= 1e-9 * self.scale[name]
        return bool(np.all(near))

    def explains(self, name: str, mutant: Balls) -> bool:
        """Tell whether a mutant in balls equals a parameter's claim, to the digits that the claim carries."""
        if mutant.shape != self.balls[name].shape:
            return False
        error = self.greatest_error(name) if name in self.error else np.inf
        distance = _floats(abs(self.balls[name] - mutant), upper=True)
        size = np.maximum(np.abs(_floats(self.balls[name])), np.abs(_floats(mutant)))
        scale = float(np.max(size, initial=0.0))
        tolerance = self.tolerance.get(name, np.zeros(mutant.shape))
        if tolerance.shape != mutant.shape:
            tolerance = np.full(mutant.shape, np.max(tolerance, initial=0.0))
        # Entries that cancel have no digits of their own; they are judged by their parameter's greatest.
        limit = np.maximum(_DIGITS * size, 1e-15 * max(scale, self.scale.get(name, 0.0)))
        # A wrong claim in floats has rounding errors of its own, perhaps far greater than a right one has.
        limit = np.maximum(limit, self.half.get(name, 0.0) * size)
        limit = np.maximum(np.minimum(limit, _SHARE * error), tolerance)
        return bool(np.all(distance <= limit))


def _as_balls(values: NDArray[Any]) -> Balls:
    array = np.asarray(values)
    balls = np.empty(array.shape, dtype=object)
    for place in np.ndindex(array.shape):
        value = array[place]
        balls[place] = value if isinstance(value, arb) else arb(float(value))
    return balls


def _floats(balls: Balls, *, upper: bool = False) -> Floats:
    """Give the midpoints of balls, or upper bounds; NaN where a ball is unbounded."""
    flat = np.asarray(balls, dtype=object).ravel()
    values = [float(ball.upper() if upper else ball.mid()) if ball.is_finite() else np.nan for ball in flat]
    return np.array(values, dtype=np.float64).reshape(np.shape(balls))
