"""A loss with its gradient and data, and a table of such."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

Data = Callable[[np.random.Generator], tuple[dict[str, Any], dict[str, Any]]]


@dataclass(frozen=True)
class Kind:
    """A loss, its gradient and data.

    Attributes:
        told: a part of the condition that is to be told, or of what the data hides; empty where nothing is.
    """

    loss: Callable[..., Any]
    gradient: Callable[..., Any]
    data: Data
    told: str = ""


class Kinds(dict[str, Kind]):
    """Kinds by name."""

    def add(self, name, loss, gradient, data, told=""):
        assert name not in self
        self[name] = Kind(loss, gradient, data, told)


def softmax(z, axis=-1):
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)
