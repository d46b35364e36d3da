"""Each keyword of NumPy's functions, ufuncs and methods is honoured on balls, or the run is not certified.

What is called is found by walking NumPy's own lists of what arrays may override: nothing is forgotten.
"""

import inspect
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.special
from numpy.testing import overrides

from gradproof.reference.lifted import Ball, LiftedArray, Lifting, noting, run_lifted, to_arbs
from gradproof.reference.lifted.exchanges import _numpy_functions, _special_functions
from gradproof.reference.lifted.numpy_functions import _TABLE


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What NumPy writes (`np.save("ij,jk->ik", X)`) goes into a folder of the test's own."""
    monkeypatch.chdir(tmp_path)


X = np.array([[0.5, -1.25, 2.0], [0.75, 3.5, -0.5], [1.5, 0.25, 1.0]])
MASK = np.array([[True, False, True], [True, True, False], [False, True, True]])

POSITIONAL: list[tuple[Any, ...]] = [
    (X,),
    (X, X.T),
    (X, 1),
    (MASK, X, X.T),
    (X, X, X.T),
    ([X, X],),
    ("ij,jk->ik", X, X),
    (X[0], X[1]),
    (X @ X.T,),
    (X, np.float64),
]
"""What is tried, one after the other, until a function takes it."""

VALUES: dict[str, list[Any]] = {
    "axis": [0, -1, (0, 1), None],
    "axis1": [1],
    "axis2": [0],
    "axisa": [0],
    "axisb": [0],
    "axisc": [0],
    "axes": [1, ((1,), (0,))],
    "where": [MASK, MASK[:, :1]],
    "keepdims": [True],
    "initial": [0.25],
    "ddof": [1],
    "correction": [1],
    "decimals": [1],
    "offset": [1],
    "dtype": [np.int64, np.float64, bool],
    "casting": ["unsafe"],
    "order": ["F"],
    "subok": [False],
    "ord": [1, 2, np.inf, -np.inf, 0, 3, "fro"],
    "rtol": [1e-2],
    "atol": [3.0],
    "equal_nan": [True],
    "copy": [False],
    "nan": [3.0],
    "posinf": [4.0],
    "neginf": [-4.0],
    "weights": [X[0], X],
    "returned": [True],
    "min": [0.75],
    "max": [1.25],
    "a_min": [0.75],
    "a_max": [1.25],
    "shape": [(2,)],
    "prepend": [0.5],
    "append": [0.5],
    "n": [2],
    "mode": ["wrap"],
    "k": [1],
    "mean": [X.mean(axis=0, keepdims=True)],
    "upper": [True],
    "optimize": [True],
    "b": [X],
    "return_sign": [True],
    "ndmin": [4],
    "retstep": [True],
    "num": [5],
    "include_initial": [True],
}


def names_of(function: Any) -> list[str]:
    try:
        parameters = inspect.signature(function).parameters
    except (ValueError, TypeError):
        return []
    named = [p.name for p in parameters.values() if p.kind in {p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY}]
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        named += ["dtype", "casting", "order", "where"]
    return named


def numbers(result: Any) -> Any:
    """All numbers of a result, as floats; None for what holds other things."""
    if isinstance(result, tuple | list):
        parts = [numbers(part) for part in result]
        return None if any(part is None for part in parts) else np.concatenate([p.ravel() for p in parts])
    if isinstance(result, LiftedArray):
        return np.array([float(ball) for ball in to_arbs(result).ravel()])
    if isinstance(result, Ball):
        return np.array([result.midpoint])
    array = np.asarray(result)
    if array.dtype == object and array.size and all(isinstance(each, Ball) for each in array.flat):
        return np.array([each.midpoint for each in array.flat])
    return array.astype(float).ravel() if array.dtype.kind in "biuf" else None


