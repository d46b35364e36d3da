"""Operations that take several entries together along axes.

`axes` counts from the right (-1 is the last axis); the namespace has seen to that.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from typing import Any

import numpy as np

from gradproof.reference.numbers import Mask
from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape.arguments import Value, one_axis, rank_of
from gradproof.reference.tape.operations.entry import (
    Accurate,
    Array,
    Operation,
    Reading,
    Rule,
    Trait,
    accumulated,
    reduced,
    spread,
)

_CALCULUS = "Apostol, Calculus II, 2nd ed., section 8.8 (gradient of a scalar field)"
_CHAN = "Chan, Golub and LeVeque, Algorithms for computing the sample variance (1983), section 3 (shifting)"
_CLARKE = "Clarke, Optimization and Nonsmooth Analysis (1983), proposition 2.3.12 (maxima)"


def _deviations(x: Array, axes: tuple[int, ...]) -> Array:
    return x - x.sum(axes, keepdims=True) / x.count(axes)


def _accurate_deviations(x: Array, axes: tuple[int, ...]) -> Array:
    # x - mean(x) = d - mean(d) with d = x - c for any c: of numbers near one another d loses nothing
    return _deviations(x - x.pivot(axes), axes)


def _accurate_variance(x: Array, axes: tuple[int, ...], correction: float, *, keepdims: bool) -> Array:
    return _variance(x - x.pivot(axes), axes, correction, keepdims=keepdims)


def _variance(x: Array, axes: tuple[int, ...], correction: float, *, keepdims: bool) -> Array:
    squares = _deviations(x, axes) ** 2
    return squares.sum(axes, keepdims=keepdims) / (x.count(axes) - correction)


def _tied(x: Array, axes: tuple[int, ...]) -> Mask:
    """Where an entry has neither all nor nothing of the maximum's derivative."""
    shares = x.shares(axes)
    return ~(shares.equals(0) | shares.equals(1))


def _product_of_others(x: Array, axes: tuple[int, ...]) -> Array:
    """For each entry the product of all others along axes; no division, so zeros may occur.

    Along one axis it is the product of those on the left times the product of those on the right; along more,
    times the product of the others among the products along the first.
    """
    if not axes:
        return x * 0 + 1
    axis, *rest = axes
    n = x.shape[axis]
    entries = [x.part(axis, i, i + 1) for i in range(n)]
    left = [entries[0] * 0 + 1]
    right = [left[0]]
    for i in range(n - 1):
        left.append(left[-1] * entries[i])
        right.append(right[-1] * entries[n - 1 - i])
    others = [left[i] * right[n - 1 - i] for i in range(n)]
    along_first = others[0].concatenated(others[1:], axis)
    return along_first * _product_of_others(x.prod((axis,)), tuple(rest)) if rest else along_first


def _running(
    x: Value,
    /,
    *,
    axis: int | None = None,
    dtype: Any = None,  # noqa: ARG001 - the kind of number decides how exact it is
    include_initial: bool = False,
) -> Reading:
    if axis is None and rank_of(x) != 1:
        raise ValueError(f"it needs an axis for an array with {rank_of(x)} axes")
    place = one_axis(-1 if axis is None else axis, rank_of(x))
    return (x,), {"axis": place, "include_initial": include_initial}


def _running_sums(x: Array, axis: int, *, include_initial: bool) -> Array:
    if include_initial:
        x = (x.part(axis, 0, 1) * 0).concatenated([x], axis) if x.shape[axis] else x
    return x.cumulative_sum(axis)


def _sums_to_the_end(g: Array, axis: int, *, include_initial: bool) -> Array:
    sums = g.flip(axis).cumulative_sum(axis).flip(axis)
    return sums.part(axis, 1, sums.shape[axis]) if include_initial else sums


def _running_products(x: Array, axis: int, *, include_initial: bool) -> Array:
    products = [x.part(axis, i, i + 1) for i in range(x.shape[axis])]
    for i in range(1, len(products)):
        products[i] = products[i - 1] * products[i]
    if include_initial and products:
        products.insert(0, products[0] * 0 + 1)
    return products[0].concatenated(products[1:], axis) if products else x


