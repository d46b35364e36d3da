"""The parameters that functions of the namespace share, and how their arguments are read.

A signature is a function with the parameters that the array API standard gives to `xp.NAME`. It answers the
operands and the keyword arguments of the operation's `forward`, in which axes are counted from the right.

Source: Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/
"""

from typing import Any, TypeAlias

from gradproof.reference.tape.arguments import Axis, Value, all_axes, one_axis, rank_of

Reading: TypeAlias = tuple[tuple[Value, ...], dict[str, Any]]
"""The operands, and the operation's other arguments."""


def one(x: Value, /) -> Reading:
    """One array."""
    return (x,), {}


def two(x1: Value, x2: Value, /) -> Reading:
    """Two arrays that broadcast, or are multiplied."""
    return (x1, x2), {}


def reduced(x: Value, /, *, axis: Axis = None, keepdims: bool = False) -> Reading:
    """A reduction along axes."""
    return (x,), {"axes": all_axes(axis, rank_of(x)), "keepdims": keepdims}


def accumulated(x: Value, /, *, axis: Axis = None, dtype: Any = None, keepdims: bool = False) -> Reading:  # noqa: ARG001 - the kind of number decides how exact it is
    """A reduction that integers may be widened for."""
    return reduced(x, axis=axis, keepdims=keepdims)


def spread(x: Value, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False) -> Reading:
    """A variance, whose divisor is the count less `correction`."""
    (x,), arguments = reduced(x, axis=axis, keepdims=keepdims)
    return (x,), arguments | {"correction": correction}


def along(x: Value, /, *, axis: int = -1) -> Reading:
    """What keeps the shape and takes the entries along an axis together."""
    return (x,), {"axes": (one_axis(axis, rank_of(x)),)}
