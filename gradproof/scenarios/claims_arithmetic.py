"""The certified arithmetic that checks of claims are written in.

All of it runs at the precision of the caller, which the audit sets. A number that a document writes is
taken as the decimal that it is, never through a double.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import flint
import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.numbers import BallNumbers, Balls, Numbers
from gradproof.reference.tape import Tape
from gradproof.reference.tape.namespace import Namespace
from gradproof.reference.tape.node import Tensor

if TYPE_CHECKING:
    from gradproof.scenarios.scenario import Scenario

BallArray = NDArray[np.object_]


def exactly(number: Any) -> arb:
    """Give a number as a ball: a decimal as a string, a Fraction, an integer, a double or a ball.

    >>> print(exactly("0.5"))
    0.500000000000000
    """
    if isinstance(number, str):
        number = fraction(number)
    if isinstance(number, Fraction):
        return arb(flint.fmpq(number.numerator, number.denominator))
    return arb(number)


def fraction(decimal: str) -> Fraction:
    """Give the decimal that a document writes as the fraction that it is.

    Raises:
        InputError: it is no decimal.

    >>> fraction("-0.25")
    Fraction(-1, 4)
    """
    try:
        return Fraction(Decimal(decimal))
    except (InvalidOperation, TypeError, ValueError, OverflowError) as error:
        raise InputError(
            f"A claim states {decimal!r}, which is no decimal number. Give it as a string, as the document "
            'writes it, for example "0.999".'
        ) from error


def balls(values: Any) -> BallArray:
    """Lift an array of decimals, integers, doubles or balls to an array of balls of the same shape."""
    array = np.asarray(values)
    lifted = np.empty(array.size, dtype=object)
    lifted[:] = [exactly(entry) for entry in array.ravel().tolist()]  # Python's own numbers and strings
    return lifted.reshape(array.shape)


class Certified:
    """A function's value and gradient in balls.

    Attributes:
        values: what the function gives, of its shape.
        gradients: by parameter, where the function gives a scalar; else empty.
        output: the node of the tape that holds the value.
        tape: the record of the run.
    """

    def __init__(
        self,
        function: Callable[[Any, Any, Any], Any],
        params: Mapping[str, Any],
        batch: Mapping[str, Any],
    ) -> None:
        """Run `function(xp, params, batch)` on the tape in balls; arrays may hold balls already."""
        kind = Balls(flint.ctx.prec)
        self.tape = tape = Tape(kind)
        parameters = {name: tape.parameter(name, _laned(array)) for name, array in params.items()}
        data = {name: _data(tape, array) for name, array in batch.items()}
        self.output: Tensor = tape.lift(function(Namespace(tape), parameters, data))
        self.values = entries(self.output.value)
        self.gradients: dict[str, BallArray] = {}
        if self.output.shape == ():
            tape.output = self.output
            self.gradients = {
                name: np.broadcast_to(entries(gradient), parameters[name].shape)
                for name, gradient in tape.backward().items()
            }

    @property
    def value(self) -> arb:
        """The only number that the function gives."""
        return self.values.item()

    def nodes(self, operation: str) -> list[Tensor]:
        """Give the results of an operation (`sigmoid`, say), in the order of their computation."""
        return [
            node
            for node in self.tape.nodes
            if node.operation is not None and node.operation.name == operation
        ]

    def derivative_by(self, node: Tensor) -> BallArray:
        """Give the derivative of the function's value with respect to a node, of the node's shape.

        Raises:
            InputError: the value does not depend on the node.
        """
        adjoint = self.tape.adjoint(node)
        if adjoint is None:
            raise InputError("The value does not depend on this node. Ask for one that it is computed from.")
        return np.broadcast_to(entries(adjoint), node.shape)


def prediction(scenario: "Scenario") -> Callable[[Any, Any, Any], Any]:
    """Give the prediction of a scenario.

    Raises:
        InputError: it has none.
    """
    if scenario.flat_predict is None:
        raise InputError(f"Scenario {scenario.name!r} has no prediction. Give it one with `predict=`.")
    return scenario.flat_predict


def entries(numbers: Numbers[Any]) -> BallArray:
    """Give the balls of an array that a tape in balls holds, in its visible shape."""
    assert isinstance(numbers, BallNumbers)  # noqa: S101 - Certified runs in no other kind
    balls_of: BallArray = numbers.balls()[0, ...]
    return balls_of


def _laned(array: Any) -> BallArray:
    return balls(array)[np.newaxis]


def _data(tape: Tape, array: Any) -> Any:
    # A loss is handed integers and booleans as NumPy arrays, as everywhere.
    return array if np.asarray(array).dtype.kind in "iub" else tape.data(_laned(array))


def show(number: arb, digits: int = 10) -> str:
    """Write a ball as a decimal with the digits that are proven, `digits` at most.

    >>> show(exactly("0.125"))
    '0.125'
    """
    text: str = number.str(digits, radius=False)
    mantissa, exponent_mark, exponent = text.partition("e")
    if "." in mantissa:
        mantissa = mantissa.rstrip("0").rstrip(".")
    return mantissa + exponent_mark + exponent
