"""Logarithms to other bases than e, and the logarithm of a sum of two exponentials."""
# ruff: noqa: ARG005 - all rules have the same parameters, whether or not a derivative needs them

from gradproof.reference.tape.operations.entry import Accurate, Array, Operation, Trait, two
from gradproof.reference.tape.operations.entrywise import of_one_number

_DLMF = "NIST Digital Library of Mathematical Functions"
_BOYD = "Boyd and Vandenberghe, Convex Optimization (2004), section 3.1.5 (log-sum-exp)"


def _log_of_base(x: Array, base: int) -> Array:
    # in x's kind of number, so that it is as exact as x
    constant: Array = x.kind.constant(base).function("log")
    return constant


LOG2 = of_one_number(
    "log2",
    "The logarithm to base 2.",
    # log2(x) = log(x) / log(2)
    lambda g, y, x: g / (x * _log_of_base(x, 2)),
    factor="1 / (x log(2))",
    domain="x > 0",
    source=f"{_DLMF}, 4.2(ii)",
)

LOG10 = of_one_number(
    "log10",
    "The logarithm to base 10.",
    # log10(x) = log(x) / log(10)
    lambda g, y, x: g / (x * _log_of_base(x, 10)),
    factor="1 / (x log(10))",
    domain="x > 0",
    source=f"{_DLMF}, 4.2(ii)",
)

LOGADDEXP = Operation(
    name="logaddexp",
    summary="log(exp(a) + exp(b)).",
    traits=Trait.ELEMENTWISE | Trait.READS_RESULT,
    signature=two,
    forward=lambda a, b: a.function("logaddexp", b),
    # y = log(e^a + e^b):  dy/da = e^a / (e^a + e^b) = e^(a - y)
    derivatives=(
        lambda g, y, a, b: g * (a - y).function("exp"),
        lambda g, y, a, b: g * (b - y).function("exp"),
    ),
    source=_BOYD,
    accurate=Accurate(
        # e^a / (e^a + e^b) = 1 / (1 + e^(b - a))
        derivatives=(
            lambda g, y, a, b: g * (a - b).function("sigmoid"),
            lambda g, y, a, b: g * (b - a).function("sigmoid"),
        ),
        loses="exp(a - logaddexp(a, b))",
        keeps="sigmoid(a - b)",
        source=_BOYD,
    ),
)
