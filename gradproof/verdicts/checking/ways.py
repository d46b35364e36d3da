"""How one array can follow from another, or from two: the table of ways.

A mask follows from lengths, one-hot rows from labels, a norm from a vector, a matrix from its transpose.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from gradproof.verdicts.checking.looking import (
    Array,
    distinct,
    near,
    resolution,
    whole,
)
from gradproof.verdicts.checking.matrix_properties import LARGEST_MATRIX

_MANY = 8
SMALL = 10_000


@dataclass(frozen=True, eq=False)
class Way:
    """A way in which an array can follow from one other.

    Attributes:
        words: a sentence: {target} is the array, {source} the other one.
        function: gives what the target is, from the source and the target as it was given (for its shape, and
            for what cannot be told from the source); None where it does not apply.
        exact: whether it is exact in floating point.
    """

    words: str
    function: Callable[..., Array | None]
    exact: bool = True


def same(x: Array, y: Array) -> bool:
    """Whether two arrays are the same up to rounding."""
    if x.shape != y.shape:
        return False
    if x.dtype.kind in "iub" and y.dtype.kind in "iub":
        return bool(np.array_equal(x, y))
    scale = np.max(np.abs(y.astype(float)), initial=0.0)
    return bool(np.all(np.isfinite(x))) and near(x, y.astype(float), scale or 1.0, resolution(y))


def applied(way: Way, sources: Sequence[Array], given: Array) -> Array | None:
    """Compute what an array is that follows in some way; None where the way does not apply."""
    try:
        value = way.function(*sources, given)
    except (ValueError, IndexError, TypeError, ZeroDivisionError, OverflowError, np.linalg.LinAlgError):
        return None
    return None if value is None else np.asarray(value)


# -------------------------------------------------------------------- the ways


def affine(source: Array, given: Array, *, fitted: Array) -> Array:
    """Give a·x + b with the a and b that fit the given pair of arrays."""
    low, high = fitted.argmin(), fitted.argmax()
    x0, x1 = float(fitted.flat[low]), float(fitted.flat[high])
    y0, y1 = float(given.flat[low]), float(given.flat[high])
    slope, tolerance = (y1 - y0) / (x1 - x0), resolution(given)
    rounded = round(slope) if abs(slope - round(slope)) < tolerance * max(1, abs(slope)) else slope
    shift = y0 - rounded * x0
    shift = round(shift) if abs(shift - round(shift)) < tolerance * max(1.0, abs(y0)) else shift
    return np.asarray(rounded * source.astype(float) + shift)


def affine_words(source: Array, given: Array) -> str:
    """Tell how an array follows that is a·x + b."""
    zero_one = np.array([0.0, 1.0])
    at = affine(zero_one, given, fitted=source)
    known = {(0.0, 1.0): "is equal to", (1.0, 0.0): "is one minus", (0.0, -1.0): "is the negative of"}
    ends = (float(at[0]), float(at[1]))
    return f"{{target}} {known.get(ends, 'is a multiple of, plus a constant,')} {{source}}"


def _one_hot(source: Array, given: Array, axis: int) -> Array | None:
    if not whole(source) or given.ndim != source.ndim + 1:
        return None
    classes = given.shape[axis]
    return np.asarray(np.moveaxis((source[..., None] == np.arange(classes)).astype(float), -1, axis))


def _label(source: Array, given: Array, axis: int) -> Array | None:
    fits = given.ndim == source.ndim - 1 and bool(np.isin(source, (0, 1)).all())
    return np.argmax(source, axis=axis) if fits else None


def _padding(source: Array, given: Array, *, beyond: bool) -> Array | None:
    if not whole(source) or given.ndim != source.ndim + 1:
        return None
    mask = np.arange(given.shape[-1]) < source[..., None]
    return ~mask if beyond else mask


def _reduced(reduce: Callable[..., Any], axis: int | None) -> Callable[[Array, Array], Array | None]:
    def function(source: Array, given: Array) -> Array | None:
        if source.ndim < 1 or (axis is None and source.ndim == 1 and given.ndim):
            return None
        value = np.asarray(reduce(source.astype(float), axis=axis))
        if value.ndim != given.ndim:
            value = np.asarray(reduce(source.astype(float), axis=axis, keepdims=True))
        return value

    return function


def entrywise(function: Callable[[Any], Any]) -> Callable[[Array, Array], Array | None]:
    """Make a function of numbers one that a way has."""
    return lambda source, given: (
        np.asarray(function(source.astype(float))) if source.shape == given.shape else None
    )


def _of_small(source: Array, given: Array, *, function: Callable[[Array, Array], Any]) -> Array | None:
    fits = 1 <= source.ndim <= given.ndim + 1 and source.size <= SMALL
    return function(source.astype(float), given) if fits else None


def _unless_few(
    function: Callable[[Array, Array], Array | None], *, among_whole: bool = False
) -> Callable[[Array, Array], Array | None]:
    """Compare some entries or more: chance puts a few in any order and on any side."""

    def of_many(source: Array, given: Array) -> Array | None:
        many = source.size >= _MANY or (among_whole and whole(source))
        return function(source, given) if many else None

    return of_many


def _pairwise(function: Callable[[Any, Any], Any]) -> Callable[[Array, Array], Array | None]:
    def of_all_pairs(source: Array, given: Array) -> Array | None:
        if source.ndim != 1 or given.shape != (len(source),) * 2:
            return None
        x = source.astype(float)
        return np.asarray(function(x[:, None], x[None, :]))

    return of_all_pairs


def _on_matrix(function: Callable[[Array], Array]) -> Callable[[Array, Array], Array | None]:
    def of_matrix(source: Array, given: Array) -> Array | None:
        if source.ndim < 2 or source.shape[-1] > LARGEST_MATRIX or given.ndim != source.ndim:
            return None
        return np.asarray(function(source.astype(float)))

    return of_matrix


def _adjacency(source: Array, given: Array, *, both: bool, axis: int) -> Array | None:
    if source.dtype.kind not in "iu" or source.ndim != 2 or source.shape[axis] != 2 or given.ndim != 2:
        return None
    first, second = np.moveaxis(source, axis, 0)
    result = np.zeros(given.shape)
    result[first, second] = 1
    if both:
        result[second, first] = 1
    # A set of edges: none twice, and none from a node to itself.
    is_set = result.sum() == len(first) * (1 + both) and not np.any(first == second)
    return result if is_set else None


def _squared_distances(x: Array) -> Array:
    return np.asarray(((x[..., :, None, :] - x[..., None, :, :]) ** 2).sum(axis=-1))


def _counted(values: Array, given: Array) -> Array | None:
    if not whole(values) or given.ndim != 1 or np.any(values < 0):
        return None
    return np.bincount(values.astype(int).ravel(), minlength=given.size)


def _other_leg(source: Array, given: Array) -> Array | None:
    if source.shape != given.shape or given.ndim == 0:
        return None
    return np.asarray(np.where(given < 0, -1.0, 1.0) * np.sqrt(1 - source.astype(float) ** 2))


def rows_moved(source: Array, _: Array, *, order: tuple[int, ...]) -> Array | None:
    """Give the rows in another order."""
    return source[list(order)] if len(source) == len(order) else None


def row_order(source: Array, given: Array) -> tuple[int, ...] | None:
    """Give the order of the source's rows that the given array has; None if it has other rows."""
    if source.shape != given.shape or source.ndim < 1 or len(source) < 3 or distinct(given, 3) is not None:
        return None
    ours, theirs = (np.lexsort(a.reshape(len(a), -1).T[::-1]) for a in (source, given))
    if not np.array_equal(source[ours], given[theirs]):
        return None
    order = np.empty(len(source), dtype=int)
    order[theirs] = ours
    return tuple(int(i) for i in order)


