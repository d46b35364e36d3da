"""Where a gradient loses its digits: the operation whose result is much noisier than its operands.

That is one thing for a loss that is badly conditioned, and another for a textbook's formula.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Noisy, Numbers
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.numbers.run_formats import RunFormats, coarser
from gradproof.reference.tape import Differentiation, Loss, Operation, Source, Tensor, differentiate

Array = NDArray[Any]


def where_digits_are_lost(
    loss: Loss,
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
    formats: RunFormats | str,
    parameter: str,
) -> str:
    """Name the operation that amplifies the relative rounding noise most, on the way to one gradient.

    The relative noise of an array is ‖spread‖ / ‖mean‖ over its entries. Going forward, an operation
    amplifies by the ratio of its result's relative noise to its operands'; going backward, a derivative by
    the ratio of the noise that it hands on to the noise of what it is made of. The largest ratio is where
    digits cancel.

    Args:
        loss: called as `loss(xp, params, batch)`.
        params: flat, without a leading axis of steps.
        batch: likewise.
        formats: whose rounding is looked at.
        parameter: whose gradient is looked at.
    """
    formats = RunFormats.of(formats)
    kind = Noisy.of(formats, samples=32)
    run = differentiate(formats.loss or loss, params, batch, kind)
    target = run.tape.parameters[parameter]
    with np.errstate(all="ignore"), kind.context():
        found = max(_amplifications(run, target, kind.unit), default=(0.0, ""), key=lambda pair: pair[0])
    return found[1]


def _amplifications(run: Differentiation[Any], target: Tensor, unit: float) -> list[tuple[float, str]]:
    candidates = []
    for node in run.tape.nodes:
        if node.operation is None:
            continue
        operands = max((_noise(parent.value, unit) for parent in node.parents), default=unit)
        candidates.append((_noise(node.value, unit) / operands, f"{node.operation.name} at {node.source}"))
    adjoint = run.tape.adjoint(target)
    if adjoint is not None:
        for consumer in run.tape.nodes:
            handed = run.tape.adjoint(consumer)
            if handed is None or not any(parent is target for parent in consumer.parents):
                continue  # the loss does not depend on it, so it hands nothing back
            others = [parent.value for parent in consumer.parents if parent is not target]
            operands = max(_noise(value, unit) for value in (handed, *others))
            name = "" if consumer.operation is None else consumer.operation.name
            text = f"the derivative of {name} at {consumer.source}, whose terms cancel in a sum"
            candidates.append((_noise(adjoint, unit) / operands, text))
    return [candidate for candidate in candidates if np.isfinite(candidate[0])]


def _noise(numbers: Numbers[Any], unit: float) -> float:
    """Give the relative noise of an array, at least the unit roundoff."""
    mean = np.mean(numbers.data, axis=0)
    spread = np.std(numbers.data, axis=0)
    size = float(np.linalg.norm(mean))
    return max(float(np.linalg.norm(spread)) / size, unit) if size > 0 else unit


# -------------------------------------------------------------------- by a textbook's formula

MOST_RUNS = 64
"""So many operations of a loss are tried, one after the other, at most."""


@dataclass(frozen=True)
class Loser:
    """An operation whose textbook formula loses digits.

    Attributes:
        where: the operation and its line in the loss, such as "tanh at mine.py:12".
        text: what it loses, and what keeps it, in words.
    """

    where: str
    text: str


def who_loses_digits(
    loss: Loss,
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
    formats: RunFormats | str,
    entry: tuple[str, int],
    exact: float,
    relative_error: float,
) -> Loser | None:
    """Find the operation whose textbook formula makes most of the noise of one entry of a gradient.

    All operations are run as accurately as their rounded operands allow, but for one at a time.

    Args:
        loss: called as `loss(xp, params, batch)`.
        params: flat, without a leading axis of steps.
        batch: likewise.
        formats: whose rounding is looked at.
        entry: the parameter, and the entry's place in it in row-major order.
        exact: the entry's exact value.
        relative_error: that of the value that loses the digits.
    """
    parameter, place = entry
    formats = RunFormats.of(formats)
    loss, kind = formats.loss or loss, Noisy.of(formats)
    tried: dict[tuple[str, Source], Operation] = {}
    path: set[str] = set()

    def spread(textbook: tuple[str, Source] | None) -> float:
        def accurately(operation: Operation, source: Source) -> bool:
            tried.setdefault((operation.name, source), operation)
            return (operation.name, source) != textbook

        run = differentiate(loss, params, batch, kind, accurately=accurately)
        path.add(run.gradients[parameter].kind.path)
        found = run.gradients[parameter].spread(np.array(exact)).reshape(-1)[place]
        return float(found) if np.isfinite(found) else np.inf

    least = spread(None)
    spreads = {key: spread(key) for key in list(tried)[:MOST_RUNS]}
    loser = max(spreads, key=lambda key: spreads[key], default=None)
    if loser is None or not spreads[loser] > 2 * least:
        return None
    accurate, where = tried[loser].accurate, f"{loser[0]} at {loser[1]}"
    assert accurate is not None  # noqa: S101 - only those are asked for
    digits = round(-np.log10(FORMATS[coarser(*path)].unit_roundoff))
    left = min(max(-np.log10(relative_error), 0.0), digits) if relative_error > 0 else digits
    lost = f"{digits - int(left)} of {digits} digits"
    return Loser(where, f"{where} loses {lost} as {accurate.loses}; {accurate.keeps} keeps them")
