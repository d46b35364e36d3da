"""What the entries of an array tell together, where a format is so short that one alone tells little.

In bfloat16 rounding may move an entry by some percent, and an error of two percent is no more than that in
any of them. In all of them at once it is: roundings of single entries differ in sign, and cancel in the
projection of the errors e on the exact gradient g,

    B = Σ w e g / Σ w g²,    w = 1 / spread²,

which is the least-squares estimate of the share by which all entries are too large. What does not cancel are
the roundings of common factors, 1/n and the like. How large B may get by them is measured: the samples of
the noise have such projections, too, and here each sample is rounded on a grid of its own, so that numbers
that are near one another are rounded alike, as a program does it (`NoiseModel.on_a_grid`).

Likewise an entry is looked at beside the others of its array: whatever a program does worse than the samples,
it does in most of them.

Both are looked at in two stages. The first takes the few samples at hand and is suspicious too often; the
second takes many, and decides.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.noise import noisy_gradients
from gradproof.reference.numbers import Noisy
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.tape import Choice, always, never
from gradproof.verdicts.tolerances import (
    BIAS_SPREADS,
    FEWEST_TOGETHER,
    STANDS_OUT,
    SUSPICIOUS_BIAS,
    SUSPICIOUS_SPREADS,
)
from gradproof.verdicts.verdict import CODE, Codes, Verdict

Array = NDArray[Any]

SAMPLES = 64
"""How many noisy runs of each kind the second stage takes ..."""

_KINDS: tuple[tuple[Choice, bool], ...] = ((always, False), (never, False), (never, True))
"""The kinds: operations as accurate as can be, the textbook's formulas, and these with sums that are kept in
the format itself, as XLA has them on CPUs: by the operations' choice, and whether sums are kept so."""

_AT_ONCE = 8
"""... and how many of them at once, to spare memory."""


def is_short(dtype: str) -> bool:
    """Tell whether a format is so short that entries are looked at together.

    In float32 and float64 they are not: libraries' functions are biased there by a few units, which is no
    fault, and which the rounding of shorter formats hides.

    >>> is_short("bfloat16"), is_short("float32")
    (True, False)
    """
    return FORMATS[dtype].significand_bits < FORMATS["float32"].significand_bits


@dataclass(frozen=True, eq=False)
class Together:
    """The entries of one parameter at T places; arrays of shape (T, entries).

    Attributes:
        error: value - exact.
        exact: the exact values.
        spread: the spread of the rounding noise, by which entries are weighed.
        usable: which entries tell something: finite ones of a known spread, not at a kink.
    """

    error: Array
    exact: Array
    spread: Array
    usable: NDArray[np.bool_]

    @property
    def measured(self) -> Array:
        """The errors in spreads; 0 where they tell nothing."""
        return _in_spreads(self.error, self)

    def projected(self, errors: Array) -> Array:
        """Give B of errors of shape (..., T, entries), of shape (..., T); NaN where no entry is usable."""
        with np.errstate(all="ignore"):
            size = _in_spreads(self.exact, self)
            projected: Array = np.sum(_in_spreads(errors, self) * size, axis=-1) / np.sum(
                size * size, axis=-1
            )
        return projected


def _in_spreads(errors: Array, entries: Together) -> Array:
    with np.errstate(all="ignore"):
        measured: Array = np.where(entries.usable, errors / entries.spread, 0.0)
    return np.where(np.isfinite(measured), measured, 0.0)


@dataclass(frozen=True, eq=False)
class ManySamples:
    """The second stage's noise at T places, of each kind.

    Attributes:
        projections: B of each sample, of shape (kinds, samples, T).
        spread: the greatest spread of each entry, of shape (T, entries).
    """

    projections: Array
    spread: Array


Sampling = Callable[[NDArray[np.intp], Together], ManySamples]
"""Gives the second stage's noise of a parameter at some of its places, whose entries are given, too."""


def sample(
    loss: Callable[..., Any],
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
    formats: RunFormats,
    name: str,
    entries: Together,
) -> ManySamples:
    """Run many samples of a gradient on grids of their own.

    Args:
        loss: called as `loss(xp, params, batch)` on flat mappings.
        params: per parameter, of shape (T, *parameter).
        batch: per array, of shape (T, *array), or (1, *array).
        formats: whose rounding it is.
        name: the parameter that is looked at.
        entries: its entries.
    """
    kinds = [_sampled(loss, params, batch, formats, name, entries, *each) for each in _KINDS]
    projections, spreads = zip(*kinds, strict=True)
    return ManySamples(np.stack(projections), np.max(spreads, axis=0))


