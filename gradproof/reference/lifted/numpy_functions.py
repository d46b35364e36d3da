"""NumPy's functions on certified numbers: those that objects lack, or that would guess."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flint import arb

from gradproof.reference.lifted import linear_algebra, products
from gradproof.reference.lifted.array import LiftedArray, base, hand_out, is_lifted, lift, to_arbs
from gradproof.reference.lifted.ball import Ball

_CHANGING = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


def apply_function(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute a NumPy function some of whose arguments are lifted.

    One that is in the table is ours; any other is NumPy's own, on plain arrays of balls, whose operators
    and comparisons are certified or noted one by one.
    """
    ours = _TABLE.get(function)
    if ours is not None:
        return hand_out(ours(*args, **options))
    plain_args, plain_options = _plain(args), _plain(options)
    result = function(*plain_args, **plain_options)
    if function in _CHANGING and isinstance(plain_args[0], np.ndarray) and is_objects(plain_args[0]):
        plain_args[0][...] = base(lift(plain_args[0].tolist())) if plain_args[0].ndim else plain_args[0]
    return hand_out(result)


def is_objects(array: Any) -> bool:
    """Whether an array holds objects, whatever dtype it tells of."""
    return bool(array.dtype == object)


def _plain(value: Any) -> Any:
    """Give arguments with plain arrays of balls in place of lifted ones."""
    if isinstance(value, LiftedArray):
        return base(value)
    if (isinstance(value, tuple) and type(value) is tuple) or isinstance(value, list):
        return type(value)(_plain(part) for part in value)
    if isinstance(value, dict):
        return {name: _plain(part) for name, part in value.items()}
    return value


# -------------------------------------------------------------------- making arrays


def _like(number: float) -> Callable[..., Any]:
    def function(x: Any, dtype: Any = None, order: str = "K", subok: bool = True, shape: Any = None) -> Any:
        del order, subok
        return full(x.shape if shape is None else shape, number, dtype or np.float64)

    return function


def full(shape: Any, value: Any, dtype: Any = None) -> Any:
    """Give one value in all places: lifted for floats, NumPy's own for integers and booleans."""
    if dtype is not None and np.dtype(dtype).kind not in "fO":
        return np.full(shape, value, dtype=dtype)
    entries = np.empty(shape, dtype=object)
    # As NumPy's constructors, it makes an array even where there are no axes.
    entries[...] = base(lift(value))
    return entries.view(LiftedArray)


def _full_like(x: Any, fill_value: Any, dtype: Any = None, shape: Any = None, **_options: Any) -> Any:
    return full(x.shape if shape is None else shape, fill_value, dtype or np.float64)


# -------------------------------------------------------------------- choosing


def _where(condition: Any, *values: Any) -> Any:
    truth = np.asarray(condition != 0) if is_lifted(condition) else base(condition)
    if not values:
        return np.where(truth)
    return np.where(truth, *(base(lift(value)) for value in values))


def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    del copy
    largest = np.finfo(np.float64).max
    above = Ball(arb(largest if posinf is None else posinf))
    below = Ball(arb(-largest if neginf is None else neginf))

    def replaced(ball: Ball) -> Ball:
        if ball.arb.is_finite():
            return ball
        return Ball(arb(nan)) if ball.arb.is_nan() else above if ball.arb > 0 else below

    return np.frompyfunc(replaced, 1, 1)(base(lift(x)))


def _clip(
    x: Any,
    a_min: Any = None,
    a_max: Any = None,
    out: Any = None,
    *,
    min: Any = None,  # noqa: A002 - NumPy's own name
    max: Any = None,  # noqa: A002 - NumPy's own name
) -> Any:
    least, greatest = (a_min if min is None else min), (a_max if max is None else max)
    result = lift(x)
    if least is not None:
        result = np.maximum(result, least)
    if greatest is not None:
        result = np.minimum(result, greatest)
    if out is not None:
        out[...] = result
        return out
    return result


# -------------------------------------------------------------------- reductions


