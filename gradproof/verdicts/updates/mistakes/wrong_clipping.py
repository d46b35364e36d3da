"""Gradients that are clipped in another way, at another place, or not at all."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from typing import Any

from gradproof.reference.advance import advance
from gradproof.reference.clipping import ClipByNorm, ClipByValue, Clipping
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps


def wrong_clipping(steps: TakenSteps) -> Iterator[Suspicion]:
    """The clipping is left out, made after the rule, of each parameter alone, or by another size."""
    clipping = steps.clipping
    if not isinstance(clipping, ClipByNorm | ClipByValue):
        return
    maximum = clipping.maximum
    epsilon = clipping.epsilon if isinstance(clipping, ClipByNorm) else 0.0
    others: dict[str, Clipping | None] = {
        "without clipping": None,
        "with each parameter's gradient clipped on its own": EachAlone(clipping),
        "with gradients clipped by value in place of by norm": ClipByValue(maximum),
        "with gradients scaled to the maximum even where they are smaller": Scaled(
            maximum, epsilon, always=True
        ),
        "with gradients clipped by the square of their norm": Scaled(
            maximum, epsilon, lambda _, square: square
        ),
        "with gradients clipped by the greatest norm of a parameter": ByGreatest(maximum, epsilon),
    }
    if isinstance(clipping, ClipByValue):
        others["with gradients clipped by norm in place of by value"] = ClipByNorm(maximum)
    elif not epsilon:
        others["with gradients clipped with an epsilon of 1e-06"] = replace(clipping, epsilon=1e-6)
    for words, other in others.items():
        if other != clipping:
            yield Suspicion(f"{steps.name}'s {words}", steps.trained(clipping=other))
    after = f"{steps.name}'s with its step clipped instead of the gradient"
    yield Suspicion(after, steps.stepped(make_step=_after_rule(clipping, with_rate=False)))
    after = f"{steps.name}'s with its step, learning rate included, clipped instead of the gradient"
    yield Suspicion(after, steps.stepped(make_step=_after_rule(clipping, with_rate=True)), 1.1)


def _after_rule(clipping: Clipping, *, with_rate: bool) -> Callable[..., Any]:
    """Give a step whose change of the weights is clipped, before or after the learning rate."""

    def step(training: Any, xp: Any, weights: Any, gradients: Any, state: Any, at: Any) -> Any:
        after, kept = advance(replace(training, clipping=None), xp, weights, gradients, state, at)
        rate = 1.0 if with_rate else at.learning_rate
        changes = clipping.clipped(
            xp, {name: (weight - after[name]) / rate for name, weight in weights.items()}
        )
        return {name: weight - rate * changes[name] for name, weight in weights.items()}, kept

    return step


@dataclass(frozen=True)
class EachAlone(Clipping):
    """Each parameter's gradient is clipped without the others'."""

    by: Clipping

    def clipped(self, xp: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Clip one after the other."""
        return {name: self.by.clipped(xp, {name: each})[name] for name, each in gradients.items()}


@dataclass(frozen=True)
class Scaled(Clipping):
    """All gradients are scaled by maximum over a size of them."""

    maximum: float
    epsilon: float = 0.0
    size: Callable[[Any, Any], Any] = lambda xp, square: xp.sqrt(square)
    always: bool = False

    def clipped(self, xp: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Scale all by one factor."""
        square = reduce(add, (xp.sum(each**2) for each in gradients.values()))
        size = self.size(xp, square) + self.epsilon
        factor = self.maximum / (size if self.always else xp.maximum(size, self.maximum))
        return {name: factor * each for name, each in gradients.items()}


@dataclass(frozen=True)
class ByGreatest(Clipping):
    """All gradients are scaled by the maximum over the greatest norm of one parameter's."""

    maximum: float
    epsilon: float = 0.0

    def clipped(self, xp: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Scale all by one factor."""
        norms = [xp.sqrt(xp.sum(each**2)) for each in gradients.values()]
        factor = self.maximum / xp.maximum(reduce(xp.maximum, norms) + self.epsilon, self.maximum)
        return {name: factor * each for name, each in gradients.items()}
