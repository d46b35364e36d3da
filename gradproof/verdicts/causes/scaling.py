"""Constant factors: which numbers an operation's derivative holds, and what a factor means."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from math import isclose, prod, sqrt
from typing import Any

import numpy as np

from gradproof.reference.tape import Edge, Tensor
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.graph import Graph
from gradproof.verdicts.causes.mutant import Alternate
from gradproof.verdicts.causes.wording import number, operation_at

LOOSE, TIGHT = 1e-7, 1e-11
"""Relative distance of a factor from a number that it stands for: as estimated, as solved for in balls."""


@dataclass(frozen=True)
class OwnFactor:
    """A constant in an operation's derivative, and its name."""

    value: float
    text: str


def own_factors(graph: Graph, edge: Edge) -> list[OwnFactor]:
    """Give the constant factors of the derivative at an edge."""
    node = graph.nodes[edge.node]
    name, arguments = node.name, node.arguments
    if name in {"mean", "var", "std"}:
        count = node.operands[0].value.count(arguments["axes"]) - arguments.get("correction", 0)
        own = [OwnFactor(1 / count, f"the 1/{number(count)}")]
        return [OwnFactor(2.0, "the factor 2"), *own] if name == "var" else own
    if name == "integer_power":
        exponent = arguments["exponent"]
        return [OwnFactor(float(exponent), f"the exponent {exponent}")]
    if name == "multiply" or (name == "divide" and edge.position == 0):
        constant = _uniform(node.operands[1 - edge.position])
        if constant is not None and name == "divide":
            return [OwnFactor(1 / constant, f"the division by {number(constant)}")]
        return [] if constant is None else [OwnFactor(constant, f"the factor {number(constant)}")]
    positive = name == "subtract" and edge.position == 0
    return [_CONSTANT[name]] if name in _CONSTANT and not positive else []


_CONSTANT = {
    "negative": OwnFactor(-1.0, "the minus sign"),
    "subtract": OwnFactor(-1.0, "the minus sign"),
    "square": OwnFactor(2.0, "the factor 2"),
    "sqrt": OwnFactor(0.5, "the factor 1/2"),
}


def _uniform(tensor: Tensor) -> float | None:
    """Give the one number that a constant consists of, if it does and is neither 0 nor 1."""
    if tensor.index is not None or not tensor.size:
        return None
    values = np.asarray(tensor.value.values(), dtype=np.float64).ravel()  # type: ignore[attr-defined]
    value = float(values[0])
    return value if np.all(values == value) and value not in {0.0, 1.0} and np.isfinite(value) else None


def alternates(graph: Graph, edge: Edge) -> Iterator[Alternate]:
    """Give the derivative at an edge with a constant factor, for use at several edges at once."""
    at = operation_at(graph.nodes[edge.node])
    for own in own_factors(graph, edge):
        for factor, done in ((1 / own.value, "left out"), (own.value, "applied twice")):
            kind, phrase, cost = named(graph, edge, factor, TIGHT) or ("", "", 0.0)
            if phrase:
                yield Alternate(
                    f"{own.text if not own.text.startswith('the 1/') else 'the 1/n'} {done}",
                    kind,
                    phrase,
                    cost,
                    lambda g, factor=factor: graph.pull(edge, g) * factor,  # type: ignore[misc]
                    factor,
                )
    for factor, kind, phrase in (
        (-1.0, "sign", f"the derivative of {at} negated"),
        (2.0, "constant-factor", f"the derivative of {at} doubled"),
        (0.5, "constant-factor", f"the derivative of {at} halved"),
        (0.0, "path-not-carried-back", f"nothing carried back through {at} to {operand_text(graph, edge)}"),
    ):
        yield Alternate(
            f"times {factor}",
            kind,
            phrase,
            costs.PATH if factor == 0 else costs.PLAIN_FACTOR,
            lambda g, factor=factor: graph.pull(edge, g) * factor,  # type: ignore[misc]
            factor,
        )


def operand_text(graph: Graph, edge: Edge) -> str:
    """Say which operand an edge leads to."""
    operand = graph.operand(edge)
    text = "a constant" if operand.index is None else operation_at(graph.nodes[operand.index])
    same = sum(each is operand for each in graph.nodes[edge.node].operands) > 1
    return f"{text} as operand {edge.position + 1}" if same else text


# ------------------------------------------------------------------------ what a factor means


