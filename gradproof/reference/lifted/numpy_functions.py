"""NumPy's functions on certified numbers: those that objects lack, or that would guess.

Each has NumPy's names for the parameters that it honours; `calls` refuses the others.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradproof.reference.lifted import matrices
from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.calls import by_name, call_as_numpys, check_dtype
from gradproof.reference.lifted.lifted_array import HANDLERS, LiftedArray, base, hand_out, is_lifted, lift
from gradproof.reference.numbers.elementary import ELEMENTARY

_CHANGING = {np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis}


def apply_function(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute a NumPy function some of whose arguments are lifted.

    One that is in the table is ours; any other is NumPy's own, on lifted arrays where it takes them, else on
    plain arrays of balls, whose operators and comparisons are certified or noted one by one.
    """
    if function in _BY_UFUNCS:
        # the public way to NumPy's own code, which comes back here with each ufunc that it calls
        return hand_out(np.ndarray.__array_function__(np.empty(0), function, (LiftedArray,), args, options))
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


def _empty_like(
    a: Any = None, dtype: Any = None, shape: Any = None, prototype: Any = None, x: Any = None
) -> Any:
    # NumPy's first parameter has another name in each version
    given = next(each for each in (a, prototype, x) if each is not None)
    return full(np.shape(given) if shape is None else shape, 0.0, dtype)


# -------------------------------------------------------------------- choosing


def _where(condition: Any, *values: Any) -> Any:
    truth = np.asarray(condition != 0) if is_lifted(condition) else base(condition)
    return np.where(truth, *(base(lift(value)) for value in values)) if values else np.where(truth)


def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Any:  # noqa: A002 - NumPy's own names
    least, greatest = (a_min if min is None else min), (a_max if max is None else max)
    result = lift(a)
    if least is not None:
        result = np.maximum(result, least)
    return result if greatest is None else np.minimum(result, greatest)


def _close(a: Any, b: Any, rtol: float = 1e-5, atol: float = 1e-8) -> Any:
    return np.abs(lift(a) - lift(b)) <= atol + rtol * np.abs(lift(b))


def _sinc(x: Any) -> Any:
    # NumPy's own takes another number in place of 0, and a rounded pi
    return hand_out(_SINC(base(lift(x))))


_SINC = np.frompyfunc(lambda ball: Ball(ELEMENTARY["sinc"].ball(ball.arb)), 1, 1)


_BY_UFUNCS = {
    *(np.sum, np.prod, np.max, np.min, np.amax, np.amin, np.all, np.any, np.ptp),
    *(np.mean, np.var, np.std, np.average, np.nan_to_num, np.allclose, np.array_equal),
    *(np.zeros_like, np.ones_like, np.full_like, np.isneginf, np.isposinf),
}
"""What NumPy itself computes of lifted arrays by its ufuncs, each of which is certified."""

_TABLE: Mapping[Any, Callable[..., Any]] = {
    np.empty_like: _empty_like,
    np.where: _where,
    np.clip: _clip,
    np.isclose: _close,
    np.sinc: _sinc,
    np.astype: lambda x, dtype: lift(x).astype(dtype),
    np.can_cast: lambda from_, to: np.can_cast(np.float64, to),  # noqa: ARG005 - NumPy's name
    np.common_type: lambda *_: np.float64,
    np.min_scalar_type: lambda _: np.dtype(np.float64),
    np.result_type: lambda *kinds: np.result_type(*(np.float64 if is_lifted(x) else x for x in kinds)),
    np.dot: matrices.dot,
    np.tensordot: matrices.tensordot,
    np.linalg.norm: matrices.norm,
    np.linalg.vector_norm: matrices.vector_norm,
    np.linalg.inv: matrices.inverse,
    np.linalg.solve: matrices.solve,
    np.linalg.det: matrices.determinant,
    np.linalg.slogdet: matrices.sign_and_log_determinant,
    np.linalg.cholesky: matrices.cholesky,
    np.linalg.eigh: matrices.eigh,
    np.linalg.eigvalsh: matrices.eigenvalues,
    np.linalg.svd: matrices.svd,
    np.linalg.svdvals: matrices.singular_values,
    np.linalg.qr: matrices.qr,
    np.linalg.pinv: matrices.pseudoinverse,
    np.linalg.matmul: matrices.matrix_product,
    np.linalg.tensordot: matrices.tensordot,
}
"""Ours, by NumPy's function."""


# -------------------------------------------------------------------- scipy.special's


def log_sum_exp(a: Any, axis: Any = None, b: Any = None, keepdims: bool = False) -> Any:
    """Compute scipy.special.logsumexp; exponents of balls neither overflow nor underflow."""
    terms = np.exp(lift(a)) if b is None else lift(b) * np.exp(lift(a))
    return np.log(terms.sum(axis=axis, keepdims=keepdims))


def softmax(x: Any, axis: Any = None) -> Any:
    """Compute scipy.special.softmax."""
    terms = np.exp(lift(x))
    return terms / terms.sum(axis=axis, keepdims=True)


def log_softmax(x: Any, axis: Any = None) -> Any:
    """Compute scipy.special.log_softmax."""
    return lift(x) - log_sum_exp(x, axis=axis, keepdims=True)


HANDLERS["function"] = apply_function
