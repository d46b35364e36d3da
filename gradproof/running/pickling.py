"""Calls as bytes that another process can carry out, with closures and functions of the user's modules."""

import marshal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import CodeType, SimpleNamespace
from typing import Any

import cloudpickle
from loky.backend.reduction import dumps

from gradproof.errors import InputError
from gradproof.running.user_modules import users_file


def pickled(function: Callable[..., Any], arguments: tuple[Any, ...]) -> bytes:
    """Pickle a call by loky's pickler, which sends the closures that scenarios are made of.

    Raises:
        InputError: it holds something that cannot be pickled.
    """
    try:
        with _by_value(arguments):
            return bytes(dumps((function, arguments), reducers={CodeType: _reduced_code}))
    except Exception as error:
        raise InputError(
            f"What a scenario holds cannot be sent to a process of its own ({type(error).__name__}: "
            f"{error!s:.200}). Take it out of its functions, or make the runs in this process, with "
            "limits=None or --in-process."
        ) from error


@contextmanager
def _by_value(arguments: tuple[Any, ...]) -> Iterator[None]:
    """Send the functions of tasks as they are: the user's modules may not be found by name, or do much."""
    scenarios = [getattr(task, "scenario", None) or SimpleNamespace() for task in arguments]
    names = {
        getattr(function, "__module__", None)
        for scenario in scenarios
        for function in vars(scenario).values()
        if callable(function)
    }
    names |= {name for scenario in scenarios for name in getattr(scenario, "modules", ())}
    found = [module for name in names - {"__main__"} if (module := sys.modules.get(str(name)))]
    modules = [module for module in found if users_file(module)]
    for module in modules:
        cloudpickle.register_pickle_by_value(module)
    try:
        yield
    finally:
        for module in modules:
            cloudpickle.unregister_pickle_by_value(module)


def _reduced_code(code: CodeType) -> tuple[Any, ...]:
    """Reduce code to bytes that keep its file's name, without which no line of a file could be told."""
    return marshal.loads, (marshal.dumps(code),)