Functions = dict[str, Callable[..., Any]]

_REDUCTIONS: Functions = {
    "sum": np.sum,
    "mean": np.mean,
    "greatest entry": np.max,
    "least entry": np.min,
    "norm": lambda x, **how: np.sqrt(np.sum(x * x, **how)),
    "squared norm": lambda x, **how: np.sum(x * x, **how),
    "standard deviation": np.std,
    "variance": np.var,
}
_ENTRYWISE: Functions = {
    "square": np.square,
    "exponential": np.exp,
    "logarithm": np.log,
    "root": np.sqrt,
    "cosine": np.cos,
    "sine": np.sin,
    "reciprocal": np.reciprocal,
    "absolute value": np.abs,
    "sign": np.sign,
    "cube": lambda x: x**3,
    "inverse root": lambda x: 1 / np.sqrt(x),
    "cumulative sum": partial(np.cumsum, axis=0),
    "cumulative sum along the last axis": partial(np.cumsum, axis=-1),
    "sorted form": partial(np.sort, axis=-1),
    "share of the total": lambda x: x / x.sum(),
    "share of the row's total": lambda x: x / x.sum(axis=-1, keepdims=True),
}
_ON_MATRICES: Functions = {
    "transpose": np.matrix_transpose,
    "inverse": np.linalg.inv,
    "Cholesky factor": np.linalg.cholesky,
    "Gram matrix": lambda x: np.matrix_transpose(x) @ x,
    "matrix of products of rows": lambda x: x @ np.matrix_transpose(x),
    "projection": lambda x: x @ np.linalg.pinv(x),
    "covariance": lambda x: (x - x.mean(axis=0)).T @ (x - x.mean(axis=0)) / (len(x) - 1),
    "Laplacian": lambda x: np.diag(x.sum(axis=-1)) - x,
    "row-normalised form": lambda x: x / np.where(x.sum(-1) == 0, 1, x.sum(-1))[..., None],
    "symmetrically normalised form": lambda x: x / np.sqrt(np.outer(x.sum(-1), x.sum(-1))),
}
_OTHER_SHAPES: Functions = {
    "row of steps": lambda x, _: np.diff(x, axis=0),
    "row of relative steps": lambda x, _: np.diff(x, axis=0) / x[:-1],
    "matrix of powers": lambda x, given: x[..., None] ** np.arange(given.shape[-1]),
    "matrix of powers from 1": lambda x, given: x[..., None] ** np.arange(1, given.shape[-1] + 1),
    "diagonal matrix": lambda x, _: np.diag(x) if x.ndim == 1 else None,
    "diagonal": lambda x, _: np.diag(x) if x.ndim > 1 else None,
    "matrix of squared distances of rows": lambda x, _: _squared_distances(x),
    "matrix of distances of rows": lambda x, _: np.sqrt(_squared_distances(x)),
    "kernel of rows": lambda x, _: np.exp(-0.5 * _squared_distances(x)),
    "kernel of rows without the factor 1/2": lambda x, _: np.exp(-_squared_distances(x)),
    "normalised form along the rows": lambda x, _: x / np.sqrt((x * x).sum(axis=-1, keepdims=True)),
}
_PAIRWISE: Functions = {
    "differences": np.subtract,
    "products": np.multiply,
    "equalities": np.equal,
    "inequalities": np.not_equal,
    "order (less)": np.less,
    "order (less or equal)": np.less_equal,
    "order (greater)": np.greater,
    "order (greater or equal)": np.greater_equal,
    "distances": lambda x, y: np.abs(x - y),
    "squared distances": lambda x, y: (x - y) ** 2,
    "kernel": lambda x, y: np.exp(-0.5 * (x - y) ** 2),
    "kernel without the factor 1/2": lambda x, y: np.exp(-((x - y) ** 2)),
    "exponential kernel": lambda x, y: np.exp(-np.abs(x - y)),
}
_ORDERS: Functions = {
    "order": lambda x: np.argsort(x, axis=-1, kind="stable"),
    "rank": lambda x: np.argsort(np.argsort(x, axis=-1, kind="stable"), axis=-1),
}
_CONDITIONS: Functions = {
    "zero exactly where {source} is not": lambda x: x == 0,
    "one exactly where {source} is not zero": lambda x: x != 0,
    "one exactly where {source} is positive": lambda x: x > 0,
    "one exactly where {source} is not negative": lambda x: x >= 0,
}
_ENDS = {"along the first axis": 0, "along the last axis": -1}


