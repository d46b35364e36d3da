"""Looking at an array: whether it has a property, and with which arguments (axes, say) to look for one.

Predicates are called with an array and an argument. The functions that end in `arguments`, `axes` or
`widths`, that begin with `if` or that are named after arrays give the arguments to try, if any.
"""
# ruff: noqa: D103 - the table in `properties` tells in words what each of them is

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.tolerances import DATA_UNITS

Array = NDArray[Any]

LARGEST = 300_000
"""Arrays with more entries are only looked at for what their values are: the rest costs too much."""

ROUNDED = 1e-9
"""Data that has a property up to so much, relative, has it: rows that sum to one do so to 1e-16."""

_FEW = 3

_COUNTABLE = 2.0**31
"""Greater numbers count nothing, although all doubles are whole from some size on."""

Nothing = tuple[None, ...]
"""(None,) to look without an argument; () not to look."""


def axes(array: Array) -> Sequence[int | None]:
    """Give the axes along which lines have two entries or more; None stands for all entries of a matrix."""
    along = [axis for axis in range(array.ndim) if array.shape[axis] >= 2]
    return [*along, None] if array.ndim >= 2 and array.size >= 2 else along


def one_axis(array: Array) -> Sequence[int]:
    """Give the axes along which lines have two entries or more."""
    return [axis for axis in axes(array) if axis is not None]


def distinct(array: Array, most: int = 8) -> Array | None:
    """Give the different values; None if there are more than a few."""
    values = np.unique(array.ravel()[:2000])
    if len(values) > most:
        return None
    values = np.unique(array)
    return values if len(values) <= most else None


def within(array: Array, *values: float) -> bool:
    """Whether all entries are some of a few values."""
    return bool(np.isin(array, values).all())


def whole(array: Array) -> bool:
    """Whether all entries are whole numbers."""
    if array.dtype.kind in "iub":
        return True
    return bool(np.all(array == np.round(array)) and np.all(np.abs(array) <= _COUNTABLE))


def resolution(array: Array) -> float:
    """Tell up to how much, relative, an array has a property that it has: its format may be a short one.

    Numbers of float32 are also known in float64, by being representable.

    >>> resolution(np.array([0.1])) == ROUNDED < resolution(np.float32([0.1]).astype(float)) < 1e-6
    True
    """
    name = format_of(array)
    return max(ROUNDED, DATA_UNITS * FORMATS[name].unit_roundoff) if name in FORMATS else ROUNDED


def format_of(array: Array) -> str:
    """Tell in which format numbers are held: the shorter one of float64 and float32 that represents all."""
    name = array.dtype.name if array.dtype.kind == "f" else "float64"
    return "float32" if name == "float64" and np.all(FORMATS["float32"].holds(array)) else name


def near(x: Any, y: Any, scale: Any = 1.0, tolerance: float = ROUNDED) -> bool:
    """Whether numbers are the same up to rounding."""
    return bool(np.all(np.abs(np.asarray(x, dtype=float) - y) <= tolerance * scale))


def size_of(array: Array) -> float:
    """Give the root mean square of an array; 1 where it is zero."""
    greatest = float(np.max(np.abs(array.astype(np.float64)), initial=0.0))
    if not greatest or not np.isfinite(greatest):
        return 1.0
    return greatest * float(np.sqrt(np.mean(np.square(array / greatest, dtype=np.float64))))


# -------------------------------------------------------------------- the values of an array


def constant(array: Array, value: Any) -> bool:
    return array.ndim > 0 and bool(np.all(array == (array.flat[0] if value is None else value)))


def still(array: Array) -> Nothing:
    """Look where all entries are the same numbers."""
    return _if(array.ndim > 0 and array.dtype.kind != "b" and not np.any(array != array.flat[0]))


def still_booleans(array: Array) -> Nothing:
    """Look where all entries are the same truth."""
    return _if(array.ndim > 0 and array.dtype.kind == "b" and not np.any(array != array.flat[0]))


def among(array: Array, _: Any, *, values: tuple[float, ...]) -> bool:
    """Whether all entries are some of these values."""
    return within(array, *values)


def if_two_values(array: Array, *, values: tuple[float, float]) -> Nothing:
    """Look where both values occur; a scalar that is 1 is a rate or a power, and no label."""
    return _if(array.ndim > 0 and within(array, *values) and len(np.unique(array)) == 2)


