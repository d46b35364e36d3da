"""The array that a loss computes with: its value, and where it came from."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, NoReturn, Protocol

import numpy as np

from gradproof.errors import UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.numbers import Kind, Mask, Numbers
from gradproof.reference.source import Source, caller
from gradproof.reference.tape.arguments import Value, positions_of
from gradproof.reference.tape.operations import Array, Operation
from gradproof.reference.tape.operations.entrywise import (
    ABS,
    ADD,
    DIVIDE,
    INTEGER_POWER,
    MULTIPLY,
    NEGATIVE,
    POW,
    SQUARE,
    SUBTRACT,
)
from gradproof.reference.tape.operations.jumps import FLOOR_DIVIDE, REMAINDER, ROUND
from gradproof.reference.tape.operations.matrix_products import MATMUL
from gradproof.reference.tape.operations.moving import ASTYPE, GATHER, MATRIX_TRANSPOSE


class Recorder(Protocol):
    """What a node needs of the tape that it is on.

    `Tape` is the only one. It makes nodes, so their module cannot import it, and says here what it needs.
    """

    kind: Kind[Numbers[Any]]
    accurately: Callable[[Operation, Source], bool]
    nodes: list["Tensor"]
    is_closed: bool

    def apply(self, operation: Operation, *operands: Value, **arguments: object) -> "Tensor":
        """Compute an operation and record it."""

    def computed(self, numbers: Numbers[Any]) -> "Tensor":
        """Make numbers of the tape's kind that were computed elsewhere one of its own."""

    def lift(self, value: Value) -> "Tensor":
        """Make a value that meets an array of the tape one of its own."""


_Operator = Callable[["Tensor", Value], "Tensor"]


def _operators(operation: Operation) -> tuple[_Operator, _Operator]:
    """The operator that applies an operation, and the one for a left operand that is no array of the tape."""

    def forward(self: "Tensor", other: Value) -> "Tensor":
        return self.tape.apply(operation, self, other)

    def reflected(self: "Tensor", other: Value) -> "Tensor":
        return self.tape.apply(operation, other, self)

    forward.__doc__ = reflected.__doc__ = operation.summary
    return forward, reflected


def _comparison(compare: Callable[[Array, Array], Mask], text: str) -> Callable[["Tensor", Value], Mask]:
    def compared(self: "Tensor", other: Value) -> Mask:
        return compare(self.tape.lift(self).value, self.tape.lift(other).value)

    compared.__doc__ = text
    return compared


def _refused(_: "Tensor", *_others: Any) -> NoReturn:
    """Not to be had of numbers."""
    raise UnsupportedError(
        f"The loss joins or shifts the bits of computed numbers at {caller()}. "
        "Compare first, as in (x > 0) & (y > 0), or use integers of the batch."
    )


