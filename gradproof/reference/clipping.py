"""Clipping: gradients are kept small before the optimizer sees them."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import Any

from gradproof.inputs import POSITIVE, check_inputs
from gradproof.reference.optimizers.optimizer import check_not_negative, root


class Clipping(ABC):
    """How a training keeps its gradients small: a frozen dataclass of its settings."""

    @abstractmethod
    def clipped(self, xp: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Give the gradients of all parameters as the optimizer sees them."""


@dataclass(frozen=True)
class ClipByValue(Clipping):
    """Each entry is kept within [-maximum, maximum].

    `torch.nn.utils.clip_grad_value_`, `optax.clip`.

    >>> import numpy as np
    >>> ClipByValue(1.0).clipped(np, {"w": np.array([3.0, -0.5])})["w"].tolist()
    [1.0, -0.5]
    """

    maximum: float

    def __post_init__(self) -> None:
        """Refuse what cannot be clipped by."""
        check_inputs("the clipping", maximum=(self.maximum, POSITIVE))
        object.__setattr__(self, "maximum", float(self.maximum))

    def clipped(self, xp: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Give the gradients of all parameters as the optimizer sees them."""
        return {name: xp.clip(each, -self.maximum, self.maximum) for name, each in gradients.items()}


@dataclass(frozen=True)
class ClipByNorm(Clipping):
    """All gradients together are scaled down to a Euclidean norm of at most `maximum`.

    The factor is min(1, maximum / (norm + epsilon)), with the norm √Σ g² over all entries of all parameters.
    `torch.nn.utils.clip_grad_norm_` has an epsilon of 1e-6, `optax.clip_by_global_norm` has none.

    Source: Pascanu et al., On the difficulty of training recurrent neural networks (2013), algorithm 1.

    >>> import numpy as np
    >>> ClipByNorm(1.0).clipped(np, {"w": np.array([3.0]), "b": np.array([4.0])})["w"].round(12).tolist()
    [0.6]
    """

    maximum: float
    epsilon: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be clipped by."""
        check_inputs("the clipping", maximum=(self.maximum, POSITIVE))
        check_not_negative("The clipping", epsilon=self.epsilon)
        object.__setattr__(self, "maximum", float(self.maximum))
        object.__setattr__(self, "epsilon", float(self.epsilon))

    def clipped(self, xp: Any, gradients: Mapping[str, Any]) -> dict[str, Any]:
        """Give the gradients of all parameters as the optimizer sees them."""
        norm = root(xp, reduce(add, (xp.sum(each**2) for each in gradients.values())))
        # min(1, maximum / (norm + ε)), written so that a norm of 0 divides nothing
        factor = self.maximum / xp.maximum(norm + self.epsilon, self.maximum)
        return {name: factor * each for name, each in gradients.items()}