def _sum(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return lift(x).sum(axis=axis, keepdims=keepdims)


def _axis_count(x: Any, axis: Any) -> int:
    axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    return int(np.prod([x.shape[each] for each in axes]))


def _mean(
    x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False, **options: Any
) -> Any:
    del dtype, out
    x = lift(x)
    where = options.get("where", True)
    kept = keepdims is True
    if where is True or where is np._NoValue:  # noqa: SLF001 - NumPy's own marker
        return _sum(x, axis=axis, keepdims=kept) / _axis_count(x, axis)
    chosen = np.broadcast_to(where, x.shape)
    total = _sum(_where(chosen, x, 0).view(LiftedArray), axis=axis, keepdims=kept)
    return total / chosen.sum(axis=axis, keepdims=kept)


def _var(
    x: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    **options: Any,
) -> Any:
    del dtype, out
    x = lift(x)
    ddof = options.get("correction", ddof)
    deviations = x - lift(_mean(x, axis, keepdims=True))
    total = _sum(deviations * deviations, axis=axis, keepdims=keepdims is True)
    return total / (_axis_count(x, axis) - ddof)


def _std(x: Any, *args: Any, **options: Any) -> Any:
    return np.sqrt(lift(_var(x, *args, **options)))


def _average(
    x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: Any = False
) -> Any:
    if weights is None:
        return _mean(x, axis, keepdims=keepdims)
    if returned:
        raise TypeError("np.average with returned=True is not certified")
    x = lift(x)
    if axis is not None and np.ndim(weights) == 1 and x.ndim > 1:
        shape = [1] * x.ndim
        shape[axis] = -1
        weights = np.reshape(weights, shape)
    weights = np.broadcast_to(base(lift(weights)), x.shape).view(LiftedArray)
    kept = keepdims is True
    return _sum(x * weights, axis=axis, keepdims=kept) / _sum(weights, axis=axis, keepdims=kept)


def _through_method(name: str) -> Callable[..., Any]:
    def function(x: Any, *args: Any, **options: Any) -> Any:
        return getattr(lift(x), name)(*args, **options)

    return function


def _extent(x: Any, axis: Any = None, **options: Any) -> Any:
    return lift(x).max(axis=axis, **options) - lift(x).min(axis=axis, **options)


def _close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False) -> Any:
    del equal_nan
    return np.abs(lift(a) - lift(b)) <= atol + rtol * np.abs(lift(b))


# -------------------------------------------------------------------- products


def _einsum(*operands: Any, **_options: Any) -> Any:
    return np.einsum(*(base(lift(x)) if _is_numeric(x) else x for x in operands))


def _is_numeric(operand: Any) -> bool:
    return isinstance(operand, np.ndarray | Ball)


def _outer(a: Any, b: Any, out: Any = None) -> Any:
    del out
    return lift(a).reshape(-1, 1) * lift(b).reshape(1, -1)


def _inner(a: Any, b: Any) -> Any:
    a, b = lift(a), lift(b)
    return a * b if a.ndim == 0 or b.ndim == 0 else products.tensordot(a, b, ((-1,), (-1,)))


def _vdot(a: Any, b: Any) -> Any:
    return products.dot(lift(a).reshape(-1), lift(b).reshape(-1))


def _array_equal(a: Any, b: Any, **_options: Any) -> bool:
    return a.shape == np.shape(b) and bool(np.all(lift(a) == lift(b)))


_TABLE: Mapping[Any, Callable[..., Any]] = {
    np.zeros_like: _like(0.0),
    np.empty_like: _like(0.0),
    np.ones_like: _like(1.0),
    np.full_like: _full_like,
    np.where: _where,
    np.nan_to_num: _nan_to_num,
    np.clip: _clip,
    np.mean: _mean,
    np.var: _var,
    np.std: _std,
    np.average: _average,
    np.sum: _through_method("sum"),
    np.prod: _through_method("prod"),
    np.max: _through_method("max"),
    np.min: _through_method("min"),
    np.amax: _through_method("max"),
    np.amin: _through_method("min"),
    np.all: _through_method("all"),
    np.any: _through_method("any"),
    np.round: _through_method("round"),
    np.around: _through_method("round"),
    np.ptp: _extent,
    np.isclose: _close,
    np.allclose: lambda *args, **options: bool(np.all(_close(*args, **options))),
    np.array_equal: _array_equal,
    np.astype: lambda x, dtype, **_options: lift(x).astype(dtype),
    np.dot: lambda a, b, out=None: products.dot(a, b),  # noqa: ARG005 - NumPy's signature
    np.tensordot: products.tensordot,
    np.einsum: _einsum,
    np.outer: _outer,
    np.inner: _inner,
    np.vdot: _vdot,
    np.linalg.norm: linear_algebra.norm,
    np.linalg.vector_norm: linear_algebra.vector_norm,
    np.linalg.inv: linear_algebra.inverse,
    np.linalg.solve: linear_algebra.solve,
    np.linalg.det: linear_algebra.determinant,
    np.linalg.slogdet: linear_algebra.sign_and_log_determinant,
    np.linalg.cholesky: linear_algebra.cholesky,
    np.linalg.matmul: products.matrix_product,
    np.linalg.outer: _outer,
    np.linalg.tensordot: products.tensordot,
    np.isreal: lambda x: np.ones(x.shape, dtype=bool),
    np.iscomplexobj: lambda _x: False,
    np.isneginf: lambda x: np.isinf(lift(x)) & (lift(x) < 0),
    np.isposinf: lambda x: np.isinf(lift(x)) & (lift(x) > 0),
}


def log_sum_exp(x: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """Compute scipy.special.logsumexp; exponents of balls neither overflow nor underflow."""
    terms = np.exp(lift(x)) if b is None else lift(b) * np.exp(lift(x))
    return np.log(terms.sum(axis=axis, keepdims=keepdims))


def softmax(x: Any, axis: Any = None) -> Any:
    """Compute scipy.special.softmax."""
    terms = np.exp(lift(x))
    return terms / terms.sum(axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """Compute scipy.special.log_softmax."""
    return lift(x) - log_sum_exp(x, axis=axis, keepdims=True)


__all__ = ["apply_function", "full", "log_softmax", "log_sum_exp", "softmax", "to_arbs"]
