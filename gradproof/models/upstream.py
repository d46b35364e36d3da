"""Upstream gradients of several layouts in memory, and what an operation makes of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS

Array = NDArray[Any]
Operation = Callable[[Mapping[str, Any]], Any]

EVERY_LAYOUT = ("contiguous", "transposed", "expanded", "cut")
"""How an upstream gradient may lie in memory: as the backward passes of a sum of squares, of a transpose, of
a sum and of a concatenation give it."""

LEAST_AXES = {"contiguous": 0, "transposed": 2, "expanded": 1, "cut": 1}
"""The axes that an array needs to lie so."""


@dataclass(frozen=True, eq=False)
class OperationCall:
    """What an operation gave.

    Attributes:
        values: float64: the outputs, `output0` and so on, and by name the gradient of each input.
        upstream: the upstream gradients, by the outputs' names.
        changed: what it changed that it must not, in words.
    """

    values: Mapping[str, Array]
    upstream: Mapping[str, Array]
    changed: tuple[str, ...] = ()


def upstream_of(
    shapes: Mapping[str, tuple[int, ...]], dtype: str, layout: str, seed: int
) -> dict[str, Array]:
    """Draw upstream gradients; expanded ones are the same along the last axis."""
    random = np.random.default_rng([9, seed])
    drawn = {}
    for name, shape in shapes.items():
        some = random.normal(size=(*shape[:-1], 1) if layout == "expanded" and shape else shape)
        drawn[name] = np.array(np.broadcast_to(FORMATS[dtype].rounded(np.asarray(some)), shape))
    return drawn