def _is(words: str, function: Callable[..., Array | None], *, exact: bool = False) -> Way:
    return Way(f"{{target}} is the {words} of {{source}}", function, exact)


def _marks() -> Iterator[Way]:
    for words, axis in {"along the last axis": -1, "along the first axis": 0}.items():
        yield Way(f"{{target}} is the one-hot form of {{source}} {words}", partial(_one_hot, axis=axis))
    yield _is("count of each value", partial(_of_small, function=_counted))
    for beyond in (False, True):
        words = "{target} is the padding mask of the lengths {source}"
        yield Way(words, partial(_padding, beyond=beyond))
    for both in (True, False):
        for axis in (0, -1):
            words = "{target} is the adjacency matrix of the edges {source}"
            yield Way(words, partial(_adjacency, both=both, axis=axis))


def _functions() -> Iterator[Way]:
    yield from (_is(words, entrywise(function)) for words, function in _ENTRYWISE.items())
    for words, function in _CONDITIONS.items():
        yield Way(f"{{target}} is {words}", _unless_few(entrywise(function), among_whole=True))
    yield from (_is(words, _unless_few(entrywise(function))) for words, function in _ORDERS.items())
    words = "{target} and {source} are the legs of right triangles with the hypotenuse 1"
    yield Way(words, _other_leg, exact=False)
    for name, function in _OTHER_SHAPES.items():
        yield _is(name, partial(_of_small, function=function))
    for name, reduce in _REDUCTIONS.items():
        for along, axis in _ENDS.items():
            yield Way(f"{{target}} is the {name} of {{source}} {along}", _reduced(reduce, axis), exact=False)
        yield _is(name, _reduced(reduce, None))
    yield from (_is(f"matrix of the {words}", _pairwise(function)) for words, function in _PAIRWISE.items())


