"""ATen's operations on numbers, and products of matrices, in terms of `xp`: a line each where it can be.

Arguments have ATen's order and names; what says where a tensor lies is left out. Integers, booleans and
constants come as NumPy arrays. Source of the meanings: PyTorch's native_functions.yaml and its documentation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

from gradproof.models.replay import Entry, is_plain


def rank(x: Any) -> int:
    """The number of axes of an array; 0 of a number."""
    return len(getattr(x, "shape", ()))


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
}
"""By ATen's name of an operation, with the overload where others differ: what it computes."""
