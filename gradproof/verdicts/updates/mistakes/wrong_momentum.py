"""A momentum that is made, or used, in another way: what no setting of SGD stands for."""

from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from gradproof.reference.optimizers import SGD, At
from gradproof.verdicts.updates.suspected import Altered, Suspicion, TakenSteps

Kept: TypeAlias = dict[str, Any]
Updated: TypeAlias = tuple[Any, Kept]
Change: TypeAlias = Callable[..., Updated]


def wrong_momentum(steps: TakenSteps) -> Iterator[Suspicion]:
    """The momentum of gradient descent goes into the step in another way."""
    rule = steps.optimizer
    if not isinstance(rule, SGD) or not rule.momentum:
        return
    for words, change in (_OF_MOMENTUM | ({} if rule.nesterov else _OF_HEAVY_BALL)).items():
        yield Suspicion(f"{steps.name}'s with {words}", steps.trained(optimizer=Altered(rule, change)))


def _old_buffer(rule: SGD, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    kept = rule.update(xp, weight, gradient, state, at)[1]
    return weight - at.learning_rate * state["momentum"], kept


def _dampened_first(rule: SGD, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    return rule.update(xp, weight, gradient, state, At(xp.maximum(at.number, 2.0), at.learning_rate))


def _buffer_with_rate(rule: SGD, _: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    moved = at.learning_rate * (gradient + rule.weight_decay * weight)
    buffer = rule.momentum * state["momentum"] + moved
    return weight - (moved + rule.momentum * buffer if rule.nesterov else buffer), {"momentum": buffer}


def _ahead(look: Callable[[float, Any, Any], Any]) -> Change:
    """Give a step that looks ahead in another way than Nesterov's g + momentum · b."""

    def change(rule: SGD, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
        kept = rule.update(xp, weight, gradient, state, at)[1]
        gradient = gradient + rule.weight_decay * weight
        return weight - at.learning_rate * look(rule.momentum, gradient, kept["momentum"]), kept

    return change


_OF_HEAVY_BALL: dict[str, Change] = {"the momentum that there was before the step": _old_buffer}
_OF_MOMENTUM: dict[str, Change] = {
    "dampening in the first step, too": _dampened_first,
    "the learning rate inside of the momentum": _buffer_with_rate,
    "Nesterov's momentum as (1 + momentum) times the buffer": _ahead(lambda mu, _, b: (1 + mu) * b),
    "Nesterov's momentum as momentum times the buffer, without the gradient": _ahead(lambda mu, _, b: mu * b),
    "Nesterov's momentum as the gradient and the whole buffer": _ahead(lambda _, g, b: g + b),
}
