"""The rounding noise of a gradient: how far rounding in a format may move each entry."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradproof.reference.inputs_in_lanes import Inputs
from gradproof.reference.numbers import Noisy, NoisyNumbers
from gradproof.reference.tape import Loss, differentiate
from gradproof.reference.truth import Truth

_BLOCK = 2**24
"""How many noisy entries of parameters are computed at once."""


def noisy_gradients(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    kind: Noisy,
    lanes: int | None = None,
) -> dict[str, NoisyNumbers]:
    """Compute the gradients in stochastic arithmetic, some lanes at a time, to spare memory.

    Args:
        loss: called as loss(xp, params, batch); answers a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        kind: the noise model: the format, and that of products.
        lanes: None, or how many inputs to run on; see `gradproof.reference.tape.differentiate`.

    Returns:
        by parameter, all samples in all lanes.
    """
    inputs = Inputs.of(params, batch, lanes)
    entries = sum(array[0].size for array in inputs.params.values()) * kind.samples
    runs = [
        differentiate(loss, part.params, part.batch, kind, lanes=part.lanes).gradients
        for part in _blocks(inputs, max(1, _BLOCK // max(1, entries)))
    ]
    return {name: _joined([run[name] for run in runs]) for name in inputs.params}


def rounding_noise(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    truth: Truth,
    kind: Noisy,
    lanes: int | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Measure how far rounding may move each entry of a gradient: the spread of noisy runs around the truth.

    Where the truth is an interval, at a kink, only what is beyond its ends is noise: to take one of the
    slopes that the loss has there is none.

    Args:
        loss: called as loss(xp, params, batch); answers a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        truth: the exact gradients there.
        kind: the noise model.
        lanes: None, or how many inputs to run on.

    Returns:
        by parameter, the root mean square deviation from the exact values, of shape (lanes, *shape).

    >>> from gradproof.reference.truth import exact_gradient
    >>> loss, params = lambda xp, p, b: xp.sum(p["w"] / 3), {"w": [1.0, 2.0]}
    >>> noise = rounding_noise(loss, params, {}, exact_gradient(loss, params, {}), Noisy("float32"))
    >>> bool(np.all((0 < noise["w"]) & (noise["w"] < 2.0**-25)))
    True
    """
    noisy = noisy_gradients(loss, params, batch, kind, lanes)
    return {
        name: noisy[name].spread(exact.values(), exact.radii()) for name, exact in truth.gradients.items()
    }


def _blocks(inputs: Inputs, length: int) -> Iterator[Inputs]:
    for start in range(0, inputs.lanes, length):
        yield inputs.part(np.arange(start, min(start + length, inputs.lanes)))


def _joined(parts: list[NoisyNumbers]) -> NoisyNumbers:
    """Give the lanes of several runs as those of one."""
    first, *others = parts
    if not others:
        return first
    samples = max(part.data.shape[0] for part in parts)
    payloads: list[Any] = [np.broadcast_to(part.data, (samples, *part.data.shape[1:])) for part in parts]
    return first.like(np.concatenate(payloads, axis=1))
