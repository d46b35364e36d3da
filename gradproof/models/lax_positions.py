"""Where the entries of a result come from: positions, computed by NumPy, of what JAX moves by indices."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

Positions = NDArray[np.intp]

NOWHERE = -1
"""The position of an entry that comes from outside of the array."""


def places(shape: Sequence[int]) -> Positions:
    """Give for each entry of an array its own position.

    >>> places((2, 2)).tolist()
    [[0, 1], [2, 3]]
    """
    return np.arange(prod(shape)).reshape(shape)


def taken(xp: Any, x: Any, positions: Positions, fill: Any = 0.0) -> Any:
    """Give the entries of an array at positions, and `fill` for those that come from nowhere."""
    flat = xp.reshape(x, (-1,))
    outside = positions == NOWHERE
    if np.any(outside):
        flat = xp.concat([flat, xp.reshape(xp.asarray(fill), (1,))])
        positions = np.where(outside, flat.shape[0] - 1, positions)
    entries = xp.take(flat, xp.asarray(positions.reshape(-1)), axis=0)
    return xp.reshape(entries, positions.shape)


def spread_out(positions: Positions, low: int, high: int, interior: int, axis: int) -> Positions:
    """Pad positions along an axis with nowhere: before, behind and between; negative paddings cut off.

    >>> spread_out(np.array([5, 6]), 1, -1, 1, 0).tolist()
    [-1, 5, -1]
    """
    moved = np.moveaxis(positions, axis, 0)
    length = moved.shape[0] + max(moved.shape[0] - 1, 0) * interior
    spread = np.full((length, *moved.shape[1:]), NOWHERE)
    spread[:: interior + 1] = moved
    before, behind = (np.full((max(width, 0), *moved.shape[1:]), NOWHERE) for width in (low, high))
    end = length + min(high, 0)
    return np.moveaxis(np.concatenate([before, spread[max(-low, 0) : max(end, 0)], behind]), 0, axis)


def windows(
    positions: Positions, first: int, sizes: Sequence[int], strides: Sequence[int], dilations: Sequence[int]
) -> Positions:
    """Give the entries in each window that slides along the last axes.

    Args:
        positions: padded already.
        first: the first axis along which a window slides; all behind it follow.
        sizes: of a window, along each of these.
        strides: by how much it goes on.
        dilations: how far its entries are apart.

    Returns:
        the axes before the first, the places of the windows, and the places in a window.

    >>> windows(np.arange(4), 0, [2], [1], [2]).tolist()
    [[0, 2], [1, 3]]
    """
    for number, (size, stride, dilation) in enumerate(zip(sizes, strides, dilations, strict=True)):
        axis = first + number
        reach = (size - 1) * dilation + 1
        count = max((positions.shape[axis] - reach) // stride + 1, 0)
        chosen = stride * np.arange(count)[:, None] + dilation * np.arange(size)
        # the place in the window goes behind all other axes
        positions = np.moveaxis(np.take(positions, chosen, axis=axis), axis + 1, -1)
    return positions


def slices(
    shape: Sequence[int],
    starts: NDArray[Any],
    sizes: Sequence[int],
    window_axes: Sequence[int],
    dropped: Sequence[int],
    indexed: Sequence[int],
    batching: Sequence[int],
    starts_batching: Sequence[int],
    *,
    clips: bool,
) -> Positions:
    """Give the positions of slices of an array, as XLA's gather takes them and its scatter writes to them.

    Args:
        shape: of the array.
        starts: indices, whose last axis holds where a slice starts along the `indexed` axes.
        sizes: of a slice along each axis of the array.
        window_axes: the result's axes that go along a slice; the others go along `starts`.
        dropped: axes of the array, of which a slice has length 1, that the result does not have.
        indexed: the axes that the indices count along.
        batching: axes that go along those of `starts` in `starts_batching`.
        starts_batching: see there.
        clips: whether a slice that goes beyond the array is moved into it; else its entries are nowhere.

    Source: XLA's operation semantics, Gather, https://openxla.org/xla/operation_semantics#gather
    """
    outer = starts.shape[:-1]
    begin = [np.zeros(outer, dtype=np.intp) for _ in shape]
    for column, axis in enumerate(indexed):
        begin[axis] = np.asarray(starts[..., column], dtype=np.intp)
    for axis, along in zip(batching, starts_batching, strict=True):
        own = np.arange(outer[along]).reshape(-1, *(1,) * (len(outer) - along - 1))
        begin[axis] = np.broadcast_to(own, outer)
    last = [length - size for length, size in zip(shape, sizes, strict=True)]
    is_inside = np.ones(outer, dtype=bool)
    for axis, limit in enumerate(last):
        is_inside &= (begin[axis] >= 0) & (begin[axis] <= limit)
        begin[axis] = np.asarray(np.clip(begin[axis], 0, max(limit, 0)))
    kept = [axis for axis in range(len(shape)) if axis not in {*dropped, *batching}]
    found = np.zeros((*outer, *(1,) * len(kept)), dtype=np.intp)
    for axis in range(len(shape)):
        place = begin[axis].reshape((*outer, *(1,) * len(kept)))
        if axis in kept:
            offset = np.arange(sizes[axis]).reshape(-1, *(1,) * (len(kept) - kept.index(axis) - 1))
            place = place + offset
        found = found + place * prod(shape[axis + 1 :])
    if not clips:
        found = np.where(is_inside.reshape((*outer, *(1,) * len(kept))), found, NOWHERE)
    return np.moveaxis(found, range(len(outer), found.ndim), window_axes)
