"""The exact gradient of a loss, to as many digits as are asked for, and its rounding noise."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil, log2
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradproof.errors import InputError
from gradproof.reference.numbers import BallNumbers, Balls, Noisy
from gradproof.reference.tape import Differentiation, Loss, Source, Tape, differentiate

EQUAL_DIGITS = 15
"""From so many digits of proven agreement on, a formula is called equal to the exact one: constants such as
1/3 in its code are doubles, which differ from the number that is meant in the 17th digit. No rounding is
forgiven by this."""

PRECISIONS = (128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096)
"""Working precisions in bits, tried one after the other."""

PATIENT = 1024
"""From this precision on, an entry may be called negligible beside the loss, and not only beside
the greatest entry of its parameter; and what no longer narrows is given up."""

_BLOCK = 2**24
"""How many noisy entries of parameters are held at once."""


@dataclass(frozen=True)
class Kink:
    """An operation of the loss at a point where it has no derivative, or may have none.

    Attributes:
        operation: Its name in the table.
        source: The line of the loss.
        text: Where the operation has kinks, and which interval it has there.
        lanes: Where it happens; booleans, one per lane.
        certain: Whether some operand is at the kink exactly; else the balls cannot tell.
    """

    operation: str
    source: Source
    text: str
    lanes: NDArray[np.bool_]
    certain: bool

    def __str__(self) -> str:
        """The finding as a sentence."""
        place = "is" if self.certain else "may be"
        return f"{self.operation} at {self.source} {place} at its kink ({self.text})."


@dataclass(frozen=True)
class Truth:
    """Certified values of a loss and its gradient; all arrays have the lanes first.

    Attributes:
        value: The loss.
        gradients: By parameter.
        undecided: By parameter, the entries that did not become as narrow as asked.
        kinks: What may be the reason, in the lanes that have such entries.
        precision: The greatest working precision that was needed, in bits.
        unused: Parameters that the loss does not depend on; their gradients are exact zeros.
    """

    value: BallNumbers
    gradients: Mapping[str, BallNumbers]
    undecided: Mapping[str, NDArray[np.bool_]]
    kinks: tuple[Kink, ...]
    precision: int
    unused: tuple[str, ...]

    @property
    def complete(self) -> bool:
        """Whether every entry is as narrow as was asked."""
        return not any(np.any(entries) for entries in self.undecided.values())

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why entries are undecided, a sentence for each reason."""
        if self.complete:
            return ()
        if self.kinks:
            return tuple(str(kink) for kink in self.kinks)
        outside = (
            f"The balls do not narrow at {self.precision} bits, and no operation is at a kink: the "
            "loss is evaluated outside an operation's domain (log 0, 0/0, the root of 0)."
        )
        return (outside,)


def exact_gradient(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    digits: int = 30,
    lanes: int | None = None,
) -> Truth:
    """The certified gradient, with the working precision raised until it is narrow.

    An entry is narrow when it has so many correct decimal digits, or is exactly zero, or when it
    is below 10^-digits of the greatest entry of its parameter and known to 10^-2digits of that.
    Entries at a kink stay intervals and are given back as undecided, with the operation.

    Args:
        loss: Called as loss(xp, params, batch); answers a scalar.
        params: By name, arrays of floats, taken as exact.
        batch: By name, arrays, taken as exact.
        digits: Decimal digits.
        lanes: None, or how many inputs to run on at once; see
            `gradproof.reference.tape.differentiate`. Lanes that are narrow are not run again.

    Raises:
        InputError: The digits are beyond the greatest precision, or the loss is no scalar.
        UnsupportedError: The loss uses something that the tape cannot follow.

    >>> truth = exact_gradient(lambda xp, p, b: xp.exp(p["w"] / 3), {"w": 1.0}, {})
    >>> print(truth.gradients["w"].strings(20)[0])
    [0.46520414169536317621 +/- 6.26e-22]
    """
    if not 1 <= digits <= PRECISIONS[-1] // log2(10) - 10:
        raise InputError(
            f"exact_gradient cannot give {digits} digits. Ask for 1 to "
            f"{int(PRECISIONS[-1] // log2(10) - 10)}."
        )
    count = lanes or 1
    arrays = _Inputs.of(params, batch, lanes)
    first, *others = (bits for bits in PRECISIONS if bits >= ceil(digits * log2(10)) + 16)
    run = differentiate(loss, arrays.params, arrays.batch, Balls(first), lanes=count)
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


