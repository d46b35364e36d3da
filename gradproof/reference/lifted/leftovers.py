"""What a run on balls leaves behind in the user's own objects, which must not reach a later run in floats.

Code that caches an array (in `self`, in a module's name, in a dictionary, in a closure, with `lru_cache`)
would hand a ball to the next call. So what such a place held is put back after the run, where it holds balls
now; everything else that the code changed stays, as it would of any call. The caches of `lru_cache` are
cleared before and after. Floats that other places keep are to a run on balls what constants of the code are.
"""

import builtins
import operator
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from types import BuiltinFunctionType, CellType, FunctionType, ModuleType
from typing import Any

import numpy as np

from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.exchanges import LiftedModule, exchanges
from gradproof.reference.lifted.lifted_array import LiftedArray
from gradproof.reference.lifted.users_code import (
    is_cache,
    is_instance_of_users,
    is_users,
    is_users_type,
)

_MOST = 100_000
"""No more objects than these are looked at, so that a run does not take long for all that a module holds."""

_ATOMS = frozenset(
    {bool, int, float, complex, str, bytes, type(None), np.ndarray, np.float64, np.int64, np.dtype}
    | {BuiltinFunctionType, np.ufunc, type(np.sum)}
)
"""What holds no other object, or no place that code would cache in."""


_BEHIND = ("__self__", "__func__", "__wrapped__", "func", "args", "keywords")
"""Where a callable that is no function has what it calls."""


class _Items(tuple[Any, ...]):
    """What a list or a set holds."""

    __slots__ = ()


@dataclass(frozen=True)
class Holder:
    """An object of the user's that holds others by name.

    Attributes:
        now: gives what it holds now.
        put: sets a name.
        take: takes a name away.
        is_code: whether code reads its names: a module, a closure, a class or an instance.
    """

    now: Callable[[], dict[Any, Any]]
    put: Callable[[Any, Any], object]
    take: Callable[[Any], object]
    is_code: bool = False

    @property
    def parts(self) -> Iterator[Any]:
        """What it holds."""
        for part in self.now().values():
            yield from part if isinstance(part, _Items) else (part,)

    def exchange(self, exchanged: Mapping[int, Any]) -> None:
        """Put what stands in for what it holds; `exchanges` has it."""
        for name, value in self.now().items() if self.is_code else ():
            if id(value) in exchanged and not name.startswith("__"):
                self.put(name, exchanged[id(value)])

    def put_back(self, held: dict[Any, Any], exchanged: Mapping[int, Any]) -> None:
        """Put back what was there before, at the names that hold balls or what is exchanged now."""
        for name, value in self.now().items():
            # What is the same object as before and was changed itself is a holder of its own.
            if name in held and _is_same(held[name], value):
                continue
            if (name in held and exchanged.get(id(held[name])) is value) or holds_balls(value):
                if name in held:
                    self.put(name, held[name])
                else:
                    self.take(name)


@contextmanager
def lifted_code(function: Callable[..., Any]) -> Iterator[None]:
    """Exchange the modules that a function uses, and put back what holds balls after the block."""
    holders, caches = _reached(function)
    before = [(holder, holder.now()) for holder in holders]
    exchanged = exchanges()
    for each in caches:
        each.cache_clear()
    try:
        for holder in holders:
            holder.exchange(exchanged)
        yield
    finally:
        for holder, held in before:
            holder.put_back(held, exchanged)
        for each in caches:
            each.cache_clear()


def holds_balls(value: Any, depth: int = 8) -> bool:
    """Whether a value is of a run on balls, or holds one that is."""
    if isinstance(value, Ball | LiftedArray | LiftedModule):
        return True
    if isinstance(value, np.ndarray):
        return value.dtype == object and any(isinstance(entry, Ball) for entry in value.flat)
    return depth > 0 and any(holds_balls(part, depth - 1) for part in _within(value, _holder_of(value)))


def _reached(function: Callable[..., Any]) -> tuple[list[Holder], list[Any]]:
    """Find what holds others and is reached from a function, and the functions with lru_cache."""
    holders: list[Holder] = []
    caches: list[Any] = []
    seen: dict[int, Any] = {id(vars(builtins)): builtins}  # what all modules name, and nobody caches in
    waiting: list[Any] = [function]
    while waiting and len(seen) < _MOST:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value  # kept alive, so that no other object gets its id
        if isinstance(value, FunctionType) and not is_users(value.__globals__) and value is not function:
            # a package's own, which may wrap one of the user's
            inner = (part for cell in value.__closure__ or () for part in _attributes(cell).values())
            waiting += [part for part in inner if callable(part)]
            continue
        caches += [value] if is_cache(value) else []
        holder = _holder_of(value)
        holders += [] if holder is None else [holder]
        waiting += [part for part in _within(value, holder) if type(part) not in _ATOMS]
        waiting += _behind(value) if callable(value) else []
        waiting += [vars(value)] if isinstance(value, ModuleType) and is_users(vars(value)) else []
    return holders, caches


def _within(value: Any, holder: Holder | None) -> Iterable[Any]:
    """Give what an object holds that code may cache in."""
    if holder is None:
        return value if isinstance(value, tuple | frozenset) else ()
    return (*holder.parts, type(value)) if is_instance_of_users(value) else holder.parts


def _holder_of(value: Any) -> Holder | None:
    if isinstance(value, dict):
        is_code = "__name__" in value and is_users(value)
        return Holder(partial(dict, value), value.__setitem__, value.__delitem__, is_code)
    if isinstance(value, list | set | deque):
        return Holder(lambda: {"": _Items(value)}, partial(_refill, value), str)
    if isinstance(value, type):
        attributes = Holder(
            lambda: dict(vars(value)), partial(setattr, value), partial(delattr, value), is_code=True
        )
        return attributes if is_users_type(value) else None
    if isinstance(value, CellType) or is_instance_of_users(value):
        put, take = partial(object.__setattr__, value), partial(object.__delattr__, value)
        return Holder(partial(_attributes, value), put, take, is_code=True)
    return None


def _refill(items: Any, _name: str, held: _Items) -> None:
    items.clear()
    (items.update if isinstance(items, set) else items.extend)(held)


def _attributes(value: Any) -> dict[str, Any]:
    """Give the attributes of an instance, or of a cell of a closure."""
    names = [name for each in type(value).__mro__ for name in vars(each).get("__slots__", ())]
    names += ["cell_contents"] if isinstance(value, CellType) else getattr(value, "__dict__", {})
    found = {}
    for name in names:
        with suppress(AttributeError, ValueError):  # a slot or a cell that is empty
            found[name] = getattr(value, name)
    return found


def _behind(value: Any) -> list[Any]:
    """Give what belongs to a callable: its object, its closures, its defaults, its attributes, its module."""
    if isinstance(value, FunctionType):  # what it wraps is among its attributes
        found = [value.__closure__, value.__defaults__, value.__kwdefaults__, vars(value)]
        return [*found, value.__globals__] if is_users(value.__globals__) else found
    return [getattr(value, name, None) for name in _BEHIND]


def _is_same(before: Any, after: Any) -> bool:
    if isinstance(after, _Items):
        return len(before) == len(after) and all(map(operator.is_, before, after))
    return before is after
