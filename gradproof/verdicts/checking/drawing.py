"""Drawing an array in place of the user's: drawn freely, made to have what is kept, and verified."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradproof.verdicts.checking.keeping import short
from gradproof.verdicts.checking.looking import Array, size_of
from gradproof.verdicts.checking.properties import STRUCTURE, VALUES, Seen
from gradproof.verdicts.checking.views import View

Random = np.random.Generator

TRIES = 12
"""How often an array, or a place, is drawn before something more modest is tried."""

_FEW_COLUMNS = 4
_TIED = 0.2

_RANK = {entry.slug: rank for rank, entry in enumerate((*VALUES, *STRUCTURE))}


@dataclass(frozen=True)
class Draw:
    """How numbers are drawn.

    Attributes:
        scale: what all general numbers are multiplied with.
        centred: whether numbers are drawn around 0, or around where they are.
        zeros: the share of entries that become exactly 0, where zeros are not avoided.
        levels: 0, or on how many steps a scale's length is rounded, which makes ties.
        integers: `any`, `repeated` or `extreme`: which integers of the range.
        sign: 0, or the one sign that all general numbers have.
        constant: how entries that all are the same are drawn: `general`, `binary` or `signs`.
        near: 0, or how far, relative to an array's size, numbers may be from the given ones.
        tied: whether ties are equal numbers drawn anew instead of rounded ones, which may be 0.
    """

    scale: float = 1.0
    centred: bool = True
    zeros: float = 0.0
    levels: int = 0
    integers: str = "any"
    sign: int = 0
    constant: str = "general"
    near: float = 0.0
    tied: bool = False


def draw_array(view: View, kept: Sequence[Seen], how: Draw, random: Random) -> Array | None:
    """Draw an array in place of a given one, that has all the properties that are to be kept.

    Returns:
        None if none was found.
    """
    slugs = frozenset(seen.property.slug for seen in kept)
    for attempt in range(TRIES):
        with np.errstate(all="ignore"):
            values = _values(view, kept, how, random)
            for seen in sorted(kept, key=lambda each: _RANK[each.property.slug]):
                if seen.property.keep is not None:
                    values = seen.property.keep(values, view.given, seen.argument, slugs, random)
            values = _cast(values, view.given)
        if is_fit(values, kept):
            return values
        if attempt >= TRIES // 2:
            with np.errstate(all="ignore"):
                values = _cast(_moved(view.given, attempt, random), view.given)
            if not np.array_equal(values, view.given) and is_fit(values, kept):
                return values
    return None


def _cast(values: Array, given: Array) -> Array:
    if given.dtype.kind in "iu":
        values = np.round(values)
    elif given.dtype.kind == "b":
        values = values != 0
    return np.asarray(values).astype(given.dtype)


def is_fit(values: Array, kept: Sequence[Seen]) -> bool:
    """Whether an array has all that is to be kept."""
    return bool(np.all(np.isfinite(values))) and all(seen.holds(values) for seen in kept)


def _moved(given: Array, attempt: int, random: Random) -> Array:
    """Move the given entries in a way that keeps most of what an array can be: the rest is verified."""
    square = given.ndim >= 2 and given.shape[-1] == given.shape[-2]
    moves: list[Callable[[], Array]] = [
        lambda: _permuted(given, range(given.ndim), random),
        lambda: given * random.choice([0.5, 2.0, 4.0]),
        lambda: -given if given.dtype.kind == "f" else given,
        lambda: (given + _permuted(given, range(given.ndim), random)) / 2,
        lambda: _permuted(given, range(attempt % max(given.ndim, 1), given.ndim), random),
    ]
    if square:
        together = random.permutation(given.shape[-1])
        moves[0] = lambda: given[..., together, :][..., together]
    return np.asarray(moves[attempt % len(moves)]())


def _permuted(given: Array, along: Any, random: Random) -> Array:
    for axis in along:
        given = np.take(given, random.permutation(given.shape[axis]), axis=axis)
    return given


_FROM_FEW = {"binary": (0.0, 1.0), "signs": (-1.0, 1.0), "trits": (-1.0, 0.0, 1.0)}


def _values(view: View, kept: Sequence[Seen], how: Draw, random: Random) -> Array:
    """Draw values freely, of the most special kind that is kept."""
    given = view.given
    values = next((seen for seen in kept if seen.property in VALUES), None)
    slug = "general" if values is None else values.property.slug
    if slug in {"pattern", "constant", "all-true"}:
        return given
    if given.dtype.kind == "b":
        slug = "binary"
    if given.dtype.kind in "iu" and view.bound is not None:
        return _indices(view, how, random)
    if slug == "general" and given.dtype.kind == "f" and view.is_constant and how.constant != "general":
        slug = how.constant
    few = values.argument if values is not None and slug == "few" else _FROM_FEW.get(slug)
    if few is not None:
        return random.choice(np.array(few, dtype=float), size=given.shape)
    if slug == "whole" or given.dtype.kind in "iu":
        return _whole_numbers(given, how, random)
    return short(_real_numbers(given, slug, how, random))


def _real_numbers(given: Array, slug: str, how: Draw, random: Random) -> Array:
    if slug in {"open-unit-interval", "unit-interval"}:
        return _probabilities(given, how, random)
    positive = slug in {"positive", "positive-scalar", "not-negative"}
    return _numbers(given, how, random, positive=positive, zeros=slug == "not-negative")


def _numbers(given: Array, how: Draw, random: Random, *, positive: bool, zeros: bool) -> Array:
    exact = given.astype(np.float64)
    scale = size_of(exact)
    if how.near:
        return exact + how.near * (np.abs(exact) + 1e-3 * scale) * random.uniform(-1, 1, size=exact.shape)
    if how.centred:
        values = scale * random.normal(size=given.shape)
    else:
        spread = float(np.std(exact)) or 0.3 * scale
        values = np.mean(exact) + spread * random.normal(size=given.shape)
    values = values * how.scale
    if how.levels and how.tied:
        values = random.choice(values.ravel()[: max(2, values.size // 3)], size=values.shape)
    elif how.levels:
        values = np.round(values / scale * how.levels) * (scale / how.levels)
    if how.levels and values.ndim:
        # Some share the greatest of their row, where ties matter most.
        values = np.where(
            random.random(size=values.shape) < _TIED, values.max(axis=-1, keepdims=True), values
        )
    if positive and zeros:
        values = np.abs(values)
    elif positive:
        # Not too near to 0: what is divided by them would be drowned.
        return np.asarray(np.abs(values) + 0.05 * scale * min(how.scale, 1.0))
    elif how.sign:
        values = how.sign * np.abs(values)
    if how.zeros:
        values = np.where(random.random(size=given.shape) < how.zeros, 0.0, values)
    return values


def _probabilities(given: Array, how: Draw, random: Random) -> Array:
    values = random.uniform(0.02, 0.98, size=given.shape)
    if how.near:
        return np.clip(given * (1 + how.near * random.uniform(-1, 1, size=given.shape)), 0, 1)
    if how.scale > 1:  # near 0 and near 1
        values = np.where(values < 0.5, values**4, 1 - (1 - values) ** 4)
    return np.clip(np.round(values * 8) / 8, 0.125, 0.875) if how.levels else values


def _whole_numbers(given: Array, how: Draw, random: Random) -> Array:
    if given.ndim == 0:
        least, greatest = min(1, int(given)), 2 * abs(int(given)) + 1
        return _integers(least, greatest, given.shape, how, random).astype(float)
    if given.ndim == 2 and given.shape[1] <= _FEW_COLUMNS:
        # Columns may well mean different things.
        ends = [(int(column.min()), int(column.max())) for column in given.T]
        columns = [_integers(*each, given.shape[:1], how, random) for each in ends]
        return np.stack(columns, axis=1).astype(float)
    least, greatest = int(given.min()), int(given.max())
    if least == greatest > 1:  # lengths that all are full, say: less is possible, and nothing may not be
        least = 1
    return _integers(least, greatest, given.shape, how, random).astype(float)


def _indices(view: View, how: Draw, random: Random) -> Array:
    """Draw indices of all that they may be; negative ones that stand for something stay possible."""
    given, bound = view.given, view.bound or 1
    values = _integers(0, bound - 1, given.shape, how, random)
    if given.dtype.kind == "i":
        special = np.unique(given[given < 0])
        if len(special):
            share = float(np.mean(given < 0))
            values = np.where(
                random.random(size=given.shape) < share, random.choice(special, given.shape), values
            )
    return values


def _integers(least: int, greatest: int, shape: tuple[int, ...], how: Draw, random: Random) -> Array:
    if how.integers == "extreme":
        return np.where(random.random(size=shape) < 0.5, least, greatest)
    if how.integers == "repeated":
        few = random.integers(least, greatest + 1, size=2)
        return random.choice(few, size=shape, p=[0.75, 0.25])
    return random.integers(least, greatest + 1, size=shape)


def allowed(how: Draw, kept: Sequence[Seen]) -> Draw:
    """Leave out of a way of drawing what would break what is kept."""
    slugs = {seen.property.slug for seen in kept}
    if "no-zero" in slugs:
        how = replace(how, zeros=0.0, tied=True)
    if slugs & {"no-ties", "time-stamps"}:
        how = replace(how, levels=0)
    if slugs & {"all-different", "permutation"}:
        how = replace(how, integers="any")
    return how
