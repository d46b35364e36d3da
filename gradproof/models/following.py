"""Whether a traced graph computes what the model computes."""

from collections.abc import Callable, Mapping
from math import isfinite
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Noisy, Plain
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.tape import differentiate

SPREADS = 2.0**20
"""By how many spreads of its noise a loss may differ: many more than rounding explains, for a function of a
framework's may be inaccurate, which is for the judgement to say; but far fewer than an operation is worth."""

Arrays = Mapping[str, NDArray[Any]]


def missed_value(
    loss: Callable[..., Any], params: Arrays, batch: Arrays, own: float, dtype: str
) -> float | None:
    """Give the value of a traced loss where it is not the model's own, by more than rounding explains.

    Args:
        loss: what the trace computes.
        params: by name.
        batch: likewise.
        own: what the model gives.
        dtype: the dtype that it was asked for in.

    Returns:
        None where the two agree, or where neither is finite.

    >>> missed_value(lambda xp, p, _: xp.sum(p["w"]), {"w": np.ones(2)}, {}, 2.0, "float64")
    >>> missed_value(lambda xp, p, _: xp.sum(p["w"]), {"w": np.ones(2)}, {}, 3.0, "float64")
    2.0
    """
    traced = differentiate(loss, params, batch, Plain()).value.values()
    value = float(traced[0])
    if own == value or not (isfinite(own) or isfinite(value)):
        return None
    noise = differentiate(loss, params, batch, Noisy(dtype, amplified=False)).value.spread(traced)
    spread = float(np.maximum(noise, FORMATS[dtype].unit_roundoff * np.abs(traced))[0])
    return None if abs(own - value) <= SPREADS * spread else value
