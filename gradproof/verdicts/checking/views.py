"""What is seen of an array of the user's: its properties, of what worth each is, and what it indexes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from math import fsum, prod
from typing import Any

import numpy as np

from gradproof.verdicts.checking.looking import LARGEST, Array, is_sorted, pattern, pattern_arguments
from gradproof.verdicts.checking.properties import (
    ACCIDENT,
    NATURE,
    PROPERTIES,
    TO_ALL_DIGITS,
    Property,
    Seen,
    Worth,
)

LIKELY = 1 / 20
"""What chance alone would give as often is an accident."""

LIKELY_DIFFERENT = 1 / 30
"""The same for indices that are all different: five of five are an accident, six of six are a permutation."""


_SWEEPS = 20

_SHUFFLES, _MANY = 40, 1000


@dataclass(frozen=True, eq=False)
class View:
    """An array of the user's and what is seen of it.

    Attributes:
        name: its dotted name.
        given: its values.
        parameter: whether it is a parameter.
        bound: one more than the greatest index that it may hold; None if it holds no indices.
        looked_at: the values that its properties are those of, where they are not the given ones.
    """

    name: str
    given: Array
    parameter: bool
    bound: int | None = None
    looked_at: Array | None = None

    @cached_property
    def seen(self) -> tuple[Seen, ...]:
        """All properties of the table that it has."""
        return tuple(_kept_apart(self, list(_look(self))))

    @property
    def rounded(self) -> list[str]:
        """What it is up to rounding alone, as parts of sentences."""
        return [seen.told(self.name, self.given.ndim) for seen in self._inexact]

    @property
    def _inexact(self) -> list[Seen]:
        inexact = [seen for seen in self.seen if seen.property.slug in TO_ALL_DIGITS]
        return [seen for seen in inexact if not _is_exact(seen, self.given)]

    @property
    def to_all_digits(self) -> Array:
        """What it is up to rounding, to all digits of float64."""
        array, inexact = self.given, self._inexact
        # Where there are several, what one makes exact the next one moves, by ever less.
        for seen in inexact * (_SWEEPS if len(inexact) > 1 else 1):
            array = TO_ALL_DIGITS[seen.property.slug](array.astype(np.float64), seen.argument)
        return array

    @property
    def is_constant(self) -> bool:
        """Whether all entries are the same."""
        return any(seen.property.slug in {"constant", "all-true"} for seen in self.seen)


def _is_exact(seen: Seen, array: Array) -> bool:
    """Whether an array has a property without rounding; a norm, or a product with itself, seldom can be."""
    if seen.property.slug in {"symmetric", "antisymmetric"}:
        sign = 1 if seen.property.slug == "symmetric" else -1
        return bool(np.array_equal(array, sign * np.swapaxes(array, -1, -2)))
    if seen.property.slug != "sum":
        return False
    axis, total = seen.argument
    lines = (
        array.reshape(1, -1) if axis is None else np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])
    )
    return all(fsum([*line, -total]) == 0 for line in lines.tolist())


def _look(view: View) -> Iterator[Seen]:
    array = view.given if view.looked_at is None else view.looked_at
    for entry in PROPERTIES:
        if view.parameter and not entry.parameters:
            continue
        for argument in entry.arguments(array):
            seen = Seen(entry, argument, _worth(entry, argument, view))
            if seen.holds(array) and (view.looked_at is None or seen.holds(view.given)):
                yield seen
                if entry.slug in {"pattern", "banded"}:
                    break


def _worth(entry: Property, argument: Any, view: View) -> Worth:
    """Give the class of a property, which for some depends on how likely chance is to give it."""
    if entry.slug in {"all-different", "permutation"} and view.given.size <= LARGEST:
        count = view.given.shape[-1] if entry.slug == "permutation" else view.given.size
        values = view.bound or int(view.given.max()) - int(view.given.min()) + 1
        chance = prod((values - i) / values for i in range(count)) if count <= values else 0.0
        return ACCIDENT if chance > LIKELY_DIFFERENT else NATURE
    if entry.slug == "sorted":
        random = np.random.default_rng([0, 10])
        lines = np.moveaxis(view.given, argument[0], -1)
        tries = _SHUFFLES if view.given.size < _MANY else 0
        sortings = sum(is_sorted(random.permuted(lines, axis=-1), -1) for _ in range(tries))
        return ACCIDENT if sortings > LIKELY * tries else NATURE
    return entry.worth


_BESIDE_NATURE = frozenset({"zeros", "banded", "few", "whole", "at-most-one-hot", "open-unit-interval"})
"""These say nothing beside what implies them: they are drawn alike."""

_SPECIAL_VALUES = frozenset({"binary", "few", "trits", "signs", "one-hot", "at-most-one-hot"})
_OF_PARAMETERS = frozenset(
    {"orthogonal", "unit-norm", "lower-triangular", "upper-triangular", "sum", "diagonal"}
)


def _kept_apart(view: View, seen: list[Seen]) -> Iterator[Seen]:
    """Leave out what says nothing beside the rest."""
    slugs = {each.property.slug for each in seen}
    implied = {slug for each in seen if each.worth is NATURE for slug in each.property.implies}
    still = slugs & {"constant", "all-true"}
    initial = view.parameter and any(pattern(view.given, each) for each in pattern_arguments(view.given))
    for each in seen:
        slug = each.property.slug
        needless = (
            (still and slug not in still)  # all else follows from the entries being the same
            or (slug in implied and (each.worth is ACCIDENT or slug in _BESIDE_NATURE))
            or (slug == "not-negative" and "positive" in slugs)
            or (slug == "whole" and "few" in slugs)
            # Indices are drawn from all that they may be.
            or (slug in _SPECIAL_VALUES and view.bound is not None)
            # An initial identity is symmetric, and no more is to be kept of it.
            or (initial and slug in _OF_PARAMETERS)
        )
        if not needless:
            yield each
