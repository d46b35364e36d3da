"""Global settings of Python and of libraries that a run may change, and that are put back after it."""

import builtins
import ctypes
import decimal
import locale
import os
import random
import signal
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np
from threadpoolctl import ThreadpoolController


@dataclass(frozen=True)
class Setting:
    """Something global that can change what later code computes.

    Attributes:
        name: what it is called, as the object of a sentence.
        read: gives its value, of a type that compares with `==`.
        restore: puts a value that was read back.
        complete: whether of a mapping also what is new in it is a change.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object]
    complete: bool = False


def _restore_environment(variables: Mapping[str, str]) -> None:
    os.environ.clear()
    os.environ.update(variables)


def _restore_filters(filters: list[Any]) -> None:
    warnings.resetwarnings()  # which also lets Python forget which warnings it has shown
    for each in filters:
        warnings.filters.append(each)  # type: ignore[attr-defined] # typeshed has a Sequence, it is a list


def _numpy_random() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state()  # noqa: NPY002 - the state that users share
    return name, np.asarray(keys).tobytes(), *rest


def _restore_numpy_random(state: tuple[Any, ...]) -> None:
    name, keys, *rest = state
    np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *rest))  # noqa: NPY002 - see above


def _threads() -> dict[str, int]:
    return {pool["filepath"]: pool["num_threads"] for pool in ThreadpoolController().info()}


def _restore_threads(threads: Mapping[str, int]) -> None:
    for pool in ThreadpoolController().lib_controllers:
        if pool.filepath in threads:
            pool.set_num_threads(threads[pool.filepath])


_DEFAULT_ENVIRONMENT = ctypes.c_void_p(-1)
"""FE_DFL_ENV, as the C libraries of Linux and of macOS have it."""


def _arithmetic() -> bytes:
    """Compute what shows how this thread rounds, and whether it flushes subnormal numbers to zero.

    Of two numbers beside one, and beside minus one, each way of rounding gives others. As bytes: where
    subnormal numbers count as zero they also compare with it as equal.
    """
    beside = np.array([1.0, -1.0]) * np.array([[1.0], [1.5]]) * 2.0**-53
    with np.errstate(all="ignore"):
        return np.append(np.array([1.0, -1.0]) + beside, np.array(sys.float_info.min) / 2).tobytes()


def _restore_arithmetic(_: object) -> None:
    # Where the C library has no such function the process is replaced after such a run, and nothing more.
    restore = getattr(ctypes.CDLL(None), "fesetenv", None)
    if restore is not None:
        restore(_DEFAULT_ENVIRONMENT)


def _restore_path(found: list[str]) -> None:
    sys.path[:] = found  # the list itself is what others hold


_OF_DECIMALS = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")


def _decimals() -> dict[str, Any]:
    context = decimal.getcontext()
    return {name: getattr(context, name) for name in _OF_DECIMALS} | {"traps": dict(context.traps)}


def _restore_decimals(values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(decimal.getcontext(), name, value)


def _signals() -> dict[str, Any]:
    return {each.name: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}


def _restore_signals(handlers: Mapping[str, Any]) -> None:
    for name, handler in handlers.items():
        signal.signal(signal.Signals[name], handler)


def functions_of(*modules: ModuleType | type) -> Setting:
    """Make a setting of the functions that modules and classes hold, which code can replace."""

    def read() -> dict[tuple[int, str], Any]:
        return {
            (position, name): value
            for position, module in enumerate(modules)
            for name, value in vars(module).items()
            if callable(value)
        }

    def restore(functions: Mapping[tuple[int, str], Any]) -> None:
        for (position, name), function in functions.items():
            if vars(modules[position]).get(name) is not function:
                setattr(modules[position], name, function)

    names = ", ".join(module.__name__ for module in modules[:1])
    return Setting(f"functions of {names}", read, restore)


PYTHON = (
    Setting("how floating-point numbers are rounded", _arithmetic, _restore_arithmetic),
    functions_of(builtins),
    Setting("the working directory", os.getcwd, os.chdir),
    Setting("environment variables", lambda: dict(os.environ), _restore_environment, complete=True),
    Setting("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit),
    Setting("where modules are looked for (sys.path)", lambda: [*sys.path], _restore_path),
    Setting("what is done on a signal", _signals, _restore_signals),
    Setting("the context of decimal numbers", _decimals, _restore_decimals),
    Setting(
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda found: locale.setlocale(locale.LC_ALL, found),
    ),
    Setting("how NumPy prints", np.get_printoptions, lambda options: np.set_printoptions(**options)),
    Setting("the filters of warnings", lambda: [*warnings.filters], _restore_filters),
    Setting("the state of Python's random numbers", random.getstate, random.setstate),
    Setting("NumPy's error state", np.geterr, lambda state: np.seterr(**state)),
    Setting("the state of NumPy's random numbers", _numpy_random, _restore_numpy_random),
    Setting("the number of threads", _threads, _restore_threads),
)
"""The settings that every run may change, whatever its framework is."""


def changes(setting: Setting, before: Any) -> Iterator[str]:
    """Tell how a setting differs from a value that was read before; nothing where it does not.

    What is new in a mapping (a library that was imported) is no change of what was there, unless the setting
    says so.
    """
    now = setting.read()
    if not isinstance(before, Mapping):
        if now != before:
            yield _told(setting.name, before, now)
        return
    names = before.keys() | now.keys() if setting.complete else before.keys()
    for name in sorted(names, key=str):
        first, second = before.get(name), now.get(name)
        if first is not second and first != second:
            shown = name[1] if isinstance(name, tuple) else name
            yield _told(f"{setting.name} ({shown})", first, second)


def _told(name: str, before: Any, now: Any) -> str:
    """Say what changed, with the values where they are short."""
    short = all(
        isinstance(each, str | int | float | bool | None) and len(str(each)) < 40 for each in (before, now)
    )
    return f"{name} from {before!r} to {now!r}" if short else name
