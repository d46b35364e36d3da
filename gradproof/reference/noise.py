"""The rounding noise of a gradient: how far rounding in a format may move each entry.

There are two such noises, and so two spreads. Operation by operation, each operation and each derivative is
computed as accurately as its rounded operands allow (`Operation.accurate`), and rounded once: no program that
works operation by operation does much better, and what is lost all the same is lost by the loss. Textbooks'
formulas are rounded at each step, as programs do that are written by them, and may lose more: 1 - tanh(x)²
is 0 where tanh(x) rounds to 1. Sums and products of matrices have the measured noise of their accumulation
in both, since a program must add the terms up in some order.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradproof.reference.numbers import Noisy, NoisyNumbers, Numbers
from gradproof.reference.tape import Choice, Inputs, Loss, always, differentiate
from gradproof.reference.truth import Truth

AnyNumbers = TypeVar("AnyNumbers", bound=Numbers[Any])

_BLOCK = 2**24
"""How many noisy entries of parameters are computed at once."""

_BRANCHING = 4
"""How many times as many samples there are where rounding may decide a branch."""


Then = Callable[[Mapping[str, Any], Noisy, Choice, NDArray[np.intp]], Mapping[Any, NoisyNumbers]]
"""Computes from the gradients of some lanes, in a kind of number, with some operations accurate."""


@dataclass(frozen=True, eq=False)
class Noise:
    """An array in stochastic arithmetic.

    Attributes:
        samples: all samples in all lanes.
        branching: None, or samples that show what it is to take another branch.
        near_ties: of shape (lanes,): whether rounding may decide a branch.
    """

    samples: NoisyNumbers
    branching: NoisyNumbers | None
    near_ties: NDArray[np.bool_]

    def spread(
        self, centre: NDArray[np.float64], radius: NDArray[np.float64] | float = 0.0
    ) -> NDArray[np.float64]:
        """Give the root mean square deviation from the exact values, of shape (lanes, *shape).

        Where the truth is an interval, at a kink, only what is beyond its ends is noise: to take one of the
        slopes that the loss has there is none. Where rounding may decide a branch as well, the two cannot be
        told apart, and all of a deviation is.

        Args:
            centre: the exact values, or the middles of intervals, of that shape.
            radius: half of the lengths of the intervals.
        """
        spread = self.samples.spread(centre, radius)
        if self.branching is None:
            return spread
        whole = self.branching.spread(centre)
        near_ties = self.near_ties.reshape(-1, *(1,) * (spread.ndim - 1))
        return np.where(near_ties & (whole > spread) & np.isfinite(whole), whole, spread)


def noisy_gradients(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    kind: Noisy,
    lanes: int | None = None,
    accurately: Choice = always,
    then: Then | None = None,
) -> dict[Any, Noise]:
    """Compute the gradients in stochastic arithmetic, some lanes at a time, to spare memory.

    Where rounding may decide a branch there is a second run, whose noise is not amplified: to take the other
    branch changes a gradient by as much as it does, of which a spread that is divided by the amplification
    makes little. It has more samples, so that each of many branches is taken in some.

    Args:
        loss: called as loss(xp, params, batch); answers a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        kind: the noise model: the format, and that of products.
        lanes: None, or how many inputs to run on; see `gradproof.reference.tape.differentiate`.
        accurately: which operations are as accurate as their rounded operands allow; the others follow the
            textbook's formulas, with a rounding at each step.
        then: what is computed from the gradients in the same arithmetic, a training's step; None for nothing.

    Returns:
        by parameter the gradient, and by its own keys what `then` gives.
    """
    inputs = Inputs.of(params, batch, lanes)
    return noise_of(lambda noisy: _gradients(loss, inputs, noisy, accurately, then), kind)


def noise_of(
    compute: Callable[[Noisy], tuple[Mapping[Any, NoisyNumbers], NDArray[np.bool_]]], kind: Noisy
) -> dict[Any, Noise]:
    """Run something in stochastic arithmetic, and a second time where rounding may decide a branch.

    Args:
        compute: gives what it computes in a noise model, and in which lanes rounding may decide a branch.
        kind: the noise model.
    """
    samples, near_ties = compute(kind)
    if kind.is_mixed and kind.amplified:
        # an amplified noise would stand beside others that are not
        kind = replace(kind, amplified=False)
        samples, near_ties = compute(kind)
    branching: Mapping[Any, NoisyNumbers] = {}
    if np.any(near_ties):
        more = replace(kind, amplified=False, samples=_BRANCHING * kind.samples)
        branching, _ = compute(more)
    return {name: Noise(found, branching.get(name), near_ties) for name, found in samples.items()}


def rounding_noise(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    truth: Truth,
    kind: Noisy,
    lanes: int | None = None,
    accurately: Choice = always,
) -> dict[str, NDArray[np.float64]]:
    """Measure how far rounding may move each entry of a gradient: the spread of noisy runs around the truth.

    Args:
        loss: called as loss(xp, params, batch); answers a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        truth: the exact gradients there.
        kind: the noise model.
        lanes: None, or how many inputs to run on.
        accurately: as for `noisy_gradients`.

    Returns:
        by parameter, the root mean square deviation from the exact values, of shape (lanes, *shape).

    >>> from gradproof.reference.truth import exact_gradient
    >>> loss, params = lambda xp, p, b: xp.sum(p["w"] / 3), {"w": [1.0, 2.0]}
    >>> noise = rounding_noise(loss, params, {}, exact_gradient(loss, params, {}), Noisy("float32"))
    >>> bool(np.all((0 < noise["w"]) & (noise["w"] < 2.0**-25)))
    True
    """
    noisy = noisy_gradients(loss, params, batch, kind, lanes, accurately)
    return {
        name: noisy[name].spread(exact.values(), exact.radii()) for name, exact in truth.gradients.items()
    }


def _gradients(
    loss: Loss, inputs: Inputs, kind: Noisy, accurately: Choice, then: Then | None
) -> tuple[dict[Any, NoisyNumbers], NDArray[np.bool_]]:
    """Give the gradients of one run, and in which lanes rounding may decide a branch."""
    entries = sum(array[0].size for array in inputs.params.values()) * kind.samples
    parts: list[dict[Any, NoisyNumbers]] = []
    near_ties = []
    for lanes in _blocks(inputs.lanes, max(1, _BLOCK // max(1, entries))):
        part = inputs.part(lanes)
        with kind.context():  # the random numbers go on from the gradients to what is computed from them
            gradients = differentiate(loss, part.params, part.batch, kind, part.lanes, accurately).gradients
            later = {} if then is None else then(gradients, kind, accurately, lanes)
        parts.append({**gradients, **later})
        near_ties.append(np.broadcast_to(kind.near_ties, (part.lanes,)))
    return {name: joined([part[name] for part in parts]) for name in parts[0]}, np.concatenate(near_ties)


def _blocks(lanes: int, length: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, lanes, length):
        yield np.arange(start, min(start + length, lanes))


def joined(parts: list[AnyNumbers]) -> AnyNumbers:
    """Give the lanes of several runs as those of one."""
    first, *others = parts
    if not others:
        return first
    samples = max(part.data.shape[0] for part in parts)
    payloads: list[Any] = [np.broadcast_to(part.data, (samples, *part.data.shape[1:])) for part in parts]
    return first.like(np.concatenate(payloads, axis=1))
