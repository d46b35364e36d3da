"""How arrays belong together: each array of data that follows from others, or from what the code holds.

All of it is of the data's nature: a gradient may rest on a mask being that of the lengths, or on a matrix
being the one that its own code holds. An array that follows from another is computed after that is drawn.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradproof.verdicts.checking.looking import LARGEST, Array
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.checking.ways import BITS, OF_TWO, Way, applied, information, same, ways_of_one

_PAIRED, _MOST_PAIRED = 10_000, 12


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