def _sampled(
    loss: Callable[..., Any],
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
    formats: RunFormats,
    name: str,
    entries: Together,
    accurately: Choice,
    in_format: bool,
) -> tuple[Array, Array]:
    places = len(entries.exact)
    sums = formats.finest if in_format else None
    kind = Noisy.of(formats, samples=_AT_ONCE, gridded=True, sums=sums)
    projections, squares = [], np.zeros(entries.exact.shape)
    for seed in range(SAMPLES // _AT_ONCE):
        seeded = replace(kind, seed=seed + 1)
        noise = noisy_gradients(loss, params, batch, seeded, places, accurately)[name]
        errors = noise.samples.values().reshape(_AT_ONCE, *entries.exact.shape) - entries.exact
        projections.append(entries.projected(errors))
        with np.errstate(all="ignore"):
            squares += np.sum(errors * errors, axis=0)
    return np.concatenate(projections), np.sqrt(squares / SAMPLES)


# -------------------------------------------------------------------- the rule


def judge_together(
    entries: Together, at_hand: Array, verdict: Codes, sampling: Sampling
) -> tuple[Codes, NDArray[np.object_]]:
    """Judge the entries of a parameter at T places together, after each was judged alone.

    Args:
        entries: what is known of them.
        at_hand: errors of the samples at hand, of shape (samples, T, entries).
        verdict: what is said of each alone.
        sampling: runs the second stage.

    Returns:
        what is said of each now, and for each place in words why that is more than before; empty where it is
        the same.
    """
    texts = np.full(len(verdict), "", dtype=object)
    fine = entries.usable & (verdict < CODE[Verdict.DISAGREES])
    suspects = np.flatnonzero(_suspicious(replace(entries, usable=fine), at_hand))
    if not len(suspects):
        return verdict, texts
    chosen = Together(*(each[suspects] for each in (entries.error, entries.exact, entries.spread, fine)))
    found = sampling(suspects, chosen)
    verdict = verdict.copy()
    for text, place, wrong in _found(chosen, found, suspects, len(texts)):
        verdict[place, wrong] = CODE[Verdict.DISAGREES]
        texts[place] = texts[place] or text
    return verdict, texts


def _suspicious(entries: Together, at_hand: Array) -> NDArray[np.bool_]:
    """Tell at which places the second stage is worth its time, by the samples at hand."""
    with np.errstate(all="ignore"):
        expected = np.sqrt(np.mean(entries.projected(at_hand) ** 2, axis=0))
        biased = np.abs(entries.projected(entries.error)) > SUSPICIOUS_BIAS * expected
    stands_out = np.max(np.abs(entries.measured), axis=-1, initial=0.0) > SUSPICIOUS_SPREADS
    suspicious: NDArray[np.bool_] = biased | stands_out
    return suspicious


def _found(
    entries: Together, many: ManySamples, places: NDArray[np.intp], of: int
) -> Iterator[tuple[str, int, NDArray[np.bool_]]]:
    """Find what many samples do not explain: a text, the place, and the entries that it is said of."""
    projections, limit = entries.projected(entries.error), _limit(many.projections, of)
    spread = np.maximum(many.spread, entries.spread)
    measured = np.abs(replace(entries, spread=spread).measured)
    for row, place in enumerate(places):
        usable = entries.usable[row]
        if np.abs(projections[row]) > limit[row]:
            much, by = f"{abs(projections[row]):.2%}", "large" if projections[row] > 0 else "small"
            text = f"all entries together are {much} too {by}, and rounding explains at most {limit[row]:.2%}"
            yield text, int(place), usable
        outliers, others = _outliers(measured[row], usable)
        if np.any(outliers):
            text = (
                f"an error is {np.max(measured[row][outliers]):.3g} spreads of the rounding noise, and those "
                f"of the other entries are {others:.2g} in root mean square"
            )
            yield text, int(place), outliers


def _limit(projections: Array, places: int) -> Array:
    """Give the greatest bias that rounding explains, of shape (T,); infinite where that is not known.

    At n places the limit c becomes √(c² + 2 ln n): a normal variable is then above it at any of them as
    seldom as above c at one, since its tail falls as e^(-c²/2).
    """
    spreads = np.sqrt(BIAS_SPREADS**2 + 2.0 * np.log(max(places, 1)))
    with np.errstate(all="ignore"):
        limits = np.abs(np.mean(projections, axis=1)) + spreads * np.std(projections, axis=1)
    limit: Array = np.max(np.where(np.isfinite(limits), limits, np.inf), axis=0)
    return limit


def _outliers(measured: Array, usable: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """Tell which entries stand out from the others, and how large the errors of the others are.

    The others are all but the greatest error; where they are larger than the samples' are, so is the limit.
    """
    count = int(np.count_nonzero(usable))
    if count < FEWEST_TOGETHER:
        return np.zeros(usable.shape, dtype=bool), 1.0
    squares = np.sort(measured[usable] ** 2)[:-1]
    others = float(np.sqrt(np.mean(squares)))
    outliers: NDArray[np.bool_] = usable & (measured > STANDS_OUT * max(1.0, others))
    return outliers, others
