"""What can be said of a wrong gradient that no mutant explains."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Loss
from gradproof.verdicts.causes.case import Case
from gradproof.verdicts.causes.claim import Claim
from gradproof.verdicts.causes.wording import number

_CONSTANT = 1e-9
_SHOWN = 4


def describe_difference(
    loss: Loss,
    params: Mapping[str, NDArray[Any]],
    batch: Mapping[str, NDArray[Any]],
    claimed: Mapping[str, NDArray[Any]],
) -> str:
    """Say which entries of a claimed gradient are off, and whether claimed / true is constant; and no more.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        claimed: by name, arrays of `flint.arb` or of floats.

    Returns:
        a sentence per wrong parameter; empty if nothing is wrong.

    >>> import numpy as np
    >>> def loss(xp, params, batch):
    ...     return xp.sum(params["w"] ** 2)
    >>> w = np.array([1.0, 2.0, 3.0])
    >>> describe_difference(loss, {"w": w}, {}, {"w": 2 * w + np.array([0.0, 0.5, 0.0])})
    'w: 1 of 3 entries is off ([1]).'
    """
    claim = Case(loss, params, batch, claimed, None).claim
    sentences = [
        f"{name}: its shape is {claim.balls[name].shape} instead of {claim.true[name].shape}."
        for name in claim.misshapen
    ]
    sentences += [_parameter(claim, name) for name in claim.wrong]
    return " ".join(sentences)


def _parameter(claim: Claim, name: str) -> str:
    off = claim.off(name)
    count, size = int(np.count_nonzero(off)), int(off.size)
    places = [str(list(map(int, place))) for place in np.argwhere(off)[:_SHOWN]]
    shown = ", ".join(places) + (", ..." if count > _SHOWN else "")
    which = "all" if count == size else str(count)
    text = (
        f"{name}: {which} of {size} {'entries are' if count > 1 or size == count > 1 else 'entries is'} off"
    )
    if off.ndim and count < size:
        text += f" ({shown})"
    return text + _ratios(claim, name, off) + "."


def _ratios(claim: Claim, name: str, off: NDArray[np.bool_]) -> str:
    """Say where the ratio of claimed and true is constant."""
    true = claim.true_floats[name]
    if np.any(true[off] == 0) or np.count_nonzero(off) < 2:
        return ""
    with np.errstate(all="ignore"):
        ratio = 1 + claim.error[name] / true
    if _constant(ratio[off]):
        return f"; there the claimed is {number(float(ratio[off][0]))} times the true"
    if off.ndim == 2 and np.all(np.isfinite(ratio)):
        for axis, word in ((1, "row"), (0, "column")):
            lines = list(ratio if axis == 1 else ratio.T)
            if lines[0].size > 1 and all(_constant(line) for line in lines):
                return f"; claimed / true is constant in each {word}"
    return "; claimed / true is not constant"


def _constant(ratios: NDArray[np.float64]) -> bool:
    return bool(np.all(np.abs(ratios - ratios.flat[0]) <= _CONSTANT * np.abs(ratios.flat[0])))