def _products_to_the_end(g: Array, y: Array, x: Array, axis: int, *, include_initial: bool) -> Array:
    # x_i is a factor of y_i, y_(i+1), ...:  dL/dx_i = y_(i-1) r_i  with  r_i = g_i + x_(i+1) r_(i+1),
    # in which nothing is divided, so that zeros may occur
    n = x.shape[axis]
    if not n:
        return x * 0
    if include_initial:
        g, y = g.part(axis, 1, n + 1), y.part(axis, 1, n + 1)
    sums = [g.part(axis, n - 1, n)]
    for i in reversed(range(n - 1)):
        sums.append(g.part(axis, i, i + 1) + x.part(axis, i + 1, i + 2) * sums[-1])
    first, *others = sums[::-1]
    before = [y.part(axis, i, i + 1) for i in range(n - 1)]
    return first.concatenated([each * r for each, r in zip(before, others, strict=True)], axis)


SUM = Operation(
    name="sum",
    summary="The sum along axes; of all entries where `axis` is None.",
    traits=Trait.LINEAR | Trait.REDUCTION,
    signature=accumulated,
    integers=np.sum,
    forward=lambda x, *, axes, keepdims: x.sum(axes, keepdims=keepdims),
    derivatives=(
        # each entry adds with weight 1
        lambda g, y, x, *, axes, keepdims: kept(g, x, axes).broadcast_to(x.shape),
    ),
    source=_CALCULUS,
)

MEAN = Operation(
    name="mean",
    summary="The mean along axes.",
    traits=Trait.LINEAR | Trait.REDUCTION | Trait.AVERAGES,
    signature=reduced,
    forward=lambda x, *, axes, keepdims: x.sum(axes, keepdims=keepdims) / x.count(axes),
    derivatives=(
        # each of the n entries adds with weight 1/n
        lambda g, y, x, *, axes, keepdims: (kept(g, x, axes) / x.count(axes)).broadcast_to(x.shape),
    ),
    source=_CALCULUS,
)

PROD = Operation(
    name="prod",
    summary="The product along axes.",
    traits=Trait.REDUCTION,
    signature=accumulated,
    integers=np.prod,
    forward=lambda x, *, axes, keepdims: x.prod(axes) if keepdims else x.prod(axes).squeeze(axes),
    derivatives=(
        # d(prod x)/dx_i is the product of all entries but x_i
        lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * _product_of_others(x, axes),
    ),
    source=_CALCULUS,
)

MAX = Operation(
    name="max",
    summary="The greatest entry along axes.",
    traits=Trait.REDUCTION | Trait.SELECTS | Trait.EXTREMUM,
    signature=reduced,
    integers=np.max,
    forward=lambda x, *, axes, keepdims: x.max(axes, keepdims=keepdims),
    derivatives=(lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * x.shares(axes),),
    kinks="tied greatest entries: each [0, 1]; by convention equal shares",
    at_kink=lambda x, *, axes, keepdims: _tied(x, axes),
    source=_CLARKE,
)

MIN = Operation(
    name="min",
    summary="The least entry along axes.",
    traits=Trait.REDUCTION | Trait.SELECTS | Trait.EXTREMUM,
    signature=reduced,
    integers=np.min,
    forward=lambda x, *, axes, keepdims: -(-x).max(axes, keepdims=keepdims),
    derivatives=(lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * (-x).shares(axes),),
    kinks="tied least entries: each [0, 1]; by convention equal shares",
    at_kink=lambda x, *, axes, keepdims: _tied(-x, axes),
    source=_CLARKE,
)

VAR = Operation(
    name="var",
    summary="The mean square deviation from the mean; the divisor is the count less `correction`.",
    traits=Trait.REDUCTION | Trait.AVERAGES,
    signature=spread,
    forward=lambda x, *, axes, correction, keepdims: _variance(x, axes, correction, keepdims=keepdims),
    derivatives=(
        # v = sum (x_i - m)^2 / (n - c). The mean m depends on x too, with the derivative
        # -2 sum (x_i - m) / (n - c) * 1/n = 0, so that dv/dx_i = 2 (x_i - m) / (n - c).
        lambda g, y, x, *, axes, correction, keepdims: (
            kept(g, x, axes) * (2 * _deviations(x, axes)) / (x.count(axes) - correction)
        ),
    ),
    domain="more entries than the correction",
    source=_CALCULUS,
    accurate=Accurate(
        forward=lambda x, *, axes, correction, keepdims: _accurate_variance(
            x, axes, correction, keepdims=keepdims
        ),
        derivatives=(
            lambda g, y, x, *, axes, correction, keepdims: (
                kept(g, x, axes) * (2 * _accurate_deviations(x, axes)) / (x.count(axes) - correction)
            ),
        ),
        loses="x - mean(x), whose mean is rounded",
        keeps="d - mean(d) for d = x - max(x)",
        source=_CHAN,
    ),
)


