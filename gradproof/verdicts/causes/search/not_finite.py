"""Where a claim is no number: the derivative whose usual formula divides by zero just there."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.arithmetic import kept
from gradproof.reference.tape import Edge, Operation
from gradproof.reference.tape.operations import along_axes, circular, entrywise
from gradproof.verdicts.causes.graph import Change, Changed, Use
from gradproof.verdicts.causes.kinds import Cause, CauseKind
from gradproof.verdicts.causes.phrases import sentence
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.inquiry import Inquiry

_BY_OPERAND = "by a division by its operand"

_DIVIDING: dict[Operation | None, tuple[str, Callable[[Floats, Floats], Floats]]] = {
    along_axes.PROD: ("as the product over each factor", lambda x, _: x),
    entrywise.SQRT: ("as 1 / (2 y)", lambda _, y: y),
    entrywise.ABS: ("as x / abs(x)", lambda x, _: x),
    along_axes.VECTOR_NORM: ("as x / y", lambda _, y: y),
    along_axes.STD: ("as (x - mean(x)) / (n y)", lambda _, y: y),
    circular.HYPOT: ("as x / y", lambda _, y: y),
    entrywise.INTEGER_POWER: (f"{_BY_OPERAND}, n y / x", lambda x, _: x),
    entrywise.POW: (f"{_BY_OPERAND}, n y / x", lambda x, _: x),
    entrywise.MULTIPLY: (f"{_BY_OPERAND}, as y / x", lambda x, _: x),
    entrywise.SQUARE: (f"{_BY_OPERAND}, 2 y / x", lambda x, _: x),
}
"""How a derivative is written with a division, and by what, from x and the result y; the likeliest first."""


def division_by_zero(inquiry: Inquiry) -> Cause | None:
    """Find the derivative that makes just those entries no numbers that are none; the others are right."""
    claimed = inquiry.discrepancy.claimed
    bad = {name: ~np.isfinite(_floats(claimed[name])) for name in inquiry.discrepancy.error}
    if any(not np.array_equal(bad[name], inquiry.discrepancy.off[name]) for name in inquiry.targets):
        return None
    graph = inquiry.composed.plain
    order = list(_DIVIDING)
    uses = [use for use in map(graph.use, graph.edges) if use.operation in _DIVIDING]
    for use in sorted(uses, key=lambda use: order.index(use.operation)):
        zeros = _zeros(use)
        if zeros is None or not zeros.any() or not use.reaches.issuperset(inquiry.targets):
            continue
        edge = Edge(use.node.index, use.position)
        [gradients] = graph.backward({edge: Changed(_spoilt(use, zeros))})
        spoilt = {name: ~np.isfinite(each.astype(np.float64)) for name, each in gradients.items()}
        if all(np.array_equal(spoilt.get(name, ~mask & mask), mask) for name, mask in bad.items()):
            how = _DIVIDING[use.operation][0]
            phrase = f"the derivative of {use.node} computed {how}, which is no number where that is zero"
            text = sentence(phrase, inquiry.targets)
            return Cause(CauseKind.DIVISION_BY_ZERO.slug, use.node.where, None, text, inquiry.targets)
    return None


_number = np.vectorize(lambda ball: float(ball.mid()) if ball.is_finite() else np.nan, otypes=[float])


def _floats(balls: NDArray[np.object_]) -> Floats:
    return np.asarray(_number(balls))


def _zeros(use: Use) -> NDArray[np.bool_] | None:
    """Give where the operand's share is divided by zero."""
    if use.operation not in _DIVIDING:
        return None
    with use.graph.context():
        result = kept(use.y, use.x, use.arguments["axes"]) if "axes" in use.arguments else use.y
    x, y = (np.asarray(each.data[0, 0, ...], dtype=np.float64) for each in (use.x, result))
    by = _DIVIDING[use.operation][1](x, y)
    fits = by.ndim == len(use.shape) and all(n in {1, m} for n, m in zip(by.shape, use.shape, strict=True))
    return np.broadcast_to(by == 0, use.shape) if fits else None


def _spoilt(use: Use, zeros: NDArray[np.bool_]) -> Change:
    nowhere = use.graph.kind.constant(np.where(zeros, np.nan, 0.0))
    return lambda g: use.pull(g).sum_to(use.shape) + nowhere
