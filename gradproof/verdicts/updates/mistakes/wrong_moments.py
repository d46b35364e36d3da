"""Moments that are made, or used, in another way: what no setting of a rule stands for.

A moment m ← a · m + c · t, of a term t of the gradient, is made into another one by another moment from
before: the rule's own update of (m' - c · t) / a gives m'. So the mistakes here are of all rules with such
moments.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from gradproof.reference.optimizers import LAMB, Adam, Adamax, AdamW, At, Lion, Optimizer
from gradproof.verdicts.updates.suspected import Altered, Suspicion, TakenSteps

Kept: TypeAlias = dict[str, Any]
Updated: TypeAlias = tuple[Any, Kept]
Change: TypeAlias = Callable[..., Updated]


def wrong_moments(steps: TakenSteps) -> Iterator[Suspicion]:
    """The moments go into the step in another way."""
    rule, changes = steps.optimizer, dict[str, Change]()
    if moments := moments_of(rule, steps):
        changes |= _OF_MOMENTS
    if any(moment.power == 2 for moment in moments):
        changes |= _OF_SQUARES
    if isinstance(rule, Adam):
        changes |= _OF_ADAM | (_OF_AMSGRAD if rule.amsgrad else {}) | (_OF_NADAM if rule.nesterov else {})
    for words, change in changes.items():
        yield Suspicion(f"{steps.name}'s with {words}", steps.trained(optimizer=Altered(rule, change)))


@dataclass(frozen=True)
class Moment:
    """A running mean or sum of a power of the gradient: m ← kept · m + added · gᵖ.

    Attributes:
        entry: of the state.
        power: p.
        kept: the factor of what there was; not 0.
        added: the factor of the new term.
    """

    entry: str
    power: int
    kept: float
    added: float

    def updated(self, before: Any, term: Any) -> Any:
        """Give it after a term."""
        return self.kept * before + self.added * term

    def before(self, after: Any, term: Any) -> Any:
        """Give what there was before a term that leads to it."""
        return (after - self.added * term) / self.kept


def moments_of(rule: Optimizer, steps: TakenSteps | None = None) -> list[Moment]:
    """Give the moments of a rule that are means or sums, if it is known to have such."""
    beta1, beta2 = getattr(rule, "beta1", None), getattr(rule, "beta2", getattr(rule, "decay", None))
    means = {"first_moment": (1, beta1 if beta1 is not None else beta2), "second_moment": (2, beta2)}
    if isinstance(rule, Lion):
        return []  # its step is made with the momentum from before, and another factor
    if isinstance(rule, Adamax):
        means = {"first_moment": (1, beta1)}
    found = [Moment(entry, power, rate, 1 - rate) for entry, (power, rate) in means.items() if rate]
    found.append(Moment("sum_of_squares", 2, 1.0, 1.0))
    held = steps.stepping.states if steps is not None else {each.entry for each in found}
    return [moment for moment in found if moment.entry in held]


def _decayed(rule: Optimizer, weight: Any, gradient: Any) -> Any:
    """Give the gradient with its weight decay, where that is coupled."""
    apart = isinstance(rule, AdamW | LAMB | Lion) or getattr(rule, "decoupled", False)
    decay = 0.0 if apart else getattr(rule, "weight_decay", 0.0)
    return gradient + decay * weight if decay else gradient


def _by(
    rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Kept, at: At, wanted: Mapping[str, Any]
) -> Updated:
    """Make the rule's update so that some moments come out as they are wanted."""
    g = _decayed(rule, weight, gradient)
    moments = [moment for moment in moments_of(rule) if moment.entry in wanted]
    before = {each.entry: each.before(wanted[each.entry], g**each.power) for each in moments}
    after, kept = rule.update(xp, weight, gradient, {**state, **before}, at)
    return after, {**kept, **{moment.entry: wanted[moment.entry] for moment in moments}}


