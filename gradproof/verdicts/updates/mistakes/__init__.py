"""What people do wrong in a step of a training, a file a group; a new one is a line or a function there.

Each function gives, for steps as the training makes them, `Suspicion`s: the words, and the steps as the
mistake makes them. The search (`gradproof.verdicts.updates.looked_for`) tells which made the run's.
"""

from collections.abc import Iterator

from gradproof.verdicts.updates.mistakes.another_rule import another_rule
from gradproof.verdicts.updates.mistakes.solved_settings import Goal, solved_settings
from gradproof.verdicts.updates.mistakes.wrong_clipping import wrong_clipping
from gradproof.verdicts.updates.mistakes.wrong_decay import wrong_decay
from gradproof.verdicts.updates.mistakes.wrong_formats import wrong_formats
from gradproof.verdicts.updates.mistakes.wrong_gradients import recorded_instead, wrong_gradients
from gradproof.verdicts.updates.mistakes.wrong_moments import wrong_moments
from gradproof.verdicts.updates.mistakes.wrong_momentum import wrong_momentum
from gradproof.verdicts.updates.mistakes.wrong_numbers import wrong_numbers
from gradproof.verdicts.updates.mistakes.wrong_rates import other_rates, wrong_rates
from gradproof.verdicts.updates.mistakes.wrong_settings import wrong_settings
from gradproof.verdicts.updates.suspected import Suspicion, TakenSteps

__all__ = [
    "MISTAKES",
    "Goal",
    "named_mistakes",
    "other_rates",
    "recorded_instead",
    "solved_settings",
    "wrong_settings",
]

MISTAKES = (
    wrong_settings,
    wrong_decay,
    wrong_moments,
    wrong_momentum,
    wrong_numbers,
    wrong_rates,
    wrong_clipping,
    wrong_gradients,
    wrong_formats,
    another_rule,
)
"""All groups of mistakes that have a name."""


def named_mistakes(steps: TakenSteps) -> Iterator[Suspicion]:
    """Give all that may have been done wrong in some steps and has a name."""
    for mistakes in MISTAKES:
        yield from mistakes(steps)
