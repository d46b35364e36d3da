"""What the table of operations holds for each: traits, the parameters of its function, derivatives.

Source of the parameters: Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, auto
from typing import Any, TypeAlias

from gradproof.reference.numbers import Mask, Numbers
from gradproof.reference.tape.arguments import Axis, Value, all_axes, one_axis, rank_of

# -------------------------------------------------------------------- traits


class Trait(Flag):
    """What is known of an operation beside its derivative, so that others choose by it and not by its name.

    Each trait has a law, and tests hold every operation of the table to it in both directions: an operation
    that keeps the law has the trait, so that none can be forgotten. They are joined by `|`.

    >>> Trait.LINEAR in Trait.LINEAR | Trait.REDUCTION
    True
    """

    NONE = 0

    ELEMENTWISE = auto()
    """An entry of the result depends on the operands' entries in its own place alone; operands broadcast."""

    LINEAR = auto()
    """The result is linear in all operands together: f(x + c y) = f(x) + c f(y)."""

    BILINEAR = auto()
    """There are two operands, and the result is linear in each while the other is held."""

    MOVES_ENTRIES = auto()
    """Each entry of the result is an entry of an operand, and which one does not depend on the values."""

    KEEPS_ORDER = auto()
    """The entries of the result are those of its one operand, in the same (row by row) order."""

    SELECTS = auto()
    """Each entry of the result is an entry of an operand, or 0, and which one is chosen by the values or by a
    condition: its derivative lets some entries through and stops the others."""

    EXTREMUM = auto()
    """The greatest or the least of some entries, which share its derivative where they tie."""

    PIECEWISE_CONSTANT = auto()
    """The derivative is 0 wherever there is one."""

    REDUCTION = auto()
    """Takes entries along `axes` (or `axis`) together, whatever their order, into one each."""

    AVERAGES = auto()
    """A reduction that divides by the number of entries: it is the same of entries that are each repeated."""

    NORMALISES = auto()
    """Keeps the shape, and a constant that is added along `axes` changes nothing."""

    ACTIVATION = auto()
    """A function of one number that networks are written with as a layer's nonlinearity."""

    MATRICES = auto()
    """Works on the last two axes, matrix by matrix, and on no vector."""

    READS_RESULT = auto()
    """The derivative's rule uses the result y."""

    FROM_RESULT = auto()
    """The derivative's rule uses the result y, and no operand's values: tanh' = 1 - y²."""


# -------------------------------------------------------------------- how arguments are read

Reading: TypeAlias = tuple[tuple[Value, ...], dict[str, Any]]
"""What a signature answers: the operands, and the other arguments of `forward`; axes count from the right."""


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


# -------------------------------------------------------------------- operations

Array: TypeAlias = Numbers[Any]

Rule: TypeAlias = Callable[..., Array]
"""A derivative for one operand: rule(g, y, *operands, **arguments).

g is the derivative of the loss with respect to the result y. The rule answers the derivative with
respect to its operand, in a shape that broadcasting may have widened: the tape sums it back.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Accurate:
    """How an operation is computed from rounded operands with all the digits that they leave.

    A textbook's formula may cancel, or use a result that is rounded already: 1 - tanh² is 0 where tanh rounds
    to 1. These rules are computed without a rounding inside but those of sums, and their results are rounded
    once; see `gradproof.reference.noise`. They are written for floats; balls need none of them.

    Attributes:
        forward: in place of `Operation.forward`; None where the textbook's is as good.
        derivatives: in place of the first of `Operation.derivatives`, likewise.
        loses: what loses digits in the textbook's formula, in words.
        keeps: what keeps them.
        source: where the identity is derived.
    """

    forward: Rule | None = None
    derivatives: tuple[Rule | None, ...] = ()
    loses: str
    keeps: str
    source: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """One operation: how it computes, and its derivative for each operand.

    Attributes:
        name: The name in the array API standard, where it has one.
        summary: What it computes, in one line, as the function of the namespace says it.
        traits: What is known of it, to choose by.
        signature: A function with the parameters of the namespace's function of that name, which reads
            them; None if there is no such function.
        integers: What computes it of integers and booleans, which have no gradient, with the same arguments;
            None where they become numbers of the tape.
        forward: forward(*operands, **arguments) -> result.
        derivatives: One rule per operand; a single rule that also takes `position` if `variadic`.
        domain: Where the derivative holds.
        kinks: Where the operation has no derivative, and what it has instead.
        at_kink: at_kink(*operands, **arguments) tells where the operands are at a kink; undecided
            where they may be. None if there are no kinks.
        source: Where the derivative is derived.
        variadic: Whether it takes any number of operands.
        factor: What the derivative multiplies by, as people write it: `1 - y^2`, of the operand x, the
            result y and the arguments by their names; empty where it is no such factor.
        accurate: How it keeps the digits that the rules above may lose in floats; None where each of them is
            one rounding, a few that lose nothing, or sums and products of entries.
    """

    name: str
    summary: str
    traits: Trait
    signature: Callable[..., Reading] | None = None
    integers: Callable[..., Any] | None = None
    forward: Rule
    derivatives: tuple[Rule, ...]
    domain: str = "all reals"
    kinks: str = "none"
    at_kink: Callable[..., Mask] | None = None
    source: str
    variadic: bool = False
    factor: str = ""
    accurate: Accurate | None = None

    @property
    def operands(self) -> int | None:
        """How many operands it takes; None if any number."""
        return None if self.variadic else len(self.derivatives)

    def rule(self, position: int) -> Rule:
        """The derivative's rule for the operand at a position."""
        if not self.variadic:
            return self.derivatives[position]
        shared = self.derivatives[0]
        return lambda g, y, *xs, **arguments: shared(g, y, *xs, position=position, **arguments)

    def accurate_rule(self, position: int) -> Rule:
        """The derivative's rule for the operand at a position that keeps the digits."""
        rules = () if self.accurate is None else self.accurate.derivatives
        kept = rules[position] if position < len(rules) else None
        return kept or self.rule(position)

    def __repr__(self) -> str:
        """The name, as tables and messages show it."""
        return f"<operation {self.name}>"
