"""The certified arithmetic that checks of claims are written in.

All of it runs at the precision of the caller, which `Claim.judge` sets. A number that a document writes is
taken as the decimal that it is, never through a double.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from math import inf
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
from gradproof.reference.truth import EQUAL_DIGITS
from gradproof.scenarios.claims import Finding, confirmed, refuted, undecided

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


def agreement(claimed: BallArray, exact: BallArray) -> tuple[float, bool]:
    """Give the digits to which the worst entry is proven to agree, and whether one is proven to differ.

    >>> agreement(balls(["1.5", "2"]), balls(["1.5", "2"]))
    (inf, False)
    >>> agreement(balls(["1.5"]), balls(["1"]))[1]
    True
    """
    digits, apart = inf, False
    for ours, true in zip(np.ravel(claimed), np.ravel(exact), strict=True):
        distance = abs(ours - true)
        apart = apart or bool(distance > 0)
        if distance.is_zero():
            continue
        ratio = distance / abs(true)
        upper = ratio.upper() if ratio.is_finite() else arb("inf")
        digits = min(digits, float(-upper.log() / arb(10).log()) if upper.is_finite() else 0.0)
    return digits, apart


def compare(claimed: Mapping[str, Any], exact: Mapping[str, Any], what: str, **more: Any) -> Finding:
    """Judge a formula by the truth, entry by entry.

    Args:
        claimed: by name, balls of the true arrays' shapes.
        exact: by name, balls.
        what: the formula as the subject of a sentence.
        more: attributes of the Finding if it is refuted.
    """
    pairs = {name: agreement(balls(claimed[name]), balls(exact[name])) for name in exact}
    digits = min(found for found, _ in pairs.values())
    if digits >= EQUAL_DIGITS:
        agrees = (
            "equals the exact one" if digits == inf else f"agrees with the exact one to {int(digits)} digits"
        )
        return confirmed(f"{what} {agrees}.", digits=digits)
    wrong = [name for name, (_, apart) in pairs.items() if apart]
    if not wrong:
        return undecided(f"{what} could not be told from the exact one: the balls are too wide.")
    name = min(wrong, key=lambda each: pairs[each][0])
    ours, true = _worst(balls(claimed[name]), balls(exact[name]))
    return refuted(
        f"{what} is proven to differ: for {name} it gives {show(ours)}, and {show(true)} is true.",
        **{"stated": show(ours), "exact": show(true, 30), "digits": max(digits, 0.0), **more},
    )


def _worst(claimed: BallArray, exact: BallArray) -> tuple[arb, arb]:
    """Give the entry with the fewest digits that agree, claimed and exact."""
    pairs = list(zip(np.ravel(claimed), np.ravel(exact), strict=True))
    return min(pairs, key=lambda pair: agreement(np.array([pair[0]]), np.array([pair[1]]))[0])


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


def compare_decimal(stated: str, exact: arb, what: str, **more: Any) -> Finding:
    """Judge a decimal that a document writes by the exact number.

    A decimal is right if it is the exact number rounded to as many places, or cut off after them; the
    finding says which.

    Args:
        stated: the decimal as the document writes it: its last digit tells how exact it means to be.
        exact: the true number.
        what: what the number is, as the subject of a sentence.
        more: attributes of the Finding if it is refuted.

    >>> compare_decimal("0.999", exactly("0.99999"), "the output").reason
    'the output is 0.99999, which 0.999 is cut off to 3 places (rounded, it would be 1.000).'
    """
    claimed = fraction(stated)
    places = max(0, -int(Decimal(stated).as_tuple().exponent))
    unit = exactly(Fraction(1, 10**places))
    distance = abs(exact - exactly(claimed))
    numbers = {"stated": stated, "exact": show(exact, 30)}
    digits = agreement(np.array([exactly(claimed)]), np.array([exact]))[0]
    # Where the ball is this narrow, a number that it does not tell from the middle of two decimals is taken
    # as the middle, which may be rounded to either side.
    narrow = exact.is_finite() and exact.rad() < unit * exactly("1e-15")
    if distance <= unit / 2 or (narrow and not distance > unit / 2):
        rounded = f", which {stated} is rounded {_to(places)}" if digits < EQUAL_DIGITS else ""
        exactness = " exactly" if digits == inf else rounded
        return confirmed(f"{what} is {show(exact)}{exactness}.", digits=digits, **numbers)
    towards_zero = exact - exactly(claimed) if exact > 0 else exactly(claimed) - exact
    if towards_zero > 0 and towards_zero < unit:
        would_be = f"{Decimal(show(exact, 40)):.{places}f}"
        reason = f"which {stated} is cut off {_to(places)} (rounded, it would be {would_be})"
        return confirmed(f"{what} is {show(exact)}, {reason}.", digits=digits, **numbers)
    if narrow or distance > unit or (towards_zero < 0 and distance > unit / 2):
        reason = f"{what} is {show(exact)}, and {stated} is stated."
        return refuted(reason, **{**numbers, "digits": max(digits, 0.0), **more})
    return undecided(f"{what} could not be told from {stated}: the ball is too wide.", **numbers)


def _to(places: int) -> str:
    if not places:
        return "to a whole number"
    return "to 1 place" if places == 1 else f"to {places} places"
