"""Whether a wrong gradient is the true one with the derivative of one operation left out."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log10
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.numbers import Balls
from gradproof.reference.tape import Loss, differentiate
from gradproof.reference.tape.operations import Array
from gradproof.verdicts.formulas import EQUAL_DIGITS

PRECISION = 256
"""Bits of the arithmetic that gradients are compared in."""


@dataclass(frozen=True)
class Cause:
    """What makes a claimed gradient wrong.

    Attributes:
        kind: a slug, `derivative-left-out`.
        where: operation and source line, `sigmoid at my_gradient.py:12`.
        factor: None where the cause is no constant factor.
        text: the cause as a sentence.
        parameters: names of the parameters whose gradients it explains.
    """

    kind: str
    where: str
    factor: float | None
    text: str
    parameters: tuple[str, ...]


def find_cause(
    loss: Loss,
    params: Mapping[str, NDArray[Any]],
    batch: Mapping[str, NDArray[Any]],
    claimed: Mapping[str, NDArray[np.object_]],
) -> Cause | None:
    """Look for the one operation whose derivative, left out, makes the true gradient the claimed one.

    Every operation of the loss that maps entries one by one is tried: its derivative is replaced by 1 on
    the tape, in certified arithmetic, and the gradient that results is compared with the claimed one.

    Args:
        loss: called as `loss(xp, params, batch)`.
        params: by name, the parameters.
        batch: by name, the data.
        claimed: by name, the claimed entries as balls, of the parameters' shapes.

    Returns:
        the cause; None where the claimed gradient may be right, or no single operation explains it.
    """
    kind = Balls(PRECISION)
    with kind.context():
        tape = differentiate(loss, params, batch, kind).tape
        if _digits(claimed, tape.backward()) >= EQUAL_DIGITS:
            return None
        for edge in tape.edges:
            node = tape.nodes[edge.node]
            if node.operation is None or len(node.parents) != 1 or node.parents[0].shape != node.shape:
                continue
            digits = _digits(claimed, tape.backward({edge: lambda g, *_, **__: g}))
            if digits >= EQUAL_DIGITS:
                names, name = ", ".join(claimed), node.operation.name
                return Cause(
                    kind="derivative-left-out",
                    where=f"{name} at {node.source}",
                    factor=None,
                    text=f"your gradient of {names} is the true one with the derivative of {name} "
                    f"({node.source}) left out, {_in_words(digits, claimed)}",
                    parameters=tuple(claimed),
                )
    return None


def _digits(claimed: Mapping[str, NDArray[np.object_]], gradients: Mapping[str, Array]) -> float:
    """Digits to which the worst entry agrees; infinite where a claim is an interval that holds the entry."""
    return min(
        _digits_of(ours, true)
        for name, entries in claimed.items()
        for ours, true in zip(np.ravel(entries), np.ravel(gradients[name].data), strict=True)
    )


def _digits_of(ours: arb, true: arb) -> float:
    distance = abs(ours - true)
    # A decimal of a document stands for all numbers that are rounded to it.
    wide = ours.rel_accuracy_bits() * log10(2) < EQUAL_DIGITS
    if distance.is_zero() or (wide and true.is_finite() and ours.contains(true)):
        return inf
    ratio = distance / abs(true)
    return float(-ratio.upper().log() / arb(10).log()) if ratio.is_finite() else -inf


def _in_words(digits: float, claimed: Mapping[str, NDArray[np.object_]]) -> str:
    if digits < inf:
        return f"to {int(digits)} digits"
    exact = all(ball.is_exact() for entries in claimed.values() for ball in np.ravel(entries))
    return "exactly" if exact else "as far as its decimals tell"