def called(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The result, `out` and the first argument afterwards."""
    own = copied(args)
    return function(*own, **options), options.get("out", 0.0), own[0]


def copied(args: tuple[Any, ...]) -> list[Any]:
    return [each.copy() if isinstance(each, np.ndarray) else each for each in args]


def seen(outcome: Any) -> Any:
    """The numbers of what `called` gives; None where some are none."""
    found = [numbers(part) for part in outcome if not isinstance(part, str)]
    return None if any(part is None for part in found) else found


def on_floats(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    with np.errstate(all="ignore"):
        try:
            return seen(called(function, args, options))
        except Exception:  # noqa: BLE001 - not a call that NumPy takes
            return None


def filled(result: Any) -> Any:
    return np.full(np.shape(result), 7.0) if np.asarray(result).dtype.kind in "fiub" else None


def calls(function: Any) -> Iterator[tuple[tuple[Any, ...], dict[str, Any]]]:
    """The calls to try: each keyword alone, and `out` with each of them."""
    args = next((each for each in POSITIONAL if on_floats(function, each, {}) is not None), None)
    if args is None:
        return
    yield args, {}
    with np.errstate(all="ignore"):
        result = function(*copied(args))
    out = filled(result) if isinstance(result, np.ndarray | np.generic) else None
    if out is not None:
        yield args, {"out": out}
    for name in [
        *names_of(function),
        *(["where", "dtype", "axis", "keepdims"] if isinstance(function, np.ufunc) else []),
    ]:
        for value in VALUES.get(name, []):
            yield args, {name: value}
            joined = out is not None and name in {"where", "axis", "keepdims", "dtype"}
            if joined and on_floats(function, args, {name: value}) is not None:
                with np.errstate(all="ignore"):
                    shaped = function(*copied(args), **{name: value})
                yield args, {name: value, "out": np.full(np.shape(shaped), 7.0)}


Call = tuple[tuple[Any, ...], dict[str, Any]]


def faults(function: Any, calls: Iterable[Call]) -> list[str]:
    """What is wrong with calls on balls: those that are certified, and not as on floats."""
    fresh = [
        (args, {n: v.copy() if n == "out" else v for n, v in options.items()}) for args, options in calls
    ]
    expected = [
        on_floats(function, args, {n: v.copy() if n == "out" else v for n, v in options.items()})
        for args, options in fresh
    ]
    outcomes = run_lifted(lambda calls: [on_balls(function, *call) for call in calls], (fresh,), 128).result
    return [
        f"{function.__name__} with {options}: {seen(outcome)} instead of {theirs}"
        for (_, options), theirs, outcome in zip(fresh, expected, outcomes, strict=True)
        if theirs is not None and outcome is not None and not same(seen(outcome), theirs)
    ]


def on_balls(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """The outcome; None if it is not certified."""
    with noting(Lifting()) as notes:
        try:
            outcome = called(function, args, options)
        except Exception:  # noqa: BLE001 - refused
            return None
    return outcome if notes.certified else None


def same(ours: Any, theirs: Any) -> bool:
    return all(
        a.shape == b.shape and np.allclose(a, b, rtol=1e-12, atol=1e-12, equal_nan=True)
        for a, b in zip(ours, theirs, strict=True)
    )


FUNCTIONS = sorted(
    # what `empty` arrays hold is nobody's
    {*overrides.get_overridable_numpy_array_functions(), *_TABLE} - {np.empty_like, np.empty},
    key=lambda f: (f.__module__, f.__name__),
)
UFUNCS = sorted(
    {
        *overrides.get_overridable_numpy_ufuncs(),
        *(each for each in vars(scipy.special).values() if isinstance(each, np.ufunc)),
    },
    key=lambda f: f.__name__,
)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_function_honours_or_refuses_each_keyword(function: Any) -> None:
    assert faults(function, calls(function)) == []


@pytest.mark.parametrize("ufunc", UFUNCS, ids=lambda f: f.__name__)
def test_a_ufunc_honours_or_refuses_each_keyword(ufunc: Any) -> None:
    assert faults(ufunc, calls(ufunc)) == []


METHODS = ["reduce", "accumulate", "outer"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    "name", ["add", "subtract", "multiply", "divide", "maximum", "minimum", "logaddexp", "hypot"]
)
def test_a_method_of_a_ufunc_honours_or_refuses_each_keyword(name: str, method: str) -> None:
    bound = getattr(getattr(np, name), method)

    def function(*args: Any, **options: Any) -> Any:
        return bound(*args, **options)

    tried = [(X,), (X, X)]
    args = next(each for each in tried if on_floats(function, each, {}) is not None)
    chosen: list[Call] = []
    for key in ("axis", "keepdims", "initial", "where", "dtype"):
        for value in VALUES[key]:
            for more in ({}, {"initial": 0.5}):
                chosen += with_out(function, args, {key: value} | more)
    assert faults(function, chosen) == []


def with_out(function: Any, args: tuple[Any, ...], options: dict[str, Any]) -> Iterator[Call]:
    """A call that NumPy takes, and the same with `out`."""
    if on_floats(function, args, options) is None:
        return
    yield args, options
    with np.errstate(all="ignore"):
        result = function(*copied(args), **options)
    if isinstance(result, np.ndarray | np.generic):
        yield args, options | {"out": np.full(np.shape(result), 7.0)}


METHODS_OF_ARRAYS = sorted(
    name for name in dir(np.ndarray) if not name.startswith("_") and callable(getattr(np.ndarray, name))
)
OF_MEMORY = {
    "byteswap",
    "dump",
    "dumps",
    "getfield",
    "setfield",
    "setflags",
    "tobytes",
    "tofile",
    "to_device",
    "resize",
}
KEYWORDS_OF_METHODS = (
    "axis",
    "keepdims",
    "where",
    "initial",
    "ddof",
    "decimals",
    "dtype",
    "offset",
    "min",
    "max",
    "mean",
)


@pytest.mark.parametrize("name", [name for name in METHODS_OF_ARRAYS if name not in OF_MEMORY])
def test_a_method_of_an_array_honours_or_refuses_each_keyword(name: str) -> None:
    def function(x: Any, *args: Any, **options: Any) -> Any:
        return getattr(x, name)(*args, **options)

    function.__name__ = name
    args = next(
        (each for each in [*POSITIONAL, (X, [1, 0])] if on_floats(function, each, {}) is not None), None
    )
    if args is None:
        return
    options: list[dict[str, Any]] = [{key: value} for key in KEYWORDS_OF_METHODS for value in VALUES[key]]
    chosen = [call for option in [{}, *options] for call in with_out(function, args, option)]
    assert faults(function, chosen) == []


MADE: dict[str, list[tuple[Any, ...]]] = {
    "eye": [(3,)],
    "identity": [(3,)],
    "tri": [(3,)],
    "linspace": [(0.0, 1.0)],
    "logspace": [(0.0, 1.0)],
    "geomspace": [(1.0, 2.0)],
    "arange": [(0.0, 1.0, 0.25)],
    "zeros": [((2, 2),)],
    "ones": [((2, 2),)],
    "empty": [],
    "empty_like": [],
    "full": [((2, 2), 0.5)],
    "finfo": [],
}


@pytest.mark.parametrize("name", sorted(_numpy_functions()))
def test_what_is_exchanged_honours_or_refuses_each_keyword(name: str) -> None:
    names = (
        "dtype",
        "order",
        "copy",
        "subok",
        "ndmin",
        "retstep",
        "num",
        "endpoint",
        "axis",
        "k",
        "M",
        "N",
        "shape",
    )

    def function(*args: Any, **options: Any) -> Any:
        return getattr(np, name)(*args, **options)

    function.__name__ = name
    tried = [(X,), (MASK,)] if "like" in name else MADE.get(name, [(X,), ([[1.0, 2.0]],), (0.5,)])
    chosen: list[Call] = [
        ((*args, 0.5) if name == "full_like" else args, {key: value})
        for args in tried
        for key in names
        for value in VALUES.get(key, [False] if key == "endpoint" else [4])
    ]
    assert faults(function, [] if name.startswith("empty") else chosen) == []


@pytest.mark.parametrize("name", sorted(_special_functions(scipy.special)))
def test_scipys_functions_honour_or_refuse_each_keyword(name: str) -> None:
    function = getattr(scipy.special, name)

    def on_module(*args: Any, **options: Any) -> Any:
        return getattr(scipy.special, name)(*args, **options)

    on_module.__name__ = name
    chosen: list[Call] = [
        ((X,), {key: value}) for key in names_of(function)[1:] for value in VALUES.get(key, [])
    ]
    assert faults(on_module, chosen) == []


# -------------------------------------------------------------------- the guard itself is guarded


def test_a_keyword_that_is_ignored_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    forgetful: dict[Any, Callable[..., Any]] = dict(_TABLE)
    forgetful[np.tensordot] = lambda a, b, axes=2: _TABLE[np.tensordot](a, b)
    monkeypatch.setattr("gradproof.reference.lifted.numpy_functions._TABLE", forgetful)
    with pytest.raises(AssertionError, match="axes"):
        test_a_function_honours_or_refuses_each_keyword(np.tensordot)


def test_all_that_the_tables_hold_is_tried() -> None:
    tried = {function for function in FUNCTIONS if any(True for _ in calls(function))}
    of_types = {np.common_type, np.min_scalar_type, np.result_type}  # they answer no numbers
    assert set(_TABLE) - {np.empty_like} - of_types <= tried
