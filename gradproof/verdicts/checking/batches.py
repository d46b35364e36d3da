"""Batches of the user's own drawing: of a function of a generator, or of a Hypothesis strategy."""

import sys
from typing import Any

import numpy as np

from gradproof.errors import InputError
from gradproof.scenarios.scenario import Scenario
from gradproof.scenarios.user_code import called
from gradproof.verdicts.judging.claimed import Arrays


def batches_of(scenario: Scenario, draw: Any, count: int, seed: int) -> list[Arrays] | None:
    """Draw batches as a user wants them.

    Args:
        scenario: the loss with its parameters and data, as the batches are laid out.
        draw: called as `draw(random)` with a NumPy generator; or a Hypothesis strategy; or None.
        count: how many batches.
        seed: what they are drawn with.

    Returns:
        flat mappings of dotted names to arrays; None if there is nothing to draw with.

    Raises:
        InputError: it is neither, it raises, or a batch is laid out otherwise.
    """
    if draw is None:
        return None
    if _is_strategy(draw):
        drawn = _examples(draw, count, seed)
    elif callable(draw):
        drawn = [
            called("function batches", lambda n=number: draw(np.random.default_rng([seed, n, 6])))  # type: ignore[misc]
            for number in range(count)
        ]
    else:
        raise InputError(
            f"The check's batches are {draw!r:.60}. Give a function of a NumPy generator, or a Hypothesis "
            "strategy."
        )
    return [_flat(scenario, batch) for batch in drawn]


def _flat(scenario: Scenario, batch: Any) -> Arrays:
    other = Scenario(name=scenario.name, loss=scenario.loss, params=scenario.params, batch=batch)
    if other.flat_batch.keys() != scenario.flat_batch.keys():
        raise InputError(
            f"A batch that batches= draws has the arrays {list(other.flat_batch)}, but the check's has "
            f"{list(scenario.flat_batch)}. Draw batches that are laid out as it is."
        )
    return other.flat_batch


def _is_strategy(draw: Any) -> bool:
    strategies = sys.modules.get("hypothesis.strategies")  # who has a strategy has imported it
    return strategies is not None and isinstance(draw, strategies.SearchStrategy)


def _examples(strategy: Any, count: int, seed: int) -> list[Any]:
    """Draw from a strategy, the same for the same seed."""
    import hypothesis  # noqa: PLC0415 - only for those who give a strategy

    drawn: list[Any] = []

    def collect(batch: Any) -> None:
        drawn.append(batch)

    quiet = hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    decorators: list[Any] = [hypothesis.given(strategy), quiet, hypothesis.seed(seed)]
    test: Any = collect
    for decorate in decorators:
        test = decorate(test)
    test()
    return drawn[:count]
