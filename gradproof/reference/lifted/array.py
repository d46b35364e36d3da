"""Arrays of certified balls that plain NumPy code runs on as it stands.

`LiftedArray` is an ndarray of objects, each a `Ball`. NumPy hands its functions to it (NEP 13, NEP 18), so
that what NumPy lacks on objects is added, what it would guess (a maximum of overlapping balls) is computed
soundly, and Python's numbers that get mixed in become balls.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.lifted.ball import Ball, as_arb

Balls = NDArray[np.object_]

_FLOAT64 = np.dtype(np.float64)
_wrap: Callable[..., Balls] = np.frompyfunc(Ball, 1, 1)


def _lift_entry(value: Any) -> Any:
    if type(value) is Ball:
        return value
    if isinstance(value, np.ndarray) and value.ndim == 0:
        return _lift_entry(value.item())
    ball = as_arb(value)
    if ball is None:
        raise TypeError(f"a {type(value).__name__} among certified numbers")
    return Ball(ball)


_lift_entries: Callable[..., Balls] = np.frompyfunc(_lift_entry, 1, 1)
_ARB: Callable[..., Balls] = np.frompyfunc(lambda ball: ball.arb, 1, 1)


class LiftedArray(np.ndarray[Any, Any]):
    """An ndarray whose entries are balls; its dtype reads float64, since it stands for such an array."""

    @property
    def dtype(self) -> Any:
        """The dtype of the array that this one stands for."""
        return _FLOAT64

    # ---------------------------------------------------------------- NumPy's protocols

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Compute a ufunc on certified numbers."""
        from gradproof.reference.lifted.ufuncs import apply_ufunc  # noqa: PLC0415 - it needs this class

        return apply_ufunc(ufunc, method, inputs, options)

    def __array_function__(self, function: Any, types: Any, args: Any, options: Any) -> Any:
        """Compute a NumPy function on certified numbers."""
        del types
        from gradproof.reference.lifted.numpy_functions import apply_function  # noqa: PLC0415 - likewise

        return apply_function(function, args, options)

    # ---------------------------------------------------------------- entries

    def __getitem__(self, key: Any) -> Any:
        """Give entries; a single one as an array without axes, which has NumPy's methods too."""
        return hand_out(base(self)[_index(key)])

    def __setitem__(self, key: Any, value: Any) -> None:
        """Set entries; plain numbers are lifted."""
        entries = lift(value)
        base(self)[_index(key)] = entries.item() if entries.ndim == 0 else base(entries)

    def __iter__(self) -> Iterator[Any]:
        """Iterate along the first axis."""
        if self.ndim == 0:
            raise TypeError("iteration over a 0-d array")
        return (self[i] for i in range(len(self)))

    # NumPy's scalars cannot be changed in place, and an array without axes stands for one.

    def __iadd__(self, other: Any) -> Any:  # type: ignore[misc] # NumPy's types know no mixture
        """Add in place."""
        return super().__iadd__(other) if self.ndim else self + other

    def __isub__(self, other: Any) -> Any:  # type: ignore[misc] # NumPy's types know no mixture
        """Subtract in place."""
        return super().__isub__(other) if self.ndim else self - other

    def __imul__(self, other: Any) -> Any:  # type: ignore[misc] # NumPy's types know no mixture
        """Multiply in place."""
        return super().__imul__(other) if self.ndim else self * other

    def __itruediv__(self, other: Any) -> Any:  # type: ignore[misc] # NumPy's types know no mixture
        """Divide in place."""
        return super().__itruediv__(other) if self.ndim else self / other

    # ---------------------------------------------------------------- methods that C code answers

    def astype(self, dtype: Any, *_args: Any, **_options: Any) -> Any:
        """Give another dtype: to a float nothing is rounded, because the formula is what is looked at."""
        return cast_to(self, np.dtype(dtype))

    def mean(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:
        """Compute the mean along axes."""
        del dtype, out
        return np.mean(self, axis=axis, **options)

    def var(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:  # type: ignore[override] # of NumPy's overloads, the common one
        """Compute the variance along axes."""
        del dtype, out
        return np.var(self, axis=axis, **options)

    def std(self, axis: Any = None, dtype: Any = None, out: Any = None, **options: Any) -> Any:  # type: ignore[override] # of NumPy's overloads, the common one
        """Compute the standard deviation along axes."""
        del dtype, out
        return np.std(self, axis=axis, **options)

    def dot(self, other: Any, out: Any = None) -> Any:
        """Compute NumPy's dot product."""
        del out
        return np.dot(self, other)

    def all(self, *args: Any, **options: Any) -> Any:
        """Tell whether all entries differ from 0."""
        return (self != 0).all(*args, **options)

    def any(self, *args: Any, **options: Any) -> Any:
        """Tell whether some entry differs from 0."""
        return (self != 0).any(*args, **options)

    def fill(self, value: Any) -> None:
        """Set all entries to a number."""
        self[...] = value

    def round(self, decimals: Any = 0, out: Any = None) -> Any:
        """Round to so many decimals."""
        del out
        return lift(np.frompyfunc(lambda ball: round(ball, decimals), 1, 1)(base(self)))

    # ---------------------------------------------------------------- looking at it

    def __repr__(self) -> str:
        """Show the midpoints as NumPy shows floats."""
        return repr(midpoints(self))

    def __str__(self) -> str:
        """Show the midpoints as NumPy shows floats."""
        return str(midpoints(self))

    def __format__(self, specification: str) -> str:
        """Format the midpoint of a single number."""
        return format(self.item(), specification) if self.ndim == 0 else str(self)


def base(array: Any) -> Any:
    """Give the plain ndarray under a lifted array; anything else as it is."""
    return array.view(np.ndarray) if isinstance(array, LiftedArray) else array


def lift(values: Any) -> LiftedArray:
    """Lift numbers, arrays of them and nested lists into a lifted array; one that is lifted already stays.

    Raises:
        TypeError: something is no real number.
    """
    if isinstance(values, LiftedArray):
        return values
    array = np.asarray(base(values) if isinstance(values, np.ndarray) else _listed(values))
    if array.dtype == object and _all_balls(array):
        return array.view(LiftedArray)
    if array.dtype.kind not in "iubfO":
        raise TypeError(f"an array of {array.dtype} among certified numbers")
    # frompyfunc hands on Python's own numbers, and gives an object instead of an array without axes.
    entries = np.empty(array.shape, dtype=object)
    entries[...] = _lift_entries(array.astype(object))
    return entries.view(LiftedArray)


def _listed(values: Any) -> Any:
    """Give nested lists with lifted numbers in them such that NumPy makes an array of objects of them."""
    if type(values) is Ball:
        return _boxed(values)
    if isinstance(values, list | tuple):
        return np.array([lift(value) for value in values], dtype=object) if values else np.array([])
    return values


def _boxed(ball: Any) -> Balls:
    box = np.empty((), dtype=object)
    box[()] = ball
    return box


def hand_out(result: Any) -> Any:
    """Give what NumPy computed on objects as what the user's code expects of floats."""
    if type(result) is Ball:
        return _boxed(result).view(LiftedArray)
    if isinstance(result, np.ndarray) and base(result).dtype.hasobject:
        return lift(base(result))
    if (isinstance(result, tuple) and type(result) is tuple) or isinstance(result, list):
        return type(result)(hand_out(part) for part in result)
    return result


def from_arbs(balls: Balls) -> LiftedArray:
    """Wrap an object array of `flint.arb`."""
    entries = np.empty(balls.shape, dtype=object)
    entries[...] = _wrap(balls)
    return entries.view(LiftedArray)


def to_arbs(values: Any) -> Balls:
    """Give the balls of numbers or of a lifted array, as `flint.arb`."""
    array = base(lift(values))
    balls = np.empty(array.shape, dtype=object)
    balls[...] = _ARB(array)
    return balls


def midpoints(array: LiftedArray) -> NDArray[np.float64]:
    """Give the midpoints as floats, for looking at."""
    values = [ball.midpoint for ball in base(array).ravel()]
    return np.array(values, dtype=np.float64).reshape(array.shape)


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
    return array.size > 0 and all(type(entry) is Ball for entry in array.ravel())


def _index(key: Any) -> Any:
    """Give an index key whose computed numbers are integers."""
    if isinstance(key, tuple):
        return tuple(_index(part) for part in key)
    return cast_to(key, np.dtype(np.intp)) if isinstance(key, LiftedArray) else key


def zero() -> Ball:
    """Give the number 0."""
    return Ball(arb(0))
