"""Convolution, as products of matrices whose rows are what a window sees.

With P(x) the patches of x, a row for every window of every example and a column for every entry that it sees,
and W the weights, a row for every such entry and a column for every output, y is P(x) W. The patches are
gathered anew for each product: they are as many times larger than x as a window has entries.
"""

from collections.abc import Sequence
from functools import lru_cache
from math import prod

import numpy as np

from gradproof.reference.compositions.windows import HOLE, Sliding, Table, joined
from gradproof.reference.tape.operations.entry import Array, Operation, Trait

Slides = tuple[Sliding, ...]


def _ends(slides: Slides, lengths: Sequence[int]) -> tuple[int, ...]:
    return tuple(own.outputs(n) for own, n in zip(slides, lengths, strict=True))


@lru_cache(maxsize=256)
def _places(slides: Slides, lengths: tuple[int, ...]) -> Table:
    """What each window sees, of shape (windows, entries of each)."""
    return joined([own.table(n) for own, n in zip(slides, lengths, strict=True)], lengths)


@lru_cache(maxsize=256)
def _windows_that_see(slides: Slides, lengths: tuple[int, ...]) -> Table:
    """Which window sees an entry as its k-th, of shape (entries, entries of a window)."""
    tables = []
    for own, n in zip(slides, lengths, strict=True):
        seen = own.table(n)
        windows = np.full((n, own.window), HOLE)
        window, k = np.nonzero(seen != HOLE)
        windows[seen[window, k], k] = window
        tables.append(windows)
    return joined(tables, _ends(slides, lengths))


def _patches(x: Array, places: Table, groups: int) -> Array:
    """P(x), of shape (groups, examples windows, channels of a group entries)."""
    examples, channels, *lengths = x.shape
    length = prod(lengths)
    flat = x.reshape((examples * channels, length))
    if np.any(places == HOLE):
        nothing = x.kind.constant(np.zeros((examples * channels, 1)))
        flat, places = flat.concatenated([nothing], -1), np.where(places == HOLE, length, places)
        length += 1
    windows, entries = places.shape
    of_group = channels // groups
    rows = np.arange(examples * channels).reshape(examples, groups, of_group).transpose(1, 0, 2) * length
    # (groups, examples, windows, channels of a group, entries)
    positions = rows[:, :, np.newaxis, :, np.newaxis] + places[:, np.newaxis, :]
    return flat.gather(positions.reshape(groups, examples * windows, of_group * entries))


def _by_group(y: Array, groups: int) -> Array:
    """A result's entries as rows, of shape (groups, examples windows, outputs of a group)."""
    examples, outputs, *ends = y.shape
    parts = y.reshape((examples, groups, outputs // groups, prod(ends)))
    return parts.permute((1, 0, 3, 2)).reshape((groups, examples * prod(ends), outputs // groups))


def _from_groups(rows: Array, examples: int, ends: Sequence[int]) -> Array:
    """Undo `_by_group`."""
    groups, _, of_group = rows.shape
    parts = rows.reshape((groups, examples, prod(ends), of_group)).permute((1, 0, 3, 2))
    return parts.reshape((examples, groups * of_group, *ends))


def _columns(weights: Array, groups: int) -> Array:
    """W, of shape (groups, channels of a group entries, outputs of a group)."""
    outputs, of_group, *window = weights.shape
    return weights.reshape((groups, outputs // groups, of_group * prod(window))).mT


def _product(rows: Array, columns: Array) -> Array:
    with rows.kind.convolving():
        return rows @ columns


def _convolution(x: Array, weights: Array, *, slides: Slides, groups: int) -> Array:
    lengths = x.shape[2:]
    product = _product(_patches(x, _places(slides, lengths), groups), _columns(weights, groups))
    return _from_groups(product, x.shape[0], _ends(slides, lengths))


def _convolution_input(g: Array, _: Array, x: Array, weights: Array, *, slides: Slides, groups: int) -> Array:
    # y[p, o] is the sum over k and c of W[o, c, k] x[p(k), c], so that dL/dx[i, c] is the sum over k and o of
    # g[p, o] W[o, c, k], p the window that sees i as its k-th entry: a convolution of g.
    outputs, of_group, *window = weights.shape
    swapped = weights.reshape((groups, outputs // groups, of_group, prod(window))).permute((0, 1, 3, 2))
    columns = swapped.reshape((groups, outputs // groups * prod(window), of_group))
    rows = _patches(g, _windows_that_see(slides, x.shape[2:]), groups)
    return _from_groups(_product(rows, columns), x.shape[0], x.shape[2:])


def _convolution_weights(
    g: Array, _: Array, x: Array, weights: Array, *, slides: Slides, groups: int
) -> Array:
    # Y = P W, dL = <G, P dW>:  dL/dW = P' G
    rows = _patches(x, _places(slides, x.shape[2:]), groups)
    return _product(rows.mT, _by_group(g, groups)).mT.reshape(weights.shape)


CONVOLUTION = Operation(
    name="convolution",
    summary="The sums of products of weights with what a window sees as it slides over an array.",
    traits=Trait.BILINEAR,
    forward=_convolution,
    derivatives=(_convolution_input, _convolution_weights),
    source="Goodfellow, Bengio and Courville, Deep Learning (2016), equations 9.6, 9.11 and 9.13",
)
