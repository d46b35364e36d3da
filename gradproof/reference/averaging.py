"""Averages of weights along a training, which are kept beside them and change nothing."""

from dataclasses import dataclass
from typing import Any

from gradproof.reference.optimizers.optimizer import average as exponential_average
from gradproof.reference.optimizers.optimizer import check_decay_rates


@dataclass(frozen=True)
class ExponentialAverage:
    """An exponential moving average of the weights.

    It begins with the first weights, and after each step a ← decay · a + (1 - decay) · w.
    `torch.optim.swa_utils.AveragedModel` with `get_ema_multi_avg_fn(decay)`;
    `optax.incremental_update(weights, average, 1 - decay)`.

    >>> ExponentialAverage(decay=0.75).next_average(average=1.0, weight=2.0)
    1.25
    """

    decay: float

    def __post_init__(self) -> None:
        """Refuse what is no rate of an average."""
        check_decay_rates("The average", decay=self.decay)
        object.__setattr__(self, "decay", float(self.decay))

    def next_average(self, average: Any, weight: Any) -> Any:
        """Give the average after a step that leads to a weight."""
        return exponential_average(self.decay, average, weight)
