"""What all groups of functions of the namespace share."""

from collections.abc import Callable

from gradproof.reference.tape.arguments import Value, is_discrete
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import Operation
from gradproof.reference.tape.tape import Tape


class Functions:
    """A group of functions that record on one tape."""

    def __init__(self, tape: Tape) -> None:
        """Binds the functions to a tape."""
        self._tape = tape

    def _apply(self, operation: Operation, *operands: Value, **arguments: object) -> Tensor:
        return self._tape.apply(operation, *operands, **arguments)

    def _tensor(self, value: Value) -> Tensor:
        return self._tape.lift(value)


def unary(operation: Operation) -> Callable[[Functions, Value], Tensor]:
    """The function of one array that applies an operation to each entry."""

    def function(self: Functions, x: Value, /) -> Tensor:
        return self._tape.apply(operation, x)

    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = f"{operation.name}, entry by entry."
    return function


def binary(
    operation: Operation, on_integers: Callable[..., Value] | None = None
) -> Callable[[Functions, Value, Value], Value]:
    """The function of two arrays that applies an operation to each pair of entries.

    Integers and booleans have no gradient and stay NumPy's: `on_integers` computes them.
    """

    def function(self: Functions, a: Value, b: Value, /) -> Value:
        if on_integers is not None and is_discrete(a, b):
            return on_integers(a, b)
        return self._tape.apply(operation, a, b)

    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = f"{operation.name}, entry by entry."
    return function
