"""What the table of operations holds for each operation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from gradproof.reference.numbers import Mask, Numbers
from gradproof.reference.tape.operations.signatures import Reading
from gradproof.reference.tape.operations.traits import Trait

Array: TypeAlias = Numbers[Any]

Rule: TypeAlias = Callable[..., Array]
"""A derivative for one operand: rule(g, y, *operands, **arguments).

g is the derivative of the loss with respect to the result y. The rule answers the derivative with
respect to its operand, in a shape that broadcasting may have widened: the tape sums it back.
"""


@dataclass(frozen=True, kw_only=True, eq=False)
class Operation:
    """One operation: how it computes, and its derivative for each operand.

    Attributes:
        name: The name in the array API standard, where it has one.
        summary: What it computes, in one line, as the function of the namespace says it.
        traits: What is known of it, to choose by.
        signature: The parameters of the namespace's function of that name, and how they are read; None if
            there is no such function.
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

    def __repr__(self) -> str:
        """The name, as tables and messages show it."""
        return f"<operation {self.name}>"
