"""What the user's code holds: numbers and arrays of closures, defaults, modules and objects."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradproof.verdicts.checking.looking import Array, whole

_MOST_HOLDERS, _LONGEST = 500, 100
_NOT_LENGTHS = 1e9
_THEIRS = {"numpy", "torch", "jax", "jaxlib", "scipy", "gradproof", "builtins", "functools", "math"}


def held_by(*functions: Any) -> dict[str, Array]:
    """Give the numbers and arrays that functions of the user's hold: closures, defaults, globals, objects.

    Functions of the user's that they call by name are looked at, too; modules of installed packages are not.
    """
    found: dict[str, Array] = {}
    todo: list[Any] = list(functions)
    known: set[int] = set()
    while todo and len(known) < _MOST_HOLDERS:
        each = todo.pop(0)
        if id(each) in known:
            continue
        known.add(id(each))
        for name, value in _names_in(each):
            array = _as_array(value)
            if array is not None:
                found.setdefault(name, array)
            elif _is_users(value):
                todo.append(value)
            elif isinstance(value, dict | list | tuple) and len(value) <= _LONGEST:
                entries = value.items() if isinstance(value, dict) else enumerate(value)
                todo.append(_Parts({f"{name}[{key!r}]": entry for key, entry in entries}))
    return found


@dataclass(frozen=True, eq=False)
class _Parts:
    values: Mapping[str, Any]


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


def _is_users(value: Any) -> bool:
    module = str(getattr(value, "__module__", "") or "").partition(".")[0]
    if isinstance(value, partial | _Parts):
        return True
    return callable(value) and not isinstance(value, type) and module not in _THEIRS


def _names_in(holder: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(holder, _Parts):
        yield from holder.values.items()
    elif isinstance(holder, partial):
        yield "function", holder.func
        yield from ((str(i), value) for i, value in enumerate(holder.args))
        yield from holder.keywords.items()
    elif inspect.ismethod(holder):
        yield "function", holder.__func__
        yield from getattr(holder.__self__, "__dict__", {}).items()
    elif isinstance(holder, FunctionType):
        yield from _names_in_function(holder)
    else:
        yield from getattr(holder, "__dict__", {}).items()
        call = vars(type(holder)).get("__call__")
        if isinstance(call, FunctionType):
            yield "function", call


def _names_in_function(function: FunctionType) -> Iterator[tuple[str, Any]]:
    code = function.__code__
    for name, cell in zip(code.co_freevars, function.__closure__ or (), strict=True):
        try:
            yield name, cell.cell_contents
        except ValueError:  # not filled yet
            continue
    names = set(_global_names(code))
    if function.__defaults__:
        yield from zip(code.co_varnames[: code.co_argcount][::-1], function.__defaults__[::-1], strict=False)
    yield from (function.__kwdefaults__ or {}).items()
    if wrapped := getattr(function, "__wrapped__", None):
        yield "function", wrapped
    for name in sorted(names):
        value = function.__globals__.get(name)
        if isinstance(value, ModuleType):
            members = vars(value)
            yield from (
                (f"{name}.{n}", members[n])
                for n in sorted(names & members.keys())
                if _as_array(members[n]) is not None
            )
        elif value is not None:
            yield name, value


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
