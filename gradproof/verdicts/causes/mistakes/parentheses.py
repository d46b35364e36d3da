"""Formulas whose parentheses are missing: g * 1 - y^2 for g * (1 - y^2), / b * c for / (b * c)."""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import TypeAlias

from gradproof.reference.tape import Operation
from gradproof.reference.tape.operations import entrywise, neural
from gradproof.verdicts.causes.graph import Array, Node, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import Mistake, rule

_Formula: TypeAlias = tuple[str, str, Callable[[Array, Array, Array], Array]]
"""As it is written, as it is meant, and what it gives for the adjoint g, the operand x and the result y."""

_FORMULAS: dict[Operation | None, list[_Formula]] = {
    entrywise.TANH: [("g * 1 - y^2", "g * (1 - y^2)", lambda g, _, y: g - y * y)],
    neural.SIGMOID: [
        ("g * y * 1 - y", "g * y * (1 - y)", lambda g, _, y: g * y - y),
        ("y * 1 - y * g", "y * (1 - y) * g", lambda g, _, y: y - y * g),
    ],
    entrywise.SQRT: [("g / 2 * y", "g / (2 * y)", lambda g, _, y: g / 2 * y)],
    entrywise.LOG1P: [("g / 1 + x", "g / (1 + x)", lambda g, x, _: g + x)],
    entrywise.ATAN: [("g / 1 + x^2", "g / (1 + x^2)", lambda g, x, _: g + x * x)],
    neural.SILU: [
        (
            "g * s * 1 + x * (1 - s)",
            "g * s * (1 + x * (1 - s))",
            lambda g, x, _: g * neural.SIGMOID.forward(x) + x * (1 - neural.SIGMOID.forward(x)),
        )
    ],
}


@rule(_FORMULAS)
def missing(use: Use) -> Iterator[Mistake]:
    """The formula as it is written, without the parentheses that it needs."""
    for written, meant, formula in _FORMULAS[use.operation]:
        words = f"the parentheses missing in the derivative of $at: {written} instead of {meant}"
        yield Mistake(CauseKind.PARENTHESES_MISSING, words, _applied(use, formula))


def _applied(use: Use, formula: Callable[[Array, Array, Array], Array]) -> Callable[[Array], Array]:
    return lambda g: formula(g, use.x, use.y)


@rule({entrywise.DIVIDE})
def denominator_in_part(use: Use) -> Iterator[Mistake]:
    """For a / (b c), the derivative for a is g / (b c): written g / b * c."""
    if use.position == 1:
        return
    factors = _factors(use.node.operands[1])
    count = len(factors)
    seen = set()
    for chosen in (each for size in range(1, count) for each in combinations(range(count), size)):
        multiplied = tuple(sorted(factors[i].index if not factors[i].constant else -1 for i in chosen))
        if multiplied in seen:
            continue
        seen.add(multiplied)
        words = "g / b * c instead of g / (b * c) in the derivative of $at: $factors multiplied with"
        fields = {"factors": " and ".join(dict.fromkeys(_named(factors[i]) for i in chosen))}
        change = _divided(factors, chosen)
        name = f"denominator {chosen}"
        yield Mistake(CauseKind.PARENTHESES_MISSING, words, change, 0.1, fields=fields, name=name)


def _named(node: Node) -> str:
    return "a constant factor" if node.constant else str(node)


def _factors(node: Node) -> list[Node]:
    """Give the factors that a value is the product of; at most four."""
    if node.operation is entrywise.SQUARE:
        found = _factors(node.operands[0]) * 2
    elif node.operation is entrywise.INTEGER_POWER and node.arguments["exponent"] in {2, 3}:
        found = [node.operands[0]] * node.arguments["exponent"]
    elif node.operation is entrywise.MULTIPLY:
        found = [factor for operand in node.operands for factor in _factors(operand)]
    else:
        found = [node]
    return found if len(found) <= 4 else [node]


def _divided(factors: Sequence[Node], multiplied: Sequence[int]) -> Callable[[Array], Array]:
    def change(g: Array) -> Array:
        for i, factor in enumerate(factors):
            g = g * factor.value if i in multiplied else g / factor.value
        return g

    return change
