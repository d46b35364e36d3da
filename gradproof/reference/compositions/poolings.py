"""Pooling: the greatest entry or the mean of what each window sees."""

from collections.abc import Iterator, Sequence
from functools import reduce
from math import inf
from typing import Any

import numpy as np

from gradproof.reference.compositions.composition import Array, Lengths
from gradproof.reference.compositions.windows import (
    HOLE,
    Padding,
    Sliding,
    Table,
    Windows,
    adaptive_table,
    slidings,
)


class Poolings(Windows):
    """Pooling along the last axes; those before them are kept."""

    def max_pool(
        self,
        x: Array,
        /,
        *,
        window: Sequence[int],
        stride: Lengths | None = None,
        padding: Padding = 0,
        dilation: Lengths = 1,
        ceil_mode: bool = False,
    ) -> Array:
        """The greatest of the entries that a window sees as it slides along the last axes.

        Args:
            x: An array.
            window: Its length along each of the last axes.
            stride: How far it moves; its own length if None.
            padding: What is added on both sides of an axis, and is never the greatest.
            dilation: The distance of the entries that it sees.
            ceil_mode: Whether a window that begins inside may end outside.

        Raises:
            ValueError: an argument is not one for each axis, or is no length.

        Source: Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.3.
        """
        slides = slidings(
            window,
            stride=tuple(window) if stride is None else stride,
            padding=padding,
            dilation=dilation,
            last_may_end_outside=ceil_mode,
        )
        return self._greatest(x, slides)

    def average_pool(
        self,
        x: Array,
        /,
        *,
        window: Sequence[int],
        stride: Lengths | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_padding: bool = True,
        divisor: float | None = None,
    ) -> Array:
        """The mean of the entries that a window sees as it slides along the last axes.

        Args:
            x: An array.
            window: Its length along each of the last axes.
            stride: How far it moves; its own length if None.
            padding: Zeros that are added on both sides of an axis.
            ceil_mode: Whether a window that begins inside may end outside.
            count_padding: Whether the padding counts among the entries that the sum is divided by.
            divisor: What the sum is divided by instead.

        Raises:
            ValueError: an argument is not one for each axis, or is no length.

        Source: Goodfellow, Bengio and Courville, Deep Learning (2016), section 9.3.
        """
        steps = tuple(window) if stride is None else stride
        slides = slidings(window, stride=steps, padding=padding, last_may_end_outside=ceil_mode)
        total = self._total(x, slides)
        if divisor is not None:
            return total / divisor
        each = _pairs(slides, x)
        return self._divided(
            total, [own.counts(n) if count_padding else _seen_by(own.table(n)) for own, n in each]
        )

    def adaptive_average_pool(self, x: Array, /, *, output: Sequence[int]) -> Array:
        """The means over windows that share the last axes out evenly, into so many along each.

        Raises:
            ValueError: there are fewer axes.

        Source: torch.nn.AdaptiveAvgPool2d; output i of m is over the entries from floor(i n/m) to
            ceil((i + 1) n/m) - 1 of n.
        """
        tables = [adaptive_table(n, m) for m, n in _pairs(output, x)]
        total = self._xp.sum(self._seen(x, tables, 0.0), axis=-1)
        return self._divided(total, [_seen_by(table) for table in tables])

    def adaptive_max_pool(self, x: Array, /, *, output: Sequence[int]) -> Array:
        """The greatest entries of windows that share the last axes out evenly, into so many along each.

        Raises:
            ValueError: there are fewer axes.

        Source: torch.nn.AdaptiveMaxPool2d, with the windows of `adaptive_average_pool`.
        """
        tables = [adaptive_table(n, m) for m, n in _pairs(output, x)]
        return self._xp.max(self._seen(x, tables, -inf), axis=-1)

    def _greatest(self, x: Array, slides: Sequence[Sliding]) -> Array:
        return self._xp.max(self._seen(x, [own.table(n) for own, n in _pairs(slides, x)], -inf), axis=-1)

    def _total(self, x: Array, slides: Sequence[Sliding]) -> Array:
        return self._xp.sum(self._seen(x, [own.table(n) for own, n in _pairs(slides, x)], 0.0), axis=-1)

    def _divided(self, total: Array, counts: Sequence[Table]) -> Array:
        """Sums over windows, divided by the products of the numbers of entries along each axis."""
        count = reduce(np.multiply.outer, counts)
        is_same = count.size and np.all(count == count.flat[0])
        return total / (int(count.flat[0]) if is_same else self._constant(count, total))


def _seen_by(table: Table) -> Table:
    """How many entries of the axis each window sees."""
    seen: Table = np.sum(table != HOLE, axis=1)
    return seen


def _pairs(each: Sequence[Any], x: Array) -> Iterator[tuple[Any, int]]:
    """What there is one of for each of the last axes, with the axis's length."""
    if len(each) > x.ndim:
        raise ValueError(f"a window along {len(each)} axes does not fit an array with {x.ndim}")
    return zip(each, x.shape[x.ndim - len(each) :], strict=True)
