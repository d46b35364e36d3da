"""Mutants of the true gradient: most are backward passes with changes, made of mistakes at places."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from gradproof.verdicts.causes.graph import Changed, Graph, Spot, Use, Views
from gradproof.verdicts.causes.kinds import SOME_ALONE, CauseKind
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at

Changes: TypeAlias = Callable[[Graph], Mapping[Spot, Changed]]
"""The changes of a backward pass, on a graph in whichever kind of number it is."""


@dataclass(frozen=True)
class Mutant:
    """A gradient that may be the claimed one.

    Attributes:
        kind: the kind of cause.
        told: says that it is the claim in some parameters; `alone`, if only in these.
        more: how much more far-fetched it is than its kind.
        where: the operation and its line.
        gradients: by parameter that it changes, its gradient: in balls if True is given, else in float64.
        factor: a constant that it holds, if any.
        alone: whether it changes parameters too whose claims are right, and is meant without that.
    """

    kind: CauseKind
    told: Callable[..., str]
    more: float
    where: str
    gradients: Callable[[bool], Mapping[str, NDArray[Any]]]
    factor: float | None = None
    alone: bool = False

    @property
    def cost(self) -> float:
        """How far-fetched it is."""
        return self.kind.cost + self.more + SOME_ALONE * self.alone


def backward(views: Views, changes: Changes) -> Callable[[bool], Mapping[str, NDArray[Any]]]:
    """Give the gradients of a backward pass with changes."""

    def gradients(exact: bool) -> Mapping[str, NDArray[Any]]:
        graph = views.balls if exact else views.plain
        return graph.backward(changes(graph))

    return gradients


def changes_of(mistakes: Sequence[tuple[Use, Mistake]]) -> Changes:
    """Make the changes that mistakes are at their places: given on one graph, found again on others."""

    def changed(graph: Graph, use: Use, mistake: Mistake) -> Changed:
        found = mistake if graph is use.graph else mistakes_at(graph.use(use.spot))[mistake.key]
        return Changed(found.change, found.source)

    return lambda graph: {use.spot: changed(graph, use, mistake) for use, mistake in mistakes}
