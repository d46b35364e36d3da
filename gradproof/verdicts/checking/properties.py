"""What an array of data is: one table of properties, each with how it is seen, kept, and what it is worth.

A property is of the data's *nature* where a right gradient may rest on it: targets that sum to one, a
symmetric matrix, a permutation. A gradient that is right only with it is right. It is an *accident* where
data merely happens to have it, so that an error hides behind it: one example, no ties, no negative number.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from typing import Any

import numpy as np

from gradproof.verdicts.checking import keeping as keep
from gradproof.verdicts.checking import looking as look
from gradproof.verdicts.checking import matrix_properties as matrix
from gradproof.verdicts.checking.looking import Array


class Worth(StrEnum):
    """What a property of data is worth."""

    NATURE = "nature"
    """A gradient may rest on it: one that fails without it is right where the data has it."""

    ACCIDENT = "accident"
    """An error hides behind it: a gradient that fails without it is wrong."""


@dataclass(frozen=True, eq=False)
class Property:
    """A property that one array can have.

    Attributes:
        slug: its name.
        words: a sentence: {name} is the array, {line} a line of it along the axis that is the argument.
        worth: nature or accident.
        reason: why it is of that class.
        holds: whether an array has it, with an argument.
        arguments: with which arguments to look for it (axes, say); (None,) for none.
        keep: makes values have it, as `gradproof.verdicts.checking.keeping` tells; None where only what draws
            the values keeps it.
        implies: slugs of properties that every array with this one has as well.
        parameters: whether it is looked for in parameters, which move freely otherwise.
    """

    slug: str
    words: str
    worth: Worth
    reason: str
    holds: Callable[[Array, Any], bool]
    arguments: Callable[[Array], Iterable[Any]]
    keep: Callable[..., Array] | None = None
    implies: frozenset[str] = frozenset()
    parameters: bool = False


@dataclass(frozen=True)
class Seen:
    """A property that an array was seen to have, with its argument."""

    property: Property
    argument: Any = None
    worth: Worth = Worth.NATURE

    def holds(self, array: Array) -> bool:
        """Whether another array has it, too."""
        with np.errstate(all="ignore"):
            try:
                return bool(self.property.holds(array, self.argument))
            except (np.linalg.LinAlgError, ValueError, IndexError):
                return False

    def told(self, name: str, ndim: int) -> str:
        """Tell it of an array, as part of a sentence."""
        axis = self.argument[0] if isinstance(self.argument, tuple) else self.argument
        count = self.argument[-1] if isinstance(self.argument, tuple) else self.argument
        words: Any = {0: "zero", 1: "one"}.get(count, count) if isinstance(count, int) else count
        if self.property.slug == "few":
            *others, last = (f"{value:g}" for value in self.argument)
            words = f"{', '.join(others)} or {last}"
        return self.property.words.format(name=name, line=_line(name, axis, ndim), argument=words)


def _line(name: str, axis: Any, ndim: int) -> str:
    if axis is None or ndim < 2 or not isinstance(axis, int):
        return name
    if ndim == 2:
        return f"each {'column' if axis == 0 else 'row'} of {name}"
    return f"{name} along axis {axis}"


# -------------------------------------------------------------------- the table

NATURE, ACCIDENT = Worth.NATURE, Worth.ACCIDENT


def _of_all(holds: Callable[[Array], Any]) -> Callable[[Array, Any], bool]:
    """Give a predicate that holds if it holds of all entries."""
    return lambda array, _: bool(np.all(holds(array)))


def _entry(worth: Worth, parameters: str = "") -> Callable[..., Property]:
    def entry(slug: str, words: str, reason: str, *how: Any, implies: str = "") -> Property:
        holds, arguments, keep_it = (*how, None)[:3]
        others = frozenset(implies.split())
        return Property(slug, words, worth, reason, holds, arguments, keep_it, others, bool(parameters))

    return entry


_nature, _accident = _entry(NATURE), _entry(ACCIDENT)
_nature_of_all, _accident_of_all = _entry(NATURE, "parameters too"), _entry(ACCIDENT, "parameters too")

_LABELS = "a formula is written for labels and masks: y² = 1, or m² = m"
_SHARES = "probabilities, rates and shares"
_ONE_SIDE = "it hides the other side of a kink, and lost signs"

VALUES: tuple[Property, ...] = (
    _nature(
        "pattern", "{name} is {argument}", "code makes such a matrix anew and does not read it",
        look.pattern, look.pattern_arguments,
        implies="unit-interval whole not-negative positive few binary one-hot at-most-one-hot some symmetric "
        "positive-definite orthogonal lower-triangular upper-triangular banded diagonal zero-diagonal "
        "unit-diagonal zeros unit-norm constant-columns",
    ),
    _accident_of_all(
        "constant", "all entries of {name} are the same", "weights of ones or a state of zeros hide factors",
        look.constant, look.still,
    ),
    _accident(
        "all-true", "all entries of {name} are the same", "a mask of one kind hides that it is forgotten",
        look.constant, look.still_booleans,
    ),
    _nature(
        "binary", "the entries of {name} are 0 or 1", _LABELS, partial(look.among, values=(0, 1)),
        partial(look.if_two_values, values=(0, 1)), implies="unit-interval whole not-negative positive few",
    ),
    _nature(
        "signs", "the entries of {name} are -1 or 1", _LABELS, partial(look.among, values=(-1, 1)),
        partial(look.if_two_values, values=(-1, 1)), implies="trits whole few no-zero",
    ),
    _nature(
        "trits", "the entries of {name} are -1, 0 or 1", _LABELS, partial(look.among, values=(-1, 0, 1)),
        look.if_negative_too, implies="whole few",
    ),
    _nature(
        "few", "the entries of {name} are {argument}", _LABELS, look.few, look.few_arguments,
        implies="not-negative positive",
    ),
    _nature(
        "whole", "the entries of {name} are whole numbers", "counts, labels and indices",
        lambda array, _: look.whole(array), look.whole_arguments, implies="not-negative positive",
    ),
    _nature(
        "open-unit-interval", "the entries of {name} are between 0 and 1", f"{_SHARES}: logarithms exist",
        _of_all(lambda a: (a > 0) & (a < 1)), look.if_real,
        implies="unit-interval not-negative positive no-zero",
    ),
    _nature(
        "unit-interval", "the entries of {name} are between 0 and 1", _SHARES,
        _of_all(lambda a: (a >= 0) & (a <= 1)), look.if_real, implies="not-negative",
    ),
    _nature(
        "positive-scalar", "{name} is positive", "a single number is a rate, a scale or a count",
        _of_all(lambda a: a > 0), look.if_scalar, implies="not-negative positive",
    ),
    _accident_of_all(
        "positive", "{name} has no negative entry and no zero", _ONE_SIDE, _of_all(lambda a: a > 0),
        look.if_real_array, implies="not-negative",
    ),
    _accident_of_all(
        "not-negative", "{name} has no negative entry", _ONE_SIDE, _of_all(lambda a: a >= 0),
        look.if_real_array,
    ),
)  # fmt: skip
"""What values an array has, the most special first: the first that is kept draws the values."""

STRUCTURE: tuple[Property, ...] = (
    _nature(
        "one-hot", "{line} is one-hot", "softmax minus target is right only of targets that sum to one",
        look.one_hot, look.discrete_axes, keep.one_hot, implies="at-most-one-hot some sum",
    ),
    _nature(
        "at-most-one-hot", "{line} has at most one 1", "classes, and rows of padding",
        look.at_most_one, look.discrete_axes, keep.at_most_one,
    ),
    _nature(
        "all-different", "all entries of {name} are different",
        "an assignment, where chance would seldom give it; an accident where it often would: it hides that "
        "duplicates are overwritten",
        look.all_different, look.index_arguments, keep.different,
    ),
    _nature(
        "permutation", "{name} is a permutation", "it can be inverted; an accident as above",
        look.permutation, look.vectors, keep.permutation, implies="all-different whole",
    ),
    _nature(
        "sorted", "{line} is sorted", "times and offsets; an accident where chance would often give it",
        look.is_sorted, look.sorted_arguments, keep.in_order,
    ),
    _nature(
        "ends", "{name} goes from its first to its last value", "offsets divide up another array",
        look.same_ends, look.end_arguments, keep.ends, implies="sorted",
    ),
    _nature_of_all(
        "symmetric", "{name} is symmetric", "A + Aᵀ is then 2 A",
        matrix.symmetric, matrix.any_squares, keep.symmetric,
    ),
    _nature_of_all(
        "antisymmetric", "{name} is antisymmetric", "the generator of a rotation",
        matrix.antisymmetric, matrix.squares, keep.antisymmetric, implies="zero-diagonal",
    ),
    _nature_of_all(
        "positive-definite", "{name} is positive definite", "it has an inverse and a Cholesky factor",
        matrix.definite, matrix.small_squares, keep.definite, implies="symmetric",
    ),
    _nature_of_all(
        "orthogonal", "{name} is orthogonal", "its transpose is its inverse",
        matrix.orthogonal, matrix.matrices, keep.orthogonal, implies="unit-norm",
    ),
    _nature_of_all(
        "diagonal", "{name} is diagonal", "it commutes, and its inverse is a division",
        matrix.band, matrix.no_width, keep.band,
        implies="symmetric lower-triangular upper-triangular banded zeros",
    ),
    _nature_of_all(
        "lower-triangular", "{name} is lower triangular", "a Cholesky factor, or a causal order",
        matrix.lower, matrix.no_width, keep.lower, implies="zeros",
    ),
    _nature_of_all(
        "upper-triangular", "{name} is upper triangular", "a triangular factor, or a causal order",
        matrix.upper, matrix.no_width, keep.upper, implies="zeros",
    ),
    _nature(
        "banded", "{name} is banded", "differences and stencils",
        matrix.band, matrix.band_widths, keep.band, implies="zeros",
    ),
    _nature(
        "zero-diagonal", "the diagonal of {name} is zero", "nothing is a neighbour of itself",
        partial(matrix.diagonal_is, value=0), matrix.any_squares, partial(keep.diagonal_at, value=0),
    ),
    _nature(
        "unit-diagonal", "the diagonal of {name} is one", "a kernel, or correlations",
        partial(matrix.diagonal_is, value=1), matrix.any_squares, partial(keep.diagonal_at, value=1),
    ),
    _nature(
        "zeros", "{name} is zero where yours is", "the pattern of a sparse array",
        look.zero_where, look.zero_arguments, keep.zeros,
    ),
    _nature_of_all(
        "unit-norm", "{line} has norm one", "directions, and points on a sphere",
        look.unit_norm, look.norm_axes, keep.unit_norm,
    ),
    _nature_of_all(
        "sum", "{line} sums to {argument}", "probabilities, weights of a mean, centred data",
        look.sums, look.sum_arguments, keep.sums,
    ),
    _nature(
        "constant-columns", "the same columns of {name} are constant", "the column of ones of a bias",
        look.constant_columns, look.column_arguments, keep.columns,
    ),
    _nature(
        "some", "{line} has an entry that is not zero", "a mask that masks all leaves 0/0",
        look.some, look.mask_axes, keep.some,
    ),
    _nature(
        "time-stamps", "no two entries of {name} are equal", "one thing happens after the other",
        look.all_different, look.series, implies="no-ties",
    ),
    _accident_of_all(
        "no-ties", "no two entries of {name} are equal", "it hides who shares a maximum", look.no_ties,
        look.if_several_reals,
    ),
    _accident_of_all(
        "no-zero", "{name} has no zero", "it hides what happens at a kink", _of_all(lambda a: a != 0),
        look.if_several,
    ),
)  # fmt: skip
"""How the entries of an array belong together, in the order in which values are made to have it."""

PROPERTIES = (*VALUES, *STRUCTURE)
"""The table of all properties of one array; `relations` has those between arrays."""

TO_ALL_DIGITS: Mapping[str, Callable[[Array, Any], Array]] = {
    "sum": keep.exact_sums,
    "unit-norm": keep.exact_norm,
    "orthogonal": keep.exactly_orthogonal,
    "symmetric": keep.exactly_symmetric,
    "antisymmetric": keep.exactly_antisymmetric,
}
"""Properties that arrays may have up to rounding alone, so that a formula which rests on them is right up to
rounding; and what gives the nearest array that has it to all digits of float64."""