def if_negative_too(array: Array) -> Nothing:
    """Look where there are several values, some negative."""
    return _if(
        array.ndim > 0 and within(array, -1, 0, 1) and len(np.unique(array)) > 1 and bool(np.any(array < 0))
    )


def if_real(array: Array) -> Nothing:
    """Look at floating-point numbers that are not all zero; a single 1 is a rate or a power, and no share."""
    return _if(array.dtype.kind == "f" and bool(np.any(array)) and not (array.ndim == 0 and array == 1))


def if_scalar(array: Array) -> Nothing:
    """Look at a single floating-point number."""
    return _if(array.ndim == 0 and array.dtype.kind == "f")


def if_real_array(array: Array) -> Nothing:
    """Look at an array of floating-point numbers."""
    return _if(array.ndim > 0 and array.dtype.kind == "f")


def if_several(array: Array) -> Nothing:
    """Look at two floating-point numbers or more."""
    return _if(array.ndim > 0 and array.size > 1 and array.dtype.kind == "f")


def if_several_reals(array: Array) -> Nothing:
    """Look at two or more that are not all whole."""
    return _if(bool(if_several(array)) and array.size <= LARGEST and not whole(array))


def varied_axes(array: Array) -> Iterable[Any]:
    """Look along axes of an array with different numbers."""
    varied = array.size <= LARGEST and array.dtype.kind != "b" and bool(np.any(array != array.flat[0]))
    return one_axis(array) if array.ndim and varied else ()


def _if(condition: bool) -> Nothing:
    return (None,) if condition else ()


def few(array: Array, values: Any) -> bool:
    return within(array, *(values or ()))


def few_arguments(array: Array) -> Iterable[tuple[float, ...]]:
    values = distinct(array, 3)
    if array.ndim and values is not None and len(values) >= 2 and array.size >= 2 * len(values):
        yield tuple(values.tolist())


def whole_arguments(array: Array) -> Iterable[None]:
    if array.ndim == 0 and array.dtype.kind == "f" and within(array, 0, 1):
        return ()  # nor does it count anything
    return (None,) if array.dtype.kind in "iu" or (array.dtype.kind == "f" and whole(array)) else ()


PATTERNS: dict[str, Callable[[int, int], Array]] = {
    "the identity": np.eye,
    "one minus the identity": lambda n, m: 1 - np.eye(n, m),
    "ones on and below the diagonal": lambda n, m: np.tril(np.ones((n, m))),
    "ones below the diagonal": lambda n, m: np.tril(np.ones((n, m)), -1),
    "ones on and above the diagonal": lambda n, m: np.triu(np.ones((n, m))),
    "ones above the diagonal": lambda n, m: np.triu(np.ones((n, m)), 1),
    "the shift by one": lambda n, m: np.eye(n, m, 1),
    "the shift back by one": lambda n, m: np.eye(n, m, -1),
}
"""Well-known matrices of zeros and ones: code makes them anew, so they stay as they are."""


def pattern(array: Array, pattern: Any) -> bool:
    return bool(np.all(array == PATTERNS[pattern](*array.shape[-2:])))


def pattern_arguments(array: Array) -> Iterable[str]:
    if array.ndim >= 2 and min(array.shape[-2:]) >= 2 and within(array, 0, 1):
        yield from PATTERNS


# -------------------------------------------------------------------- structure


def one_hot(array: Array, axis: Any) -> bool:
    return within(array, 0, 1) and bool(np.all(array.sum(axis=axis) == 1))


def at_most_one(array: Array, axis: Any) -> bool:
    counts = array.sum(axis=axis) if within(array, 0, 1) else np.array(2)
    return bool(np.all(counts <= 1) and np.any(counts == 1))


def discrete_axes(array: Array) -> Iterable[Any]:
    return one_axis(array) if array.size <= LARGEST and within(array, 0, 1) and np.any(array) else ()


def mask_axes(array: Array) -> Iterable[Any]:
    mixed = array.size <= LARGEST and within(array, 0, 1) and np.any(array) and not np.all(array)
    return axes(array) if mixed else ()


def some(array: Array, axis: Any) -> bool:
    return bool(np.all(np.any(array != 0, axis=axis)))


def sums(array: Array, argument: Any) -> bool:
    axis, value = argument
    total, size = (np.sum(each, axis=axis, dtype=float) for each in (array, np.abs(array)))
    return near(total, value, size + abs(value), 2 * resolution(array))


