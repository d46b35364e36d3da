"""How far two sets of certified numbers agree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.truth import EQUAL_DIGITS, Truth

WIDE = 1e-8
"""A formula is called equal up to the doubles that its constants are only if these leave it so narrow,
relative to the greatest entry: half of a double's digits."""


@dataclass(frozen=True)
class Agreement:
    """How the claimed gradient of one parameter agrees with the true one; arrays of the parameter's shape.

    Attributes:
        claimed: the claim, as `flint.arb`.
        true: the truth, as `flint.arb`.
        digits: decimal digits to which each entry is proven to agree; infinite for exact equality. An entry
            that is not told from 0 is compared with the greatest one.
        apart: entries that are proven to differ and agree in fewer digits than `EQUAL_DIGITS`.
        constant: entries whose difference is explained by the code's constants being doubles.
    """

    claimed: NDArray[np.object_]
    true: NDArray[np.object_]
    digits: NDArray[np.float64]
    apart: NDArray[np.bool_]
    constant: NDArray[np.bool_]

    @property
    def equal(self) -> NDArray[np.bool_]:
        """Entries that agree."""
        return (self.digits >= EQUAL_DIGITS) | self.constant

    @property
    def worst(self) -> float:
        """The digits of the worst entry."""
        return float(np.min(self.digits, initial=np.inf))


def agreements(claimed: Mapping[str, NDArray[np.object_]], truth: Truth) -> dict[str, Agreement]:
    """Compare claimed certified gradients with the true ones, for the parameters that are claimed."""
    sizes = {name: _greatest(exact.balls()[0, ...]) for name, exact in truth.gradients.items()}
    largest = max([*sizes.values(), float(abs(truth.value.values()[0]))], default=0.0)
    return {
        name: compare(balls, truth.gradients[name].balls()[0, ...], sizes[name] or largest)
        for name, balls in claimed.items()
    }


def compare(claimed: NDArray[np.object_], true: NDArray[np.object_], scale: float) -> Agreement:
    """Compare certified numbers entry by entry.

    Args:
        claimed: as `flint.arb`.
        true: of the same shape.
        scale: what an entry is compared with whose true value is not told from 0.
    """
    pairs = [_entry(ours, theirs, scale) for ours, theirs in zip(claimed.flat, true.flat, strict=True)]
    digits = np.array([pair[0] for pair in pairs], dtype=np.float64).reshape(true.shape)
    apart = np.array([pair[1] for pair in pairs], dtype=bool).reshape(true.shape)
    return Agreement(claimed, true, digits, apart & (digits < EQUAL_DIGITS), np.zeros_like(apart))


def _entry(claimed: arb, true: arb, scale: float) -> tuple[float, bool]:
    """Give the digits of agreement of two balls, and whether they are proven to differ."""
    distance = abs(claimed - true)
    if distance.is_zero():
        return np.inf, False
    if not distance.is_finite():
        return 0.0, False
    differ = bool(distance > 0)
    digits = _digits(distance, abs(true).lower()) if not true.contains(0) else 0.0
    if true.contains(0) or (digits < EQUAL_DIGITS and not differ):
        # A number that is not told from 0, or that is known only as negligible, has no relative error.
        digits = max(digits, _digits(distance, arb(scale)))
    return digits, differ


def _digits(distance: arb, size: arb) -> float:
    """Give the decimal digits that a distance leaves of a size."""
    if not size > 0:
        return 0.0
    relative = (distance / size).upper()
    return max(float(-(relative.log() / arb(10).log())), 0.0) if relative > 0 else np.inf


def _greatest(balls: NDArray[np.object_]) -> float:
    """Give the greatest absolute value of the entries that are told from 0; 0 if there is none."""
    entries: list[Any] = balls.ravel().tolist()
    sizes = (float(abs(ball)) for ball in entries if ball.is_finite() and not ball.contains(0))
    return max(sizes, default=0.0)


def explained_by_constants(
    agreement: Agreement, widened: NDArray[np.object_], scale: float
) -> NDArray[np.bool_]:
    """Tell the entries whose difference may come from the code's constants being doubles.

    Args:
        agreement: of the claim as it stands.
        widened: the claim, computed with each such constant standing for all numbers near it.
        scale: the greatest entry.
    """
    columns: list[list[Any]] = [each.ravel().tolist() for each in (agreement.apart, widened, agreement.true)]
    flat = [
        bool(apart) and ours.is_finite() and ours.overlaps(true) and float(ours.rad()) <= WIDE * scale
        for apart, ours, true in zip(*columns, strict=True)
    ]
    return np.array(flat, dtype=bool).reshape(agreement.apart.shape)


def scale_of(agreement: Agreement) -> float:
    """Give the greatest true entry."""
    return _greatest(agreement.true)


def as_floats(balls: NDArray[np.object_]) -> NDArray[np.float64]:
    """Give the midpoints of balls as floats."""
    values: Any = [float(ball) for ball in balls.flat]
    return np.array(values, dtype=np.float64).reshape(balls.shape)
