"""The order of entries along an axis: where it is certain, and where entries are tied or nearly so.

All functions work along the last axis of a payload.
"""

from collections.abc import Iterator
from functools import cmp_to_key
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers.payload import Payload
from gradproof.reference.numbers.repeats import mixed

Bools = NDArray[np.bool_]
Places = NDArray[np.intp]


def shuffled_within(order: Places, near: Bools, x: Payload) -> Places:
    """Give each sample an order of its own among entries that rounding may put in either order.

    Args:
        order: of the entries on average, of shape (lanes, ..., n).
        near: which neighbours in that order are nearly tied, of shape (lanes, ..., n - 1).
        x: the entries, of shape (samples, lanes, ..., n), from whose bits the orders are drawn.
    """
    begins = np.concatenate([np.ones((*near.shape[:-1], 1), dtype=bool), ~near], axis=-1)
    group = np.cumsum(begins, axis=-1)
    size = np.diff(np.append(np.flatnonzero(begins), begins.size))
    alone = np.repeat(size == 1, size).reshape(begins.shape)
    samples = np.arange(1, len(x) + 1, dtype=np.uint64).reshape(-1, *(1,) * order.ndim)
    moved = np.take_along_axis(x, np.broadcast_to(order, x.shape), axis=-1)
    bits = mixed((moved + 0.0).view(np.uint64) ^ mixed(samples))
    within = np.where(alone, 0, bits)
    ranks = np.lexsort((within, np.broadcast_to(group, within.shape)), axis=-1)
    return np.take_along_axis(np.broadcast_to(order, x.shape), ranks, axis=-1)


# -------------------------------------------------------------------- of balls


def _compared(x: tuple[arb, int], y: tuple[arb, int]) -> int:
    return -1 if x[0] < y[0] else 1 if x[0] > y[0] else x[1] - y[1]


def groups(row: NDArray[np.object_]) -> list[list[int]]:
    """Give the places of balls in ascending order; balls whose order is not certain are in one group.

    Equal numbers are in one group, in the order of their places.

    >>> groups(np.array([arb(3), arb(1, 0.25), arb(1.125), arb(0.5)]))
    [[3], [1, 2], [0]]
    """
    if any(ball.is_nan() for ball in row):
        return [list(range(len(row)))]
    by_least = sorted(((ball.lower(), place) for place, ball in enumerate(row)), key=cmp_to_key(_compared))
    found: list[list[int]] = []
    greatest: Any = None
    for least, place in by_least:
        most = row[place].upper()
        if found and not least > greatest:
            found[-1].append(place)
            greatest = max(greatest, most)
        else:
            found.append([place])
            greatest = most
    return [sorted(group) if are_equal(row[group]) else group for group in found]


def are_equal(balls: NDArray[np.object_]) -> bool:
    """Whether all are one and the same number, exactly."""
    return all(ball.is_exact() and ball == balls[0] for ball in balls)


def in_order(row: NDArray[np.object_]) -> NDArray[np.object_]:
    """Give balls of the numbers in ascending order.

    The k-th least of some numbers is between the k-th least of their lower and of their upper bounds.
    """
    if any(ball.is_nan() for ball in row):
        return np.full(row.shape, arb("nan"), dtype=object)
    result = np.empty(row.shape, dtype=object)
    for start, group in _with_starts(groups(row)):
        balls = row[group]
        if len(group) > 1 and not are_equal(balls):
            ends = zip(*(sorted(each, key=cmp_to_key(_order)) for each in _bounds(balls)), strict=True)
            balls = np.array([low.union(high) for low, high in ends], dtype=object)
        result[start : start + len(group)] = balls
    return result


def put_back(row: NDArray[np.object_], g: NDArray[np.object_]) -> NDArray[np.object_]:
    """Give what the derivative with respect to balls in order is with respect to the balls themselves.

    Each of a group may be any of them, and so has one of their derivatives, or a mean of them.
    """
    result = np.empty(g.shape, dtype=object)
    for start, group in _with_starts(groups(row)):
        given = g[start : start + len(group)]
        hull = given[0]
        for each in given[1:]:
            hull = hull.union(each)
        for place in group:
            result[place] = hull
    return result


def _order(x: arb, y: arb) -> int:
    return -1 if x < y else 1 if x > y else 0


def _bounds(balls: NDArray[np.object_]) -> tuple[list[arb], list[arb]]:
    return [ball.lower() for ball in balls], [ball.upper() for ball in balls]


def _with_starts(found: list[list[int]]) -> Iterator[tuple[int, list[int]]]:
    start = 0
    for group in found:
        yield start, group
        start += len(group)
