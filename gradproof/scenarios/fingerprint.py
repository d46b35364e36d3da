"""A hash of what a scenario computes: what tells whether two reports speak of the same scenario."""

import dis
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from pathlib import Path
from types import CodeType, EllipsisType, FunctionType, MethodType, ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.source import INSTALLED, Source


def fingerprint(data: Iterable[Any], functions: Iterable[Callable[..., Any] | None]) -> str:
    """Give 16 hexadecimal digits of the data and 16 of the functions, joined by a hyphen.

    Of a function the bytecode and its constants are hashed, without names of files, numbers of lines, names
    of local variables and the texts of docstrings; so are its defaults, the values that its closure holds,
    the global values that it reads and the functions that it calls, each the same way, also those of other
    modules. Bytecode differs between versions of Python, so that the second half can be compared only within
    one (3.12, say).

    What it cannot see: functions of installed packages, of Python's own and of gradproof's other modules
    (known by their names, since a report tells the versions), what a function imports while it runs, classes
    (known by their names), and values of types that are neither plain numbers, texts, collections, arrays nor
    dataclasses (known by their types).

    >>> def halved(factor):
    ...     return fingerprint([np.ones(2)], [lambda x: factor * x])
    >>> halved(0.5) == halved(0.5)
    True
    >>> halved(0.5)[:17] == halved(0.25)[:17], halved(0.5) == halved(0.25)
    (True, False)
    """
    hashes = _Hashes()
    return f"{hashes.of(tuple(data)).hex()}-{hashes.of(tuple(functions)).hex()}"


class _Hashes:
    """Hashes values by what they hold, never by where they lie, so that every process gives the same."""

    def __init__(self) -> None:
        # The values are kept beside their hashes: the id of one that is gone may be given to another.
        self._known: dict[int, tuple[Any, bytes]] = {}

    def of(self, value: Any) -> bytes:
        """Give the hash of a value."""
        if id(value) not in self._known:
            # What refers to itself (a recursive function) finds this mark instead of its own hash.
            self._known[id(value)] = (value, b"itself")
            parts = [part if isinstance(part, bytes) else str(part).encode() for part in self._parts(value)]
            lengths = ",".join(str(len(part)) for part in parts).encode()
            content = b"".join((lengths, b":", *parts))
            self._known[id(value)] = (value, hashlib.blake2b(content, digest_size=8).digest())
        return self._known[id(value)][1]

    def _parts(self, value: Any) -> Iterable[str | bytes]:
        parts: Iterable[str | bytes]
        match value:
            case np.ndarray() | np.generic():
                parts = self._array(np.asarray(value))
            case Source():
                parts = ("source",)  # where code lies is no part of what it computes
            case Enum():
                parts = _name(type(value)), value.name
            case None | bool() | int() | float() | complex() | str() | bytes() | EllipsisType():
                parts = type(value).__name__, repr(value)
            case list() | tuple():
                parts = type(value).__name__, *map(self.of, value)
            case set() | frozenset():
                # Their order differs from process to process.
                parts = type(value).__name__, *sorted(map(self.of, value))
            case Mapping():
                parts = "mapping", *(self.of(part) for item in value.items() for part in item)
            case CodeType() | FunctionType() | MethodType() | functools.partial():
                parts = self._function(value)
            case _:
                parts = self._object(value)
        return parts

    def _array(self, array: NDArray[Any]) -> Iterable[str | bytes]:
        start = ("array", array.dtype.str, str(array.shape))
        if array.dtype.hasobject:
            return (*start, *(self.of(entry) for entry in array.ravel().tolist()))
        return (*start, array.tobytes())

    def _function(self, value: Any) -> Iterable[str | bytes]:
        if isinstance(value, CodeType):
            constants = value.co_consts
            return (
                "code",
                value.co_code,
                getattr(value, "co_exceptiontable", b""),
                str((value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount, value.co_flags)),
                *value.co_names,
                *map(self.of, constants),
            )
        if isinstance(value, MethodType):
            return "method", self.of(value.__func__), self.of(value.__self__)
        if isinstance(value, functools.partial):
            return "partial", self.of(value.func), self.of(value.args), self.of(value.keywords)
        code = value.__code__
        if value.__doc__ is not None and code.co_consts[:1] == (value.__doc__,):
            code = code.replace(co_consts=(None, *code.co_consts[1:]))
        return (
            "function",
            self.of(code),
            self.of(value.__defaults__),
            self.of(value.__kwdefaults__),
            *(self._cell(cell) for cell in value.__closure__ or ()),
            *self._globals(value),
        )

    def _cell(self, cell: Any) -> bytes:
        try:
            return self.of(cell.cell_contents)
        except ValueError:  # Python's answer where nothing has been put into it yet
            return b"empty"

    def _globals(self, function: FunctionType) -> Iterable[str | bytes]:
        for name in sorted(_globals_read(function.__code__)):
            if name in function.__globals__:
                yield name
                yield from self._read(function.__globals__[name], function)

    def _read(
        self, value: Any, function: FunctionType, via: tuple[ModuleType, ...] = ()
    ) -> Iterable[str | bytes]:
        """Hash a value that a function reads by a name: a global one, or one of a module, `via` others."""
        inner = getattr(value, "__wrapped__", value)  # of one that was compiled, say
        if isinstance(value, ModuleType):
            yield self.of(value)
            # Modules may import each other.
            if value not in via and not is_installed(_file(value)):
                for name in sorted(_names(function.__code__) & vars(value).keys()):
                    yield name
                    yield from self._read(vars(value)[name], function, (*via, value))
        elif (
            isinstance(inner, FunctionType)
            and inner.__globals__ is not function.__globals__
            and is_installed(inner.__code__.co_filename)
        ):
            yield _name(inner)
        else:
            yield self.of(value)

    def _object(self, value: Any) -> Iterable[str | bytes]:
        if isinstance(value, type):
            return "class", _name(value)
        if isinstance(value, ModuleType):
            return "module", value.__name__
        kind = _name(type(value))
        if is_dataclass(value):
            return kind, *(self.of(getattr(value, field.name, None)) for field in fields(value))
        wrapped = getattr(value, "__wrapped__", None)
        if isinstance(wrapped, FunctionType):
            return kind, self.of(wrapped)
        return kind, str(getattr(value, "__qualname__", "") or getattr(value, "__name__", ""))


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Give code and that of all functions that are defined in it."""
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _globals_read(code: CodeType) -> set[str]:
    return {
        instruction.argval
        for each in _codes(code)
        for instruction in dis.get_instructions(each)
        if instruction.opname in {"LOAD_GLOBAL", "LOAD_NAME"}
    }


def _names(code: CodeType) -> set[str]:
    """Give all names that code reads, of attributes too."""
    return {name for each in _codes(code) for name in each.co_names}


def _file(module: ModuleType) -> str:
    return getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), "")


@functools.cache
def is_installed(file: str) -> bool:
    """Tell whether a file is Python's own, of an installed package, or of gradproof."""
    if not file or file.startswith("<frozen"):
        return True
    path = Path(file)
    return not _INSTALLED.isdisjoint(path.parents) or not INSTALLED.isdisjoint(path.parts)


_INSTALLED = frozenset({Path(functools.__file__).parent, Path(__file__).parents[1]})
"""Where Python's own modules lie, and gradproof's."""


def _name(value: Any) -> str:
    return f"{value.__module__}.{value.__qualname__}"
