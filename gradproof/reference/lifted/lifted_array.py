"""Arrays of certified balls that plain NumPy code runs on as it stands.

`LiftedArray` is an ndarray of objects, each a `Ball`. NumPy hands its functions to it (NEP 13, NEP 18), so
that what NumPy lacks on objects is added, what it would guess (a maximum of overlapping balls) is computed
soundly, and Python's numbers that get mixed in become balls.
"""

import operator
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.lifted.ball import Ball, as_arb
from gradproof.reference.lifted.notes import share_of_constants
from gradproof.reference.lifted.trace import noted, noted_taking
from gradproof.reference.numbers.bounds import midpoints

Balls = NDArray[np.object_]

_FLOAT64 = np.dtype(np.float64)


def _lift_entry(value: Any) -> Any:
    if type(value) is Ball:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _lift_entry(value.item())
    ball = as_arb(value)
    if ball is None:
        raise TypeError(f"a {type(value).__name__} among certified numbers")
    return Ball(ball)


def _on_each(function: Callable[[Any], Any]) -> Callable[[NDArray[Any]], Balls]:
    on_arrays = np.frompyfunc(function, 1, 1)
    # a ufunc gives an object instead of an array without axes, but for `out`
    return lambda array: on_arrays(array, out=np.empty(array.shape, dtype=object))


_lifted, _wrapped, _balls = _on_each(_lift_entry), _on_each(Ball), _on_each(arb)
_unwrapped = _on_each(operator.attrgetter("arb"))


HANDLERS: dict[str, Callable[..., Any]] = {}
"""What computes NumPy's calls, by protocol: `ufuncs` and `numpy_functions` put themselves in."""


_MAKING = frozenset({np.empty_like, np.zeros_like, np.ones_like, np.full_like})


class LiftedArray(np.ndarray[Any, Any]):
    """An ndarray whose entries are balls; its dtype reads float64, since it stands for such an array."""

    @property
    def dtype(self) -> Any:
        """The dtype of the array that this one stands for."""
        return _FLOAT64

    # ---------------------------------------------------------------- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute a ufunc on certified numbers."""
        return noted(
            lambda: HANDLERS["ufunc"](ufunc, method, inputs, options),
            (inputs, options.get("where")),
            inputs[0] if method == "at" else None,
        )

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Compute a NumPy function on certified numbers."""
        del types
        if function in _MAKING:  # what it gives depends on no number
            return HANDLERS["function"](function, args, options)
        return noted(lambda: HANDLERS["function"](function, args, options), (args, options))

    # ---------------------------------------------------------------- entries

    def __getitem__(self, key: Any) -> Any:
        """Give entries; a single one as an array without axes, which has NumPy's methods too."""
        return noted_taking(hand_out(base(self)[_index(key)]), self)

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set entries; plain numbers are lifted."""
        entries = lift(value)

        def put() -> None:
            base(self)[_index(key)] = entries.item() if entries.ndim == 0 else base(entries)

        noted(put, (self, entries), self, makes=False)

    def __iter__(self) -> Iterator[Any]:
        """Iterate along the first axis."""
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    def astype(self, dtype: Any, *_args: Any, **_options: Any) -> Any:
        """Give another dtype: to a float nothing is rounded, because the formula is what is looked at."""
        return cast_to(self, np.dtype(dtype))

    def tobytes(self, *_args: Any, **_options: Any) -> bytes:
        """Not to be had: the bytes in memory are no numbers."""
        raise TypeError("the bytes of certified numbers are not those of floats")

    def fill(self, value: Any) -> None:
        """Set all entries to a number."""
        self[...] = value

    # ---------------------------------------------------------------- looking at it

    def __repr__(self) -> str:
        """Show the midpoints as NumPy shows floats."""
        return repr(midpoints(to_arbs(self)))

    def __str__(self) -> str:
        """Show the midpoints as NumPy shows floats."""
        return str(midpoints(to_arbs(self)))

    def __format__(self, specification: str) -> str:
        """Format the midpoint of a single number."""
        return format(self.item(), specification) if self.ndim == 0 else str(self)


def _through(name: str) -> Callable[..., Any]:
    """The method that is NumPy's function of that name, in which it is certified."""

    def method(self: LiftedArray, *args: Any, **options: Any) -> Any:
        return getattr(np, name)(self, *args, **options)

    return method


