"""Formulas that are right, and cancel when they are computed in floats from a rounded result."""

import numpy as np
from numpy.typing import NDArray

from gradproof.verdicts.causes.case import Case
from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.graph import Array, Changes, Graph
from gradproof.verdicts.causes.wording import operation_at, sentence, where

_ULPS = 8
"""The claim is compared within so many units in the last place of the numbers that cancel."""


def rounded_output(case: Case) -> Cause | None:
    """Find a derivative that was computed from the rounded result: out + 1 for exp(x) - 1.

    Such a claim is right as a formula, so that only a claim in float64 can show it.
    """
    for view in (case.composed, case.raw):
        graph = view.plain
        for edge in graph.edges:
            node = graph.nodes[edge.node]
            slope = _slope(graph, edge.node)
            if slope is None:
                continue
            with graph.context():
                constant = graph.kind.constant(slope)
                gradients = graph.backward(Changes({edge: constant.__mul__}))
            if all(name in gradients and _same(case, name, gradients[name]) for name in case.targets):
                phrase = f"the derivative of {operation_at(node)} computed from its rounded output"
                said = _FORMULAS[node.name]
                text = (
                    f"{sentence(phrase, case.targets)} as {said}, where digits cancel; the formula is right"
                )
                return Cause("derivative-from-rounded-output", where(node), None, text, case.targets)
    return None


_FORMULAS = {
    "expm1": "output + 1",
    "exp": "expm1 + 1",
    "tanh": "1 - output^2",
    "sigmoid": "output (1 - output)",
}


def _slope(graph: Graph, index: int) -> NDArray[np.float64] | None:
    node = graph.nodes[index]
    if node.name not in _FORMULAS:
        return None
    x: NDArray[np.float64] = node.operands[0].value.data[0, 0, ...]
    with np.errstate(all="ignore"):
        if node.name in {"expm1", "exp"}:
            return np.asarray(np.expm1(x) + 1)
        if node.name == "tanh":
            return np.asarray(1 - np.tanh(x) ** 2)
        y = 1 / (1 + np.exp(-x))
        return np.asarray(y * (1 - y))


def _same(case: Case, name: str, gradient: Array) -> bool:
    """Tell whether a mutant has the claim's rounding errors: it explains nearly all of the error."""
    error = case.claim.error[name]
    left = np.abs(gradient.data[0, 0, ...] - case.claim.true_floats[name] - error)
    ulps = _ULPS * np.finfo(np.float64).eps * np.abs(case.claim.true_floats[name])
    return bool(np.all(left <= np.maximum(ulps, 1e-3 * np.abs(error))))
