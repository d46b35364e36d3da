"""How a call of NumPy's reaches our function for it: each keyword is honoured or refused, none is ignored."""

import inspect
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from gradproof.reference.lifted.lifted_array import LiftedArray, base, hand_out, is_lifted, lift, to_arbs
from gradproof.reference.lifted.notes import note_cast
from gradproof.reference.numbers.bounds import midpoints

NO_PART = frozenset({"order", "subok", "casting", "optimize", "device"})
"""Options that have no part in the numbers: the layout in memory, the class of the result, how to compute."""


class NotCertifiedError(TypeError):
    """A call that NumPy knows and certified arithmetic does not follow; the run is then not certified."""


@cache
def _signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except ValueError:  # written in C, in versions of NumPy that do not tell
        return None


def call_as_numpys(
    function: Any, ours: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Call ours as NumPy's function was called.

    Ours has NumPy's names for the parameters that it honours; `out` is honoured here, for all functions.

    Raises:
        NotCertifiedError: an argument was given that ours does not honour.
    """
    args, options = by_name(function, ours, args, options)
    out = options.pop("out", None)
    known = inspect.signature(ours).parameters
    if "dtype" not in known:
        check_dtype(function, options.pop("dtype", None))
    options = {name: value for name, value in options.items() if name not in NO_PART}
    refused = [name for name in options if name not in known]
    if refused:
        raise NotCertifiedError(f"np.{function.__name__} with {refused[0]}= is not certified")
    return given(ours(*args, **options), out)


def by_name(
    function: Any, ours: Callable[..., Any] | None, args: tuple[Any, ...], options: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Give the arguments by NumPy's names, without those that are NumPy's defaults."""
    signature = _signature(function) or (ours and inspect.signature(ours))
    if signature is None:
        return args, options
    bound = signature.bind(*args, **options).arguments
    places: list[Any] = []
    names: dict[str, Any] = {}
    for name, value in bound.items():
        parameter = signature.parameters[name]
        if parameter.kind is parameter.VAR_POSITIONAL:
            places += value
        elif parameter.kind is parameter.POSITIONAL_ONLY:
            places.append(value)
        elif parameter.kind is parameter.VAR_KEYWORD:
            names |= value
        elif value is not parameter.default and value is not np._NoValue:  # noqa: SLF001 - NumPy's own marker  # type: ignore[attr-defined]
            names[name] = value
    return tuple(places), names


def check_dtype(function: Any, dtype: Any) -> None:
    """Refuse a dtype that is not one of floats, in which nothing is rounded.

    Raises:
        NotCertifiedError: the dtype is one of integers, booleans or complex numbers.
    """
    if dtype is not None and np.dtype(dtype).kind not in "fO":
        raise NotCertifiedError(f"np.{function.__name__} with dtype={np.dtype(dtype)} is not certified")


def given(result: Any, out: Any) -> Any:
    """Hand a result out, into an array that was given for it if there is one."""
    if isinstance(out, tuple):
        if len(out) > 1:
            return tuple(given(part, own) for part, own in zip(result, out, strict=True))
        (out,) = out
    if out is None:
        return hand_out(result)
    if isinstance(out, LiftedArray):
        base(out)[...] = base(lift(result))
    elif is_lifted(hand_out(result)) and out.dtype.kind != "O":
        note_cast()
        np.copyto(out, midpoints(to_arbs(result)), casting="unsafe")
    else:
        out[...] = base(hand_out(result))
    return out