def rounding_noise(
    loss: Loss,
    params: Mapping[str, ArrayLike],
    batch: Mapping[str, ArrayLike],
    kind: Noisy | None = None,
    centre: Mapping[str, NDArray[np.float64]] | None = None,
    lanes: int | None = None,
) -> dict[str, NDArray[np.float64]]:
    """How far rounding may move each entry of the gradient: the spread of noisy runs.

    Args:
        loss: Called as loss(xp, params, batch); answers a scalar.
        params: By name, arrays of floats.
        batch: By name, arrays.
        kind: The noise model; float32 with 8 samples if None.
        centre: The true gradients as float64, with the lanes first; computed if None.
        lanes: None, or how many inputs to run on; a few at a time, to spare memory.

    Returns:
        By parameter, the root mean square deviation from the centre, shape (lanes, *shape).
    """
    kind = kind or Noisy()
    if centre is None:
        truth = exact_gradient(loss, params, batch, lanes=lanes)
        centre = {name: gradient.values() for name, gradient in truth.gradients.items()}
    count = lanes or 1
    arrays = _Inputs.of(params, batch, lanes)
    entries = sum(array[0].size for array in arrays.params.values()) * kind.samples
    spreads: dict[str, list[NDArray[np.float64]]] = {name: [] for name in params}
    for block in _blocks(count, max(1, _BLOCK // max(1, entries))):
        part = arrays.part(block)
        run = differentiate(loss, part.params, part.batch, kind, lanes=part.lanes)
        for name, gradient in run.gradients.items():
            true = np.broadcast_to(centre[name], (count, *gradient.shape))[block]
            spreads[name].append(gradient.spread(true))
    return {name: np.concatenate(parts) for name, parts in spreads.items()}


# ------------------------------------------------------------------------ lanes


@dataclass(frozen=True)
class _Inputs:
    """Parameters and data with the lanes first; an array that all lanes share has length 1."""

    params: Mapping[str, NDArray[Any]]
    batch: Mapping[str, NDArray[Any]]
    lanes: int

    @classmethod
    def of(
        cls, params: Mapping[str, ArrayLike], batch: Mapping[str, ArrayLike], lanes: int | None
    ) -> "_Inputs":
        def laned(mapping: Mapping[str, ArrayLike]) -> dict[str, NDArray[Any]]:
            arrays = {name: np.asarray(values) for name, values in mapping.items()}
            return arrays if lanes else {name: each[np.newaxis] for name, each in arrays.items()}

        return cls(laned(params), laned(batch), lanes or 1)

    def part(self, chosen: NDArray[np.intp]) -> "_Inputs":
        """The chosen lanes."""

        def part_of(mapping: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
            return {
                name: array[chosen] if array.shape[0] == self.lanes else array
                for name, array in mapping.items()
            }

        return _Inputs(part_of(self.params), part_of(self.batch), chosen.size)


def _blocks(lanes: int, length: int) -> Iterator[NDArray[np.intp]]:
    for start in range(0, lanes, length):
        yield np.arange(start, min(start + length, lanes))


# ------------------------------------------------------------------------ judging a run


def _judged(run: Differentiation[BallNumbers], digits: int, bits: int) -> Truth:
    """A run in balls, with what is not yet narrow."""
    value, gradients = run.value, run.gradients
    scale = np.abs(value.values()) if bits >= PATIENT else np.zeros(value.lanes)
    undecided = {name: ~_narrow(balls, digits, scale) for name, balls in gradients.items()}
    truth = Truth(value, gradients, undecided, (), bits, run.unused)
    if truth.complete:
        return truth
    return replace(truth, kinks=_kinks(run.tape, _lane_is_undecided(truth)))


def _narrow(balls: BallNumbers, digits: int, scale: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which entries are known well enough."""
    radii = balls.radii()
    size = np.abs(balls.values()) + radii
    by_lane = (-1, *(1,) * balls.ndim)
    greatest = np.max(size.reshape(size.shape[0], -1), axis=1, initial=0.0)
    greatest = np.maximum(greatest, scale).reshape(by_lane)
    with np.errstate(invalid="ignore"):
        negligible = (size <= 10.0**-digits * greatest) & (radii <= 10.0 ** (-2 * digits) * greatest)
    narrow: NDArray[np.bool_] = (balls.digits() >= digits) | (negligible & np.isfinite(greatest))
    return narrow


def _kinks(tape: Tape, lanes: NDArray[np.bool_]) -> tuple[Kink, ...]:
    """The operations that are or may be at a kink, in some of the lanes."""
    kinks = []
    with tape.kind.context():
        for node in tape.nodes:
            operation = node.operation
            if operation is None or operation.at_kink is None or tape.adjoint(node) is None:
                continue
            operands = (parent.value for parent in node.parents)
            mask = operation.at_kink(*operands, **node.arguments)
            possible = (mask.true | mask.undecided)[0]
            per_lane = possible.reshape(possible.shape[0], -1).any(axis=1)
            found = np.broadcast_to(per_lane, lanes.shape) & lanes
            if np.any(found):
                certain = bool(np.any(mask.true))
                kinks.append(Kink(operation.name, node.source, operation.kinks, found, certain))
    return tuple(kinks)


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

    def spread_out(found: NDArray[np.bool_]) -> NDArray[np.bool_]:
        everywhere = np.zeros(truth.value.lanes, dtype=bool)
        everywhere[lanes] = found
        return everywhere

    kept = [replace(kink, lanes=_without(kink.lanes, lanes)) for kink in truth.kinks]
    kinks = [kink for kink in kept if np.any(kink.lanes)]
    kinks += [replace(kink, lanes=spread_out(kink.lanes)) for kink in better.kinks]
    return Truth(
        value=_replaced(truth.value, better.value, lanes),
        gradients={
            name: _replaced(balls, better.gradients[name], lanes) for name, balls in truth.gradients.items()
        },
        undecided={
            name: _put(entries, better.undecided[name], lanes) for name, entries in truth.undecided.items()
        },
        kinks=tuple(kinks),
        precision=better.precision,
        unused=truth.unused,
    )


def _without(found: NDArray[np.bool_], lanes: NDArray[np.intp]) -> NDArray[np.bool_]:
    kept: NDArray[np.bool_] = _put(found, np.zeros(lanes.size, dtype=bool), lanes)
    return kept


def _put(entries: NDArray[Any], new: NDArray[Any], lanes: Sequence[int] | NDArray[Any]) -> Any:
    result = entries.copy()
    result[lanes] = new
    return result


def _replaced(balls: BallNumbers, new: BallNumbers, lanes: NDArray[np.intp]) -> BallNumbers:
    return balls.like(_put(balls.data[0], new.data[0], lanes)[np.newaxis])
