"""A moment or a momentum that is made, or used, in another way: what no setting of a rule stands for."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeAlias

from gradproof.reference.optimizers import SGD, Adam, At
from gradproof.verdicts.updates.suspected import Altered, Suspicion, TakenSteps

Kept: TypeAlias = dict[str, Any]
Updated: TypeAlias = tuple[Any, Kept]
Change: TypeAlias = Callable[..., Updated]


def wrong_moments(steps: TakenSteps) -> Iterator[Suspicion]:
    """The momentum, or Adam's moments, go into the step in another way."""
    rule = steps.optimizer
    changes: dict[str, Change] = {}
    if isinstance(rule, SGD) and rule.momentum:
        changes = _OF_MOMENTUM | ({} if rule.nesterov else _OF_HEAVY_BALL)
    elif isinstance(rule, Adam) and rule.beta1 and rule.beta2:
        changes = _OF_ADAM | (_OF_AMSGRAD if rule.amsgrad else {}) | (_OF_NADAM if rule.nesterov else {})
    for words, change in changes.items():
        yield Suspicion(f"{steps.name}'s with {words}", steps.trained(optimizer=Altered(rule, change)))


# -------------------------------------------------------------------- momentum


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


# -------------------------------------------------------------------- Adam's moments


def _by(
    rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At, first: Any, second: Any
) -> Updated:
    """Step by given moments: the update that makes these of the moments from before.

    m = β m₀ + (1 - β) g is solved for m₀, and likewise v.
    """
    _, g = rule.decayed(weight, gradient, at)
    before = {
        **state,
        "first_moment": (first - (1 - rule.beta1) * g) / rule.beta1,
        "second_moment": (second - (1 - rule.beta2) * g**2) / rule.beta2,
    }
    return rule.update(xp, weight, gradient, before, at)


def _moments(rule: Adam, weight: Any, gradient: Any, state: Kept, at: At) -> tuple[Any, Any, Any]:
    """Give the gradient with its decay, and both moments after the step."""
    _, g = rule.decayed(weight, gradient, at)
    first = rule.beta1 * state["first_moment"] + (1 - rule.beta1) * g
    return g, first, rule.beta2 * state["second_moment"] + (1 - rule.beta2) * g**2


def _old_moments(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    kept = rule.update(xp, weight, gradient, state, at)[1]
    old = state["first_moment"], state["second_moment"]
    return _by(rule, xp, weight, gradient, state, at, *old)[0], kept


def _not_squared(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    g, first, _ = _moments(rule, weight, gradient, state, at)
    second = rule.beta2 * state["second_moment"] + (1 - rule.beta2) * xp.abs(g)
    return _by(rule, xp, weight, gradient, state, at, first, second)


def _squared_mean(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    _, first, _ = _moments(rule, weight, gradient, state, at)
    second = rule.beta2 * state["second_moment"] + (1 - rule.beta2) * first**2
    return _by(rule, xp, weight, gradient, state, at, first, second)


def _without_root(rule: Adam, _: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    stepped, _g = rule.decayed(weight, gradient, at)
    _g, first, second = _moments(rule, weight, gradient, state, at)
    mean, square = first / (1 - rule.beta1**at.number), second / (1 - rule.beta2**at.number)
    kept = {**state, "first_moment": first, "second_moment": second}
    return stepped - at.learning_rate * mean / (square + rule.epsilon), kept


def _weights_swapped(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    g, _, _ = _moments(rule, weight, gradient, state, at)
    first = (1 - rule.beta1) * state["first_moment"] + rule.beta1 * g
    second = (1 - rule.beta2) * state["second_moment"] + rule.beta2 * g**2
    return _by(rule, xp, weight, gradient, state, at, first, second)


def _without_maximum(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    after, kept = replace(rule, amsgrad="").update(xp, weight, gradient, state, at)
    share = 1 - rule.beta2**at.number if rule.amsgrad == "corrected" and rule.correct_second else 1.0
    return after, {**kept, "greatest_moment": kept["second_moment"] / share}


def _one_correction(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    g, first, second = _moments(rule, weight, gradient, state, at)
    ahead, plain = rule.beta1 * first + (1 - rule.beta1) * g, replace(rule, nesterov=False)
    after, kept = _by(plain, xp, weight, gradient, state, at, ahead, second)
    return after, {**kept, "first_moment": first}


_OF_ADAM: dict[str, Change] = {
    "the moments that there were before the step": _old_moments,
    "the mean of |g| in place of the mean of g²": _not_squared,
    "the square of the first moment in place of the gradient's in the second": _squared_mean,
    "the second moment in place of its root": _without_root,
    "beta and 1 - beta in each other's place": _weights_swapped,
}
_OF_AMSGRAD: dict[str, Change] = {"the last second moment in place of AMSGrad's maximum": _without_maximum}
_OF_NADAM: dict[str, Change] = {"Nesterov's momentum corrected by 1 - beta1ᵗ throughout": _one_correction}
