"""ATen's operations on numbers and along axes in terms of `xp`: a line each where it can be.

Arguments have ATen's order and names; what says where a tensor lies is left out. Integers, booleans and
constants come as NumPy arrays. Source of the meanings: PyTorch's native_functions.yaml and its documentation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradproof.models.replay import Entry, is_plain

Axes = Sequence[int] | int | None


def rank(x: Any) -> int:
    """The number of axes of an array; 0 of a number."""
    return len(getattr(x, "shape", ()))


def axes_of(x: Any, dim: Axes) -> Any:
    """The axes of a reduction as `xp` has them; none are all, and an array without axes has none."""
    if dim is None or not rank(x) or (not isinstance(dim, int) and not len(dim)):
        return None
    return dim if isinstance(dim, int) else tuple(dim)


def numbers(xp: Any, x: Any) -> Any:
    """Give truth values as 0 and 1, which a sum counts; numbers as they are."""
    dtype = getattr(x, "dtype", None)
    is_bool = dtype is None or "bool" in str(dtype)
    return xp.where(x, 1.0, 0.0) if is_bool and not isinstance(x, int | float) else x


# -------------------------------------------------------------------- arithmetic


def _add(xp: Any, x: Any, y: Any, *, alpha: float = 1) -> Any:
    x, y = numbers(xp, x), numbers(xp, y)
    return x + (y if alpha == 1 else alpha * y)


def _subtract(xp: Any, x: Any, y: Any, *, alpha: float = 1) -> Any:
    return numbers(xp, x) - (numbers(xp, y) if alpha == 1 else alpha * numbers(xp, y))


def _reversed_subtract(xp: Any, x: Any, y: Any, alpha: float = 1) -> Any:
    return _subtract(xp, y, x, alpha=alpha)


def _multiply(xp: Any, x: Any, y: Any) -> Any:
    return numbers(xp, x) * numbers(xp, y)


def _divide(xp: Any, x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    x, y = numbers(xp, x), numbers(xp, y)
    if rounding_mode == "floor":
        return x // y
    quotient = x / y
    return xp.trunc(quotient) if rounding_mode == "trunc" else quotient


def _power(xp: Any, x: Any, y: Any) -> Any:
    return (xp.asarray(float(x)) if isinstance(x, int | float) else x) ** y


def clamp(xp: Any, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002 - ATen's names
    """The number, or the bound that it goes beyond."""
    x = x if min is None else xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


def _fmod(xp: Any, x: Any, y: Any) -> Any:
    return x - xp.trunc(x / y) * y


def _round(xp: Any, x: Any, *, decimals: int = 0) -> Any:
    scale = 10.0 ** abs(decimals)
    if not decimals:
        return xp.round(x)
    return xp.round(x * scale) / scale if decimals > 0 else xp.round(x / scale) * scale


def _product_and(_: Any, b: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return _with_addend(x @ y, b, beta, alpha)


def _sum_of_products_and(xp: Any, b: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return _with_addend(xp.sum(x @ y, axis=0), b, beta, alpha)


def _with_addend(product: Any, b: Any, beta: float, alpha: float) -> Any:
    product = product if alpha == 1 else alpha * product
    return product if beta == 0 else product + (b if beta == 1 else beta * b)


def _trilinear(
    xp: Any,
    first: Any,
    second: Any,
    third: Any,
    expand1: Sequence[int],
    expand2: Sequence[int],
    expand3: Sequence[int],
    sumdim: Sequence[int],
    *_options: Any,
) -> Any:
    product: Any = 1
    for each, axes in ((first, expand1), (second, expand2), (third, expand3)):
        expanded = each
        for axis in axes:
            expanded = xp.expand_dims(expanded, axis=axis)
        product = product * expanded
    return xp.sum(product, axis=tuple(sumdim))


# -------------------------------------------------------------------- along axes


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


# -------------------------------------------------------------------- the table


def named(name: str) -> Entry:
    """The entry of an operation that `xp` has by a name."""
    return lambda xp, *operands: getattr(xp, name)(*operands)


def _of_numbers(name: str) -> Entry:
    return lambda xp, *operands: getattr(xp, name)(*(numbers(xp, each) for each in operands))


def _compared(name: str) -> Entry:
    def entry(xp: Any, x: Any, y: Any) -> Any:
        operands = [each if is_plain(each) else numbers(xp, each) for each in (x, y)]
        return getattr(xp, name)(*operands)

    return entry


def plainly(function: Callable[..., Any]) -> Entry:
    """The entry of a function of arrays alone."""
    return lambda _, *operands: function(*operands)


_SAME_NAME = (
    "abs acos acosh asin asinh atan atan2 atanh ceil copysign cos cosh exp expm1 floor hypot log log10 log1p "
    "log2 logaddexp maximum minimum sign sin sinh sqrt tan tanh trunc"
)
_COMPARISONS = {
    "eq": "equal",
    "ne": "not_equal",
    "lt": "less",
    "le": "less_equal",
    "gt": "greater",
    "ge": "greater_equal",
}

NUMBERS: dict[str, Entry] = {
    **{f"aten.{name}": _of_numbers(name) for name in _SAME_NAME.split()},
    **{f"aten.{name}": _compared(full) for name, full in _COMPARISONS.items()},
    **{
        f"aten.{kind}_{name}": named(f"logical_{name}")
        for kind in ("logical", "bitwise")
        for name in ("and", "or", "xor", "not")
    },
    **{f"aten.__{name}__": named(f"logical_{name}") for name in ("and", "or", "xor")},
    **{f"aten.{name}": plainly(lambda x, y: x @ y) for name in ("mm", "bmm", "mv", "dot")},
    "aten.add": _add,
    "aten.sub": _subtract,
    "aten.rsub": _reversed_subtract,
    "aten.mul": _multiply,
    "aten.div": _divide,
    "aten.neg": plainly(lambda x: -x),
    "aten.pow": _power,
    "aten.square": plainly(lambda x: x**2),
    "aten.reciprocal": plainly(lambda x: 1 / x),
    "aten.rsqrt": lambda xp, x: 1 / xp.sqrt(x),
    "aten.remainder": plainly(lambda x, y: x % y),
    "aten.fmod": _fmod,
    "aten.clamp": clamp,
    "aten.clamp_min": named("maximum"),
    "aten.clamp_max": named("minimum"),
    "aten.fmax": named("maximum"),
    "aten.fmin": named("minimum"),
    "aten.round": _round,
    "aten.exp2": lambda xp, x: xp.exp(x * xp.log(xp.asarray(2.0))),
    "aten.ldexp": lambda xp, x, y: x * xp.exp(y * xp.log(xp.asarray(2.0))),
    "aten.angle": lambda xp, x: xp.where(x < 0, xp.acos(xp.asarray(-1.0)), 0.0),
    "aten.isnan": plainly(lambda x: x != x),  # noqa: PLR0124 - what it means
    "aten.isinf": lambda xp, x: xp.abs(x) == math.inf,
    "aten.addmm": _product_and,
    "aten.addmv": _product_and,
    "aten.baddbmm": _product_and,
    "aten.addbmm": _sum_of_products_and,
    "aten._trilinear": _trilinear,
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