def _in_place(name: str, compute: Callable[[Any, Any], Any]) -> Callable[..., Any]:
    """An operator in place; NumPy's scalars cannot be changed, and an array without axes stands for one."""

    def changed(self: LiftedArray, other: Any) -> Any:
        return getattr(np.ndarray, name)(self, other) if self.ndim else compute(self, other)

    return changed


_METHODS = (
    *("argmax", "argmin", "argpartition", "argsort", "choose", "clip", "cumprod", "cumsum", "dot", "round"),
    *("searchsorted", "take", "trace"),
)
"""Methods that NumPy's own code does not compute by ufuncs, or with junk where a condition does not hold."""

for _name in _METHODS:
    setattr(LiftedArray, _name, _through(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow"):
    setattr(LiftedArray, f"__i{_name}__", _in_place(f"__i{_name}__", getattr(operator, _name)))


def base(array: Any) -> Any:
    """Give the plain ndarray under a lifted array; anything else as it is."""
    return array.view(np.ndarray) if isinstance(array, LiftedArray) else array


def lift(values: Any) -> LiftedArray:
    """Lift numbers, arrays of them and nested lists into a lifted array; one that is lifted already stays.

    Raises:
        TypeError: something is no real number.
    """
    if isinstance(values, LiftedArray) and base(values).dtype.hasobject:
        return values
    array = np.asarray(base(values) if isinstance(values, np.ndarray) else _listed(values))
    if array.dtype == object and _all_balls(array):
        return array.view(LiftedArray)
    if array.dtype.kind not in "iubfO":
        raise TypeError(f"an array of {array.dtype} among certified numbers")
    if array.dtype.kind != "O" and array.dtype.itemsize <= _FLOAT64.itemsize and not share_of_constants():
        return _wrapped(_balls(array)).view(LiftedArray)
    return _lifted(array.astype(object)).view(LiftedArray)


def _listed(values: Any) -> Any:
    """Give nested lists with lifted numbers in them such that NumPy makes an array of objects of them."""
    if type(values) is Ball:
        return np.array(values, dtype=object)
    if isinstance(values, list | tuple):
        return np.array([lift(value) for value in values], dtype=object) if values else np.array([])
    return values


def hand_out(result: Any) -> Any:
    """Give what NumPy computed on objects as what the user's code expects of floats."""
    if type(result) is Ball:
        return np.array(result, dtype=object).view(LiftedArray)
    if isinstance(result, np.ndarray) and base(result).dtype.hasobject:
        return lift(base(result))
    if hasattr(result, "_fields"):
        return type(result)(*map(hand_out, result))
    if type(result) is tuple or isinstance(result, list):
        return type(result)(hand_out(part) for part in result)
    return result


def from_arbs(balls: Balls) -> LiftedArray:
    """Wrap an object array of `flint.arb`."""
    return _wrapped(balls).view(LiftedArray)


def to_arbs(values: Any) -> Balls:
    """Give the balls of numbers or of a lifted array, as `flint.arb`."""
    return _unwrapped(base(lift(values)))


def cast_to(array: LiftedArray, dtype: np.dtype[Any]) -> Any:
    """Give a lifted array in another dtype: itself copied for floats, integers and booleans where decided."""
    if dtype.kind in "fO":
        return base(array).copy().view(LiftedArray)
    if dtype.kind == "b":
        return array != 0
    if dtype.kind == "c":
        raise TypeError("complex numbers are not certified")
    return np.array([int(ball) for ball in base(array).ravel()], dtype=dtype).reshape(array.shape)


def is_lifted(value: Any) -> bool:
    """Whether a value is a lifted array, a ball, or an object array that holds balls."""
    if isinstance(value, LiftedArray) or type(value) is Ball:
        return True
    return isinstance(value, np.ndarray) and value.dtype == object and _all_balls(value)


def _all_balls(array: Balls) -> bool:
    return set(map(type, array.ravel().tolist())) == {Ball}


def _index(key: Any) -> Any:
    """Give an index key whose computed numbers are integers."""
    if isinstance(key, tuple):
        return tuple(_index(part) for part in key)
    return cast_to(key, np.dtype(np.intp)) if isinstance(key, LiftedArray) else key
