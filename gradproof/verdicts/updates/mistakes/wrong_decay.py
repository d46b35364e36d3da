"""Weight decay at another place, or with another factor.

Coupled, λ w is added to the gradient, and goes through the moments; decoupled, it is subtracted from the
weights, times the learning rate of the step (AdamW's, as `torch.optim` and optax have it). Its factor may
lack the learning rate, or the schedule. The way that is the rule's own is among these, and explains no wrong
step.
"""

from collections.abc import Callable, Iterator
from typing import Any

from gradproof.reference.optimizers import Optimizer
from gradproof.verdicts.updates.mistakes.wrong_settings import with_settings
from gradproof.verdicts.updates.suspected import Altered, Suspicion, TakenSteps


def wrong_decay(steps: TakenSteps) -> Iterator[Suspicion]:
    """Weight decay is coupled, decoupled, or has another factor than it should have."""
    decay, base = getattr(steps.optimizer, "weight_decay", 0.0), steps.stepping.training.learning_rate
    if not decay:
        return
    bare = with_settings(steps.optimizer, weight_decay=0.0)

    def coupled(rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Any, at: Any) -> Any:
        return rule.update(xp, weight, gradient + decay * weight, state, at)

    def apart(factor: Callable[[Any], Any]) -> Callable[..., Any]:
        def change(rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Any, at: Any) -> Any:
            after, kept = rule.update(xp, weight, gradient, state, at)
            return after - factor(at) * decay * weight, kept

        return change

    def afterwards(rule: Optimizer, xp: Any, weight: Any, gradient: Any, state: Any, at: Any) -> Any:
        after, kept = rule.update(xp, weight, gradient, state, at)
        return after - at.learning_rate * decay * after, kept

    changes: list[tuple[float, str, Callable[..., Any]]] = [
        (1.0, "added to the gradient", coupled),
        (1.0, "decoupled from the gradient", apart(lambda at: at.learning_rate)),
        (1.0, "without the learning rate as a factor", apart(lambda _: 1.0)),
        (1.5, "of the weights after the step", afterwards),
    ]
    if steps.stepping.training.schedule is not None:
        changes += [
            (1.0, "times the learning rate without its schedule", apart(lambda _: base)),
            (1.0, "times the schedule without the learning rate", apart(lambda at: at.learning_rate / base)),
        ]
    for cost, words, change in changes:
        altered = steps.trained(optimizer=Altered(bare, change))
        yield Suspicion(f"{steps.name}'s with weight decay {words}", altered, cost)
