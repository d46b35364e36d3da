"""The array that a loss computes with: its value, and where it came from."""

import operator
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Mask
from gradproof.reference.tape.arguments import Value, positions_of
from gradproof.reference.tape.operations import (
    Array,
    Operation,
    entrywise,
    matrix_products,
    moving,
)
from gradproof.reference.tape.source import Source, caller

if TYPE_CHECKING:
    from gradproof.reference.tape.tape import Tape


_OPERATORS: Mapping[str, Callable[[Any, Any], Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "matmul": operator.matmul,
    "power": operator.pow,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
    "equal": operator.eq,
    "not_equal": operator.ne,
}
"""The functions that NumPy calls for an operator whose left operand is its own array."""


class MissingAttributeError(UnsupportedError, AttributeError):
    """A loss asked an array for an attribute that arrays of the standard do not have."""


class Tensor:
    """A node of the tape, used like an array.

    Attributes:
        value: The numbers.
        tape: The tape that computed it.
        operation: The table's entry that computed it; None for parameters, data and constants.
        parents: The operands.
        arguments: The operation's other arguments (axes, shapes, positions).
        source: The line of the loss that computed it.
        index: Its place on the tape; None if no parameter has a part in it.
        name: The parameter's name, if it is one.
    """

    __slots__ = ("arguments", "index", "name", "operation", "parents", "source", "tape", "value")
    __hash__ = None  # type: ignore[assignment] # == compares entries

    def __init__(
        self,
        value: Array,
        tape: "Tape",
        *,
        operation: Operation | None = None,
        parents: tuple["Tensor", ...] = (),
        arguments: Mapping[str, Any] | None = None,
        source: Source,
        name: str = "",
    ) -> None:
        """Records a value; the tape alone calls this."""
        self.value = value
        self.tape = tape
        self.operation = operation
        self.parents = parents
        self.arguments = arguments or {}
        self.source = source
        self.name = name
        self.index: int | None = None

    # ---------------------------------------------------------------- attributes of the standard

    @property
    def shape(self) -> tuple[int, ...]:
        """The lengths of the axes."""
        return self.value.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self.value.ndim

    @property
    def size(self) -> int:
        """The number of entries."""
        return self.value.size

    @property
    def dtype(self) -> np.dtype[Any]:
        """The data type that the kind of number stands for."""
        return self.tape.kind.array_dtype

    @property
    def T(self) -> "Tensor":  # noqa: N802 - the standard's name
        """The transpose of a matrix."""
        if self.ndim != 2:
            raise UnsupportedError(
                f"The attribute T at {caller()} is meant for a matrix, and the shape is "
                f"{self.shape}. Use .mT, or xp.permute_dims(x, axes)."
            )
        return self.mT

    @property
    def mT(self) -> "Tensor":  # noqa: N802 - the standard's name
        """The transpose of each matrix in a stack."""
        return self.tape.apply(moving.MATRIX_TRANSPOSE, self)

    def __getattr__(self, name: str) -> NoReturn:
        """Says which function stands for a method that some array libraries have."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise MissingAttributeError(
            f"The loss asks an array for .{name} at {caller()}, which arrays of the array API "
            f"standard do not have. If there is such a function, call xp.{name}(x, ...)."
        )

    # ---------------------------------------------------------------- arithmetic

    def __add__(self, other: Value) -> "Tensor":
        """The sum."""
        return self.tape.apply(entrywise.ADD, self, other)

    def __radd__(self, other: Value) -> "Tensor":
        """The sum."""
        return self.tape.apply(entrywise.ADD, other, self)

    def __sub__(self, other: Value) -> "Tensor":
        """The difference."""
        return self.tape.apply(entrywise.SUBTRACT, self, other)

    def __rsub__(self, other: Value) -> "Tensor":
        """The difference."""
        return self.tape.apply(entrywise.SUBTRACT, other, self)

    def __mul__(self, other: Value) -> "Tensor":
        """The product, entry by entry."""
        return self.tape.apply(entrywise.MULTIPLY, self, other)

    def __rmul__(self, other: Value) -> "Tensor":
        """The product, entry by entry."""
        return self.tape.apply(entrywise.MULTIPLY, other, self)

    def __truediv__(self, other: Value) -> "Tensor":
        """The quotient."""
        return self.tape.apply(entrywise.DIVIDE, self, other)

    def __rtruediv__(self, other: Value) -> "Tensor":
        """The quotient."""
        return self.tape.apply(entrywise.DIVIDE, other, self)

    def __matmul__(self, other: Value) -> "Tensor":
        """The product of matrices."""
        return self.tape.apply(matrix_products.MATMUL, self, other)

    def __rmatmul__(self, other: Value) -> "Tensor":
        """The product of matrices."""
        return self.tape.apply(matrix_products.MATMUL, other, self)

    def __pow__(self, exponent: Value) -> "Tensor":
        """The power; a whole number as exponent is taken for any base."""
        if isinstance(exponent, int | float | np.number) and float(exponent).is_integer():
            if exponent == 2:
                return self.tape.apply(entrywise.SQUARE, self)
            return self.tape.apply(entrywise.INTEGER_POWER, self, exponent=int(exponent))
        return self.tape.apply(entrywise.POW, self, exponent)

    def __rpow__(self, base: Value) -> "Tensor":
        """The power."""
        return self.tape.apply(entrywise.POW, base, self)

    def __neg__(self) -> "Tensor":
        """The negation."""
        return self.tape.apply(entrywise.NEGATIVE, self)

    def __pos__(self) -> "Tensor":
        """The array itself."""
        return self

    def __abs__(self) -> "Tensor":
        """The absolute value."""
        return self.tape.apply(entrywise.ABS, self)

    # ---------------------------------------------------------------- comparisons

    def __lt__(self, other: Value) -> Mask:
        """Whether it is less."""
        return self.value < self.tape.lift(other).value

    def __le__(self, other: Value) -> Mask:
        """Whether it is less or equal."""
        return self.value <= self.tape.lift(other).value

    def __gt__(self, other: Value) -> Mask:
        """Whether it is greater."""
        return self.value > self.tape.lift(other).value

    def __ge__(self, other: Value) -> Mask:
        """Whether it is greater or equal."""
        return self.value >= self.tape.lift(other).value

    def __eq__(self, other: Value) -> Mask:  # type: ignore[override] # by entry, as in NumPy
        """Whether it is equal."""
        return self.value.equals(self.tape.lift(other).value)

    def __ne__(self, other: Value) -> Mask:  # type: ignore[override] # by entry, as in NumPy
        """Whether it is unequal."""
        return ~self.value.equals(self.tape.lift(other).value)

    # ---------------------------------------------------------------- entries

    def __getitem__(self, key: object) -> "Tensor":
        """Basic and integer indexing."""
        return self.tape.apply(moving.GATHER, self, positions=positions_of(key, self.shape))

    def __len__(self) -> int:
        """The length of the first axis."""
        if not self.shape:
            raise TypeError("an array without axes has no length")
        return self.shape[0]

    def __iter__(self) -> Iterator["Tensor"]:
        """The entries along the first axis."""
        return (self[i] for i in range(len(self)))

    def __bool__(self) -> NoReturn:
        """Not to be had.

        Raises:
            UnsupportedError: Always; the value may be a ball, or many lanes.
        """
        raise UnsupportedError(
            f"The loss asks at {caller()} whether a computed array is true, as `if` and `while` "
            "do. Choose between values with xp.where(condition, a, b)."
        )

    def __float__(self) -> NoReturn:
        """Not to be had.

        Raises:
            UnsupportedError: Always; the value may be a ball, or many lanes.
        """
        raise UnsupportedError(
            f"The loss turns a computed array into a Python number at {caller()}, which loses its "
            "gradient. Keep it as an array, and use xp's functions."
        )

    __int__ = __index__ = __complex__ = __array__ = __float__

    # ---------------------------------------------------------------- NumPy's calls

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Value, **options: Any) -> Any:
        """Serves ndarray + Tensor and the like; refuses NumPy's other functions by name."""
        compute = _OPERATORS.get(ufunc.__name__)
        if compute is None or method != "__call__" or options:
            self._refuse(ufunc.__name__)
        left, right = inputs
        return compute(self.tape.lift(left), right)

    def __array_function__(
        self,
        function: Callable[..., Any],
        _types: object,
        _arguments: object,
        _options: object,
    ) -> NoReturn:
        """Refuses NumPy's functions by name."""
        self._refuse(function.__name__)

    def _refuse(self, name: str) -> NoReturn:
        raise UnsupportedError(
            f"The loss calls numpy.{name} on an array of the tape at {caller()}, and NumPy cannot "
            f"follow its gradient. Call xp.{name}, or what xp has in its place."
        )

    def __format__(self, _specification: str) -> str:
        """The operation and the shape, whatever format a loss that prints asks for."""
        return repr(self)

    def __repr__(self) -> str:
        """The operation and the shape."""
        origin = self.operation.name if self.operation else self.name or "constant"
        return f"Tensor({origin}, shape={self.shape})"