class Tensor(Computed):
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

    __hash__ = None
    __slots__ = ("arguments", "index", "name", "operation", "parents", "source", "tape", "value")

    NOUN = "a computed array"

    def __init__(
        self,
        value: Array,
        tape: Recorder,
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

    device = "cpu"

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
        dtype: np.dtype[Any] = self.value.kind.array_dtype
        return dtype

    @property
    def format(self) -> str:
        """The name of the floating-point format that it is held in; empty where numbers have none."""
        return self.value.format

    def in_format(self, dtype: str) -> "Tensor":
        """The numbers as a format holds them."""
        return self if dtype == self.format else self.tape.apply(ASTYPE, self, dtype=dtype)

    @property
    def T(self) -> "Tensor":  # noqa: N802 - the standard's name
        """The transpose of a matrix."""
        if self.ndim != 2:
            instead = (
                ".mT, or xp.permute_dims(x, axes)" if self.ndim > 2 else "the array itself, or x[:, None]"
            )
            raise UnsupportedError(
                f"The attribute T at {caller()} is meant for a matrix, and the shape is {self.shape}. "
                f"Use {instead}."
            )
        return self.mT

    @property
    def mT(self) -> "Tensor":  # noqa: N802 - the standard's name
        """The transpose of each matrix in a stack."""
        return self.tape.apply(MATRIX_TRANSPOSE, self)

    @property
    def is_kept(self) -> bool:
        """Whether the loss that computed it has ended."""
        return self.tape.is_closed

    # ---------------------------------------------------------------- arithmetic

    __add__, __radd__ = _operators(ADD)
    __sub__, __rsub__ = _operators(SUBTRACT)
    __mul__, __rmul__ = _operators(MULTIPLY)
    __truediv__, __rtruediv__ = _operators(DIVIDE)
    __floordiv__, __rfloordiv__ = _operators(FLOOR_DIVIDE)
    __mod__, __rmod__ = _operators(REMAINDER)
    __matmul__, __rmatmul__ = _operators(MATMUL)
    _power, __rpow__ = _operators(POW)

    def __pow__(self, exponent: Value) -> "Tensor":
        """The power; a whole number as exponent is taken for any base."""
        if isinstance(exponent, int | float | np.number) and float(exponent).is_integer():
            if exponent == 2:
                return self.tape.apply(SQUARE, self)
            return self.tape.apply(INTEGER_POWER, self, exponent=int(exponent))
        return self._power(exponent)

    def __divmod__(self, other: Value) -> tuple["Tensor", "Tensor"]:
        """The floor of the quotient, and the remainder."""
        return self // other, self % other

    def __rdivmod__(self, other: Value) -> tuple["Tensor", "Tensor"]:
        """The floor of the quotient, and the remainder."""
        return self.__rfloordiv__(other), self.__rmod__(other)

    def __neg__(self) -> "Tensor":
        """The negation."""
        return self.tape.apply(NEGATIVE, self)

    def __pos__(self) -> "Tensor":
        """The array itself."""
        return self

    def __abs__(self) -> "Tensor":
        """The absolute value."""
        return self.tape.apply(ABS, self)

    def __round__(self, digits: int | None = None) -> "Tensor":
        """The nearest whole number, or decimal of so many digits."""
        scale: int = 10 ** abs(digits or 0)
        if not digits:
            return self.tape.apply(ROUND, self)
        if digits < 0:
            return self.tape.apply(ROUND, self / scale) * scale
        return self.tape.apply(ROUND, self * scale) / scale

    __and__ = __rand__ = __or__ = __ror__ = __xor__ = __rxor__ = __invert__ = _refused
    __lshift__ = __rlshift__ = __rshift__ = __rrshift__ = _refused

    # ---------------------------------------------------------------- comparisons

    __lt__ = _comparison(operator.lt, "Whether it is less.")
    __le__ = _comparison(operator.le, "Whether it is less or equal.")
    __gt__ = _comparison(operator.gt, "Whether it is greater.")
    __ge__ = _comparison(operator.ge, "Whether it is greater or equal.")
    __eq__ = _comparison(lambda x, y: x.equals(y), "Whether it is equal.")  # type: ignore[assignment] # by entry, as in NumPy
    __ne__ = _comparison(lambda x, y: ~x.equals(y), "Whether it is unequal.")  # type: ignore[assignment] # likewise

    def __bool__(self) -> NoReturn:
        """Not to be had.

        Raises:
            UnsupportedError: Always; the value may be a ball, or many lanes.
        """
        raise UnsupportedError(
            f"The loss asks at {caller()} whether a computed array is true, as `if` and `while` "
            "do. Choose between values with xp.where(condition, a, b)."
        )

    # ---------------------------------------------------------------- entries

    def __getitem__(self, key: object) -> "Tensor":
        """Basic and integer indexing."""
        return self.tape.apply(GATHER, self, positions=positions_of(key, self.shape))

    def _own(self, value: Value) -> "Tensor":
        return self.tape.lift(value)

    def __repr__(self) -> str:
        """The operation and the shape."""
        origin = self.operation.name if self.operation else self.name or "constant"
        return f"Tensor({origin}, shape={self.shape})"
