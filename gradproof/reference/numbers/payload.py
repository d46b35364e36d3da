"""Payloads, NumPy arrays of shape (samples, lanes, *shape), and what is done with them without arithmetic.

`shape` is what a loss sees. A sample is one of several random runs of the same computation (noisy
floats alone have more than one); a lane is one of several computations with different inputs, such
as the steps of a training trajectory. Either hidden axis may have length 1, which stands for "the
same in all". Visible axes are counted from the right (-1 is the last), so that the hidden ones
never shift them.
"""

from collections.abc import Sequence
from math import prod
from typing import Any, Generic, Self, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

Payload: TypeAlias = NDArray[Any]

KindType = TypeVar("KindType")

HIDDEN = 2
"""How many hidden axes lead a payload: samples, lanes."""


def with_rank(data: Payload, rank: int) -> Payload:
    """Puts axes of length 1 between the hidden and the visible ones, until `rank` are visible.

    NumPy alone would align (samples, lanes, 4) with (samples, lanes, 4, 4) as if the lanes were
    visible.

    >>> with_rank(np.zeros((1, 7, 4)), 2).shape
    (1, 7, 1, 4)
    """
    missing = rank - (data.ndim - HIDDEN)
    if missing <= 0:
        return data
    return data.reshape(*data.shape[:HIDDEN], *(1,) * missing, *data.shape[HIDDEN:])


def aligned(*payloads: Payload) -> list[Payload]:
    """The payloads with equally many visible axes, so that NumPy broadcasts them rightly."""
    rank = max(data.ndim for data in payloads) - HIDDEN
    return [with_rank(data, rank) for data in payloads]


def same_hidden(payloads: list[Payload]) -> list[Payload]:
    """The payloads with their hidden axes broadcast against each other."""
    hidden = np.broadcast_shapes(*(data.shape[:HIDDEN] for data in payloads))
    return [np.broadcast_to(data, hidden + data.shape[HIDDEN:]) for data in payloads]


