"""NumPy's functions on certified numbers: those that objects lack, or that would guess.

Each has NumPy's names for the parameters that it honours; `calls` refuses the others.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from flint import arb

from gradproof.reference.lifted import matrices
from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.calls import by_name, call_as_numpys, check_dtype
from gradproof.reference.lifted.lifted_array import HANDLERS, LiftedArray, base, hand_out, is_lifted, lift
from gradproof.reference.lifted.ufuncs import reduced

_CHANGING = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


def apply_function(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute a NumPy function some of whose arguments are lifted.

    One that is in the table is ours; any other is NumPy's own, on plain arrays of balls, whose operators
    and comparisons are certified or noted one by one.
    """
    ours = _TABLE.get(function)
    if ours is not None:
        return call_as_numpys(function, ours, args, options)
    plain_args, plain_options = by_name(function, None, _plain(args), _plain(options))
    # NumPy would convert the balls on the way, and cannot always.
    check_dtype(function, plain_options.pop("dtype", None))
    result = function(*plain_args, **plain_options)
    first = (*plain_args, *plain_options.values())[0] if function in _CHANGING else None
    for changed in (first, plain_options.get("out")):
        _lift_in_place(changed)
    return hand_out(result)


def _lift_in_place(array: Any) -> None:
    """Lift the plain numbers that NumPy has put among balls."""
    if isinstance(array, tuple):
        for each in array:
            _lift_in_place(each)
    elif isinstance(array, np.ndarray) and array.dtype == object and not is_lifted(array):
        array[...] = base(lift(array))


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


def full(shape: Any, value: Any, dtype: Any = None) -> Any:
    """Give one value in all places: lifted for floats, NumPy's own for integers and booleans."""
    if dtype is not None and np.dtype(dtype).kind not in "fO":
        return np.full(shape, value, dtype=dtype)
    entries = np.empty(shape, dtype=object)
    # As NumPy's constructors, it makes an array even where there are no axes.
    entries[...] = base(lift(value))
    return entries.view(LiftedArray)


def _full_like(a: Any, fill_value: Any, dtype: Any = None, shape: Any = None) -> Any:
    return full(np.shape(a) if shape is None else shape, fill_value, dtype or getattr(a, "dtype", None))


def _like(number: float) -> Callable[..., Any]:
    # NumPy's first parameter is `a` or, in newer versions, `prototype`
    def function(
        a: Any = None, dtype: Any = None, shape: Any = None, prototype: Any = None, x: Any = None
    ) -> Any:
        given = next(each for each in (a, prototype, x) if each is not None)
        return _full_like(given, number, dtype, shape)

    return function


# -------------------------------------------------------------------- choosing


def _where(condition: Any, *values: Any) -> Any:
    truth = np.asarray(condition != 0) if is_lifted(condition) else base(condition)
    return np.where(truth, *(base(lift(value)) for value in values)) if values else np.where(truth)


def _nan_to_num(x: Any, copy: bool = True, nan: float = 0.0, posinf: Any = None, neginf: Any = None) -> Any:
    largest = np.finfo(np.float64).max
    above = Ball(arb(largest if posinf is None else posinf))
    below = Ball(arb(-largest if neginf is None else neginf))

    def replaced(ball: Ball) -> Ball:
        if ball.arb.is_finite():
            return ball
        return Ball(arb(nan)) if ball.arb.is_nan() else above if ball.arb > 0 else below

    result = np.frompyfunc(replaced, 1, 1)(base(lift(x)))
    if not copy:
        base(x)[...] = result
    return result


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002 - NumPy's own names
    least, greatest = (a_min if min is None else min), (a_max if max is None else max)
    result = lift(a)
    if least is not None:
        result = np.maximum(result, least)
    return result if greatest is None else np.minimum(result, greatest)


# -------------------------------------------------------------------- reductions


def _by_ufunc(ufunc: np.ufunc) -> Callable[..., Any]:
    def function(
        a: Any, axis: Any = None, keepdims: Any = False, initial: Any = None, where: Any = True
    ) -> Any:
        return reduced(ufunc, base(lift(a)), axis, keepdims, initial, where)

    return function


_sum = _by_ufunc(np.add)