def named(graph: Graph, edge: Edge, factor: float, near: float) -> tuple[str, str, float] | None:
    """Say what a constant factor of the derivative at an edge means there.

    Returns:
        kind, phrase and cost; None if it means nothing there.
    """
    node = graph.nodes[edge.node]
    at = operation_at(node)
    for own in own_factors(graph, edge):
        value, derivative = own.value, f"{own.text} of the derivative of {at}"
        left_out = "mean-left-out" if node.name == "mean" else "constant-factor"
        meanings = [
            (1 / value, left_out, f"{derivative} left out", costs.OWN_FACTOR),
            (value, "constant-factor", f"{derivative} applied twice", costs.OWN_FACTOR + 0.3),
            (1 / value**2, "constant-factor", f"{derivative} inverted", costs.OWN_FACTOR + 0.4),
        ]
        if value == -1:
            meanings = [(-1.0, "sign", f"the minus sign of {at} left out", costs.OWN_FACTOR)]
        elif value < 0:
            meanings += [
                (-1.0, "sign", f"the minus sign of {own.text} in {at} left out", costs.OWN_FACTOR + 0.1),
                (-1 / value, "constant-factor", f"{derivative} left out but for its sign", costs.OWN_FACTOR),
            ]
        for meant, kind, phrase, cost in meanings:
            if isclose(factor, meant, rel_tol=near):
                return kind, phrase, cost
    if node.name in {"mean", "var", "std"}:
        return _other_mean(graph, edge, factor, near)
    return None


def _other_mean(graph: Graph, edge: Edge, factor: float, near: float) -> tuple[str, str, float] | None:
    """Recognise a mean's derivative with the count of other axes, or with one entry more or less."""
    node = graph.nodes[edge.node]
    shape, axes = node.operands[0].shape, node.arguments["axes"]
    count = prod(shape[axis] for axis in axes)
    at = operation_at(node)
    for other in _counts(shape):
        # 1/other in the place of 1/count
        if other != count and other > 1 and isclose(factor, count / other, rel_tol=near):
            phrase = f"a division by {other} instead of {count} in the derivative of {at}"
            return "constant-factor", phrase, costs.OWN_FACTOR + 0.5
    for other in (count - 1, count + 1):
        if other > 1 and isclose(factor, count / other, rel_tol=near):
            phrase = f"a division by {other} instead of {count} in the derivative of {at}"
            return "constant-factor", phrase, costs.OWN_FACTOR + 0.6
    return None


def _counts(shape: Sequence[int]) -> list[int]:
    """Give the numbers of entries along any choice of axes."""
    return sorted({prod(chosen) for k in range(1, len(shape) + 1) for chosen in combinations(shape, k)})


class Numbers:
    """The numbers that one would expect as a factor: small ones, and those that the arrays' lengths give."""

    def __init__(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], learning_rate: float | None
    ) -> None:
        """Collect the lengths of all axes, and their products."""
        self.meanings: dict[float, str] = {}
        for names in (batch, params):
            for name, array in names.items():
                shape = np.shape(array)
                for axis, length in enumerate(shape):
                    if length > 1:
                        self._add(length, f"the length of axis {axis} of {name}")
                for count in _counts(shape) if len(shape) < 6 else []:
                    if count > 1:
                        self._add(count, f"a number of entries of {name}")
        if learning_rate:
            self.meanings = {learning_rate: "the learning rate", **self.meanings}

    def _add(self, value: float, meaning: str) -> None:
        self.meanings.setdefault(float(value), meaning)

    def meaning(self, factor: float, near: float) -> str | None:
        """Say what a factor is; "" for a small fraction that needs no words, None for an odd number."""
        if factor == 0 or not np.isfinite(factor):
            return None
        for value, text in self.meanings.items():
            for candidate, said in (
                (value, text),
                (1 / value, f"1 over {text}"),
                (sqrt(abs(value)), f"the root of {text}"),
                (1 / sqrt(abs(value)), f"1 over the root of {text}"),
            ):
                if (
                    abs(candidate) != 2
                    and abs(candidate) != 0.5
                    and isclose(abs(factor), candidate, rel_tol=near)
                ):
                    return f"minus {said}" if factor < 0 else said
        fraction = Fraction(factor).limit_denominator(16)
        if isclose(float(fraction), factor, rel_tol=near) and abs(fraction.numerator) <= 16:
            return ""
        for value, text in self.meanings.items():
            for other, second in self.meanings.items():
                if isclose(abs(factor), value / other, rel_tol=near):
                    return f"{text} over {second}"
        return None
