"""NumPy's and SciPy's ufuncs on certified numbers."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradproof.reference.lifted import functions
from gradproof.reference.lifted.array import LiftedArray, base, hand_out, is_lifted, lift, midpoints
from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.notes import note_cast
from gradproof.reference.lifted.products import matrix_product


def _elementwise(function: Callable[..., Any], operands: int) -> Any:
    return np.frompyfunc(lambda *balls: Ball(function(*(ball.arb for ball in balls))), operands, 1)


def _test(test: Callable[[Any], bool]) -> Callable[..., Any]:
    on_arrays = np.frompyfunc(lambda ball: test(ball.arb), 1, 1)
    return lambda array: np.asarray(on_arrays(array), dtype=bool)


_UNARY = {name: _elementwise(function, 1) for name, function in functions.UNARY.items()}
_BINARY = {name: _elementwise(function, 2) for name, function in functions.BINARY.items()}

_TESTS: Mapping[str, Callable[..., Any]] = {
    "isfinite": _test(lambda ball: ball.is_finite()),
    "isnan": _test(lambda ball: ball.is_nan()),
    "isinf": _test(lambda ball: not ball.is_finite() and not ball.is_nan()),
    "signbit": lambda array: np.less(array, 0).astype(bool),
}

_COMPARISONS: Mapping[str, Callable[[Any, Any], Any]] = {
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}

_LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute a ufunc, or one of its methods, some of whose operands are lifted."""
    if ufunc.__name__ in _LOGICAL:
        truths = [np.asarray(x != 0) if is_lifted(x) else x for x in inputs]
        return getattr(ufunc, method)(*truths, **options)
    if method == "at":
        return _at(ufunc, *inputs)
    out = options.pop("out", (None,))[0]
    options.pop("dtype", None)
    options.pop("casting", None)
    indices: tuple[Any, ...] = ()
    if method == "reduceat":
        inputs, indices = inputs[:1], inputs[1:]
    operands = [base(lift(x)) for x in inputs]
    if ufunc is np.matmul or ufunc is np.vecdot:
        result: Any = _product(ufunc, *operands)
    elif method == "__call__":
        result = _called(ufunc, operands, options, out)
    else:
        result = _reduced(_lifted_ufunc(ufunc), method, operands, indices, options)
    return _given(result, out)


def _called(ufunc: np.ufunc, operands: list[Any], options: dict[str, Any], out: Any) -> Any:
    name = ufunc.__name__
    where = options.pop("where", True)
    if name == "clip":
        return _BINARY["minimum"](_BINARY["maximum"](operands[0], operands[1]), operands[2])
    if name in _TESTS:
        return _TESTS[name](operands[0])
    if name in _COMPARISONS:
        compared = np.frompyfunc(_COMPARISONS[name], 2, 1)(*operands)
        return np.asarray(compared, dtype=bool)
    if name == "divmod":
        return operands[0] // operands[1], operands[0] % operands[1]
    chosen = _lifted_ufunc(ufunc)
    if where is True:
        return chosen(*operands)
    # Only where the condition holds is anything computed: that is what the condition is for.
    shape = np.broadcast_shapes(*(x.shape for x in operands), np.shape(where))
    result = np.empty(shape, dtype=object)
    result[...] = Ball(functions.NAN) if out is None else base(lift(out))
    places = np.broadcast_to(base(where) if not is_lifted(where) else np.asarray(where != 0), shape)
    result[places] = chosen(*(np.broadcast_to(x, shape)[places] for x in operands))
    return result


def _lifted_ufunc(ufunc: np.ufunc) -> Any:
    """Give the function on arrays of balls: one of ours, or NumPy's own on objects."""
    return _UNARY.get(ufunc.__name__) or _BINARY.get(ufunc.__name__) or ufunc


def _product(ufunc: np.ufunc, left: Any, right: Any) -> Any:
    if ufunc is np.vecdot:
        return np.add.reduce(left * right, axis=-1)
    return base(matrix_product(left, right))


def _reduced(
    function: Any, method: str, operands: list[Any], indices: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    axis = options.get("axis", 0)
    if method != "reduce" or (isinstance(function, np.ufunc) and function.identity is not None):
        if "initial" in options and options["initial"] is None:
            options.pop("initial")
        return getattr(function, method)(*operands, *indices, **options)
    # A maximum has no identity, so it is taken along one axis after the other.
    (array,) = operands
    keepdims = options.get("keepdims", False)
    axes = range(array.ndim) if axis is None else (axis if isinstance(axis, tuple) else (axis,))
    places = tuple(sorted(each % array.ndim for each in axes)) if array.ndim else ()
    if isinstance(options.get("where", True), np.ndarray):
        raise TypeError("a maximum or minimum with `where` is not certified")
    for each in places:
        array = np.expand_dims(function.reduce(array, axis=each), each)
    initial = options.get("initial")
    if initial is not None and initial is not np._NoValue:  # noqa: SLF001 - NumPy's own marker  # type: ignore[attr-defined]
        array = function(array, base(lift(initial)))
    return array if keepdims else np.squeeze(np.asarray(array, dtype=object), axis=places)


def _given(result: Any, out: Any) -> Any:
    """Hand a result out, into an array that was given for it if there is one."""
    if out is None:
        return hand_out(result)
    if isinstance(out, LiftedArray):
        base(out)[...] = base(lift(result))
        return out
    if is_lifted(hand_out(result)) and out.dtype.kind == "f":
        note_cast()
        out[...] = midpoints(lift(result))
        return out
    out[...] = result
    return out


def _at(ufunc: np.ufunc, target: Any, key: Any, *values: Any) -> None:
    """Compute `ufunc.at`, which repeats its operation for repeated indices."""
    operands = [base(lift(value)) for value in values]
    if is_lifted(target):
        _lifted_ufunc(ufunc).at(base(target), base(key), *operands)
        return
    note_cast()
    ufunc.at(target, key, *(midpoints(lift(value)) for value in values))