MARKS = tuple(_marks())
"""Ways that say so much that even a few entries show them."""

LABELS = tuple(_is("label", partial(_label, axis=axis), exact=True) for axis in (-1, 0))
"""The other way round, which is only taken if labels are not what all else follows from."""

MATRICES = tuple(
    _is(words, _on_matrix(function), exact=words == "transpose") for words, function in _ON_MATRICES.items()
)
"""Ways of matrices."""

FUNCTIONS = tuple(_functions())
"""Ways that are looked for where an array has information enough."""

_PAIRS: Functions = {
    "sum": np.add,
    "difference": np.subtract,
    "product": np.multiply,
    "quotient": np.divide,
    "matrix product": np.matmul,
}


def _gathered(values: Array, index: Array, given: Array) -> Array | None:
    if index.dtype.kind not in "iu" or values.ndim < 1 or given.shape != index.shape + values.shape[1:]:
        return None
    return np.asarray(values[index])


def _of_pair(function: Callable[..., Any]) -> Callable[[Array, Array, Array], Array | None]:
    def of_two(x: Array, y: Array, given: Array) -> Array | None:
        if x.ndim == 0 or y.ndim == 0:
            return None
        value = np.asarray(function(x.astype(float), y.astype(float)))
        return value if value.shape == given.shape else None

    return of_two


OF_TWO = (
    Way("{target} is {source} at the indices {other}", _gathered),
    *(
        Way(f"{{target}} is the {words} of {{source}} and {{other}}", _of_pair(function), exact=False)
        for words, function in _PAIRS.items()
    ),
)
"""Ways in which an array can follow from two others."""


def counts(source: Array) -> Iterator[Way]:
    """Give the ways in which a number can count what an array has."""
    for axis in range(source.ndim):
        words = f"{{target}} is the length of axis {axis} of {{source}}"
        yield Way(words, lambda s, _, axis=axis: np.array(s.shape[axis]))
    yield _is("number of entries", lambda s, _: np.array(s.size), exact=True)
    yield _is("number of entries that are not zero", lambda s, _: np.array(np.count_nonzero(s)), exact=True)
