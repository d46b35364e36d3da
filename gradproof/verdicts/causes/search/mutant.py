"""Mutants of the true gradient: most are backward passes with changes, made of mistakes at places."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from gradproof.verdicts.causes.graph import Changed, Gradients, Graph, Spot, Use, Views
from gradproof.verdicts.causes.kinds import SOME_ALONE, CauseKind
from gradproof.verdicts.causes.mistakes import Mistake, mistakes_at
from gradproof.verdicts.causes.phrases import sentence


@dataclass(frozen=True)
class Mutant:
    """A gradient that may be the claimed one.

    Attributes:
        kind: the kind of cause.
        words: what follows "your gradient of w is the true one with "; or a function of the parameters'
            names that gives the whole sentence.
        more: how much more far-fetched it is than its kind.
        where: the operation and its line.
        gradients: by parameter that it changes, its gradient.
        factor: a constant that it holds, if any.
        alone: whether it changes parameters too whose claims are right, and is meant without that.
        solved: gives the mutant with its factor solved for in balls, where `factor` is an estimate.
        counted: whether its gradients in float64 were computed together with others', and counted as work.
    """

    kind: CauseKind
    words: str | Callable[[Sequence[str]], str]
    more: float
    where: str
    gradients: Gradients
    factor: float | None = None
    alone: bool = False
    solved: "Callable[[], Mutant | None] | None" = None
    counted: bool = False

    @property
    def cost(self) -> float:
        """How far-fetched it is."""
        return self.kind.cost + self.more + SOME_ALONE * self.alone

    def exactly(self) -> "Mutant | None":
        """Give it with its factor solved for in balls, where it has one; None if there is no such factor."""
        return self if self.solved is None else self.solved()

    def is_the_same(self, other: "Mutant", names: Sequence[str]) -> bool:
        """Tell whether it is the same change as one at another point."""
        here, there = ((each.kind, each.where, each.told(names, alone=False)) for each in (self, other))
        return here == there

    def told(self, names: Sequence[str], *, alone: bool) -> str:
        """Say that it is the claim in some parameters; `alone`, if only in these."""
        return sentence(self.words, names, alone=alone) if isinstance(self.words, str) else self.words(names)


def with_mistake(views: Views, use: Use, mistake: Mistake) -> Mutant:
    """Make the mutant with one mistake."""
    node = use.node if mistake.source is None else use.graph.nodes[mistake.source]
    [gradients] = views.backward(changes_of([(use, mistake)]))
    return Mutant(mistake.kind, mistake.phrase(use.node), mistake.more, node.where, gradients, mistake.factor)


def changes_of(mistakes: Sequence[tuple[Use, Mistake]]) -> Callable[[Graph], Mapping[Spot, Changed]]:
    """Make the changes that mistakes are at their places: given on one graph, found again on others."""

    def changed(graph: Graph, use: Use, mistake: Mistake) -> Changed:
        found = mistake if graph is use.graph else mistakes_at(graph.use(use.spot))[mistake.key]
        return Changed(found.change, found.source)

    return lambda graph: {use.spot: changed(graph, use, mistake) for use, mistake in mistakes}
