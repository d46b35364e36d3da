"""Branches that rounding decides: where two numbers are nearly tied, a program may go either way.

The samples of a noisy run go each way equally often, whatever is drawn. If each sample drew for itself, one
run in 2^samples would see one branch alone, and a program that takes the other would be accused.
"""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.payload import Payload
from gradproof.reference.numbers.repeats import mixed

Bools = NDArray[np.bool_]


def sides(margin: Payload, near: Bools) -> Bools:
    """Choose a side of zero for every near tie: half of the samples are on each, drawn at random.

    The draw is a hash of the margins' bits, so that all rules that look at one branch see the same side:
    equal margins get the same, negated ones the other.

    Args:
        margin: of shape (samples, lanes, *shape).
        near: which are near ties, of shape (1, lanes, *shape).

    Returns:
        whether each is on the positive side; of the margin's shape, False where there is no near tie.
    """
    chosen = np.zeros(margin.shape, dtype=bool)
    tied = margin[:, near[0]]
    samples = np.arange(len(tied), dtype=np.uint64)[:, np.newaxis]
    bits = mixed(np.abs(tied).view(np.uint64) ^ mixed(samples + np.uint64(1)))
    farthest = np.take_along_axis(tied, np.argmax(np.abs(tied), axis=0)[np.newaxis], axis=0)
    chosen[:, near[0]] = (_ranks(bits) < len(tied) / 2) ^ (farthest < 0)
    return chosen


def shares(candidates: Bools, axes: tuple[int, ...], draws: Payload) -> Payload:
    """Let the candidates for a maximum take turns: each takes all in as many samples as the others.

    If there are more of them than samples, some share in each.

    Args:
        candidates: of shape (lanes, *shape).
        axes: along which the maximum is taken, counted from the last, which is -1.
        draws: random numbers of shape (samples, lanes, *shape).

    Returns:
        each one's share in each sample; of the draws' shape.
    """
    tied = np.broadcast_to(np.count_nonzero(candidates, axis=axes, keepdims=True) > 1, candidates.shape)
    if not np.any(tied):
        return np.broadcast_to(candidates, draws.shape).astype(np.float64)
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(candidates, axes, last)
    rows = moved.reshape(-1, prod(moved.shape[-len(axes) :]))
    random = np.moveaxis(draws, axes, last).reshape(len(draws), *rows.shape)
    rank = _ranks(np.where(rows, random[0], np.inf).T).T  # of each candidate, in a random order
    turn = _ranks(random[..., 0])[..., np.newaxis]  # of each sample, likewise
    count = np.maximum(np.count_nonzero(rows, axis=-1, keepdims=True), 1)
    one, some = rank == turn * count // len(draws), rank * len(draws) // count == turn
    chosen = np.where(count <= len(draws), one, some) & rows
    share = chosen / np.maximum(np.count_nonzero(chosen, axis=-1, keepdims=True), 1)
    return np.moveaxis(share.reshape(len(draws), *moved.shape), last, axes)


def _ranks(values: NDArray[Any]) -> NDArray[np.intp]:
    """Give each entry's position in the order of its column."""
    return np.argsort(np.argsort(values, axis=0, kind="stable"), axis=0, kind="stable")
