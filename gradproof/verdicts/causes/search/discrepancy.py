"""The claimed gradient beside the exact one: what is wrong, what explains it, what else can be said."""

from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.phrases import agreement, number

Floats: TypeAlias = NDArray[np.float64]
Balls: TypeAlias = NDArray[np.object_]
Arrays: TypeAlias = Mapping[str, NDArray[Any]]

_SHOWN = 4


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
        certified: whether all of the claim is.
        misshapen: parameters whose claim has another shape than they have.
        off: by parameter, which entries are wrong: as the rule has said, or else as measured.
        wrong: parameters with a wrong entry, in the parameters' order.
        finite: whether all claims of wrong parameters are numbers.
    """

    def __init__(
        self,
        claimed: Arrays,
        exact: Mapping[str, Balls],
        doubt: Mapping[str, Floats],
        off: Mapping[str, NDArray[np.bool_]],
    ) -> None:
        """Compare; must be called within the balls' context."""
        self.exact, self.doubt = exact, doubt
        self.exact_floats = {name: midpoints(balls) for name, balls in exact.items()}
        self.claimed: dict[str, Balls] = {n: _as_balls(claimed[n]) for n in exact if n in claimed}
        # A wrong claim in floats has rounding errors of its own, perhaps far greater than a right one has:
        # a mutant must agree with it to half of its digits.
        dtypes = {name: np.asarray(array).dtype for name, array in claimed.items()}
        self._half = {n: float(np.sqrt(np.finfo(d).eps)) for n, d in dtypes.items() if d.kind == "f"}
        self.certified = all(dtype.kind == "O" for dtype in dtypes.values())
        self.misshapen = tuple(n for n, each in self.claimed.items() if each.shape != exact[n].shape)
        fitting = {name: each for name, each in self.claimed.items() if name not in self.misshapen}
        self.error: dict[str, Floats] = {n: _middle(each - exact[n]) for n, each in fitting.items()}
        self.scale = {n: float(np.max(np.abs(self.exact_floats[n]), initial=0.0)) for n in fitting}
        measured = {n: ~(np.abs(error) <= self._negligible(n)) for n, error in self.error.items()}
        self.off = {name: np.asarray(off.get(name, measured[name])) for name in fitting}
        self.wrong = tuple(name for name in fitting if np.any(self.off[name]))
        self.finite = all(np.all(np.isfinite(self.error[name])) for name in self.wrong)

    def _negligible(self, name: str) -> Floats:
        """Give what doubles in code and rounding explain of each entry."""
        size = tolerances.WRONG_ENTRY * np.abs(self.exact_floats[name])
        least = np.maximum(size, tolerances.CANCELLED_ENTRY * self.scale[name])
        return np.asarray(np.maximum(least, self.doubt.get(name, 0.0)))

    @property
    def rounding(self) -> float:
        """What rounding explains of a claim in floats, relative to its parameters; 0 for certified claims."""
        known = [name for name in self.wrong if name in self.doubt and self.scale[name] > 0]
        return max((float(np.max(self.doubt[name])) / self.scale[name] for name in known), default=0.0)

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
        return bool(np.all(_upper(abs(mutant - self.exact[name])) <= self._negligible(name)))

    def explains(self, name: str, mutant: Balls) -> bool:
        """Tell whether a mutant in balls equals a parameter's claim, to the digits that the claim carries."""
        mutant, claimed = np.asarray(mutant, dtype=object), self.claimed[name]
        if mutant.shape != claimed.shape:
            return False
        error = float(np.max(np.abs(self.error[name]), initial=0.0)) if name in self.error else np.inf
        size = np.maximum(np.abs(_middle(claimed)), np.abs(_middle(mutant)))
        scale = max(float(np.max(size, initial=0.0)), self.scale.get(name, 0.0))
        doubt = self.doubt.get(name, np.zeros(mutant.shape))
        if doubt.shape != mutant.shape:
            doubt = np.full(mutant.shape, np.max(doubt, initial=0.0))
        digits = max(tolerances.EXPLAINED_ENTRY, self._half.get(name, 0.0))
        limit = np.maximum(digits * size, tolerances.EXPLAINED_CANCELLED * scale)
        limit = np.maximum(np.minimum(limit, tolerances.EXPLAINED_SHARE * error), doubt)
        return bool(np.all(_upper(abs(claimed - mutant)) <= limit))

    # ---------------------------------------------------------------- in words

    def __str__(self) -> str:
        """Say which entries are off, and whether claimed / true is constant; empty where nothing is wrong."""
        said = [
            f"{name}: its shape is {self.claimed[name].shape} instead of {self.exact[name].shape}."
            for name in self.misshapen
        ]
        for name in self.wrong:
            off = self.off[name]
            count, size = int(np.count_nonzero(off)), off.size
            verb = "entries are" if count > 1 else "entries is"
            text = f"{name}: {'all' if count == size else count} of {size} {verb} off"
            if off.ndim and count < size:
                places = [str(place) for place in np.argwhere(off)[:_SHOWN].tolist()]
                text += f" ({', '.join(places)}{', ...' if count > _SHOWN else ''})"
            said.append(text + self._ratios(name, off) + ".")
        return " ".join(said)

    def _ratios(self, name: str, off: NDArray[np.bool_]) -> str:
        """Say where the ratio of claimed and true is constant."""
        share = self.error[name] / self.exact_floats[name]
        if np.any(self.exact_floats[name][off] == 0) or np.count_nonzero(off) < 2:
            return ""
        if _constant(1 + share[off]):
            factor, worst = 1 + float(share[off][0]), float(np.max(np.abs(share[off])))
            if abs(factor - 1) >= tolerances.ROUNDED_CONSTANT:
                return f"; there the claimed is {number(factor)} times the true"
            same = ", as with a rounded constant" if _constant(share[off], tolerances.MUTANT_ERROR) else ""
            return f"; there the claimed is {agreement(worst)}{same}" if worst else ""
        if off.ndim == 2 and np.all(np.isfinite(share)):
            for lines, word in ((share, "row"), (share.T, "column")):
                if lines.shape[1] > 1 and all(_constant(1 + line) for line in lines):
                    return f"; claimed / true is constant in each {word}"
        return "; claimed / true is not constant"


def _constant(ratios: Floats, within: float = tolerances.CONSTANT_RATIO) -> bool:
    return bool(np.all(np.abs(ratios - ratios.flat[0]) <= within * np.abs(ratios.flat[0])))


def greatest(balls: Mapping[str, Balls]) -> tuple[str, tuple[int, ...]] | None:
    """Give the parameter and the place of the entry with the greatest midpoint; None if all are zero."""
    sizes = {name: np.nan_to_num(np.abs(midpoints(each))) for name, each in balls.items()}
    name = max(sizes, key=lambda name: float(np.max(sizes[name], initial=0.0)))
    if not np.any(sizes[name] > 0):
        return None
    return name, tuple(map(int, np.unravel_index(int(np.argmax(sizes[name])), sizes[name].shape)))


_as_balls = np.vectorize(
    lambda value: value if isinstance(value, arb) else arb(float(value)), otypes=[object]
)
_middle = np.vectorize(lambda ball: float(ball.mid()) if ball.is_finite() else np.nan, otypes=[float])
_upper = np.vectorize(lambda ball: float(ball.upper()) if ball.is_finite() else np.nan, otypes=[float])
"""Of each entry; NaN where a ball is unbounded."""
