"""What is claimed: the values of a gradient at a place, in floats and, with its code at hand, in balls."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework
from gradproof.reference.lifted import Trace
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.subgradients import moved
from gradproof.verdicts.judging.check_findings import CheckFinding

Array = NDArray[Any]
Arrays = Mapping[str, Array]
BallArrays = Mapping[str, NDArray[np.object_]]


@dataclass(frozen=True, eq=False)
class Place:
    """Where a gradient is looked at: flat mappings of dotted names to arrays."""

    params: Arrays
    batch: Arrays

    def rounded(self, formats: RunFormats | str) -> "Place":
        """Give the place that an implementation in a dtype is at: itself if it holds such numbers already."""
        formats = RunFormats.of(formats)

        def held(array: Array, dtype: str) -> Array:
            return FORMATS[dtype].rounded(array.astype(np.float64))

        params = {name: held(array, formats.of_param(name)) for name, array in self.params.items()}
        batch = {
            name: held(array, formats.of_data(name)) if array.dtype.kind == "f" else array
            for name, array in self.batch.items()
        }
        pairs = [(self.params[name], params[name]) for name in params]
        pairs += [(self.batch[name], batch[name]) for name in batch]
        return self if all(np.array_equal(x, y) for x, y in pairs) else Place(params, batch)

    @property
    def neighbour(self) -> "Place":
        """A place nearby, in a random direction of the parameters alone: a thousandth of their size away."""
        random = np.random.default_rng([0, 8])
        direction = {name: random.normal(size=array.shape) for name, array in self.params.items()}
        return Place(moved(self.params, direction, 1e-3), self.batch)

    @property
    def apart(self) -> "Place":
        """A second place to look at: each parameter up to a tenth smaller, numbers of equal size alike.

        So zeros, ties, signs and symmetries stay what they are, and what is less than one stays so.
        """
        flat = [np.abs(array).ravel() for array in self.params.values()]
        sizes, place = np.unique(np.concatenate(flat) if flat else np.zeros(0), return_inverse=True)
        shrunk = (1 - 0.1 * np.random.default_rng([0, 9]).random(sizes.size))[place]
        parts = np.split(shrunk, np.cumsum([array.size for array in flat])[:-1])
        params = {
            name: np.asarray(array * part.reshape(np.shape(array)), dtype=np.asarray(array).dtype)
            for (name, array), part in zip(self.params.items(), parts, strict=False)
        }
        return Place(params, self.batch)


@dataclass(frozen=True, eq=False)
class Formula:
    """A gradient's code as it ran on certified balls.

    Attributes:
        values: by parameter, balls of whatever shape the code gives; empty where nothing is proven.
        reason: why nothing is proven; empty if it is.
        undecided: whether that is because a comparison in the code was not decided by the balls: the code
            does run on them, but what follows from a guess is not proven.
        widened: gives the same, with each constant of the code that is a double standing for all numbers
            within a share of it.
        at: gives the formula at another place.
        traced: gives what the code computes on the way, so many numbers at most; None where it does not run.
    """

    values: BallArrays
    reason: str = ""
    undecided: bool = False
    widened: Callable[[float], BallArrays] = field(default=lambda _: {}, repr=False)
    at: "Callable[[Place], Formula]" = field(default=lambda _: Formula({}, "it was run once"), repr=False)
    traced: Callable[[int], Trace | None] = field(default=lambda _: None, repr=False)

    @property
    def certified(self) -> bool:
        """Whether the code was looked at, and not only the floats that it gives."""
        return not self.reason or self.undecided


@dataclass(frozen=True, eq=False)
class Claimed:
    """What a formula, a framework or a document claims to be the gradient at a place.

    Attributes:
        place: where, as exactly the numbers that it holds.
        floats: by parameter, float64 arrays of the parameters' shapes: what was computed in a dtype at the
            place rounded to it. Only what can be compared; empty where nothing was computed.
        formats: what they were computed in.
        formula: the code on balls; None where there is no code.
        findings: what was noticed while the values were obtained.
        near: the place that the values were computed at: rounded to the dtype that was asked for.
        takes: which framework's arrays the code was given; empty where there is no code.
        framework: what it was computed with, if that is known and not NumPy.
    """

    place: Place
    floats: Arrays
    formats: RunFormats
    formula: Formula | None = None
    findings: tuple[CheckFinding, ...] = ()
    near: Place | None = None
    takes: str = ""
    framework: Framework | None = None

    @property
    def dtype(self) -> str:
        """What they were computed in, in a word."""
        return self.formats.dtype

    @property
    def certified(self) -> bool:
        """Whether it was looked at as a formula."""
        return self.formula is not None and self.formula.certified
