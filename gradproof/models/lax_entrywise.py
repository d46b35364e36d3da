"""JAX's operations on single entries, and reductions, with `xp`: a line each where `xp` has the function."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.models.replay import Entry
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import is_discrete


def _same(name: str) -> Entry:
    """A function of `xp`'s, called with the inputs alone; a dot leads into a part of it, such as `nn`."""
    part, _, function = name.rpartition(".")

    def entry(xp: Any, *inputs: Any, **_: Any) -> Any:
        return getattr(getattr(xp, part) if part else xp, function)(*inputs)

    return entry


def _formula(compute: Callable[..., Any]) -> Entry:
    """A formula of the inputs, whose options change nothing that is computed."""

    def entry(xp: Any, *inputs: Any, **_: Any) -> Any:
        return compute(xp, *inputs)

    return entry


def _reduction(name: str) -> Entry:
    def entry(xp: Any, x: Any, *, axes: Sequence[int], **_: Any) -> Any:
        return getattr(xp, name)(x, axis=tuple(int(axis) for axis in axes))

    return entry


def _whole_quotient(xp: Any, a: Any, b: Any) -> Any:
    return xp.trunc(xp.divide(a, b))


def _remainder(xp: Any, a: Any, b: Any) -> Any:
    # C's fmod, with the sign of the dividend
    return xp.subtract(a, xp.multiply(b, _whole_quotient(xp, a, b)))


def _cube_root(xp: Any, x: Any) -> Any:
    return xp.multiply(xp.sign(x), xp.exp(xp.divide(xp.log(xp.abs(x)), 3)))


def _converted(xp: Any, x: Any, *, new_dtype: Any, **_: Any) -> Any:
    """Numbers stay what they are; to whole numbers what is behind the point is cut off."""
    kind = np.dtype(new_dtype).kind
    if kind == "b":
        return xp.not_equal(x, 0)
    if kind in "iu" and is_discrete(x):
        return np.asarray(x, dtype=new_dtype)
    number = xp.asarray(x)
    if "float" not in str(getattr(number, "dtype", "")):  # whole numbers, and comparisons as 0 and 1
        return xp.astype(number, xp.asarray(0.0).dtype)
    return xp.trunc(number) if kind in "iu" else number


def _selected(xp: Any, which: Any, *cases: Any) -> Any:
    """The case that `which` counts, from 0 (false) up."""
    if len(cases) == 1:
        return cases[0]
    if len(cases) == 2:
        return xp.where(which, cases[1], cases[0])
    chosen = cases[-1]
    for number in range(len(cases) - 2, -1, -1):
        chosen = xp.where(xp.equal(which, number), cases[number], chosen)
    return chosen


def _rounded(xp: Any, x: Any, *, rounding_method: Any, **_: Any) -> Any:
    if int(rounding_method) == 1:
        return xp.round(x)
    # halves go away from zero
    return xp.multiply(xp.sign(x), xp.floor(xp.add(xp.abs(x), 0.5)))


def _whole_power(xp: Any, x: Any, *, y: int, **_: Any) -> Any:
    return xp.pow(x, int(y))


def _power(xp: Any, x: Any, y: Any, **_: Any) -> Any:
    if isinstance(y, np.generic | np.ndarray) and y.ndim == 0:
        y = y.item()
    if isinstance(y, np.ndarray) and y.size and np.all(y == y.flat[0]):
        return xp.broadcast_to(xp.pow(x, y.flat[0].item()), np.broadcast_shapes(np.shape(x), y.shape))
    return xp.pow(x, y)


def _polygamma(xp: Any, n: Any, x: Any, **_: Any) -> Any:
    """The polygamma function of a whole order that is the same everywhere.

    Raises:
        UnsupportedError: the order is computed, or differs.
    """
    order = np.unique(n) if isinstance(n, int | float | np.generic | np.ndarray) else np.empty(0)
    if order.size != 1 or order[0] % 1:
        raise UnsupportedError(
            f"The order of a polygamma function at {caller()} is no fixed whole number. Give it as a number."
        )
    return xp.special.polygamma(int(order[0]), x)


