"""What the user's code holds: numbers and arrays of closures, defaults, modules and objects."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import suppress
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradproof.verdicts.checking.looking import Array, whole

_MOST_HOLDERS, _LONGEST = 500, 100
_NOT_LENGTHS = 1e9
_FRAMEWORKS = {"torch", "jax", "jaxlib", "autograd", "mlx", "tensorflow", "keras"}
_THEIRS = {"numpy", *_FRAMEWORKS, "scipy", "gradproof", "builtins", "functools", "math"}


def held_by(*functions: Any) -> dict[str, Array]:
    """Give the numbers and arrays that functions of the user's name: of closures, defaults, globals, objects.

    Functions of the user's that they call by name are looked at, too; those of installed packages are not. Of
    an object only those attributes count that the code names: that it also holds the data means nothing.
    """
    found: dict[str, Array] = {}
    todo: list[tuple[str, Any]] = [("", function) for function in functions]
    known: set[int] = set()
    while todo and len(known) < _MOST_HOLDERS:
        name, value = todo.pop(0)
        array = _as_array(value)
        if array is not None:
            found.setdefault(name, array)
        elif id(value) not in known:
            known.add(id(value))
            todo += _parts(name, value)
    return found


def _as_array(value: Any) -> Array | None:
    if isinstance(value, bool | str | bytes) or value is None:
        return None
    if isinstance(value, np.ndarray | np.generic | int | float):
        return np.asarray(value) if np.asarray(value).dtype.kind in "fiub" else None
    listed = isinstance(value, list | tuple) and bool(value)
    if listed and all(isinstance(each, int | float | list | tuple) for each in value):
        try:
            array = np.asarray(value)
        except ValueError:  # rows of different lengths
            return None
        return array if array.dtype.kind in "fiub" else None
    return None


def _parts(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Give what a value holds that code can reach by name."""
    if isinstance(value, dict | list | tuple):
        if len(value) <= _LONGEST:
            entries = value.items() if isinstance(value, dict) else enumerate(value)
            yield from ((f"{name}[{key!r}]", entry) for key, entry in entries)
    elif isinstance(value, partial):
        yield "function", value.func
        yield from ((str(place), argument) for place, argument in enumerate(value.args))
        yield from value.keywords.items()
    elif inspect.ismethod(value):
        yield "function", value.__func__
        yield from _named(value.__func__, value.__self__, "self")
    elif isinstance(value, FunctionType) and _is_users(value):
        yield from _parts_of_function(value)
    elif isinstance(call := vars(type(value)).get("__call__"), FunctionType) and _is_users(call):
        yield "function", call
        yield from _named(call, value, name)


def _is_users(function: FunctionType) -> bool:
    return str(function.__module__).partition(".")[0] not in _THEIRS


def _parts_of_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    defaults = function.__defaults__ or ()
    values = dict(zip(code.co_varnames[: code.co_argcount][::-1], defaults[::-1], strict=False))
    values |= function.__kwdefaults__ or {}
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        with suppress(ValueError):  # it is not filled yet
            values[name] = cell.cell_contents
    names = sorted(set(_global_names(code)))
    values |= {name: function.__globals__[name] for name in names if name in function.__globals__}
    for name, value in values.items():
        yield name, value
        yield from _named(function, value, name)
    if wrapped := getattr(function, "__wrapped__", None):
        yield "function", wrapped


def _named(function: Any, holder: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Give those attributes of an object, or of a module of the user's, that a function names."""
    code = getattr(function, "__code__", None)
    kind = holder if isinstance(holder, type) else type(holder)
    module = holder.__name__ if isinstance(holder, ModuleType) else kind.__module__
    if code is None or isinstance(holder, FunctionType) or module.partition(".")[0] in _THEIRS:
        return
    # Not by getattr: a property may do anything.
    members = {**vars(kind), **getattr(holder, "__dict__", {})}
    for attribute in sorted(set(_global_names(code)) & members.keys()):
        yield f"{name}.{attribute}", members[attribute]


def _global_names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _global_names(constant)


def whole_lengths(held: Mapping[str, Array]) -> frozenset[int]:
    """Give the lengths that code holds: its whole numbers, and the lengths of its arrays' axes."""
    numbers = {
        int(a) for a in held.values() if a.ndim == 0 and np.isfinite(a) and whole(a) and a < _NOT_LENGTHS
    }
    return frozenset(numbers | {length for array in held.values() for length in array.shape})
