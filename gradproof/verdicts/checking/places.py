"""Drawing other places in place of the user's: what is known of that, and what is kept of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gradproof.verdicts.checking.drawing import TRIES, Draw, Random, allowed, draw_array, is_fit
from gradproof.verdicts.checking.looking import Array
from gradproof.verdicts.checking.properties import Seen, Worth
from gradproof.verdicts.checking.relations import Relation
from gradproof.verdicts.checking.views import View
from gradproof.verdicts.judging.claimed import Place

_OTHER_LENGTHS = {"repeated", "left out"}
_FEW_ROWS = 3
_HUGE = 1e8
_OF_ONE_LENGTH = {"zeros", "pattern", "constant-columns", "ends"}
"""Properties of arrays that have just so many rows."""


@dataclass(frozen=True)
class Item:
    """One thing that a draw keeps or breaks: a property of an array, or a relation.

    Attributes:
        view: the array.
        what: the property, or the relation that the array follows from others by.
    """

    view: View
    what: Seen | Relation

    @property
    def worth(self) -> Worth:
        """Whether it is of the data's nature, or an accident."""
        return self.what.worth if isinstance(self.what, Seen) else Worth.NATURE

    @property
    def slug(self) -> str:
        """The property's name; `relation` for a relation."""
        return self.what.property.slug if isinstance(self.what, Seen) else "relation"

    def told(self) -> str:
        """Tell it as part of a sentence."""
        if isinstance(self.what, Relation):
            return self.what.told()
        return self.what.told(self.view.name, self.view.given.ndim)


Items = frozenset[Item]


@dataclass(frozen=True, eq=False)
class KnownData:
    """What is known of the user's point.

    Attributes:
        data: by name, the arrays of the batch.
        params: by name, the parameters.
        relations: how arrays follow from others.
        fixed: names of arrays that stay as they are.
        lengths: whole numbers that the code holds, or that arrays which it holds are long.
    """

    data: Mapping[str, View]
    params: Mapping[str, View]
    relations: Sequence[Relation] = ()
    fixed: frozenset[str] = frozenset()
    lengths: frozenset[int] = frozenset()

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """All that can be kept or broken, the most special of each array first."""
        found: list[Item] = []
        related = {relation.target: relation for relation in self.relations}
        for view in (*self.params.values(), *self.data.values()):
            if view.name in self.fixed:
                continue
            if view.name in related and not view.parameter:
                found.append(Item(view, related[view.name]))
            found += [Item(view, seen) for seen in view.seen]
        return tuple(found)

    def of_worth(self, worth: Worth) -> Items:
        """Give those of a class."""
        return frozenset(item for item in self.items if item.worth is worth)

    def broken_with(self, item: Item) -> Items:
        """Give an item, and all that would imply it."""
        if isinstance(item.what, Relation):
            return frozenset({item})
        return frozenset(
            other
            for other in self.items
            if other is item
            or (
                other.view is item.view
                and isinstance(other.what, Seen)
                and item.slug in other.what.property.implies
            )
        )


