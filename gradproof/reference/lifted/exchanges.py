"""What the user's code imports, so exchanged for one run that it makes lifted arrays too.

`np.zeros(3)` makes an array of floats, into which a ball cannot be put without rounding it; `math.exp` rounds
its argument. While a gradient runs on balls, the names in its module that stand for NumPy, `math` and
`scipy.special`, or for functions of theirs, stand for the lifted ones instead. NumPy itself is not touched.
What is reached in another way still works on floats, and is noted when a ball is rounded.
"""

import math
import sys
from collections.abc import Callable, Mapping
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from gradproof.reference.lifted import numpy_functions
from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.calls import NotCertifiedError
from gradproof.reference.lifted.lifted_array import base, cast_to, hand_out, is_lifted, lift
from gradproof.reference.lifted.numpy_functions import full
from gradproof.reference.numbers.elementary import ELEMENTARY, OF_TWO, divide


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


def _lifted_floats(made: Any) -> Any:
    """What NumPy made, its floats lifted: balls may be put into them later."""
    if isinstance(made, tuple):
        return tuple(_lifted_floats(each) for each in made)
    return lift(made) if np.asarray(made).dtype.kind == "f" else made


def _lifting(name: str) -> Callable[..., Any]:
    original = getattr(np, name)
    return lambda *args, **options: _lifted_floats(original(*args, **options))


def _full(shape: Any, fill_value: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
    if is_lifted(fill_value):
        return full(shape, fill_value, dtype)
    return _lifted_floats(np.full(shape, fill_value, dtype, *args, **options))


def _contains_lifted(value: Any) -> bool:
    if isinstance(value, list | tuple):
        return any(_contains_lifted(part) for part in value)
    return is_lifted(value)


def _array(name: str) -> Callable[..., Any]:
    original = getattr(np, name)

    def function(values: Any, dtype: Any = None, *args: Any, **options: Any) -> Any:
        if not _contains_lifted(values):
            return _lifted_floats(original(values, dtype, *args, **options))
        made = lift(original(base(lift(values)), None, *args, **options))
        return made if _is_float(dtype) else cast_to(made, np.dtype(dtype))

    return function


def _from_buffer(buffer: Any, *args: Any, **options: Any) -> Any:
    if is_lifted(buffer):
        raise NotCertifiedError("np.frombuffer reads bytes, and certified numbers have none")
    return np.frombuffer(buffer, *args, **options)


def _finite_info(dtype: Any) -> Any:
    return np.finfo(np.float64 if is_lifted(dtype) else dtype)


@cache
def _numpy_functions() -> dict[str, Any]:
    copying = ("array", "asarray", "asanyarray", "ascontiguousarray", "asfortranarray", "require")
    made = ("zeros", "ones", "eye", "identity", "tri", "linspace", "logspace", "geomspace", "arange")
    like = ("zeros_like", "ones_like", "empty_like", "full_like")
    return {
        "empty": _lifting("zeros"),
        "full": _full,
        "frombuffer": _from_buffer,
        "finfo": _finite_info,
        **{name: _array(name) for name in copying},
        **{name: _lifting(name) for name in (*made, *like)},
    }


# -------------------------------------------------------------------- math, scipy.special

_TO_INTEGERS = ("floor", "ceil", "trunc")
_TESTS = ("isnan", "isinf", "isfinite")


def _math_function(name: str) -> Callable[..., Any]:
    original = getattr(math, name)
    entry = ELEMENTARY.get(name) or OF_TWO.get(name)

    def function(*args: Any) -> Any:
        if not any(is_lifted(arg) for arg in args):
            return original(*args)
        balls = [lift(arg).item().arb for arg in args]
        if entry is None:
            return bool(getattr(np, name)(lift(args[0])))
        if name == "log" and len(balls) == 2:
            return hand_out(Ball(divide(*(entry.numpys(ball) for ball in balls))))
        result = Ball(entry.numpys(*balls))
        return int(result) if name in _TO_INTEGERS else hand_out(result)

    return function


@cache
def _math_functions() -> dict[str, Any]:
    """All of `math` that the table of elementary functions has."""
    known = {*ELEMENTARY, *OF_TWO, *_TESTS}
    return {"fsum": sum, **{name: _math_function(name) for name in vars(math) if name in known}}


def _special(module: Any, name: str, ours: Any) -> Callable[..., Any]:
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


def exchanges() -> dict[int, Any]:
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