def _count(x: Any, axis: Any, *, keepdims: bool, where: Any) -> Any:
    """Give how many entries a reduction takes: a number, or an array where a condition chooses."""
    if where is True:
        axes = range(x.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
        return int(np.prod([x.shape[each] for each in axes]))
    return np.broadcast_to(where, x.shape).sum(axis=axis, keepdims=keepdims)


def _mean(a: Any, axis: Any = None, keepdims: Any = False, where: Any = True) -> Any:
    x = lift(a)
    total = lift(_sum(x, axis, keepdims, where=where))
    return total / _count(x, axis, keepdims=keepdims, where=where)


def _var(
    a: Any,
    axis: Any = None,
    ddof: float = 0,
    keepdims: Any = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    x = lift(a)
    centre = _mean(x, axis, keepdims=True, where=where) if mean is None else mean
    squares = lift(_sum((x - centre) ** 2, axis, keepdims, where=where))
    count = _count(x, axis, keepdims=keepdims, where=where)
    return squares / (count - (ddof if correction is None else correction))


def _std(a: Any, axis: Any = None, ddof: float = 0, keepdims: Any = False, **options: Any) -> Any:
    return np.sqrt(lift(_var(a, axis, ddof, keepdims, **options)))


def _average(a: Any, axis: Any = None, weights: Any = None, *, keepdims: Any = False) -> Any:
    if weights is None:
        return _mean(a, axis, keepdims=keepdims)
    x = lift(a)
    if axis is not None and np.ndim(weights) == 1 and x.ndim > 1:
        weights = np.reshape(weights, [-1 if each == axis % x.ndim else 1 for each in range(x.ndim)])
    weights = np.broadcast_to(base(lift(weights)), x.shape).view(LiftedArray)
    return lift(_sum(x * weights, axis, keepdims)) / lift(_sum(weights, axis, keepdims))


def _extent(a: Any, axis: Any = None, keepdims: Any = False) -> Any:
    return lift(a).max(axis=axis, keepdims=keepdims) - lift(a).min(axis=axis, keepdims=keepdims)


def _truths(function: Callable[..., Any]) -> Callable[..., Any]:
    def of_truths(a: Any, axis: Any = None, keepdims: Any = False, *, where: Any = True) -> Any:
        return function(np.asarray(lift(a) != 0), axis=axis, keepdims=keepdims, where=where)

    return of_truths


def _round(a: Any, decimals: int = 0) -> Any:
    return np.frompyfunc(lambda ball: round(ball, decimals), 1, 1)(base(lift(a)))


def _close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Any:
    return np.abs(lift(a) - lift(b)) <= atol + rtol * np.abs(lift(b))


def _all_close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> bool:
    return bool(np.all(_close(a, b, rtol, atol)))


def _array_equal(a1: Any, a2: Any) -> bool:
    return np.shape(a1) == np.shape(a2) and bool(np.all(lift(a1) == lift(a2)))


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
    np.sum: _sum,
    np.prod: _by_ufunc(np.multiply),
    np.max: _by_ufunc(np.maximum),
    np.min: _by_ufunc(np.minimum),
    np.amax: _by_ufunc(np.maximum),
    np.amin: _by_ufunc(np.minimum),
    np.all: _truths(np.all),
    np.any: _truths(np.any),
    np.round: _round,
    np.around: _round,
    np.ptp: _extent,
    np.isclose: _close,
    np.allclose: _all_close,
    np.array_equal: _array_equal,
    np.astype: lambda x, dtype: lift(x).astype(dtype),
    np.can_cast: lambda from_, to: np.can_cast(np.float64, to),  # noqa: ARG005 - NumPy's name
    np.common_type: lambda *_: np.float64,
    np.min_scalar_type: lambda _: np.dtype(np.float64),
    np.result_type: lambda *kinds: np.result_type(*(np.float64 if is_lifted(x) else x for x in kinds)),
    np.dot: matrices.dot,
    np.tensordot: matrices.tensordot,
    np.einsum: matrices.einsum,
    np.outer: matrices.outer,
    np.inner: matrices.inner,
    np.vdot: matrices.vdot,
    np.linalg.norm: matrices.norm,
    np.linalg.vector_norm: matrices.vector_norm,
    np.linalg.inv: matrices.inverse,
    np.linalg.solve: matrices.solve,
    np.linalg.det: matrices.determinant,
    np.linalg.slogdet: matrices.sign_and_log_determinant,
    np.linalg.cholesky: matrices.cholesky,
    np.linalg.matmul: matrices.matrix_product,
    np.linalg.outer: matrices.outer,
    np.linalg.tensordot: matrices.tensordot,
    np.isreal: lambda x: np.ones(np.shape(x), dtype=bool),
    np.iscomplexobj: lambda x: False,  # noqa: ARG005 - NumPy's name
    np.isneginf: lambda x: np.isinf(lift(x)) & (lift(x) < 0),
    np.isposinf: lambda x: np.isinf(lift(x)) & (lift(x) > 0),
}
"""Ours, by NumPy's function."""


# -------------------------------------------------------------------- scipy.special's


def log_sum_exp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """Compute scipy.special.logsumexp; exponents of balls neither overflow nor underflow."""
    terms = np.exp(lift(a)) if b is None else lift(b) * np.exp(lift(a))
    return np.log(lift(_sum(terms, axis, keepdims)))


def softmax(x: Any, axis: Any = None) -> Any:
    """Compute scipy.special.softmax."""
    terms = np.exp(lift(x))
    return terms / terms.sum(axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """Compute scipy.special.log_softmax."""
    return lift(x) - log_sum_exp(x, axis=axis, keepdims=True)


HANDLERS["function"] = apply_function
