"""Another optimizer's step in place of the training's."""

from collections.abc import Iterator
from dataclasses import fields
from typing import Any

import gradproof.reference.optimizers as rules
from gradproof.errors import GradproofError
from gradproof.reference.optimizers import Optimizer
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps


def another_rule(steps: TakenSteps) -> Iterator[Suspicion]:
    """The step is another optimizer's, with the settings that both have, or with its own."""
    own = steps.optimizer
    known: list[Any] = [each for each in map(vars(rules).get, rules.__all__) if _is_rule(each)]
    for other in known:
        if other is type(own):
            continue
        shared = {each.name: getattr(own, each.name) for each in fields(other) if hasattr(own, each.name)}
        made = [rule for rule in (_made(other, **shared), _made(other)) if rule is not None]
        for rule in dict.fromkeys(made):
            if steps.has_state_of(rule):
                words = f"{other.__name__}'s in place of {steps.name}'s"
                yield Suspicion(words, steps.trained(optimizer=rule), 2.0)


def _is_rule(found: Any) -> bool:
    return isinstance(found, type) and issubclass(found, Optimizer) and found is not Optimizer


def _made(rule: type[Any], **settings: Any) -> Any:
    try:
        return rule(**settings)
    except (GradproofError, TypeError):
        return None  # there is no such rule
