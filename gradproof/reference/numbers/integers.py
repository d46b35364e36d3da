"""Integers that a loss computes from its numbers: the place of the greatest entry, an order, a count.

They have no gradient, and choose entries. Where certified balls overlap, which integer it is is not decided.
"""

import operator
from collections.abc import Callable
from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.numbers.mask import Mask, decided
from gradproof.reference.numbers.payload import HIDDEN, aligned
from gradproof.reference.source import caller

Undecided = NDArray[np.bool_]


def _operators(compute: Callable[[Any, Any], Any]) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """An operator, and the one for a left operand that is no such integer."""

    def forward(self: "Integers", other: Any) -> Any:
        return self._computed(compute, other)

    def reflected(self: "Integers", other: Any) -> Any:
        return self._computed(lambda x, y: compute(y, x), other)

    forward.__doc__ = reflected.__doc__ = f"The operator {compute.__name__} on integers."
    return forward, reflected


def _comparison(compare: Callable[[Any, Any], Any], text: str) -> Callable[["Integers", Any], Any]:
    def compared(self: "Integers", other: Any) -> Any:
        result = self._computed(compare, other)
        if result is NotImplemented:
            return result
        return Mask(np.where(result.undecided, np.int8(0), decided(result.data.astype(bool))))

    compared.__doc__ = text
    return compared


class Integers(Computed):
    """An array of computed integers.

    Attributes:
        data: int64 array of shape (samples, lanes, *shape).
        undecided: Which entries may be others; of the same shape.
    """

    __slots__ = ("data", "undecided")

    __hash__ = None

    NOUN = "a computed integer"

    dtype = np.dtype(np.int64)

    def __init__(self, data: NDArray[np.int64], undecided: Undecided | None = None) -> None:
        """Wraps a payload; None where all entries are decided."""
        self.data = data
        self.undecided = np.zeros(data.shape, dtype=bool) if undecided is None else undecided

    @classmethod
    def lift(cls, values: Any) -> Self:
        """Integers that are the same in all samples and lanes.

        >>> Integers.lift([3, 5]).data.tolist()
        [[[3, 5]]]
        """
        return cls(np.asarray(values, dtype=np.int64)[np.newaxis, np.newaxis])

    @classmethod
    def counted(cls, mask: Mask, axes: tuple[int, ...], *, keepdims: bool = False) -> Self:
        """How many entries of a mask are true along axes."""
        count = np.sum(mask.true, axis=axes, keepdims=keepdims, dtype=np.int64)
        return cls(np.asarray(count), np.any(mask.undecided, axis=axes, keepdims=keepdims))

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that a loss sees."""
        return self.data.shape[HIDDEN:]

    @property
    def ndim(self) -> int:
        """The number of axes that a loss sees."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of entries that a loss sees."""
        return prod(self.shape)

    def is_undecided(self) -> Mask:
        """Where an integer may be another one: undecided there, and false elsewhere."""
        return Mask(np.where(self.undecided, np.int8(0), np.int8(-1)))

    def common(self) -> NDArray[np.intp] | None:
        """The integers as NumPy's, where they are decided and the same in all samples and lanes."""
        first = self.data[:1, :1]
        if np.any(self.undecided) or np.any(self.data != first):
            return None
        return first[0, 0, ...].astype(np.intp)

    def _computed(self, compute: Callable[[Any, Any], Any], other: Any) -> Any:
        if isinstance(other, Computed) and not isinstance(other, Integers):
            return NotImplemented
        theirs = self._own(other)
        result = compute(*aligned(self.data, theirs.data))
        undecided = np.logical_or(*aligned(self.undecided, theirs.undecided))
        return Integers(np.asarray(result), np.broadcast_to(undecided, result.shape))

    __add__, __radd__ = _operators(operator.add)
    __sub__, __rsub__ = _operators(operator.sub)
    __mul__, __rmul__ = _operators(operator.mul)
    __floordiv__, __rfloordiv__ = _operators(operator.floordiv)
    __mod__, __rmod__ = _operators(operator.mod)

    __lt__ = _comparison(operator.lt, "Whether it is less.")
    __le__ = _comparison(operator.le, "Whether it is less or equal.")
    __gt__ = _comparison(operator.gt, "Whether it is greater.")
    __ge__ = _comparison(operator.ge, "Whether it is greater or equal.")
    __eq__ = _comparison(operator.eq, "Whether it is equal.")
    __ne__ = _comparison(operator.ne, "Whether it is unequal.")

    def __neg__(self) -> "Integers":
        """The negation."""
        return Integers(-self.data, self.undecided)

    def _own(self, value: Any) -> Any:
        if isinstance(value, Computed):
            return value
        if np.asarray(value).dtype.kind not in "iub":
            raise UnsupportedError(
                f"The loss computes with an index as with a number at {caller()}. "
                "Make a number of it with xp.astype(index, xp.float64)."
            )
        return Integers.lift(value)

    def __getitem__(self, key: Any) -> "Integers":
        """Basic and integer indexing."""
        return self.gathered(np.arange(self.size).reshape(self.shape)[key])

    def gathered(self, positions: NDArray[np.intp]) -> "Integers":
        """The entries at flat positions, in the shape of `positions`."""
        hidden = self.data.shape[:HIDDEN]
        data, undecided = self.data.reshape(*hidden, -1), self.undecided.reshape(*hidden, -1)
        return Integers(data[:, :, positions], undecided[:, :, positions])

    def swapped(self, axis: int) -> "Integers":
        """An axis, counted from the right, and the last one swapped."""
        return Integers(np.swapaxes(self.data, axis, -1), np.swapaxes(self.undecided, axis, -1))

    def one_hot(self, n: int) -> Mask:
        """Whether an entry is 0, ..., n - 1, along a new last axis; negative ones count from n."""
        places = np.arange(n)
        same = decided(
            (self.data % n)[..., np.newaxis] == places if n else np.empty((*self.data.shape, 0), bool)
        )
        return Mask(np.where(self.undecided[..., np.newaxis], np.int8(0), same))

    def __repr__(self) -> str:
        """The shape and how many entries are undecided."""
        return f"Integers(shape={self.shape}, undecided={int(np.sum(self.undecided))})"
