"""Which entries a window sees as it slides over an array: the places that convolution and pooling gather.

Per axis, a table of shape (outputs, window) holds places in the axis, and `HOLE` where a window sees none: in
the padding, or between entries that are spread apart. Several axes' tables are joined to one of flat places.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.compositions.composition import Array, Composition, Lengths, for_each_axis

HOLE = -1

Table: TypeAlias = NDArray[np.intp]

Padding: TypeAlias = int | str | Sequence[int | tuple[int, int]]
"""How many entries are added on both sides: for all axes, or for each, or as (before, behind); or a word."""


@dataclass(frozen=True, kw_only=True)
class Sliding:
    """How a window slides along an axis.

    Attributes:
        window: how many entries it sees.
        stride: how far it moves.
        before: entries of padding before the axis; negative where some are cut off.
        behind: likewise behind.
        dilation: the distance of the entries that it sees.
        spread: the distance to which the axis's entries are moved apart first.
        last_may_end_outside: whether there is also a window that begins inside and ends behind the padding.
    """

    window: int
    stride: int = 1
    before: int = 0
    behind: int = 0
    dilation: int = 1
    spread: int = 1
    last_may_end_outside: bool = False

    def outputs(self, length: int) -> int:
        """Give how many windows there are along an axis of a length.

        >>> Sliding(window=3, before=1, behind=1).outputs(8), Sliding(window=3, stride=2).outputs(8)
        (8, 3)
        """
        left = self._extent(length) + self.before + self.behind - self.dilation * (self.window - 1) - 1
        if not self.last_may_end_outside:
            return max(left // self.stride + 1, 0)
        outputs = -(-left // self.stride) + 1
        begins_outside = (outputs - 1) * self.stride >= self._extent(length) + self.before
        return max(outputs - begins_outside, 0)

    def table(self, length: int) -> Table:
        """Give the places that each window sees.

        >>> Sliding(window=2, before=1).table(3).tolist()
        [[-1, 0], [0, 1], [1, 2]]
        """
        places = self._places(length)
        seen = (places >= 0) & (places < self._extent(length)) & (places % self.spread == 0)
        return np.where(seen, places // self.spread, HOLE)

    def counts(self, length: int) -> Table:
        """Give how many entries of the axis and its padding each window sees."""
        counts: Table = np.sum(self._places(length) < self._extent(length) + self.behind, axis=1)
        return counts

    def behind_last(self, length: int) -> int:
        """Give how much padding behind an axis the last window needs; negative where it leaves some out."""
        end = (self.outputs(length) - 1) * self.stride + self.dilation * (self.window - 1) + 1
        return end - self.before - self._extent(length)

    def _extent(self, length: int) -> int:
        return (length - 1) * self.spread + 1 if length else 0

    def _places(self, length: int) -> Table:
        begins = np.arange(self.outputs(length))[:, np.newaxis] * self.stride - self.before
        return begins + np.arange(self.window) * self.dilation


def slidings(
    window: Sequence[int],
    *,
    stride: Lengths = 1,
    padding: Padding = 0,
    dilation: Lengths = 1,
    spread: Lengths = 1,
    last_may_end_outside: bool = False,
) -> list[Sliding]:
    """Read how a window slides along each axis.

    Raises:
        ValueError: an argument does not give one for each axis, or is no length.
    """
    rank = len(window)
    strides, dilations, spreads = (for_each_axis(each, rank) for each in (stride, dilation, spread))
    if min((*window, *strides, *dilations, *spreads), default=1) < 1:
        raise ValueError("a window's lengths, strides and dilations must be 1 or more")
    pads = _pairs(padding, window, strides, dilations)
    return [
        Sliding(
            window=window[axis],
            stride=strides[axis],
            before=pads[axis][0],
            behind=pads[axis][1],
            dilation=dilations[axis],
            spread=spreads[axis],
            last_may_end_outside=last_may_end_outside,
        )
        for axis in range(rank)
    ]


def _pairs(
    padding: Padding, window: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> list[tuple[int, int]]:
    """Read the padding: for each axis, how much there is before and behind it."""
    if not isinstance(padding, str):
        return pairs_of(padding, len(window))
    if padding == "valid":
        return [(0, 0)] * len(window)
    if padding == "same":
        if set(strides) - {1}:
            raise ValueError('padding="same" is meant for a stride of 1')
        # as many windows as entries: dilation (n - 1) entries of padding, the odd one behind
        total = [dilation * (n - 1) for dilation, n in zip(dilations, window, strict=True)]
        return [(each // 2, each - each // 2) for each in total]
    raise ValueError(f'padding={padding!r} is neither "same" nor "valid"')


def pairs_of(padding: int | Sequence[Any], rank: int) -> list[tuple[int, int]]:
    """Read a padding in numbers: for each of so many axes, how much there is before and behind it.

    Raises:
        ValueError: it does not give one for each axis.

    >>> pairs_of([1, (0, 2)], 2)
    [(1, 1), (0, 2)]
    """
    each_axis = [padding] * rank if isinstance(padding, int) else padding
    if len(each_axis) != rank:
        raise ValueError(f"padding={padding} does not give one for each of {rank} axes")
    pairs = [each if isinstance(each, tuple | list) else (each, each) for each in each_axis]
    return [(int(before), int(behind)) for before, behind in pairs]


def adaptive_table(length: int, outputs: int) -> Table:
    """Give the places of windows that share an axis out evenly: output i sees those in [i n/m, (i + 1) n/m).

    >>> adaptive_table(5, 2).tolist()
    [[0, 1, 2], [2, 3, 4]]
    """
    output = np.arange(outputs)
    begins, ends = output * length // outputs, -(-(output + 1) * length // outputs)
    places = begins[:, np.newaxis] + np.arange(max(ends - begins, default=0))
    return np.where(places < ends[:, np.newaxis], places, HOLE)


def joined(tables: Sequence[Table], lengths: Sequence[int]) -> Table:
    """Join the tables of all axes to one of flat places, of shape (all outputs, all entries of a window)."""

    def join(flat: Table, axis: tuple[Table, int]) -> Table:
        table, length = axis
        rows, own = flat[:, np.newaxis, :, np.newaxis], table[np.newaxis, :, np.newaxis, :]
        places = np.where((rows == HOLE) | (own == HOLE), HOLE, rows * length + own)
        return places.reshape(flat.shape[0] * table.shape[0], -1)

    return reduce(join, zip(tables, lengths, strict=True), np.zeros((1, 1), dtype=np.intp))


class Windows(Composition):
    """Gathers what windows see."""

    def _seen(self, x: Array, tables: Sequence[Table], fill: float) -> Array:
        """What each window sees of the last axes, `fill` in holes; shape (..., *windows, entries of each)."""
        xp, first = self._xp, x.ndim - len(tables)
        if first < 0:
            raise ValueError(f"a window along {len(tables)} axes does not fit an array with {x.ndim}")
        before, lengths = tuple(x.shape[:first]), tuple(x.shape[first:])
        length, places = prod(lengths), joined(tables, lengths)
        flat = xp.reshape(x, (*before, length))
        if np.any(places == HOLE):
            flat = xp.concat([flat, self._constant(np.full((*before, 1), fill), x)], axis=-1)
        chosen = np.where(places == HOLE, length, places).reshape(-1)
        seen = xp.take(flat, self._indices(chosen, x), axis=-1)
        return xp.reshape(seen, (*before, *(len(table) for table in tables), places.shape[1]))
