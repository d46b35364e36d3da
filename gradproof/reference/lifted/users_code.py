"""Which code is the user's own, and what of it a function reaches."""

import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache, partial
from importlib.metadata import distributions
from inspect import ismethod
from pathlib import Path
from types import CellType, FunctionType, SimpleNamespace
from typing import Any

_NEVER = frozenset({"gradproof", "numpy", "scipy", "torch", "jax", "jaxlib", "flint", "pandas", "builtins"})
"""Never the user's, wherever they lie."""

_INSTALLED = frozenset({"site-packages", "dist-packages"})
"""The folders that installers put packages into."""

_DEPTH = 4


def is_users(namespace: Mapping[str, Any]) -> bool:
    """Tell whether a module is the user's own: not Python's, not gradproof's, and of no installed package.

    Args:
        namespace: the module's global names.
    """
    return _is_users(str(namespace.get("__name__") or ""), str(namespace.get("__file__") or ""))


@cache
def _is_users(name: str, file: str) -> bool:
    top = name.partition(".")[0]
    if top in _NEVER:
        return False
    if not file:
        # `python -c`, a notebook or a doctest; built-in modules have no file either
        return top not in sys.builtin_module_names
    path = Path(file)
    if _INSTALLED & set(path.parts) or path.is_relative_to(sysconfig.get_path("stdlib")):
        return False
    return top not in _recorded(_root(path, name))


def is_users_type(kind: type) -> bool:
    """Tell whether a class is the user's own."""
    module = sys.modules.get(kind.__module__)
    return module is not None and is_users(vars(module))


def is_instance_of_users(value: Any) -> bool:
    """Tell whether a value is an instance of a class of the user's, or a bare namespace of attributes."""
    return isinstance(value, SimpleNamespace) or (not isinstance(value, type) and is_users_type(type(value)))


def _root(path: Path, name: str) -> str:
    """Give the folder that a module's top-level package lies in."""
    depth = name.count(".") + (path.stem == "__init__")
    return str(path.parents[min(depth, len(path.parents) - 1)])


@cache
def _recorded(folder: str) -> frozenset[str]:
    """Give the top-level names that an installer recorded in a folder, such as one on PYTHONPATH.

    A package that is installed in development mode records none of its own files, and stays the user's.
    """
    records = (package.read_text("RECORD") or "" for package in distributions(path=[folder]))
    lines = (line.partition(",")[0] for record in records for line in record.splitlines())
    return frozenset(line.partition("/")[0].removesuffix(".py") for line in lines)


# -------------------------------------------------------------------- what a function reaches


def functions_behind(value: Any, depth: int = 0) -> list[FunctionType]:
    """Find the Python functions behind a callable: of a method, a partial, a wrapper, a cache, a closure."""
    if depth > _DEPTH:
        return []
    if isinstance(value, FunctionType):
        inner = [cell.cell_contents for cell in _filled(value)]
        inner += [value.__wrapped__] if hasattr(value, "__wrapped__") else []
        return [value, *(plain for each in inner for plain in functions_behind(each, depth + 1))]
    if isinstance(value, type):
        return [plain for plain in vars(value).values() if isinstance(plain, FunctionType)]
    for holds, name in ((isinstance(value, partial), "func"), (ismethod(value), "__func__")):
        if holds:
            return functions_behind(getattr(value, name), depth + 1)
    call = value.__wrapped__ if is_cache(value) else vars(type(value)).get("__call__")
    return [call] if isinstance(call, FunctionType) else []


def is_cache(value: Any) -> bool:
    """Whether a value is a function with functools.lru_cache."""
    return callable(getattr(type(value), "cache_clear", None)) and hasattr(value, "__wrapped__")


def _filled(function: FunctionType) -> Iterator[CellType]:
    for cell in function.__closure__ or ():
        try:
            cell.cell_contents  # noqa: B018 - an empty cell raises
        except ValueError:
            continue
        yield cell
