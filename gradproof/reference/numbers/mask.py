"""The outcome of a comparison: false, true, or undecided, with Kleene's logic."""

from math import prod
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.numbers.payload import HIDDEN, aligned
from gradproof.reference.source import caller


def _no_number(_: "Mask", *others: Any) -> Any:
    """Not to be had with plain numbers; a computed array takes the mask as 0 and 1.

    Raises:
        UnsupportedError: the other operand is no computed array.
    """
    if any(_is_array(other) for other in others):
        return NotImplemented
    raise UnsupportedError(
        f"The loss computes with a comparison as with a number at {caller()}. "
        "Make numbers of it with xp.astype(condition, xp.float64) or xp.where(condition, 1.0, 0.0)."
    )


class Mask(Computed):
    """An array of truth values, one per sample, lane and entry.

    An entry is -1 (false), 0 (undecided: certified balls overlap) or 1 (true), so that Kleene's
    "and" is the minimum, "or" the maximum and "not" the negation.

    Attributes:
        data: int8 array of shape (samples, lanes, *shape).

    Source: Kleene, Introduction to Metamathematics (1952), section 64, strong three-valued logic.
    """

    __slots__ = ("data",)

    __hash__ = None

    NOUN = "a comparison"

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _no_number
    __floordiv__ = __rfloordiv__ = __mod__ = __rmod__ = __pow__ = __rpow__ = __matmul__ = _no_number
    __neg__ = __pos__ = __abs__ = __lt__ = __le__ = __gt__ = __ge__ = _no_number

    def __init__(self, data: NDArray[np.int8]) -> None:
        """Wraps a payload of -1, 0 and 1."""
        self.data = data

    @classmethod
    def lift(cls, values: ArrayLike) -> Self:
        """A mask from booleans that are the same in all samples and lanes.

        >>> Mask.lift([True, False]).data.tolist()
        [[[1, -1]]]
        """
        booleans = np.asarray(values, dtype=bool)
        return cls(decided(booleans)[np.newaxis, np.newaxis])

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that a loss sees."""
        return self.data.shape[HIDDEN:]

    @property
    def ndim(self) -> int:
        """The number of axes that a loss sees."""
        return len(self.shape)

    @property
    def true(self) -> NDArray[np.bool_]:
        """Where the comparison certainly holds; a payload."""
        return np.greater(self.data, 0)

    @property
    def undecided(self) -> NDArray[np.bool_]:
        """Where the comparison could not be decided; a payload."""
        return np.equal(self.data, 0)

    def __and__(self, other: "Mask | ArrayLike") -> "Mask":
        """True where both hold, false where one does not, undecided elsewhere."""
        return Mask(np.minimum(*aligned(self.data, _lifted(other).data)))

    def __or__(self, other: "Mask | ArrayLike") -> "Mask":
        """True where one holds, false where neither does, undecided elsewhere."""
        return Mask(np.maximum(*aligned(self.data, _lifted(other).data)))

    def __xor__(self, other: "Mask | ArrayLike") -> "Mask":
        """True where exactly one holds; undecided where either is."""
        mine, others = aligned(self.data, _lifted(other).data)
        return Mask(-mine * others)

    def __invert__(self) -> "Mask":
        """True where the mask is false and the reverse; the undecided stays so."""
        return Mask(-self.data)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __eq__(self, other: object) -> Any:
        """True where both are true or both are false."""
        return NotImplemented if _is_array(other) else ~(self ^ other)  # type: ignore[operator] # what is none, fails

    def __ne__(self, other: object) -> Any:
        """True where exactly one is true."""
        return NotImplemented if _is_array(other) else self ^ other  # type: ignore[operator] # likewise

    def _own(self, value: Any) -> "Mask":
        return value if _is_array(value) else _lifted(value)

    def certain(self) -> "Mask":
        """True where it is certainly true, and false elsewhere."""
        return Mask(decided(self.true))

    def somewhere(self, axes: tuple[int, ...], *, keepdims: bool = False) -> "Mask":
        """Whether one is true along axes; false where all are false, undecided elsewhere."""
        return Mask(np.max(self.data, axis=axes, keepdims=keepdims, initial=-1))

    def everywhere(self, axes: tuple[int, ...], *, keepdims: bool = False) -> "Mask":
        """Whether all are true along axes; false where one is false, undecided elsewhere."""
        return Mask(np.min(self.data, axis=axes, keepdims=keepdims, initial=1))

    def __getitem__(self, key: Any) -> "Mask":
        """Basic and integer indexing."""
        return self.gathered(np.arange(prod(self.shape)).reshape(self.shape)[key])

    def gathered(self, positions: NDArray[np.intp]) -> "Mask":
        """The entries at flat positions, in the shape of `positions`."""
        return Mask(self.data.reshape(*self.data.shape[:HIDDEN], -1)[:, :, positions])

    def __bool__(self) -> bool:
        """The single truth value that all samples and lanes share.

        Raises:
            UnsupportedError: The mask has several entries, is undecided, or differs between lanes.
        """
        if self.data.size and np.all(self.data == 1) and not self.shape:
            return True
        if self.data.size and np.all(self.data == -1) and not self.shape:
            return False
        reason = (
            f"it has {self.shape} entries"
            if self.shape
            else "the certified values overlap"
            if np.any(self.undecided)
            else "it differs between lanes or samples"
        )
        raise UnsupportedError(
            f"The loss asks for the truth of a comparison at {caller()}, and {reason}. "
            "Choose between values with xp.where(condition, a, b) instead of `if`."
        )

    def __repr__(self) -> str:
        """The shape and how many entries are undecided."""
        return f"Mask(shape={self.shape}, undecided={int(np.sum(self.undecided))})"


def decided(booleans: NDArray[np.bool_]) -> NDArray[np.int8]:
    """Give booleans as a mask's payload."""
    return np.where(booleans, np.int8(1), np.int8(-1))


def _is_array(value: object) -> bool:
    """Whether a value is a computed array, which knows how to take a mask as numbers."""
    return isinstance(value, Computed) and not isinstance(value, Mask)


def _lifted(value: "Mask | ArrayLike") -> Mask:
    if _is_array(value):
        raise UnsupportedError(
            f"The loss joins a comparison with a computed array at {caller()}. "
            "Compare that one too, as in (x > 0) & (y > 0)."
        )
    return value if isinstance(value, Mask) else Mask.lift(value)
