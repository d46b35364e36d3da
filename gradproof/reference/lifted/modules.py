"""What the user's code imports, so exchanged for one run that it makes lifted arrays too.

`np.zeros(3)` makes an array of floats, into which a ball cannot be put without rounding it; `math.exp` rounds
its argument. While a gradient runs on balls, the names in its module that stand for NumPy, `math` and
`scipy.special`, or for functions of theirs, stand for the lifted ones instead. NumPy itself is not touched.
What is reached in another way still works on floats, and is noted when a ball is rounded.
"""

import inspect
import math
import sys
import sysconfig
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache, partial
from types import FunctionType, ModuleType
from typing import Any

import numpy as np

from gradproof.reference.lifted import numpy_functions
from gradproof.reference.lifted.array import base, cast_to, hand_out, is_lifted, lift
from gradproof.reference.lifted.numpy_functions import full

_DEPTH = 4


class LiftedModule:
    """A module some of whose functions are exchanged."""

    def __init__(self, module: ModuleType, exchanged: Mapping[str, Any]) -> None:
        """Stand in for a module."""
        self._module = module
        vars(self).update(exchanged)

    def __getattr__(self, name: str) -> Any:
        """Give what the module itself has."""
        return getattr(self._module, name)


# -------------------------------------------------------------------- NumPy


def _is_float(dtype: Any) -> bool:
    return dtype is None or np.dtype(dtype).kind == "f"