def _old(rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    kept = rule.update(xp, weight, gradient, state, at)[1]
    return _by(rule, xp, weight, gradient, state, at, state)[0], kept


def _swapped(rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    g = _decayed(rule, weight, gradient)
    wanted = {
        each.entry: each.added * state[each.entry] + each.kept * g**each.power
        for each in moments_of(rule)
        if each.entry in state
    }
    return _by(rule, xp, weight, gradient, state, at, wanted)


def _not_squared(rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    size = xp.abs(_decayed(rule, weight, gradient))
    squares = [each for each in moments_of(rule) if each.entry in state and each.power == 2]
    wanted = {each.entry: each.updated(state[each.entry], size) for each in squares}
    return _by(rule, xp, weight, gradient, state, at, wanted)


_OF_MOMENTS: dict[str, Change] = {
    "the moments that there were before the step": _old,
    "the factors of a moment and of its new term in each other's place": _swapped,
}
_OF_SQUARES: dict[str, Change] = {"|g| in place of g² in the second moment": _not_squared}


# -------------------------------------------------------------------- Adam's own


def _moments(rule: Adam, weight: Any, gradient: Any, state: Kept) -> tuple[Any, Any, Any]:
    """Give the gradient with its decay, and both moments after the step."""
    g = _decayed(rule, weight, gradient)
    first = rule.beta1 * state["first_moment"] + (1 - rule.beta1) * g
    return g, first, rule.beta2 * state["second_moment"] + (1 - rule.beta2) * g**2


def _squared_mean(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    _, first, _ = _moments(rule, weight, gradient, state)
    second = rule.beta2 * state["second_moment"] + (1 - rule.beta2) * first**2
    return _by(rule, xp, weight, gradient, state, at, {"second_moment": second})


def _without_root(rule: Adam, _: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    stepped = rule.decayed(weight, gradient, at)[0]
    _, first, second = _moments(rule, weight, gradient, state)
    mean, square = first / (1 - rule.beta1**at.number), second / (1 - rule.beta2**at.number)
    kept = {**state, "first_moment": first, "second_moment": second}
    return stepped - at.learning_rate * mean / (square + rule.epsilon), kept


def _without_maximum(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    after, kept = replace(rule, amsgrad="").update(xp, weight, gradient, state, at)
    share = 1 - rule.beta2**at.number if rule.amsgrad == "corrected" and rule.correct_second else 1.0
    return after, {**kept, "greatest_moment": kept["second_moment"] / share}


def _one_correction(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    g, first, _ = _moments(rule, weight, gradient, state)
    ahead, plain = rule.beta1 * first + (1 - rule.beta1) * g, replace(rule, nesterov=False)
    after, kept = _by(plain, xp, weight, gradient, state, at, {"first_moment": ahead})
    return after, {**kept, "first_moment": first}


def _in_one_array(rule: Adam, xp: Any, weight: Any, gradient: Any, state: Kept, at: At) -> Updated:
    # `m = v = zeros` in Python: each moment is averaged in place, on top of the other.
    g, first, _ = _moments(rule, weight, gradient, state)
    both = rule.beta2 * first + (1 - rule.beta2) * g**2
    # It may be negative, and then the root is no number, which `Adam.direction` would not give.
    divisor = xp.sqrt(both / (1 - rule.beta2**at.number)) + rule.epsilon
    stepped = rule.decayed(weight, gradient, at)[0]
    kept = {**state, "first_moment": both, "second_moment": both}
    return stepped - at.learning_rate * both / (1 - rule.beta1**at.number) / divisor, kept


_OF_ADAM: dict[str, Change] = {
    "both moments kept in one and the same array": _in_one_array,
    "the square of the first moment in place of the gradient's in the second": _squared_mean,
    "the second moment in place of its root": _without_root,
}
_OF_AMSGRAD: dict[str, Change] = {"the last second moment in place of AMSGrad's maximum": _without_maximum}
_OF_NADAM: dict[str, Change] = {"Nesterov's momentum corrected by 1 - beta1ᵗ throughout": _one_correction}