class Entries(Generic[KindType]):
    """A payload with its kind of number: moving, choosing and repeating its entries.

    Attributes:
        data: The payload.
        kind: What the entries are, and how they compute.
    """

    __slots__ = ("data", "kind")

    def __init__(self, data: Payload, kind: KindType) -> None:
        """Wraps a payload; it is not copied and must not be changed afterwards."""
        self.data = data
        self.kind = kind

    def like(self, data: Payload) -> Self:
        """Another payload of the same kind."""
        return type(self)(data, self.kind)

    @property
    def lanes(self) -> int:
        """How many lanes the payload holds: one (the same in all), or all of them."""
        lanes: int = self.data.shape[1]
        return lanes

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape that a loss sees."""
        return self.data.shape[HIDDEN:]

    @property
    def ndim(self) -> int:
        """The number of axes that a loss sees."""
        return self.data.ndim - HIDDEN

    @property
    def size(self) -> int:
        """The number of entries that a loss sees."""
        return prod(self.shape)

    def _with_shape(self, shape: Sequence[int]) -> Self:
        if prod(shape) != self.size:
            raise ValueError(f"{self.size} entries do not fill the shape {tuple(shape)}")
        return self.like(self.data.reshape(*self.data.shape[:HIDDEN], *shape))

    def reshape(self, shape: Sequence[int]) -> Self:
        """The entries in the same order in another shape; one length may be -1."""
        lengths = list(shape)
        if -1 in lengths:
            others = prod(length for length in lengths if length != -1)
            lengths[lengths.index(-1)] = self.size // others if others else 0
        return self._with_shape(lengths)

    def permute(self, axes: Sequence[int]) -> Self:
        """Axis i of the result is axis axes[i] of the operand."""
        visible = [HIDDEN + axis % self.ndim for axis in axes]
        return self.like(self.data.transpose(0, 1, *visible))

    @property
    def mT(self) -> Self:  # noqa: N802 - the array API standard's name
        """The transpose of each matrix: the last two axes swapped."""
        if self.ndim < 2:
            raise ValueError(f"an array with {self.ndim} axes is no matrix")
        return self.like(self.data.swapaxes(-1, -2))

    def flip(self, axis: int) -> Self:
        """The entries along an axis (counted from the right) in reverse order."""
        return self.like(np.flip(self.data, axis))

    def expand_dims(self, axis: int) -> Self:
        """A new axis of length 1 at the place `axis` of the result."""
        place = axis % (self.ndim + 1)
        return self._with_shape((*self.shape[:place], 1, *self.shape[place:]))

    def squeeze(self, axes: Sequence[int]) -> Self:
        """Takes away axes of length 1.

        Raises:
            ValueError: An axis is longer.
        """
        gone = {axis % self.ndim for axis in axes}
        if any(self.shape[axis] != 1 for axis in gone):
            raise ValueError(f"cannot squeeze axes {sorted(gone)} of shape {self.shape}")
        return self._with_shape([n for axis, n in enumerate(self.shape) if axis not in gone])

    def broadcast_to(self, shape: Sequence[int]) -> Self:
        """The entries repeated along new axes and axes of length 1."""
        ranked = with_rank(self.data, len(shape))
        return self.like(np.broadcast_to(ranked, (*ranked.shape[:HIDDEN], *shape)))

    def with_lanes(self, lanes: int) -> Self:
        """The same numbers, repeated in all lanes where there was one for all."""
        samples, _, *shape = self.data.shape
        return self.like(np.broadcast_to(self.data, (samples, lanes, *shape)))

    def gather(self, positions: NDArray[np.intp]) -> Self:
        """The entries at flat positions, in the shape of `positions`.

        Indexing, take and take_along_axis are all of them a gather: NumPy's own indexing of an
        array of positions says which entries they choose.
        """
        flat = self.data.reshape(*self.data.shape[:HIDDEN], self.size)
        return self.like(flat[:, :, positions])

    def scatter_add(self, positions: NDArray[np.intp], shape: Sequence[int]) -> Self:
        """Adds each entry to the place in zeros of `shape` that `positions` names.

        It is the adjoint of `gather`: <scatter_add(x), y> = <x, gather(y)>.
        """
        places = positions.reshape(-1)
        order = np.argsort(places, kind="stable")
        flat = self.data.reshape(*self.data.shape[:HIDDEN], places.size)[:, :, order]
        unique, starts = np.unique(places[order], return_index=True)
        sums = flat if unique.size == places.size else self._segment_sums(flat, starts)
        result = self._zeros((*sums.shape[:HIDDEN], prod(shape)))
        result[:, :, unique] = sums
        return self.like(result.reshape(*result.shape[:HIDDEN], *shape))

    def chosen(self, places: NDArray[np.intp]) -> Self:
        """Along the last axis, for each row its own entries.

        Args:
            places: of shape (samples, lanes, ..., m), whose other axes broadcast; may count from the end.
        """
        data, places = aligned(self.data, places)
        length = data.shape[-1]
        if np.any((places < -length) | (places >= length)):
            raise IndexError(f"an index is not one of {-length}, ..., {length - 1}")
        outer = np.broadcast_shapes(data.shape[:-1], places.shape[:-1])
        data, places = (np.broadcast_to(each, (*outer, each.shape[-1])) for each in (data, places))
        return self.like(np.take_along_axis(data, places, axis=-1))

    def concatenated(self, others: Sequence[Self], axis: int) -> Self:
        """This array and others, one after the other along an axis counted from the right."""
        fitting = [each.part(axis, 0, 0).shape if -axis <= each.ndim else () for each in (self, *others)]
        if any(shape != fitting[0] for shape in fitting):
            raise ValueError("beside the axis along which they are joined, their lengths must be the same")
        payloads = same_hidden([self.data, *(other.data for other in others)])
        return self.like(np.concatenate(payloads, axis=axis))

    def part(self, axis: int, start: int, stop: int) -> Self:
        """The entries start, ..., stop - 1 along an axis counted from the right."""
        key: list[Any] = [slice(None)] * self.data.ndim
        key[axis] = slice(start, stop)
        return self.like(self.data[tuple(key)])

    def _zeros(self, shape: Sequence[int]) -> Payload:
        """A writable payload of exact zeros."""
        return np.zeros(shape)

    def _segment_sums(self, data: Payload, starts: NDArray[np.intp]) -> Payload:
        """Sums of data[..., starts[i]:starts[i + 1]], along the last axis."""
        sums: Payload = np.add.reduceat(data, starts, axis=-1)
        return sums

    def __len__(self) -> int:
        """The length of the first visible axis."""
        return self.shape[0]

    def __repr__(self) -> str:
        """The class, the visible shape and the number of lanes."""
        return f"{type(self).__name__}(shape={self.shape}, lanes={self.lanes})"
