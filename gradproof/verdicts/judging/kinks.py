"""What a loss allows at a kink: subgradients, whose set is seen from the gradients nearby."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.special_points import ROUND
from gradproof.verdicts.judging.evidence import PlaceEvidence
from gradproof.verdicts.tolerances import SLACK

Array = NDArray[Any]


def outside_of_subgradients(evidence: PlaceEvidence, claimed: Mapping[str, Array]) -> str:
    """Say how a claim is outside of what the gradients nearby allow; nothing if it is not seen to be.

    Args:
        evidence: of the loss, at a kink.
        claimed: by parameter, as float64.
    """
    if any(not np.all(np.isfinite(values)) for values in claimed.values()):
        return "It is not finite, and the gradients nearby are."
    if not _are_seen_nearby(evidence):
        return ""
    nearby = list(evidence.gradients_nearby)
    for name, words, direction in evidence.sums if nearby else ():
        if name not in claimed:
            continue
        values = [float(np.sum(gradient[name] * direction)) for gradient in nearby]
        size = max(float(np.sum(np.abs(gradient[name] * direction))) for gradient in nearby)
        ours = float(np.sum(claimed[name] * direction))
        slack = SLACK * max(size, abs(ours))
        if not min(values) - slack <= ours <= max(values) + slack:
            return (
                f"It is outside of all subgradients: {words} is {ours:.6g}, and between {min(values):.6g} "
                f"and {max(values):.6g} nearby."
            )
    return too_long(evidence, claimed)


def _are_seen_nearby(evidence: PlaceEvidence) -> bool:
    """Tell whether a few neighbours show how far subgradients go.

    Linear pieces have as many gradients as there are pieces; a norm has one for each direction, and the
    farthest is where a loss bends one way that of a neighbour which is known.
    """
    kinks = evidence.truth.kinks
    is_round = any(each.operation in ROUND for each in kinks)
    return not is_round or {each.bends for each in kinks} in ({1}, {-1})


def too_long(
    evidence: PlaceEvidence, claimed: Mapping[str, Array], allowed: Mapping[str, Array] | None = None
) -> str:
    """Say how a claim is outside of the convex set of subgradients, as a vector too long for a norm's is.

    Where a loss is smooth but for kinks that all bend one way, f = s + sum_k c_k |A_k x| with c_k of one
    sign, the greatest <v, d> of all subgradients v is the derivative in the direction d or -d:
    <s', d> + sum_k |c_k| |A_k d| (Clarke, Optimization and Nonsmooth Analysis (1983), proposition 2.3.6: f or
    -f is regular). So it is seen at two neighbours; d is what the claim differs in from the middle of the
    intervals. So is every gradient by conventions of whatever programs, one a kink, which is such a sum.

    Args:
        evidence: of the loss, at a kink.
        claimed: by parameter, as float64.
        allowed: by parameter, how far each entry may be off by rounding; None for exact claims.
    """
    truth = evidence.truth
    if {each.bends for each in truth.kinks} not in ({1}, {-1}) or claimed.keys() != truth.gradients.keys():
        return ""
    apart = {name: claimed[name] - truth.gradients[name].values()[0, ...] for name in claimed}
    length = float(np.sqrt(sum(np.sum(each**2) for each in apart.values())))
    if not 0 < length < np.inf:
        return ""
    direction = {name: each / length for name, each in apart.items()}

    def along(gradient: Mapping[str, Array]) -> float:
        return float(sum(np.sum(gradient[name] * direction[name]) for name in direction))

    nearby = [gradient for gradient in evidence.nearby_along(direction) if np.isfinite(along(gradient))]
    if len(nearby) < 2:
        return ""
    ours, greatest = along(claimed), max(map(along, nearby))
    sizes = [along({n: np.abs(v) * np.sign(direction[n]) for n, v in each.items()}) for each in nearby]
    rounding = sum(float(np.sum(each * np.abs(direction[name]))) for name, each in (allowed or {}).items())
    if not ours > greatest + SLACK * max(*sizes, abs(ours)) + rounding:
        return ""
    return (
        f"It is outside of all subgradients: in the direction in which it is off it is {ours:.6g}, and they "
        f"are at most {greatest:.6g}."
    )
