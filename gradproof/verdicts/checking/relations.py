"""How arrays belong together: each array of data that follows from others, or from what the code holds.

All of it is of the data's nature: a gradient may rest on a mask being that of the lengths, or on a matrix
being the one that its own code holds. An array that follows from another is computed after that is drawn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial

import numpy as np

from gradproof.verdicts.checking.looking import LARGEST, Array, distinct, whole
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.checking.ways import (
    FUNCTIONS,
    LABELS,
    MARKS,
    MATRICES,
    OF_TWO,
    SMALL,
    Way,
    affine,
    affine_words,
    applied,
    counts,
    entrywise,
    row_order,
    rows_moved,
    same,
)

_FITTED = 3
_PAIRED, _MOST_PAIRED = 10_000, 12

BITS = 2.5
"""An array of fewer bits of information is not compared with others: chance would find some the same."""

BITS_OF_FUNCTIONS = 3.0
"""The same for being some function of others, of which there are many."""


@dataclass(frozen=True, eq=False)
class Relation:
    """That an array follows from others, as was seen.

    Attributes:
        target: its name.
        sources: the names of the others; the name of what the code holds, for an array that it holds.
        way: how it follows.
        given: the array as it was given.
        held: the array that the code holds, if it follows from that and not from others of the batch.
    """

    target: str
    sources: tuple[str, ...]
    way: Way
    given: Array
    held: Array | None = None

    def derived(self, arrays: Mapping[str, Array]) -> Array | None:
        """Compute the array from the others of a place; None where that is not to be had."""
        sources = [self.held] if self.held is not None else [arrays[name] for name in self.sources]
        with np.errstate(all="ignore"):
            value = applied(self.way, sources, self.given)
        return None if value is None else value.astype(self.given.dtype)

    def holds(self, arrays: Mapping[str, Array]) -> bool:
        """Whether the array follows from the others at a place."""
        value = self.derived(arrays)
        return value is not None and same(value, arrays[self.target])

    def told(self) -> str:
        """Tell it as part of a sentence."""
        return self.way.words.format(target=self.target, source=self.sources[0], other=self.sources[-1])


def find_relations(views: Sequence[View], held: Mapping[str, Array]) -> tuple[Relation, ...]:
    """Find how arrays of data follow from one another, and from what the code holds.

    Each array follows from one source at most, and none from itself in a round.

    Args:
        views: the arrays of the batch.
        held: what the code of the loss and of the gradient holds, by what it is called there.
    """
    found = {view.name: each for view in views if (each := _from_held(view, held)) is not None}

    def follows(name: str, other: str) -> bool:
        """Whether an array follows, perhaps through others, from another."""
        sources = found[name].sources if name in found and found[name].held is None else ()
        return name == other or any(follows(source, other) for source in sources)

    possible = [
        (telling, view, other, way)
        for view in views
        for other in views
        if other is not view and view.name not in found
        for telling, way in ways_of_one(other.given, view.given)
    ]
    for _, view, other, way in sorted(possible, key=lambda each: each[0]):
        if view.name not in found and not follows(other.name, view.name):
            found[view.name] = Relation(view.name, (other.name,), way, view.given)
    small = [view for view in views if 1 < view.given.size <= _PAIRED][:_MOST_PAIRED]
    for view in small:
        if view.name not in found and information(view.given) >= BITS:
            others = [each for each in small if not follows(each.name, view.name)]
            pair = next(_from_two(view, others), None)
            if pair is not None:
                found[view.name] = pair
    return tuple(found.values())


def _from_held(view: View, held: Mapping[str, Array]) -> Relation | None:
    if view.given.ndim == 0 or view.given.size < 2 or information(view.given) < BITS:
        return None
    for name, array in held.items():
        if array.ndim and array.size <= LARGEST:
            _, way = next(ways_of_one(array, view.given), (None, None))
            if way is not None:
                held_name = f"{name}, which the code holds"
                return Relation(view.name, (held_name,), way, view.given, held=array)
    return None


def _from_two(view: View, others: Sequence[View]) -> Iterator[Relation]:
    for first in others:
        for second in others:
            if first is second:
                continue
            for way in OF_TWO:
                with np.errstate(all="ignore"):
                    value = applied(way, [first.given, second.given], view.given)
                if value is not None and same(value, view.given):
                    yield Relation(view.name, (first.name, second.name), way, view.given)


# -------------------------------------------------------------------- two arrays


def information(array: Array) -> float:
    """Give the bits that tell an array from others with the same values in another order."""
    if array.ndim == 0:
        return 0.0
    _, counts = np.unique(array, return_counts=True)
    shares = counts / array.size
    return float(-array.size * np.sum(shares * np.log2(shares)))


class Telling(IntEnum):
    """How much a way says: of several the first is taken."""

    SAME = 0
    """The numbers are the same, or a multiple, or elsewhere."""

    MARK = 1
    """One-hot forms of labels, a mask of lengths, a matrix of edges."""

    LABEL = 2
    MATRIX = 3
    FUNCTION = 4


Found = tuple[tuple[Telling, int], Way]
"""A way, and what ways are sorted by."""


def ways_of_one(source: Array, given: Array) -> Iterator[Found]:
    """Find the ways in which an array follows from one other, the most telling first."""
    if max(source.size, given.size) > LARGEST or source.ndim == 0:
        return
    if given.ndim == 0:
        yield from _ways_of_scalar(source, given)
        return
    varied = np.any(given != given.flat[0]) and np.any(source != source.flat[0])
    if given.size < 2 or not varied:
        return
    bits = min(information(given), information(source))
    if bits >= BITS and source.shape == given.shape:
        yield from _same_numbers(source, given)
    yield from _holding(MARKS, source, given, Telling.MARK)
    yield from _holding(LABELS, source, given, Telling.LABEL)
    if bits < BITS or max(source.size, given.size) > SMALL:
        return
    yield from _holding(MATRICES, source, given, Telling.MATRIX)
    if bits >= BITS_OF_FUNCTIONS:
        yield from _holding((*FUNCTIONS, *_values_of(source)), source, given, Telling.FUNCTION)


def _ways_of_scalar(source: Array, given: Array) -> Iterator[Found]:
    if whole(given):
        if given > 1:  # a 1 is a rate or a power as often
            yield from _holding(counts(source), source, given, Telling.MARK)
    elif information(source) >= BITS:
        yield from _holding(FUNCTIONS, source, given, Telling.FUNCTION)


def _same_numbers(source: Array, given: Array) -> Iterator[Found]:
    if source.size >= _FITTED:  # a line goes through any two points
        way = Way(affine_words(source, given), partial(_affine_of, pair=(source, given)))
        yield from _holding((way,), source, given, Telling.SAME)
    order = row_order(source, given)
    if order is not None:
        words = "{target} has the rows of {source} in another order"
        yield (Telling.SAME, 1), Way(words, partial(rows_moved, order=order))


def _values_of(source: Array) -> Iterator[Way]:
    """Give the masks of the values that an array has, if they are whole and few."""
    values = distinct(source) if whole(source) else None
    if values is not None and len(values) >= _FITTED:
        for value in values.tolist():
            words = f"{{target}} is one exactly where {{source}} is {value:g}"
            yield Way(words, entrywise(partial(np.equal, value)))


def _affine_of(source: Array, given: Array, *, pair: tuple[Array, Array]) -> Array | None:
    del given
    return affine(source, pair[1], fitted=pair[0])


def _holding(ways: Iterable[Way], source: Array, given: Array, telling: Telling) -> Iterator[Found]:
    """Find which ways of a table hold, or hold of one minus the array."""
    for place, way in enumerate(ways):
        with np.errstate(all="ignore"):
            value = applied(way, [source], given)
        if value is None or value.shape != given.shape:
            continue
        if same(value, given):
            yield (telling, place), way
        elif np.isin(value, (0, 1)).all() and same(1 - value.astype(float), given):
            words = f"{way.words} (one minus it)"
            yield (telling, place), Way(words, partial(_complement, way=way), way.exact)


def _complement(source: Array, given: Array, *, way: Way) -> Array | None:
    value = way.function(source, given)
    return None if value is None else 1 - np.asarray(value).astype(float)
