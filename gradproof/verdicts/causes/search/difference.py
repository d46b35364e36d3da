"""What can be said of a wrong gradient that no mutant explains."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Loss
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.phrases import number
from gradproof.verdicts.causes.search.discrepancy import Discrepancy
from gradproof.verdicts.causes.search.expected import agreement
from gradproof.verdicts.causes.search.inquiry import Inquiry

_SHOWN = 4


def describe_difference(
    loss: Loss,
    params: Mapping[str, NDArray[Any]],
    batch: Mapping[str, NDArray[Any]],
    claimed: Mapping[str, NDArray[Any]],
    *,
    doubt: Mapping[str, NDArray[np.float64]] | None = None,
    wrong: Mapping[str, NDArray[np.bool_]] | None = None,
) -> str:
    """Say which entries of a claimed gradient are off, and whether claimed / true is constant; and no more.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        claimed: by name, arrays of `flint.arb` or of floats.
        doubt: as for `search_cause`.
        wrong: as for `search_cause`.

    Returns:
        a sentence per wrong parameter; empty if nothing is wrong.

    >>> import numpy as np
    >>> def loss(xp, params, batch):
    ...     return xp.sum(params["w"] ** 2)
    >>> w = np.array([1.0, 2.0, 3.0])
    >>> describe_difference(loss, {"w": w}, {}, {"w": 2 * w + np.array([0.0, 0.5, 0.0])})
    'w: 1 of 3 entries is off ([1]).'
    """
    with np.errstate(all="ignore"):  # what is not finite is told as off
        return told(Inquiry(loss, params, batch, claimed, doubt=doubt, wrong=wrong).discrepancy)


def told(discrepancy: Discrepancy) -> str:
    """Say which entries are off."""
    sentences = [
        f"{name}: its shape is {discrepancy.claimed[name].shape} instead of {discrepancy.exact[name].shape}."
        for name in discrepancy.misshapen
    ]
    return " ".join(sentences + [_parameter(discrepancy, name) for name in discrepancy.wrong])


def _parameter(discrepancy: Discrepancy, name: str) -> str:
    off = discrepancy.off(name)
    count, size = int(np.count_nonzero(off)), int(off.size)
    verb = "entries are" if count > 1 else "entries is"
    text = f"{name}: {'all' if count == size else count} of {size} {verb} off"
    if off.ndim and count < size:
        places = [str(list(map(int, place))) for place in np.argwhere(off)[:_SHOWN]]
        text += f" ({', '.join(places)}{', ...' if count > _SHOWN else ''})"
    return text + _ratios(discrepancy, name, off) + "."


def _ratios(discrepancy: Discrepancy, name: str, off: NDArray[np.bool_]) -> str:
    """Say where the ratio of claimed and true is constant."""
    exact = discrepancy.exact_floats[name]
    if np.any(exact[off] == 0) or np.count_nonzero(off) < 2:
        return ""
    ratio = 1 + discrepancy.error[name] / exact
    if _constant(ratio[off]):
        factor = float(ratio[off][0])
        if abs(factor - 1) >= tolerances.ROUNDED_CONSTANT:
            return f"; there the claimed is {number(factor)} times the true"
        shares = discrepancy.error[name][off] / exact[off]
        worst = float(np.max(np.abs(shares)))
        same = ", as with a rounded constant" if _constant(shares, tolerances.MUTANT_ERROR) else ""
        return f"; there the claimed is {agreement(worst)}{same}" if worst else ""
    if off.ndim == 2 and np.all(np.isfinite(ratio)):
        for axis, word in ((1, "row"), (0, "column")):
            lines = list(ratio if axis == 1 else ratio.T)
            if lines[0].size > 1 and all(_constant(line) for line in lines):
                return f"; claimed / true is constant in each {word}"
    return "; claimed / true is not constant"


def _constant(ratios: NDArray[np.float64], within: float = tolerances.CONSTANT_RATIO) -> bool:
    first = ratios.flat[0]
    return bool(np.all(np.abs(ratios - first) <= within * np.abs(first)))