def sum_arguments(array: Array) -> Iterable[tuple[Any, int]]:
    if array.dtype.kind == "b" or array.size > LARGEST or constant(array, None):
        return
    counts = within(array, 0, 1)
    lines = False
    for axis in axes(array):
        if whole(array) and (axis is None or (array.shape[axis] == array.size and not counts)):
            continue  # the sum of whole numbers is always whole: that says nothing
        if axis is None and lines:
            continue  # that of lines says it already
        first = float(np.ravel(array.sum(axis=axis))[0])
        if abs(first) < 1 / ROUNDED and (not counts or first == 1):
            lines = lines or (axis is not None and sums(array, (axis, round(first))))
            yield axis, round(first)


def lines_vary(array: Array, axis: int) -> Array:
    return np.asarray(np.any(array != np.take(array, [0], axis=axis), axis=axis))


def constant_columns(array: Array, columns: Any) -> bool:
    return bool(np.all(array[..., list(columns)] == array[:1, ..., list(columns)]))


def column_arguments(array: Array) -> Iterable[tuple[int, ...]]:
    few = distinct(array, 3) is not None
    if array.ndim == 2 and len(array) >= (6 if few else 2) and array.size <= LARGEST:
        still = np.flatnonzero(~lines_vary(array, 0))
        if 0 < len(still) < array.shape[1]:
            yield tuple(int(column) for column in still)


def zero_where(array: Array, pattern: Any) -> bool:
    there = np.frombuffer(pattern, dtype=bool)
    return array.size == there.size and not np.any(array.ravel()[there])


def zero_arguments(array: Array) -> Iterable[bytes]:
    zeros = array == 0
    sparse = (
        array.dtype.kind == "f" and array.size <= LARGEST and np.any(zeros) and distinct(array, 3) is None
    )
    if sparse:
        yield zeros.tobytes()


def unit_norm(array: Array, axis: Any) -> bool:
    return near(np.square(array, dtype=float).sum(axis=axis), 1.0, tolerance=2 * resolution(array))


def norm_axes(array: Array) -> Iterable[Any]:
    fits = array.dtype.kind == "f" and array.size <= LARGEST and not whole(array)
    return one_axis(array) if fits else ()


def is_sorted(array: Array, argument: Any) -> bool:
    """Whether lines are sorted: along an axis either way, or along an axis in a direction, 1 or -1."""
    axis, direction = argument if isinstance(argument, tuple) else (argument, 0)
    steps = np.diff(array.astype(np.int64 if array.dtype.kind in "iub" else float), axis=axis)
    return bool((direction >= 0 and np.all(steps >= 0)) or (direction <= 0 and np.all(steps <= 0)))


def sorted_arguments(array: Array) -> Iterable[tuple[Any, int]]:
    """Give axes along which lines may be sorted, with the direction of the first line."""
    for axis in varied_axes(array):
        line = np.moveaxis(array, axis, -1).reshape(-1, array.shape[axis])[0].astype(float)
        yield axis, 1 if line[0] <= line[-1] else -1


def same_ends(array: Array, ends: Any) -> bool:
    return array.ndim == 1 and len(array) >= 2 and [array[0], array[-1]] == [ends[1], ends[2]]


def end_arguments(array: Array) -> Iterable[tuple[Any, ...]]:
    if array.ndim == 1 and len(array) >= 3 and whole(array) and is_sorted(array, 0) and array[0] == 0:
        yield None, array[0].item(), array[-1].item()


def permutation(array: Array, _: Any) -> bool:
    return bool(np.all(np.sort(array, axis=-1) == np.arange(array.shape[-1])))


def no_ties(array: Array, _: Any) -> bool:
    entries = array[array != 0]
    return bool(len(np.unique(entries)) == entries.size)


def series(array: Array) -> Nothing:
    """Look at sorted numbers, of which there are some."""
    return _if(
        bool(if_several_reals(array)) and array.ndim == 1 and len(array) > _FEW and is_sorted(array, 0)
    )


def all_different(array: Array, _: Any) -> bool:
    return len(np.unique(array)) == array.size


def index_arguments(array: Array) -> Iterable[None]:
    return (None,) if array.ndim and array.size >= 2 and array.size <= LARGEST and whole(array) else ()


def vectors(array: Array) -> Iterable[None]:
    return index_arguments(array) if array.ndim and array.shape[-1] >= 3 else ()
