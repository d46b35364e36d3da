"""What a family of mutants hands to the search."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes.graph import Change, Changes, Graph


@dataclass(frozen=True)
class Alternate:
    """Another rule for one edge, or for one node's adjoint.

    Attributes:
        key: names it among the alternates of its place, the same on every kind of number.
        kind: the cause's slug.
        phrase: what follows "your gradient of w is the true one with ".
        cost: how far-fetched it is; see `gradproof.verdicts.causes.search`.
        change: the rule.
        factor: the constant that the true rule is multiplied by, where it is only that.
        source: the node whose adjoint the rule takes, where it is not the edge's own.
    """

    key: str
    kind: str
    phrase: str
    cost: float
    change: Change
    factor: float | None = None
    source: int | None = None


Place: TypeAlias = Edge | int
"""An edge, or a node by its index."""


@dataclass(frozen=True)
class Mutant:
    """A changed backward pass.

    Attributes:
        kind: the cause's slug.
        phrase: what follows "your gradient of w is the true one with ".
        cost: how far-fetched it is.
        where: the operation and its line.
        changes: the changes on a graph, in whichever kind of number it is.
        factor: a constant that the change holds, if any.
    """

    kind: str
    phrase: str
    cost: float
    where: str
    changes: Callable[[Graph], Changes]
    factor: float | None = None
