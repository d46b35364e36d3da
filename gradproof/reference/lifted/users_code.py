"""Which code is the user's own."""

import sys
import sysconfig
from collections.abc import Mapping
from functools import cache
from importlib.metadata import distributions
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from gradproof.reference.source import INSTALLED

_NEVER = frozenset({"gradproof", "numpy", "scipy", "torch", "jax", "jaxlib", "flint", "pandas", "builtins"})
"""Never the user's, wherever they lie."""


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
    if INSTALLED & set(path.parts) or path.is_relative_to(sysconfig.get_path("stdlib")):
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


def is_cache(value: Any) -> bool:
    """Whether a value is a function with functools.lru_cache."""
    return callable(getattr(type(value), "cache_clear", None)) and hasattr(value, "__wrapped__")