def _filled(name: str, number: float) -> Callable[..., Any]:
    original = getattr(np, name)

    def function(shape: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
        if not _is_float(dtype):
            return original(shape, dtype, *args, **options)
        return full(shape, number)

    return function


def _full(shape: Any, fill_value: Any, dtype: Any = None, **options: Any) -> Any:
    if is_lifted(fill_value) or (np.asarray(fill_value).dtype.kind == "f" and _is_float(dtype)):
        return full(shape, fill_value, dtype)
    return np.full(shape, fill_value, dtype, **options)


def _contains_lifted(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_contains_lifted(part) for part in value)
    return is_lifted(value)


def _array(name: str) -> Callable[..., Any]:
    original = getattr(np, name)
    copies = name == "array"

    def function(values: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
        if _contains_lifted(values):
            lifted = lift(values)
            if copies and options.get("copy", True):
                lifted = base(lifted).copy().view(type(lifted))
            return lifted if _is_float(dtype) else cast_to(lifted, np.dtype(dtype))
        array = original(values, dtype, *args, **options)
        # An array of floats may have balls put into it later.
        return lift(array) if array.dtype.kind == "f" else array

    return function


def _identity(name: str) -> Callable[..., Any]:
    original = getattr(np, name)

    def function(*args: Any, **options: Any) -> Any:
        array = original(*args, **options)
        return lift(array) if array.dtype.kind == "f" else array

    return function


def _finite_info(dtype: Any) -> Any:
    return np.finfo(np.float64 if is_lifted(dtype) else dtype)


@cache
def _numpy_functions() -> dict[str, Any]:
    return {
        "zeros": _filled("zeros", 0.0),
        "empty": _filled("empty", 0.0),
        "ones": _filled("ones", 1.0),
        "full": _full,
        "array": _array("array"),
        "asarray": _array("asarray"),
        "asanyarray": _array("asanyarray"),
        "ascontiguousarray": _array("ascontiguousarray"),
        "asfarray": _array("asarray"),
        "eye": _identity("eye"),
        "identity": _identity("identity"),
        "tri": _identity("tri"),
        "linspace": _identity("linspace"),
        "finfo": _finite_info,
    }


# -------------------------------------------------------------------- math, scipy.special

_MATH = {
    "exp": np.exp,
    "expm1": np.expm1,
    "log": np.log,
    "log1p": np.log1p,
    "log2": np.log2,
    "log10": np.log10,
    "sqrt": np.sqrt,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "asin": np.arcsin,
    "acos": np.arccos,
    "atan": np.arctan,
    "atan2": np.arctan2,
    "sinh": np.sinh,
    "cosh": np.cosh,
    "tanh": np.tanh,
    "fabs": np.abs,
    "pow": np.power,
    "hypot": np.hypot,
    "isnan": np.isnan,
    "isinf": np.isinf,
    "isfinite": np.isfinite,
}

_MATH_METHODS = {"erf": "erf", "erfc": "erfc", "gamma": "gamma", "lgamma": "gammaln"}


def _math_function(name: str) -> Callable[..., Any]:
    original = getattr(math, name)

    def function(*args: Any) -> Any:
        if not any(is_lifted(arg) for arg in args):
            return original(*args)
        if name in _MATH_METHODS:
            return hand_out(getattr(lift(args[0]).item(), _MATH_METHODS[name])())
        if name == "log" and len(args) == 2:
            return np.log(lift(args[0])) / np.log(lift(args[1]))
        return _MATH[name](*(lift(arg) for arg in args))

    return function


@cache
def _math_functions() -> dict[str, Any]:
    functions = {name: _math_function(name) for name in (*_MATH, *_MATH_METHODS)}
    functions["fsum"] = sum
    functions["floor"] = lambda x: int(np.floor(lift(x)).item()) if is_lifted(x) else math.floor(x)
    functions["ceil"] = lambda x: int(np.ceil(lift(x)).item()) if is_lifted(x) else math.ceil(x)
    return functions


def _special(module: Any, name: str, ours: Callable[..., Any]) -> Callable[..., Any]:
    original = getattr(module, name)
    return lambda x, *args, **options: (ours if is_lifted(x) else original)(x, *args, **options)


def _special_functions(module: Any) -> dict[str, Any]:
    ours = {
        "logsumexp": numpy_functions.log_sum_exp,
        "softmax": numpy_functions.softmax,
        "log_softmax": numpy_functions.log_softmax,
    }
    return {name: _special(module, name, function) for name, function in ours.items()}


# -------------------------------------------------------------------- exchanging


def _exchanges() -> dict[int, Any]:
    """Give what stands in for what, by the identity of what it stands for."""
    modules: list[tuple[Any, dict[str, Any]]] = [(np, _numpy_functions()), (math, _math_functions())]
    special = sys.modules.get("scipy.special")
    if special is not None:
        modules.append((special, _special_functions(special)))
    exchanged: dict[int, Any] = {}
    for module, functions in modules:
        exchanged[id(module)] = LiftedModule(module, functions)
        exchanged |= {
            id(getattr(module, name)): function
            for name, function in functions.items()
            if hasattr(module, name)
        }
    scipy = sys.modules.get("scipy")
    if scipy is not None and special is not None:
        exchanged[id(scipy)] = LiftedModule(scipy, {"special": exchanged[id(special)]})
    return exchanged


@contextmanager
def lifted_modules(function: Callable[..., Any]) -> Iterator[None]:
    """Exchange the modules that a function uses, in its own module and in the user's that it imports."""
    exchanged = _exchanges()
    before: list[tuple[dict[str, Any], str, Any]] = []
    cells: list[tuple[Any, Any]] = []
    try:
        for namespace in _namespaces(function):
            for name, value in list(namespace.items()):
                if id(value) in exchanged and not name.startswith("__"):
                    before.append((namespace, name, value))
                    namespace[name] = exchanged[id(value)]
        for cell in _cells(function):
            if id(cell.cell_contents) in exchanged:
                cells.append((cell, cell.cell_contents))
                cell.cell_contents = exchanged[id(cell.cell_contents)]
        yield
    finally:
        for namespace, name, value in before:
            namespace[name] = value
        for cell, value in cells:
            cell.cell_contents = value


def _namespaces(function: Any) -> list[dict[str, Any]]:
    """Find the global names of a function and of the user's own functions and modules that it reaches."""
    found: dict[int, dict[str, Any]] = {}
    layer = [plain.__globals__ for plain in _functions(function)]
    for _ in range(_DEPTH):
        following: list[dict[str, Any]] = []
        for namespace in layer:
            if id(namespace) in found or not _is_users(namespace):
                continue
            found[id(namespace)] = namespace
            for value in list(namespace.values()):
                if isinstance(value, ModuleType):
                    following.append(vars(value))
                else:
                    following += [plain.__globals__ for plain in _functions(value)]
        layer = following
    return list(found.values())


def _functions(value: Any, depth: int = 0) -> list[FunctionType]:
    """Find the Python functions behind a callable: of a method, a partial, a wrapper, a closure."""
    if depth > _DEPTH:
        return []
    if isinstance(value, FunctionType):
        inner = [cell.cell_contents for cell in value.__closure__ or () if _filled_cell(cell)]
        inner += [value.__wrapped__] if hasattr(value, "__wrapped__") else []
        behind = [plain for each in inner for plain in _functions(each, depth + 1)]
        return [value, *behind]
    if isinstance(value, partial):
        return _functions(value.func, depth + 1)
    if inspect.ismethod(value):
        return _functions(value.__func__, depth + 1)
    if isinstance(value, type):
        return [plain for plain in vars(value).values() if isinstance(plain, FunctionType)]
    call = vars(type(value)).get("__call__")
    return [call] if isinstance(call, FunctionType) else []


def _cells(function: Any) -> list[Any]:
    return [cell for plain in _functions(function) for cell in plain.__closure__ or () if _filled_cell(cell)]


def _filled_cell(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - an empty cell raises
    except ValueError:
        return False
    return True


@cache
def _installed() -> tuple[str, ...]:
    paths = sysconfig.get_paths()
    return tuple({paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")})


def _is_users(namespace: Mapping[str, Any]) -> bool:
    """Whether a module is the user's own: not installed, not Python's, and not gradproof's."""
    name, file = str(namespace.get("__name__", "")), str(namespace.get("__file__", ""))
    if name.partition(".")[0] == "gradproof" or name == "builtins":
        return False
    return not file.startswith(_installed())
