"""NumPy's and SciPy's ufuncs on certified numbers."""

import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.calls import NO_PART, NotCertifiedError, check_dtype, given
from gradproof.reference.lifted.lifted_array import (
    HANDLERS,
    LiftedArray,
    base,
    is_lifted,
    lift,
    to_arbs,
)
from gradproof.reference.lifted.matrices import matrix_product, vectors_product
from gradproof.reference.lifted.notes import note_cast
from gradproof.reference.numbers.bounds import midpoints
from gradproof.reference.numbers.elementary import ELEMENTARY, NAN, OF_TWO


def _elementwise(function: Callable[..., Any], operands: int) -> Any:
    on_balls = (
        (lambda x: Ball(function(x.arb))) if operands == 1 else (lambda x, y: Ball(function(x.arb, y.arb)))
    )
    # with an identity of None, it may be reduced along several axes
    return np.frompyfunc(on_balls, operands, 1, identity=None)


def _test(test: Callable[..., Any], operands: int = 1) -> Callable[..., Any]:
    on_arrays = np.frompyfunc(test, operands, 1)
    return lambda *arrays: np.asarray(on_arrays(*arrays), dtype=bool)


_OURS: Mapping[str, Any] = {
    **{name: _elementwise(entry.numpys, 1) for name, entry in ELEMENTARY.items()},
    **{name: _elementwise(entry.numpys, 2) for name, entry in OF_TWO.items()},
    "isfinite": _test(lambda ball: ball.arb.is_finite()),
    "isnan": _test(lambda ball: ball.arb.is_nan()),
    "isinf": _test(lambda ball: not ball.arb.is_finite() and not ball.arb.is_nan()),
    "signbit": _test(lambda ball: ball < 0),
    "less": _test(operator.lt, 2),
    "less_equal": _test(operator.le, 2),
    "greater": _test(operator.gt, 2),
    "greater_equal": _test(operator.ge, 2),
    "equal": _test(operator.eq, 2),
    "not_equal": _test(operator.ne, 2),
    "clip": lambda x, low, high: _OURS["minimum"](_OURS["maximum"](x, low), high),
    "divmod": lambda x, y: (x // y, x % y),
    "matmul": lambda x, y: base(matrix_product(x.view(LiftedArray), y.view(LiftedArray))),
    "vecdot": vectors_product,
}
"""What computes a ufunc of arrays of balls; NumPy's own loops over objects compute the others."""

_LOGICAL = {"logical_and", "logical_or", "logical_xor", "logical_not"}

_OPTIONS: Mapping[str, frozenset[str]] = {
    "__call__": frozenset({"where"}),
    "outer": frozenset({"where"}),
    "reduce": frozenset({"axis", "keepdims", "initial", "where"}),
    "accumulate": frozenset({"axis"}),
    "reduceat": frozenset({"axis"}),
    "at": frozenset(),
}
"""What is honoured, by the ufunc's method; beside `out`, which always is."""


def apply_ufunc(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """Compute a ufunc, or one of its methods, some of whose operands are lifted.

    Raises:
        NotCertifiedError: an option was given that is not honoured.
    """
    out = options.pop("out", None)
    is_logical = ufunc.__name__ in _LOGICAL
    if not is_logical:
        check_dtype(ufunc, options.pop("dtype", None))
    options = {
        name: value for name, value in options.items() if name not in NO_PART and not _is_absent(value)
    }
    if options.get("initial", 0) is None:
        del options["initial"]
    honoured = _OPTIONS[method] | ({"axis"} if ufunc.__name__ == "vecdot" else set())
    honoured |= {"dtype"} if is_logical else set()
    refused = [name for name in options if name not in honoured]
    if refused:
        raise NotCertifiedError(f"np.{ufunc.__name__} with {refused[0]}= is not certified")
    if "where" in options:
        options["where"] = _truth(options["where"])
    if is_logical:
        return given(getattr(ufunc, method)(*(_truth(x) for x in inputs), **options), out)
    if method == "at":
        return _at(ufunc, *inputs)
    indices: tuple[Any, ...] = ()
    if method == "reduceat":
        inputs, indices = inputs[:1], inputs[1:]
    operands = [base(lift(x)) for x in inputs]
    function = _OURS.get(ufunc.__name__, ufunc)
    if method == "reduce":
        return given(_reduced(ufunc, *operands, **options), out)
    if method == "__call__":
        return given(_called(function, operands, options, out), out)
    return given(getattr(function, method)(*operands, *indices, **options), out)


def _is_absent(value: Any) -> bool:
    return value is np._NoValue  # noqa: SLF001 - NumPy's own marker


def _truth(value: Any) -> Any:
    return np.asarray(value != 0) if is_lifted(value) else value


def _called(function: Any, operands: list[Any], options: dict[str, Any], out: Any) -> Any:
    where = options.pop("where", True)
    if where is True:
        return function(*operands, **options)
    # Only where the condition holds is anything computed: that is what the condition is for.
    shape = np.broadcast_shapes(*(x.shape for x in operands), np.shape(where))
    places = np.broadcast_to(where, shape)
    parts = function(*(np.broadcast_to(x, shape)[places] for x in operands), **options)
    several = isinstance(parts, tuple)
    results = []
    for number, part in enumerate(parts if several else (parts,)):
        kept = None if out is None else out[number]
        result = np.full(shape, Ball(NAN) if kept is None else 0, dtype=object)
        if kept is not None:
            result[...] = base(lift(kept))
        result[places] = part if part.dtype == object else part.astype(object)
        results.append(result if part.dtype == object else result.astype(bool))
    return tuple(results) if several else results[0]


def _reduced(
    ufunc: np.ufunc, array: Any, axis: Any = 0, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Any:
    # NumPy knows no identity of objects
    first = ufunc.identity if initial is None and where is not True else initial
    options = {} if first is None else {"initial": base(lift(first)).item()}
    function = _OURS.get(ufunc.__name__, ufunc)
    return function.reduce(array, axis=axis, keepdims=keepdims, where=where, **options)


def _at(ufunc: np.ufunc, target: Any, key: Any, *values: Any) -> None:
    """Compute `ufunc.at`, which repeats its operation for repeated indices."""
    operands = [base(lift(value)) for value in values]
    if is_lifted(target):
        _OURS.get(ufunc.__name__, ufunc).at(base(target), base(key), *operands)
        return
    note_cast()
    ufunc.at(target, key, *(midpoints(to_arbs(value)) for value in values))


HANDLERS["ufunc"] = apply_ufunc
