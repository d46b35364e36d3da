"""What a rule gives, and how rules are found: a mistake at a place, a choice of operations, the registry."""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import chain
from string import Template
from types import MappingProxyType
from typing import TypeAlias

from gradproof.reference.tape import OPERATIONS, Operation, Trait
from gradproof.reference.tape.operations import entrywise
from gradproof.verdicts.causes.graph import Change, Use
from gradproof.verdicts.causes.kinds import CauseKind

Key: TypeAlias = tuple[str, str]


@dataclass(frozen=True)
class Mistake:
    """A wrong derivative at one use of an operand, or a wrong adjoint of a value.

    Attributes:
        kind: the kind of cause.
        words: what follows "your gradient of w is the true one with ". $at stands for the operation with its
            line, other words with a $ for `fields`: what differs between places of one and the same mistake.
        change: the wrong derivative, from the adjoint of the result.
        more: how much more far-fetched it is than its kind.
        factor: the constant that the true derivative is multiplied by, where it is only that.
        solved: whether the search finds such factors at single places by solving for them.
        source: the node whose adjoint the change takes, where it is not the result's.
        fields: what stands for the words with a $.
        name: what tells it apart from others of its place, where `words` do not.
    """

    kind: CauseKind
    words: str
    change: Change
    more: float = 0.0
    factor: float | None = None
    solved: bool = False
    source: int | None = None
    fields: Mapping[str, object] = field(default_factory=dict)
    name: str = ""

    @property
    def key(self) -> Key:
        """What tells it apart from others of its place, the same at all places and on all kinds of number."""
        return self.name or self.words, self.kind.slug

    @property
    def cost(self) -> float:
        """How far-fetched it is."""
        return self.kind.cost + self.more

    def phrase(self, at: object) -> str:
        """Write its words for an operation and its line.

        >>> Mistake(CauseKind.SIGN, "the derivative of $at negated", lambda g: -g).phrase("exp (mine.py:3)")
        'the derivative of exp (mine.py:3) negated'
        """
        return Template(self.words).substitute(self.fields, at=at)


def wrong(
    kind: CauseKind,
    changes: Mapping[str, Change],
    more: float = 0.0,
    fields: Mapping[str, object] = MappingProxyType({}),
) -> Iterator[Mistake]:
    """Make mistakes of one kind, from their words and what they make of the result's adjoint g."""
    for words, change in changes.items():
        yield Mistake(kind, words, change, more, fields=fields)


# ------------------------------------------------------------------------ for which operations


Operations: TypeAlias = frozenset[Operation | None]


@cache
def having(traits: Trait, without: Trait = Trait.NONE, operands: int | None = None) -> Operations:
    """Choose the operations that have some traits, lack others, and take so many operands.

    >>> OPERATIONS["exp"] in FUNCTIONS, OPERATIONS["negative"] in FUNCTIONS, None in FUNCTIONS
    (True, False, False)
    """
    known = (each for each in OPERATIONS.values() if operands in {None, each.operands})
    return frozenset(each for each in known if traits in each.traits and not without & each.traits)


ANY = having(Trait.NONE)
"""All operations."""

FUNCTIONS = having(Trait.ELEMENTWISE, without=Trait.LINEAR | Trait.PIECEWISE_CONSTANT, operands=1)
"""Functions of a single number whose slope is no constant."""

SELECTING = having(Trait.ELEMENTWISE | Trait.SELECTS)
"""Let some entries through and stop the others."""

PRODUCTS = having(Trait.NONE, without=Trait.LINEAR | Trait.SELECTS | Trait.PIECEWISE_CONSTANT, operands=2)
"""The derivative for one operand holds the other: products, quotients, powers."""

WHOLE: Operations = frozenset({None})
"""No operation: all uses of a value together, whose rules change the value's whole adjoint."""

SUMS: Operations = frozenset({entrywise.ADD, entrywise.SUBTRACT})
"""Join terms."""


# ------------------------------------------------------------------------ what a derivative multiplies by


def factor_of(use: Use) -> str:
    """Say what a derivative multiplies by: "the factor 1 - y^2 of $at"; empty where it is no such factor."""
    operation, first = use.operation, use.position == 0
    if operation is None:
        return ""
    if operation.factor:
        what = "the mask" if Trait.SELECTS in operation.traits else "the factor"
        return f"{what} {operation.factor} of $at"
    known = {entrywise.MULTIPLY: "the other factor of $at"}
    known |= {entrywise.DIVIDE: "the division by the denominator of $at"} if first else {}
    selecting = "the mask of $at" if operation in SELECTING else ""
    return known.get(operation, selecting)


def letters_of(use: Use) -> str:
    """Say what the letters of `factor_of` stand for."""
    factor = "" if use.operation is None else use.operation.factor
    said = [text for letter, text in _LETTERS.items() if letter in re.findall(r"\w+", factor)]
    return f" ({', '.join(said)})" if said else ""


_LETTERS = {"x": "x is its operand", "y": "y is its result", "n": "n is its exponent"}


# ------------------------------------------------------------------------ the registry

Rule: TypeAlias = Callable[[Use], Iterator[Mistake]]
"""What can be wrong at one place."""

RULES: list[tuple[Collection[Operation | None], Rule]] = []


def rule(operations: Collection[Operation | None]) -> Callable[[Rule], Rule]:
    """Register a rule for the uses that some operations make of their operands, or for whole adjoints."""

    def register(function: Rule) -> Rule:
        RULES.append((operations, function))
        return function

    return register


def mistakes_at(use: Use) -> dict[Key, Mistake]:
    """Give all mistakes at a place, by what tells them apart."""
    with use.graph.context():
        given = (function(use) for operations, function in RULES if use.operation in operations)
        return {each.key: each for each in chain.from_iterable(given)}
