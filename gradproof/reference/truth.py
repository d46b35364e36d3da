"""The exact gradient of a loss, to as many digits as are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradproof.errors import InputError
from gradproof.reference.norms import with_norms
from gradproof.reference.numbers import BallNumbers, Balls
from gradproof.reference.numbers.bounds import are_sharp
from gradproof.reference.special_points import SpecialPoint, kinks, outside
from gradproof.reference.tape import Differentiation, Inputs, Loss, differentiate

PRECISIONS = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""Working precisions in bits, tried one after the other."""

PATIENT = 1024
"""From this precision on, an entry may be called negligible beside the loss, and not only beside
the greatest entry of its parameter; and what no longer narrows is given up."""

_SPARE = 16
"""So many bits more than the digits need is where a run begins ..."""

_SPARE_IF_LARGE = 80
"""... and so many where there is one lane with `_LARGE` entries of parameters or more: all of it would be run
again for one entry that is not narrow, which costs as much once more, and the bits cost next to nothing.
For the same reason two of three precisions are then left out."""

_LARGE = 1000


@dataclass(frozen=True)
class Truth:
    """Certified values of a loss and its gradient; all arrays have the lanes first.

    Attributes:
        value: The loss.
        gradients: By parameter.
        undecided: By parameter, the entries that did not become as narrow as asked.
        kinks: What may be the reason, in the lanes that have such entries.
        outside: Another reason there.
        precision: The greatest working precision that was needed, in bits.
        unused: Parameters that the loss does not depend on; their gradients are exact zeros.
        norms: Whether roots of sums of squares that are 0 were taken whole; see `gradproof.reference.norms`.
    """

    value: BallNumbers
    gradients: Mapping[str, BallNumbers]
    undecided: Mapping[str, NDArray[np.bool_]]
    kinks: tuple[SpecialPoint, ...]
    precision: int
    unused: tuple[str, ...]
    outside: tuple[SpecialPoint, ...] = ()
    norms: bool = False

    @property
    def complete(self) -> bool:
        """Whether every entry is as narrow as was asked."""
        return not any(np.any(entries) for entries in self.undecided.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why entries are undecided, a sentence for each reason."""
        if self.complete:
            return ()
        if self.kinks or self.outside:
            return tuple(str(each) for each in (*self.outside, *self.kinks))
        return (f"The balls do not narrow at {self.precision} bits, and no operation is at a kink.",)


def exact_gradient(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    digits: int = 30,
    lanes: int | None = None,
    *,
    sharp_is_enough: bool = False,
) -> Truth:
    """The certified gradient, with the working precision raised until it is narrow.

    An entry is narrow when it has so many correct decimal digits, or is exactly zero, or when it
    is below 10^-digits of the greatest entry of its parameter and known to 10^-2digits of that; or, where
    all entries cancel to 0, when float64 has no number but 0 for it.
    Entries at a kink stay intervals and are given back as undecided, with the operation.

    Args:
        loss: Called as loss(xp, params, batch); answers a scalar.
        params: By name, arrays of floats, taken as exact.
        batch: By name, arrays, taken as exact.
        digits: Decimal digits.
        lanes: None, or how many inputs to run on at once; see
            `gradproof.reference.tape.differentiate`. Lanes that are narrow are not run again.
        sharp_is_enough: Whether fewer digits will do where a run at the least precision leaves every entry
            sharp: enough to tell whether a float64 or a formula is right, in less time.

    Raises:
        InputError: The digits are beyond the greatest precision, or the loss is no scalar.
        UnsupportedError: The loss uses something that the tape cannot follow.

    >>> truth = exact_gradient(lambda xp, p, b: xp.exp(p["w"] / 3), {"w": 1.0}, {})
    >>> print(truth.gradients["w"].balls()[0].str(20))
    [0.46520414169536317621 +/- 6.26e-22]
    """
    if not 1 <= digits <= PRECISIONS[-1] // log2(10) - 10:
        raise InputError(
            f"exact_gradient cannot give {digits} digits. Ask for 1 to "
            f"{int(PRECISIONS[-1] // log2(10) - 10)}."
        )
    arrays = Inputs.of(params, batch, lanes)
    truth = _narrowed(loss, arrays, digits, sharp_is_enough=sharp_is_enough)
    if not truth.outside:
        return truth
    whole = _narrowed(with_norms(loss), arrays, digits, sharp_is_enough=sharp_is_enough)
    lanes_left = (sum(int(np.sum(each.lanes)) for each in found.outside) for found in (whole, truth))
    return replace(whole, norms=True) if next(lanes_left) < next(lanes_left) else truth


# ------------------------------------------------------------------------ raising the precision


def _narrowed(loss: Loss, arrays: Inputs, digits: int, *, sharp_is_enough: bool) -> Truth:
    """Run a loss with more and more bits, until its gradient is narrow."""
    count = arrays.lanes
    is_large = count == 1 and sum(array.size for array in arrays.params.values()) >= _LARGE
    needed = ceil(digits * log2(10)) + (_SPARE_IF_LARGE if is_large else _SPARE)
    first, *others = (bits for bits in PRECISIONS if bits >= min(needed, PRECISIONS[-1]))
    others = others[2::3] if is_large else others
    if sharp_is_enough and first > PRECISIONS[0]:
        first, others = PRECISIONS[0], [first, *others]
    run = differentiate(loss, arrays.params, arrays.batch, Balls(first), lanes=count)
    if sharp_is_enough and all(are_sharp(each.balls()) for each in run.gradients.values()):
        known = {name: np.zeros(each.data.shape[1:], dtype=bool) for name, each in run.gradients.items()}
        return Truth(run.value, run.gradients, known, (), first, run.unused)
    truth = _judged(run, digits, first)
    running = np.flatnonzero(_lane_is_undecided(truth))
    for bits in others:
        if not running.size:
            break
        part = arrays.part(running)
        run = differentiate(loss, part.params, part.batch, Balls(bits), lanes=part.lanes)
        better = _judged(run, digits, bits)
        stalled = _stalled_lanes(truth, better, running, bits)
        truth = _merged(truth, better, running)
        running = running[~stalled & _lane_is_undecided(better)]
    return truth


# ------------------------------------------------------------------------ judging a run


def _judged(run: Differentiation[BallNumbers], digits: int, bits: int) -> Truth:
    """A run in balls, with what is not yet narrow."""
    value, gradients = run.value, run.gradients
    scale = np.abs(value.values()) if bits >= PATIENT else np.zeros(value.lanes)
    undecided = {name: ~_narrow(balls, digits, scale, bits) for name, balls in gradients.items()}
    truth = Truth(value, gradients, undecided, (), bits, run.unused)
    if truth.complete:
        return truth
    lanes = _lane_is_undecided(truth)
    return replace(truth, kinks=kinks(run.tape, lanes), outside=outside(run.tape, lanes))


def _narrow(balls: BallNumbers, digits: int, scale: NDArray[np.float64], bits: int) -> NDArray[np.bool_]:
    """Which entries are known well enough."""
    known = balls.digits() >= digits
    if np.all(known):
        return np.asarray(known)
    radii = balls.radii()
    size = np.abs(balls.values()) + radii
    by_lane = (-1, *(1,) * balls.ndim)
    greatest = np.max(size.reshape(size.shape[0], -1), axis=1, initial=0.0)
    greatest = np.maximum(greatest, scale).reshape(by_lane)
    with np.errstate(invalid="ignore"):
        negligible = (size <= 10.0**-digits * greatest) & (radii <= 10.0 ** (-2 * digits) * greatest)
    narrow: NDArray[np.bool_] = known | (negligible & np.isfinite(greatest))
    if bits >= PATIENT:
        # What is 0 by cancellation narrows for ever: it is known when float64 has no number but 0 for it.
        narrow |= size <= np.finfo(np.float64).smallest_subnormal
    return narrow


def _lane_is_undecided(truth: Truth) -> NDArray[np.bool_]:
    """For each lane, whether it has an entry that is not narrow."""
    lanes = np.zeros(truth.value.lanes, dtype=bool)
    for entries in truth.undecided.values():
        lanes |= entries.reshape(entries.shape[0], -1).any(axis=1)
    return lanes


def _stalled_lanes(before: Truth, after: Truth, lanes: NDArray[np.intp], bits: int) -> NDArray[np.bool_]:
    """Lanes in which more precision did not narrow what is undecided, so that no more will."""
    stalled = np.ones(lanes.size, dtype=bool)
    for name, entries in after.undecided.items():
        old, new = before.gradients[name].radii()[lanes], after.gradients[name].radii()
        narrowed = entries & (new < old) & (new <= old / 2)
        stalled &= ~narrowed.reshape(lanes.size, -1).any(axis=1)
    at_kink = np.zeros(lanes.size, dtype=bool)
    for kink in after.kinks:
        at_kink |= kink.lanes
    return stalled & (at_kink if bits < PATIENT else True)


def _merged(truth: Truth, better: Truth, lanes: NDArray[np.intp]) -> Truth:
    """A truth with some lanes replaced by a run at higher precision."""

    def put(entries: NDArray[Any], new: NDArray[Any]) -> NDArray[Any]:
        result = entries.copy()
        result[lanes] = new
        return result

    def replaced(balls: BallNumbers, new: BallNumbers) -> BallNumbers:
        return balls.like(put(balls.data[0], new.data[0])[np.newaxis])

    def joined(old: tuple[SpecialPoint, ...], new: tuple[SpecialPoint, ...]) -> tuple[SpecialPoint, ...]:
        nowhere = np.zeros(truth.value.lanes, dtype=bool)
        kept = [replace(each, lanes=put(each.lanes, nowhere[lanes])) for each in old]
        moved = [replace(each, lanes=put(nowhere, each.lanes)) for each in new]
        return tuple(each for each in (*kept, *moved) if np.any(each.lanes))

    return Truth(
        value=replaced(truth.value, better.value),
        gradients={name: replaced(balls, better.gradients[name]) for name, balls in truth.gradients.items()},
        undecided={name: put(entries, better.undecided[name]) for name, entries in truth.undecided.items()},
        kinks=joined(truth.kinks, better.kinks),
        precision=better.precision,
        unused=truth.unused,
        outside=joined(truth.outside, better.outside),
    )
