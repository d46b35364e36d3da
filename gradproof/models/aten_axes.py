"""ATen's operations along axes in terms of `xp`: sums, extremes, orders, norms.

The arguments are as in `gradproof.models.aten_numbers`.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from gradproof.models.aten_numbers import named, numbers, rank
from gradproof.models.replay import Entry

Axes = Sequence[int] | int | None


def axes_of(x: Any, dim: Axes) -> Any:
    """The axes of a reduction as `xp` has them; none are all, and an array without axes has none."""
    if dim is None or not rank(x) or (not isinstance(dim, int) and not len(dim)):
        return None
    return dim if isinstance(dim, int) else tuple(dim)


def _sum(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    del dtype
    return xp.sum(numbers(xp, x), axis=axes_of(x, dim), keepdims=keepdim)


def _mean(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    del dtype
    return xp.mean(numbers(xp, x), axis=axes_of(x, dim), keepdims=keepdim)


def _product(xp: Any, x: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    del dtype
    return xp.prod(x, axis=axes_of(x, dim), keepdims=keepdim)


def _variance(
    xp: Any, x: Any, dim: Axes = None, *, correction: float | None = 1, keepdim: bool = False
) -> Any:
    freedom = 1 if correction is None else correction
    return xp.var(x, axis=axes_of(x, dim), correction=freedom, keepdims=keepdim)


def _variance_and_mean(
    xp: Any, x: Any, dim: Axes = None, *, correction: float | None = 1, keepdim: bool = False
) -> tuple[Any, Any]:
    return _variance(xp, x, dim, correction=correction, keepdim=keepdim), _mean(xp, x, dim, keepdim)


def _extreme(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: Axes = (), keepdim: bool = False) -> Any:
        return getattr(xp, name)(x, axis=axes_of(x, dim), keepdims=keepdim)

    return entry


def _extreme_and_place(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: int, keepdim: bool = False) -> tuple[Any, Any]:
        if not rank(x):
            return x, np.asarray(0)
        places = getattr(xp, f"arg{name}")(x, axis=dim, keepdims=True)
        values = xp.take_along_axis(x, places, axis=dim)
        if keepdim:
            return values, places
        return xp.squeeze(values, axis=dim), getattr(xp, f"arg{name}")(x, axis=dim)

    return entry


def _place_of(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: int | None = None, keepdim: bool = False) -> Any:
        return getattr(xp, name)(x, axis=axes_of(x, dim), keepdims=keepdim) if rank(x) else np.asarray(0)

    return entry


def _sorted(xp: Any, x: Any, dim: int = -1, descending: bool = False, **_options: Any) -> tuple[Any, Any]:
    if not rank(x):
        return x, np.asarray(0)
    order = xp.argsort(-x if descending else x, axis=dim)
    return xp.take_along_axis(x, order, axis=dim), order


def _stably_sorted(
    xp: Any, x: Any, *, stable: bool = True, dim: int = -1, descending: bool = False
) -> tuple[Any, Any]:
    del stable
    return _sorted(xp, x, dim, descending)


def _in_order(xp: Any, x: Any, dim: int, place: int) -> tuple[Any, Any]:
    """The entry of a place in ascending order, with its axis kept, and where it stands."""
    values, order = _sorted(xp, x, dim)
    key = (*(slice(None),) * (dim % len(x.shape)), slice(place, place + 1))
    return values[key], order[key]


def _greatest(
    xp: Any, x: Any, k: int, dim: int = -1, largest: bool = True, *_options: Any
) -> tuple[Any, Any]:
    if not rank(x):
        return x, np.asarray(0)
    values, order = _sorted(xp, x, dim, largest)
    key = (*(slice(None),) * (dim % len(x.shape)), slice(0, k))
    return values[key], order[key]


def _kth(xp: Any, x: Any, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Any, Any]:
    if not rank(x):
        return x, np.asarray(0)
    values, order = _in_order(xp, x, dim, k - 1)
    if keepdim:
        return values, order
    key = (*(slice(None),) * (dim % len(x.shape)), 0)
    return values[key], order[key]


def _median_along(xp: Any, x: Any, dim: int, keepdim: bool = False) -> tuple[Any, Any]:
    # PyTorch's median of an even number of entries is the lower one of the two in the middle
    return _kth(xp, x, (x.shape[dim] + 1) // 2 if rank(x) else 1, dim, keepdim)


def _median(xp: Any, x: Any) -> Any:
    return _median_along(xp, xp.reshape(x, (-1,)), 0)[0]


def _cumulative(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: int, *, dtype: Any = None) -> Any:
        del dtype
        return getattr(xp, name)(numbers(xp, x), axis=dim) if rank(x) else x

    return entry


def _up_to_each(xp: Any, x: Any, dim: int) -> Any:
    """A further last axis, along which stand the entries up to each, and negative infinity behind."""
    moved = xp.moveaxis(x, dim, -1)
    length = moved.shape[-1]
    seen = np.tril(np.ones((length, length), dtype=bool))
    return xp.where(seen, xp.expand_dims(moved, axis=-2), -math.inf)


def _cumulative_extreme(sign: int) -> Entry:
    def entry(xp: Any, x: Any, dim: int) -> tuple[Any, Any]:
        if not rank(x):
            return x, np.asarray(0)
        greatest = sign * xp.max(_up_to_each(xp, sign * x, dim), axis=-1)
        return xp.moveaxis(greatest, -1, dim), None

    return entry


def _cumulative_logsumexp(xp: Any, x: Any, dim: int) -> Any:
    if not rank(x):
        return x
    return xp.nn.logcumsumexp(x, axis=dim)


def vector_norm(
    xp: Any,
    x: Any,
    ord: float = 2,  # noqa: A002 - ATen's name
    dim: Axes = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Any:
    """The p-norm along axes."""
    del dtype
    size, options = xp.abs(x), {"axis": axes_of(x, dim), "keepdims": keepdim}
    special = {
        math.inf: lambda: xp.max(size, **options),
        -math.inf: lambda: xp.min(size, **options),
        0: lambda: xp.sum(xp.where(x != 0, 1.0, 0.0), **options),
        1: lambda: xp.sum(size, **options),
        2: lambda: xp.sqrt(xp.sum(x**2, **options)),
    }
    return special[ord]() if ord in special else xp.sum(size**ord, **options) ** (1 / ord)


def _distance(xp: Any, x: Any, y: Any, p: float = 2) -> Any:
    return vector_norm(xp, x - y, p)


def _distances(xp: Any, x: Any, y: Any, p: float, _: Any = None) -> Any:
    return vector_norm(xp, xp.expand_dims(x, axis=-2) - xp.expand_dims(y, axis=-3), p, -1)


def _distances_of_pairs(xp: Any, x: Any, p: float = 2) -> Any:
    first, second = np.triu_indices(x.shape[0], k=1)
    return vector_norm(xp, x[first] - x[second], p, -1)


def _logsumexp(xp: Any, x: Any, dim: Axes, keepdim: bool = False) -> Any:
    return xp.nn.logsumexp(x, axis=axes_of(x, dim), keepdims=keepdim) if rank(x) else x


def _truth(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
        return getattr(xp, name)(x, axis=axes_of(x, dim), keepdims=keepdim)

    return entry


AXES: dict[str, Entry] = {
    "aten.sum": _sum,
    "aten.mean": _mean,
    "aten.prod": _product,
    "aten.var": _variance,
    "aten.var_mean": _variance_and_mean,
    "aten.amax": _extreme("max"),
    "aten.amin": _extreme("min"),
    "aten.max.default": named("max"),
    "aten.min.default": named("min"),
    "aten.max.other": named("maximum"),
    "aten.min.other": named("minimum"),
    "aten.max.dim": _extreme_and_place("max"),
    "aten.min.dim": _extreme_and_place("min"),
    "aten.argmax": _place_of("argmax"),
    "aten.argmin": _place_of("argmin"),
    "aten.sort.default": _sorted,
    "aten.sort.stable": _stably_sorted,
    "aten.topk": _greatest,
    "aten.kthvalue": _kth,
    "aten.median.default": _median,
    "aten.median.dim": _median_along,
    "aten.nanmedian.default": _median,
    "aten.nanmedian.dim": _median_along,
    "aten.cumsum": _cumulative("cumulative_sum"),
    "aten.cumprod": _cumulative("cumulative_prod"),
    "aten.cummax": _cumulative_extreme(1),
    "aten.cummin": _cumulative_extreme(-1),
    "aten.logcumsumexp": _cumulative_logsumexp,
    "aten.logsumexp": _logsumexp,
    "aten.any": _truth("any"),
    "aten.all": _truth("all"),
    "aten.linalg_vector_norm": vector_norm,
    "aten.dist": _distance,
    "aten._cdist_forward": _distances,
    "aten._pdist_forward": _distances_of_pairs,
}
"""By ATen's name of an operation, with the overload where others differ: what it computes."""
