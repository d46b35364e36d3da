"""Operations that take several entries together along axes.

`axes` counts from the right (-1 is the last axis); the namespace has seen to that.
"""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.operations.entry import Array, Operation
from gradproof.reference.tape.operations.traits import Trait

_CALCULUS = "Apostol, Calculus II, 2nd ed., section 8.8 (gradient of a scalar field)"
_CLARKE = "Clarke, Optimization and Nonsmooth Analysis (1983), proposition 2.3.12 (maxima)"


def kept(reduced: Array, x: Array, axes: tuple[int, ...]) -> Array:
    """A result of a reduction of x, its reduced axes put back as length 1."""
    lengths = [1 if axis - x.ndim in axes else n for axis, n in enumerate(x.shape)]
    return reduced.reshape(lengths)


def _deviations(x: Array, axes: tuple[int, ...]) -> Array:
    return x - x.sum(axes, keepdims=True) / x.count(axes)


def _variance(x: Array, axes: tuple[int, ...], correction: float, *, keepdims: bool) -> Array:
    squares = _deviations(x, axes) ** 2
    return squares.sum(axes, keepdims=keepdims) / (x.count(axes) - correction)


def _tied(x: Array, axes: tuple[int, ...]) -> Mask:
    """Where an entry has neither all nor nothing of the maximum's derivative."""
    shares = x.shares(axes)
    return ~(shares.equals(0) | shares.equals(1))


def _product_of_others(x: Array, axis: int) -> Array:
    """For each entry the product of all others along an axis; no division, so zeros may occur.

    The product of those on the left times the product of those on the right.
    """
    n = x.shape[axis]
    entries = [x.part(axis, i, i + 1) for i in range(n)]
    left = [entries[0] * 0 + 1]
    right = [left[0]]
    for i in range(n - 1):
        left.append(left[-1] * entries[i])
        right.append(right[-1] * entries[n - 1 - i])
    others = [left[i] * right[n - 1 - i] for i in range(n)]
    return others[0].concatenated(others[1:], axis)


SUM = Operation(
    name="sum",
    traits=Trait.LINEAR | Trait.REDUCTION,
    forward=lambda x, *, axes, keepdims: x.sum(axes, keepdims=keepdims),
    derivatives=(
        # each entry adds with weight 1
        lambda g, y, x, *, axes, keepdims: kept(g, x, axes).broadcast_to(x.shape),
    ),
    domain="all reals",
    source=_CALCULUS,
)

MEAN = Operation(
    name="mean",
    traits=Trait.LINEAR | Trait.REDUCTION | Trait.AVERAGES,
    forward=lambda x, *, axes, keepdims: x.sum(axes, keepdims=keepdims) / x.count(axes),
    derivatives=(
        # each of the n entries adds with weight 1/n
        lambda g, y, x, *, axes, keepdims: (kept(g, x, axes) / x.count(axes)).broadcast_to(x.shape),
    ),
    domain="all reals",
    source=_CALCULUS,
)

PROD = Operation(
    name="prod",
    traits=Trait.REDUCTION,
    forward=lambda x, *, axis, keepdims: kept(x.prod(axis), x, (axis,)) if keepdims else x.prod(axis),
    derivatives=(
        # d(prod x)/dx_i is the product of all entries but x_i
        lambda g, y, x, *, axis, keepdims: kept(g, x, (axis,)) * _product_of_others(x, axis),
    ),
    domain="all reals",
    source=_CALCULUS,
)

MAX = Operation(
    name="max",
    traits=Trait.REDUCTION | Trait.SELECTS | Trait.EXTREMUM,
    forward=lambda x, *, axes, keepdims: x.max(axes, keepdims=keepdims),
    derivatives=(lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * x.shares(axes),),
    domain="all reals",
    kinks="tied greatest entries: each [0, 1]; by convention equal shares",
    at_kink=lambda x, *, axes, keepdims: _tied(x, axes),
    source=_CLARKE,
)

MIN = Operation(
    name="min",
    traits=Trait.REDUCTION | Trait.SELECTS | Trait.EXTREMUM,
    forward=lambda x, *, axes, keepdims: -(-x).max(axes, keepdims=keepdims),
    derivatives=(lambda g, y, x, *, axes, keepdims: kept(g, x, axes) * (-x).shares(axes),),
    domain="all reals",
    kinks="tied least entries: each [0, 1]; by convention equal shares",
    at_kink=lambda x, *, axes, keepdims: _tied(-x, axes),
    source=_CLARKE,
)

VAR = Operation(
    name="var",
    traits=Trait.REDUCTION | Trait.AVERAGES,
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
)

STD = Operation(
    name="std",
    traits=Trait.REDUCTION | Trait.AVERAGES | Trait.READS_RESULT,
    forward=lambda x, *, axes, correction, keepdims: _variance(
        x, axes, correction, keepdims=keepdims
    ).function("sqrt"),
    derivatives=(
        # s = sqrt(v):  ds/dx_i = (dv/dx_i) / (2 s) = (x_i - m) / ((n - c) s)
        lambda g, y, x, *, axes, correction, keepdims: (
            kept(g / y, x, axes) * _deviations(x, axes) / (x.count(axes) - correction)
        ),
    ),
    domain="the entries are not all equal",
    source=_CALCULUS,
)

CUMULATIVE_SUM = Operation(
    name="cumulative_sum",
    traits=Trait.LINEAR,
    forward=lambda x, *, axis: x.cumulative_sum(axis),
    derivatives=(
        # x_i is in the running sums i, i + 1, ...: their g's are summed from the end
        lambda g, y, x, *, axis: g.flip(axis).cumulative_sum(axis).flip(axis),
    ),
    domain="all reals",
    source=_CALCULUS,
)