def _spread_slope(
    g: Array, y: Array, x: Array, axes: tuple[int, ...], correction: float, *, deviations: Rule
) -> Array:
    # s = sqrt(v):  ds/dx_i = (dv/dx_i) / (2 s) = (x_i - m) / ((n - c) s)
    # s is |x - m| / sqrt(n - c): where it is 0 it has the kink of a norm, and 0 by convention
    g, y, rest = kept(g, x, axes), kept(y, x, axes), x.count(axes) - correction
    zero = y.equals(0).certain()
    at_zero = (2 * (x * 0).step(0.5) - 1) / x.kind.constant(float(rest)).function("sqrt")
    slope: Array = at_zero.select(zero, deviations(x, axes) / rest / y.select(~zero, 1))
    return g * slope


STD = Operation(
    name="std",
    summary="The square root of the variance.",
    traits=Trait.REDUCTION | Trait.AVERAGES | Trait.READS_RESULT,
    signature=spread,
    forward=lambda x, *, axes, correction, keepdims: _variance(
        x, axes, correction, keepdims=keepdims
    ).function("sqrt"),
    derivatives=(
        lambda g, y, x, *, axes, correction, keepdims: _spread_slope(
            g, y, x, axes, correction, deviations=_deviations
        ),
    ),
    domain="more entries than the correction",
    kinks="all entries are equal: deviations of length 1 or less, over sqrt(n - c); by convention 0",
    at_kink=lambda x, *, axes, correction, keepdims: (_deviations(x, axes) ** 2).sum(axes).equals(0),
    source=_CALCULUS,
    accurate=Accurate(
        forward=lambda x, *, axes, correction, keepdims: _accurate_variance(
            x, axes, correction, keepdims=keepdims
        ).function("sqrt"),
        derivatives=(
            lambda g, y, x, *, axes, correction, keepdims: _spread_slope(
                g, y, x, axes, correction, deviations=_accurate_deviations
            ),
        ),
        loses="x - mean(x), whose mean is rounded",
        keeps="d - mean(d) for d = x - max(x)",
        source=_CHAN,
    ),
)


def direction(x: Array, length: Array) -> Array:
    """The unit vector x / |x|; at 0 any vector that is not longer is a subgradient, by convention 0."""
    zero = length.equals(0).certain()
    return (2 * x.step(0.5) - 1).select(zero, x / length.select(~zero, 1))


VECTOR_NORM = Operation(
    name="euclidean_norm",
    summary="The root of the sum of squares along axes.",
    traits=Trait.REDUCTION | Trait.READS_RESULT,
    forward=lambda x, *, axes, keepdims: (x**2).sum(axes, keepdims=keepdims).function("sqrt"),
    # y^2 = sum x_i^2:  y dy = sum x_i dx_i
    derivatives=(lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * direction(x, kept(y, x, axes)),),
    kinks="all entries are 0: any vector of length 1 or less; by convention 0",
    at_kink=lambda x, *, axes, keepdims: (x**2).sum(axes).equals(0),
    source=_CALCULUS,
)

CUMULATIVE_SUM = Operation(
    name="cumulative_sum",
    summary="The running sums along an axis; `include_initial` puts a zero before them.",
    traits=Trait.LINEAR,
    signature=_running,
    integers=np.cumulative_sum,
    forward=lambda x, *, axis, include_initial=False: _running_sums(x, axis, include_initial=include_initial),
    derivatives=(
        # x_i is in the running sums i, i + 1, ...: their g's are summed from the end
        lambda g, y, x, *, axis, include_initial=False: _sums_to_the_end(
            g, axis, include_initial=include_initial
        ),
    ),
    source=_CALCULUS,
)

CUMULATIVE_PROD = Operation(
    name="cumulative_prod",
    summary="The running products along an axis; `include_initial` puts a one before them.",
    traits=Trait.READS_RESULT,
    signature=_running,
    integers=np.cumulative_prod,
    forward=lambda x, *, axis, include_initial=False: _running_products(
        x, axis, include_initial=include_initial
    ),
    derivatives=(
        lambda g, y, x, *, axis, include_initial=False: _products_to_the_end(
            g, y, x, axis, include_initial=include_initial
        ),
    ),
    source=_CALCULUS,
)
