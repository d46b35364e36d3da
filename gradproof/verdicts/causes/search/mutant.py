"""Mutants of the true gradient: most are backward passes with changes, made of mistakes at places."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from numpy.typing import NDArray

from gradproof.verdicts.causes.graph import Changed, Graph, Spot, Use, Views
from gradproof.verdicts.causes.kinds import SOME_ALONE, CauseKind
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.phrases import sentence

Changes: TypeAlias = Callable[[Graph], Mapping[Spot, Changed]]
"""The changes of a backward pass, on a graph in whichever kind of number it is."""


@dataclass(frozen=True)
class Mutant:
    """A gradient that may be the claimed one.

    Attributes:
        kind: the kind of cause.
        phrase: what follows "your gradient of w is the true one with ".
        more: how much more far-fetched it is than its kind.
        where: the operation and its line.
        gradients: by parameter that it changes, its gradient: in balls if True is given, else in float64.
        factor: a constant that it holds, if any.
        alone: whether it changes parameters too whose claims are right, and is meant without that.
        told: the whole sentence, from the parameters that it explains, where it is another one.
    """

    kind: CauseKind
    phrase: str
    more: float
    where: str
    gradients: Callable[[bool], Mapping[str, NDArray[Any]]]
    factor: float | None = None
    alone: bool = False
    told: Callable[[Sequence[str]], str] | None = None

    @property
    def cost(self) -> float:
        """How far-fetched it is."""
        return self.kind.cost + self.more + SOME_ALONE * self.alone

    def text(self, names: Sequence[str], *, only: bool) -> str:
        """Say that it is the claim in some parameters; in these alone, if so."""
        return self.told(names) if self.told else sentence(self.phrase, names, alone=only)


def backward(views: Views, changes: Changes) -> Callable[[bool], Mapping[str, NDArray[Any]]]:
    """Give the gradients of a backward pass with changes."""

    def gradients(exact: bool) -> Mapping[str, NDArray[Any]]:
        graph = views.balls if exact else views.plain
        return graph.backward(changes(graph))

    return gradients


def changes_of(uses: Sequence[Use], mistakes: Sequence[Mistake]) -> Changes:
    """Make the changes that mistakes are at their places: given on one graph, found again on others."""

    def changes(graph: Graph) -> dict[Spot, Changed]:
        return {use.spot: _change(graph, use, each) for use, each in zip(uses, mistakes, strict=True)}

    return changes


def _change(graph: Graph, use: Use, mistake: Mistake) -> Changed:
    if graph is not use.graph:
        mistake = next(each for each in mistakes_at(graph.use(use.spot)) if each.key == mistake.key)
    return Changed(mistake.change, mistake.source)
