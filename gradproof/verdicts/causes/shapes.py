"""Claims of another shape than their parameter: what was not summed back, or turned."""

from collections.abc import Iterator

import numpy as np

from gradproof.verdicts.causes.case import Case
from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.graph import Graph
from gradproof.verdicts.causes.sums import unreduced, widened_shape
from gradproof.verdicts.causes.wording import operation_at, where


def shape_causes(case: Case) -> Iterator[Cause]:
    """Give the causes of the claims whose shape is wrong; within the balls' context."""
    for name in case.claim.misshapen:
        cause = _broadcast(case, name) or _turned(case, name)
        if cause is not None:
            yield cause


def _broadcast(case: Case, name: str) -> Cause | None:
    claim, graph = case.claim, case.composed.balls
    shape, claimed = claim.true[name].shape, claim.balls[name].shape
    for edge in graph.edges:
        if widened_shape(graph, edge) is None or not _leads_to(graph, graph.operand(edge).index, name):
            continue
        share = unreduced(graph, edge, graph.adjoint(edge.node)).data[0, 0, ...]
        if claim.explains(name, share):
            node = graph.nodes[edge.node]
            text = (
                f"your gradient of {name} keeps the shape {claimed} that broadcasting made of {shape} in "
                f"{operation_at(node)}: it is not reduced, that is, not summed back to the parameter's shape"
            )
            return Cause("broadcast-not-reduced", where(node), None, text, (name,))
    return None


def _leads_to(graph: Graph, index: int | None, name: str) -> bool:
    """Whether a node is a parameter, perhaps in another shape."""
    while index is not None:
        node = graph.nodes[index]
        if node.operation is None:
            return node.name == name
        if node.name not in {"reshape", "expand_dims", "squeeze", "broadcast_to"}:
            return False
        index = node.operands[0].index
    return False


def _turned(case: Case, name: str) -> Cause | None:
    claim = case.claim
    true, shape = claim.true[name], claim.balls[name].shape
    if true.ndim == 2 and true.T.shape == shape and claim.explains(name, true.T):
        text = f"your gradient of {name} is the true one transposed, of shape {shape} instead of {true.shape}"
        return Cause("transposed", "", None, text, (name,))
    if true.size == claim.balls[name].size and claim.explains(name, true.reshape(shape)):
        text = f"your gradient of {name} has the right entries in the shape {shape} instead of {true.shape}"
        return Cause("broadcast-not-reduced", "", None, text, (name,))
    if shape == () and claim.explains(name, np.asarray(true.sum(), dtype=object)):
        text = f"your gradient of {name} is the sum of the true one's entries, a single number"
        return Cause("sum-over-all-axes", "", None, text, (name,))
    for axis in range(true.ndim):
        for keepdims in (True, False):
            summed = true.sum(axis=axis, keepdims=keepdims)
            if summed.shape == shape and claim.explains(name, summed):
                text = f"your gradient of {name} is the true one summed over its axis {axis} once too often"
                return Cause("sum-over-another-axis", "", None, text, (name,))
    return None