@dataclass
class Drawer:
    """Draws places.

    Attributes:
        given: the user's place.
        known: what is known of it.
        unmoved: how often an array was left as it is, since none was found that keeps what it is.
        counting: whether that is counted.
    """

    given: Place
    known: KnownData
    unmoved: int = 0
    counting: bool = True

    def draw(
        self, how: Draw, broken: Items, random: Random, *, data: bool = True, must: Item | None = None
    ) -> Place | None:
        """Draw a place.

        Args:
            how: how numbers are drawn.
            broken: what need not be kept; all else is.
            random: what is drawn with.
            data: whether the data moves; the parameters do in any case.
            must: what must not hold of the place that is drawn.

        Returns:
            None if what must be broken was not.
        """
        for _ in range(TRIES):
            place = self._drawn(how, broken, random, data=data)
            if place is not None and (must is None or self._is_broken(must, place)):
                return place
            if not data:
                break
        if must is not None:
            return None
        return self.rows(how, broken, random, "permuted") or self._drawn(how, broken, random, data=False)

    def _is_broken(self, item: Item, place: Place) -> bool:
        arrays = place.params if item.view.parameter else place.batch
        if isinstance(item.what, Relation):
            return not item.what.holds(place.batch)
        return not item.what.holds(arrays[item.view.name])

    def _drawn(self, how: Draw, broken: Items, random: Random, *, data: bool) -> Place | None:
        params = {name: self._one(view, how, broken, random) for name, view in self.known.params.items()}
        if not data:
            return Place(params, self.given.batch)
        batch = dict(self.given.batch)
        related = self._related(broken)
        for name in batch:
            if name not in related and name not in self.known.fixed:
                batch[name] = self._one(self.known.data[name], how, broken, random)
        return self._derived(params, batch, broken)

    def _related(self, broken: Items) -> dict[str, Relation]:
        lost = {item.what for item in broken if isinstance(item.what, Relation)}
        fixed = self.known.fixed
        return {r.target: r for r in self.known.relations if r not in lost and r.target not in fixed}

    def _derived(self, params: Mapping[str, Array], batch: dict[str, Array], broken: Items) -> Place | None:
        """Compute what follows from others, and verify all that is to be kept."""
        related = self._related(broken)
        todo = [*related]
        while todo:
            ready = [name for name in todo if not set(related[name].sources) & set(todo)]
            if not ready:
                return None
            for name in ready:
                value = related[name].derived(batch)
                if value is None or not _is_of_usual_size(value, self.given.batch[name]):
                    return None
                batch[name] = value
                todo.remove(name)
        for name in related:
            # An array that follows may well lose what it merely happened to have.
            kept = [s for s in self._kept(self.known.data[name], broken) if s.worth is Worth.NATURE]
            if batch[name].shape == self.given.batch[name].shape and not is_fit(batch[name], kept):
                return None
        return Place(params, batch)

    def _kept(self, view: View, broken: Items) -> list[Seen]:
        lost = {id(item.what) for item in broken if item.view is view}
        return [seen for seen in view.seen if id(seen) not in lost]

    def _one(self, view: View, how: Draw, broken: Items, random: Random) -> Array:
        if view.name in self.known.fixed:
            return view.given
        if view.given.ndim == 0 and view.given.dtype.kind in "iub":
            return view.given
        kept = self._kept(view, broken)
        value = draw_array(view, kept, allowed(how, kept), random)
        self.unmoved += value is None and self.counting
        return view.given if value is None else value

    def rows(
        self, how: Draw, broken: Items, random: Random, kind: str, *, other_lengths: bool = False
    ) -> Place | None:
        """Move the rows of all arrays that share the leading axis, together: what belongs together stays so.

        Args:
            how: how the parameters are drawn.
            broken: what need not be kept.
            random: what is drawn with.
            kind: `permuted`, `resampled`, `repeated` or `left out`.
            other_lengths: whether the number of rows may change although the code holds it.

        Returns:
            None if the rows cannot be moved so.
        """
        moved = self.leading
        n = len(self.given.batch[moved[0]]) if moved else 0
        stays = n in self.known.lengths and not other_lengths
        if not moved or (kind in _OTHER_LENGTHS and (n < _FEW_ROWS or stays or self._is_a_width(n))):
            return None
        params = {name: self._one(view, how, broken, random) for name, view in self.known.params.items()}
        related = self._related(broken)
        for _ in range(TRIES):
            order = _order(n, kind, random)
            batch = {**self.given.batch, **{name: _taken(self.given.batch[name], order) for name in moved}}
            place = self._derived(params, batch, broken)
            if place is not None and self._keeps_rows(place, broken, [n for n in moved if n not in related]):
                return place
        return None

    def _keeps_rows(self, place: Place, broken: Items, moved: Sequence[str]) -> bool:
        """Whether moved rows have what is to be kept, and follow from one another as they did."""
        for name in moved:
            # Rows that are repeated are equal: nobody minds who draws them.
            kept = [s for s in self._kept(self.known.data[name], broken) if s.property.slug != "no-ties"]
            if len(place.batch[name]) != len(self.given.batch[name]):
                kept = [seen for seen in kept if seen.property.slug not in _OF_ONE_LENGTH]
            if not is_fit(place.batch[name], kept):
                return False
        return all(relation.holds(place.batch) for relation in self._related(broken).values())

    @cached_property
    def leading(self) -> list[str]:
        """The names of arrays that share the leading axis."""
        arrays = {n: a for n, a in self.given.batch.items() if a.ndim and n not in self.known.fixed}
        held = {relation.target for relation in self.known.relations if relation.held is not None}
        lengths = [len(array) for name, array in arrays.items() if len(array) >= 2 and name not in held]
        if not lengths:
            return []
        n = max(sorted(set(lengths)), key=lengths.count)
        return [name for name, array in arrays.items() if len(array) == n and name not in held]

    def _is_a_width(self, n: int) -> bool:
        """Whether a number of examples is also the length of another axis, so that it cannot be changed."""
        params = [length for array in self.given.params.values() for length in array.shape]
        others = [length for array in self.given.batch.values() for length in array.shape[1:]]
        held = [len(self.given.batch[r.target]) for r in self.known.relations if r.held is not None]
        return n in params or n in others or n in held


def _is_of_usual_size(value: Array, given: Array) -> bool:
    """Whether what follows from others is finite, and no inverse of what is all but singular."""
    greatest = float(np.max(np.abs(given.astype(np.float64)), initial=0.0))
    return bool(np.all(np.isfinite(value)) and np.all(np.abs(value) <= _HUGE * max(greatest, 1.0)))


def _order(n: int, kind: str, random: Random) -> Array:
    if kind == "permuted":
        return random.permutation(n)
    if kind == "left out":
        return np.delete(np.arange(n), random.integers(n))
    if kind == "repeated":
        return np.sort(np.append(np.arange(n), random.integers(n)))
    drawn = random.integers(n, size=n)
    return np.sort(drawn) if random.random() < 0.5 else drawn


def _taken(array: Array, order: Array) -> Array:
    square = array.ndim >= 2 and len(set(array.shape)) == 1
    return array[np.ix_(*[order] * array.ndim)] if square else array[order]
