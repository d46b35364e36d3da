"""Which array of one scenario is which of another's, and how it is laid out there."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError

Array = NDArray[Any]
Arrays = Mapping[str, Array]

Counterpart = str | tuple[str, tuple[int, ...]]
"""What a user calls the other's array: its name, or its name and the axes of a transposition."""

_MOST_AXES = 4
"""Arrays with more axes are not tried in all orders of their axes: there are 120 of five."""


@dataclass(frozen=True)
class Fit:
    """How an array is laid out in the other scenario: its axes in another order, then another shape.

    Attributes:
        name: what it is called there.
        axes: the order of its axes, as `numpy.transpose` takes it.
        shape: of the array there.

    >>> fit = Fit("kernel", (1, 0), (3, 2))
    >>> array = np.arange(6.0).reshape(2, 3)
    >>> fit.there(array).tolist()
    [[0.0, 3.0], [1.0, 4.0], [2.0, 5.0]]
    >>> bool(np.all(fit.back(fit.there(array), array.shape) == array))
    True
    """

    name: str
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def there(self, array: Array) -> Array:
        """Lay an array out as the other scenario has it."""
        return array.transpose(self.axes).reshape(self.shape)

    def back(self, array: Array, shape: tuple[int, ...]) -> Array:
        """Lay an array of the other scenario out as this one has it, in its shape here."""
        ordered = array.reshape([shape[axis] for axis in self.axes])
        return ordered.transpose([self.axes.index(axis) for axis in range(len(shape))])

    def __str__(self) -> str:
        """Tell the name, and the order of the axes where it is another one."""
        return self.name if self.axes == tuple(range(len(self.axes))) else f"{self.name} by axes {self.axes}"


@dataclass(frozen=True)
class Pairing:
    """How the arrays of one scenario are found in another.

    Attributes:
        fits: by name here.
        alone: names here that have none there.
        others_alone: names there that have none here.
        differ: names here whose arrays hold other numbers there.
    """

    fits: Mapping[str, Fit]
    alone: tuple[str, ...]
    others_alone: tuple[str, ...]
    differ: tuple[str, ...]


def pair(here: Arrays, there: Arrays, names: Mapping[str, Counterpart]) -> Pairing:
    """Find the counterpart of each array: as the user says, by name, by its numbers, or by its shape.

    Args:
        here: arrays by name.
        there: the other scenario's.
        names: what the user says, by name here; other names are passed over.

    Raises:
        InputError: what the user says cannot be.

    >>> w = np.arange(4.0).reshape(2, 2)
    >>> pairing = pair({"w": w}, {"kernel": w.T}, {})
    >>> str(pairing.fits["w"]), pairing.differ
    ('kernel by axes (1, 0)', ())
    """
    fits = {name: _as_said(name, here[name], there, said) for name, said in names.items() if name in here}
    for matching in (_by_name, _by_numbers, _by_shape):
        free = {name: array for name, array in here.items() if name not in fits}
        taken = {fit.name for fit in fits.values()}
        fits |= matching(free, {name: array for name, array in there.items() if name not in taken})
    taken = {fit.name for fit in fits.values()}
    return Pairing(
        {name: fits[name] for name in here if name in fits},
        tuple(name for name in here if name not in fits),
        tuple(name for name in there if name not in taken),
        tuple(name for name, fit in fits.items() if not _same(fit.there(here[name]), there[fit.name])),
    )


def _as_said(name: str, array: Array, there: Arrays, said: Counterpart) -> Fit:
    other, axes = _read(name, said)
    other = other if other in there else other.replace("/", ".")
    if other not in there:
        raise InputError(
            f"names= says that {name!r} is {other!r} in the other scenario, which has no such array. Choose "
            f"from {', '.join(there)}."
        )
    if axes is None:
        fit = _fit(array, other, there[other])
    else:
        fit = Fit(other, tuple(axes), there[other].shape)
        if sorted(axes) != [*range(array.ndim)] or array.transpose(axes).shape != fit.shape:
            fit = None
    if fit is None:
        raise InputError(
            f"{name!r} has shape {array.shape} and its counterpart {other!r} has {there[other].shape}, which "
            'is no order of its axes that could be told. Say which one it is: names={"name": ("other", '
            "(1, 0))}."
        )
    return fit


def _read(name: str, said: Any) -> tuple[str, tuple[int, ...] | None]:
    """Give the name and the axes, if any, that a user says."""
    match said:
        case str(other):
            return other, None
        case (str(other), [*axes]) if all(isinstance(axis, int) for axis in axes):
            return other, tuple(axes)
    raise InputError(
        f"names= says that {name!r} is {said!r:.60} in the other scenario. Give its name there, or its name "
        'and the order of its axes: ("kernel", (1, 0)).'
    )


def _by_name(here: Arrays, there: Arrays) -> dict[str, Fit]:
    fits = {name: _fit(array, name, there[name]) for name, array in here.items() if name in there}
    return {name: fit for name, fit in fits.items() if fit is not None}


def _by_numbers(here: Arrays, there: Arrays) -> dict[str, Fit]:
    """Pair arrays that hold the same numbers, which no other array of either holds."""
    found = {
        name: [fit for other in there for fit in _layouts(array, other, there[other])][:2]
        for name, array in here.items()
    }
    only = {name: fits[0] for name, fits in found.items() if len({fit.name for fit in fits}) == 1}
    return _taken_once(only)


def _by_shape(here: Arrays, there: Arrays) -> dict[str, Fit]:
    """Pair arrays of a shape that no other array of either has."""
    found = {}
    for name, array in here.items():
        others = [other for other in there if there[other].shape == array.shape]
        if len(others) == 1 and [each.shape for each in here.values()].count(array.shape) == 1:
            found[name] = _straight(others[0], array)
    return _taken_once(found)


def _taken_once(fits: Mapping[str, Fit]) -> dict[str, Fit]:
    names = [fit.name for fit in fits.values()]
    return {name: fit for name, fit in fits.items() if names.count(fit.name) == 1}


def _fit(array: Array, other: str, theirs: Array) -> Fit | None:
    """Tell how two arrays correspond: by their numbers, or else by their shapes; None where that is open."""
    by_numbers = next(_layouts(array, other, theirs), None)
    if by_numbers is not None:
        return by_numbers
    if array.shape == theirs.shape:
        return _straight(other, array)
    orders = [axes for axes in _orders(array) if array.transpose(axes).shape == theirs.shape]
    return Fit(other, orders[0], theirs.shape) if len(orders) == 1 else None


def _straight(other: str, array: Array) -> Fit:
    return Fit(other, tuple(range(array.ndim)), array.shape)


def _layouts(array: Array, other: str, theirs: Array) -> Iterator[Fit]:
    """Give the layouts in which an array holds the other's numbers, the one as it stands first."""
    if array.size == theirs.size and _same(np.sort(array, axis=None), np.sort(theirs, axis=None)):
        for axes in _orders(array):
            if _same(array.transpose(axes).reshape(theirs.shape), theirs):
                yield Fit(other, axes, theirs.shape)


def _orders(array: Array) -> Iterator[tuple[int, ...]]:
    straight = tuple(range(array.ndim))
    return iter([straight]) if array.ndim > _MOST_AXES else permutations(straight)


def _same(ours: Array, theirs: Array) -> bool:
    """Tell whether numbers are the same; they may have been rounded to float32 on the way."""
    if ours.shape != theirs.shape:
        return False
    if ours.dtype.kind == theirs.dtype.kind == "f":
        ours, theirs = ours.astype(np.float32), theirs.astype(np.float32)
    return bool(np.array_equal(ours, theirs))
