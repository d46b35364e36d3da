"""Claims of another shape than their parameter: what was not summed back, or turned."""

from collections.abc import Iterator

import numpy as np

from gradproof.reference.tape import Trait
from gradproof.reference.tape.operations import moving
from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.graph import Node
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import Having
from gradproof.verdicts.causes.mistakes.structure import is_stretched, unreduced
from gradproof.verdicts.causes.search.inquiry import Inquiry


def shape_causes(inquiry: Inquiry) -> Iterator[Cause]:
    """Give the causes of the claims whose shape is wrong."""
    with inquiry.composed.balls.context():
        for name in inquiry.discrepancy.misshapen:
            cause = _broadcast(inquiry, name) or _turned(inquiry, name)
            if cause is not None:
                yield cause


def _broadcast(inquiry: Inquiry, name: str) -> Cause | None:
    discrepancy, graph = inquiry.discrepancy, inquiry.composed.balls
    shape, claimed = discrepancy.exact[name].shape, discrepancy.claimed[name].shape
    for use in map(graph.use, graph.edges):
        if not is_stretched(use) or not _leads_to(use.operand, name):
            continue
        if discrepancy.explains(name, unreduced(use, use.g).data[0, 0, ...]):
            text = (
                f"your gradient of {name} keeps the shape {claimed} that broadcasting made of {shape} in "
                f"{use.node}: it is not reduced, that is, not summed back to the parameter's shape"
            )
            return Cause(CauseKind.BROADCAST_NOT_REDUCED.slug, use.node.where, None, text, (name,))
    return None


def _leads_to(node: Node, name: str) -> bool:
    """Whether a value is a parameter, perhaps in another shape."""
    while node.operation in Having(Trait.KEEPS_ORDER) or node.operation is moving.BROADCAST_TO:
        node = node.operands[0]
    return node.operation is None and not node.constant and node.name == name


def _turned(inquiry: Inquiry, name: str) -> Cause | None:
    discrepancy = inquiry.discrepancy
    exact, shape = discrepancy.exact[name], discrepancy.claimed[name].shape
    is_that = f"your gradient of {name} is the true one"

    def cause(kind: CauseKind, text: str) -> Cause:
        return Cause(kind.slug, "", None, text, (name,))

    if exact.ndim == 2 and exact.T.shape == shape and discrepancy.explains(name, exact.T):
        text = f"{is_that} transposed, of shape {shape} instead of {exact.shape}"
        return cause(CauseKind.TRANSPOSED, text)
    if exact.size == np.prod(shape) and discrepancy.explains(name, exact.reshape(shape)):
        text = f"your gradient of {name} has the right entries in the shape {shape} instead of {exact.shape}"
        return cause(CauseKind.BROADCAST_NOT_REDUCED, text)
    if shape == () and discrepancy.explains(name, np.asarray(exact.sum(), dtype=object)):
        text = f"your gradient of {name} is the sum of the true one's entries, a single number"
        return cause(CauseKind.SUM_OVER_ALL_AXES, text)
    for axis in range(exact.ndim):
        for keepdims in (True, False):
            summed = np.asarray(exact.sum(axis=axis, keepdims=keepdims), dtype=object)
            if summed.shape == shape and discrepancy.explains(name, summed):
                text = f"{is_that} summed over its axis {axis} once too often"
                return cause(CauseKind.SUM_OVER_ANOTHER_AXIS, text)
    return None