def _unchanged(xp: Any, *inputs: Any, **_: Any) -> Any:  # noqa: ARG001 - as all entries
    return inputs[0]


def _all_unchanged(xp: Any, *inputs: Any, **_: Any) -> Any:  # noqa: ARG001 - as all entries
    return inputs


ENTRYWISE: dict[str, Entry] = {
    # arithmetic
    "add": _same("add"),
    "add_any": _same("add"),
    "sub": _same("subtract"),
    "mul": _same("multiply"),
    "div": _same("divide"),
    "integer_div": _formula(_whole_quotient),
    "rem": _formula(_remainder),
    "neg": _same("negative"),
    "abs": _same("abs"),
    "sign": _same("sign"),
    "square": _same("square"),
    "sqrt": _same("sqrt"),
    "rsqrt": _formula(lambda xp, x: xp.divide(1, xp.sqrt(x))),
    "cbrt": _formula(_cube_root),
    "integer_pow": _whole_power,
    "pow": _power,
    "max": _same("maximum"),
    "min": _same("minimum"),
    "clamp": _formula(lambda xp, low, x, high: xp.clip(x, low, high)),
    # exponentials and angles
    "exp": _same("exp"),
    "exp2": _formula(lambda xp, x: xp.pow(2.0, x)),
    "expm1": _same("expm1"),
    "log": _same("log"),
    "log1p": _same("log1p"),
    "logistic": _same("nn.sigmoid"),
    "sin": _same("sin"),
    "cos": _same("cos"),
    "tan": _same("tan"),
    "asin": _same("asin"),
    "acos": _same("acos"),
    "atan": _same("atan"),
    "atan2": _same("atan2"),
    "sinh": _same("sinh"),
    "cosh": _same("cosh"),
    "tanh": _same("tanh"),
    "asinh": _same("asinh"),
    "acosh": _same("acosh"),
    "atanh": _same("atanh"),
    # special functions
    "erf": _same("special.erf"),
    "erfc": _same("special.erfc"),
    "erf_inv": _same("special.erfinv"),
    "lgamma": _same("special.gammaln"),
    "digamma": _same("special.digamma"),
    "polygamma": _polygamma,
    "zeta": _same("special.zeta"),
    "igamma": _same("special.gammainc"),
    "igammac": _same("special.gammaincc"),
    "bessel_i0e": _same("special.i0e"),
    "bessel_i1e": _same("special.i1e"),
    # steps
    "floor": _same("floor"),
    "ceil": _same("ceil"),
    "round": _rounded,
    # comparisons
    "eq": _same("equal"),
    "ne": _same("not_equal"),
    "lt": _same("less"),
    "le": _same("less_equal"),
    "gt": _same("greater"),
    "ge": _same("greater_equal"),
    "eq_to": _same("equal"),  # in an order of NaN and both zeros, too
    "lt_to": _same("less"),
    "le_to": _same("less_equal"),
    "and": _same("logical_and"),
    "or": _same("logical_or"),
    "xor": _same("logical_xor"),
    "not": _same("logical_not"),
    "is_finite": _same("isfinite"),
    "select_n": _formula(_selected),
    # reductions
    "reduce_sum": _reduction("sum"),
    "reduce_prod": _reduction("prod"),
    "reduce_max": _reduction("max"),
    "reduce_min": _reduction("min"),
    "reduce_and": _reduction("all"),
    "reduce_or": _reduction("any"),
    # what changes no number
    "convert_element_type": _converted,
    "stop_gradient": _unchanged,
    "copy": _unchanged,
    "copy_p": _unchanged,
    "name": _unchanged,
    "reduce_precision": _unchanged,
    "sharding_constraint": _unchanged,
    "optimization_barrier": _all_unchanged,
    "device_put": _all_unchanged,
}
