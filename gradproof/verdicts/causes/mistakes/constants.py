"""Constant factors: the numbers that a derivative holds, left out or applied twice; signs; paths cut off."""

from collections.abc import Iterator
from math import isclose

import numpy as np

from gradproof.reference.tape import Operation, Trait
from gradproof.reference.tape.operations import along_axes, entrywise
from gradproof.verdicts.causes.graph import Change, Node, Use
from gradproof.verdicts.causes.kinds import OWN_CONSTANT, CauseKind
from gradproof.verdicts.causes.mistakes.mistake import ANY, Mistake, having, rule
from gradproof.verdicts.causes.phrases import counts, number
from gradproof.verdicts.tolerances import FACTOR_SOLVED

_FIXED: dict[tuple[Operation | None, int], tuple[float, str]] = {
    (entrywise.NEGATIVE, 0): (-1.0, "the minus sign"),
    (entrywise.SUBTRACT, 1): (-1.0, "the minus sign"),
    (entrywise.SQUARE, 0): (2.0, "the factor 2"),
    (entrywise.SQRT, 0): (0.5, "the factor 1/2"),
    (along_axes.VAR, 0): (2.0, "the factor 2"),
}
"""By operation and the operand's position, the number and what it is called."""


def _own_constants(use: Use) -> Iterator[tuple[float, str]]:
    """Give the constant factors of the derivative at a use, and what they are called."""
    operation, arguments = use.operation, use.arguments
    if (operation, use.position) in _FIXED:
        yield _FIXED[operation, use.position]
    if operation in having(Trait.AVERAGES):
        count = use.x.count(arguments["axes"]) - arguments.get("correction", 0)
        if count > 0:
            yield 1 / count, f"the 1/{number(count)}"
    elif operation is entrywise.INTEGER_POWER:
        yield float(arguments["exponent"]), f"the exponent {arguments['exponent']}"
    elif operation is entrywise.MULTIPLY or (operation is entrywise.DIVIDE and use.position == 0):
        constant = _uniform(use.node.operands[1 - use.position])
        if constant and operation is entrywise.DIVIDE:
            yield 1 / constant, f"the division by {number(constant)}"
        elif constant:
            yield constant, f"the factor {number(constant)}"


def _uniform(node: Node) -> float | None:
    """Give the one finite number that a constant consists of, if it does."""
    if not node.constant or not node.value.size:
        return None
    values = np.asarray(node.value.values(), dtype=np.float64).ravel()  # type: ignore[attr-defined]
    value = float(values[0])
    return value if np.all(values == value) and np.isfinite(value) else None


_ROUNDINGS = range(2, 10)
"""To so many digits constants are rounded when they are written down."""

Meaning = tuple[CauseKind, str, float]
"""What a factor means at a place: the kind, the words, and how much more far-fetched it is than its kind."""


def meaning_at(use: Use, factor: float, near: float) -> Meaning | None:
    """Say what a constant factor of the derivative at a use means there; None if nothing."""
    for value, called in _own_constants(use):
        for meant, meaning in _meanings(use, value, called) if value not in {0.0, 1.0} else ():
            if isclose(factor, meant, rel_tol=near):
                return meaning
    return _other_count(use, factor, near) if use.operation in having(Trait.AVERAGES) else None


def _meanings(use: Use, value: float, called: str) -> Iterator[tuple[float, Meaning]]:
    """Give the factors that a constant makes when it is forgotten, repeated or inverted."""
    factor, derivative = CauseKind.CONSTANT_FACTOR, f"{called} of the derivative of $at"
    if value == -1:
        yield -1.0, (CauseKind.SIGN, "the minus sign of $at left out", OWN_CONSTANT)
        return
    if use.operation is along_axes.MEAN:
        yield 1 / value, (CauseKind.MEAN_LEFT_OUT, f"{derivative} left out", 0.0)
    else:
        yield 1 / value, (factor, f"{derivative} left out", OWN_CONSTANT)
    yield value, (factor, f"{derivative} applied twice", OWN_CONSTANT + 0.3)
    yield 1 / value**2, (factor, f"{derivative} inverted", OWN_CONSTANT + 0.4)
    for digits in _ROUNDINGS:
        rounded = float(f"{value:.{digits}g}")
        if abs(rounded - value) > 1e-10 * abs(value):
            words = f"the constant {value:.12g} of $at rounded to {rounded:g} ({digits} digits)"
            yield rounded / value, (CauseKind.CONSTANT_ROUNDED, words, 0.0)
    if value < 0:
        words = f"the minus sign of {called} in $at left out"
        yield -1.0, (CauseKind.SIGN, words, OWN_CONSTANT + 0.1)
        yield -1 / value, (factor, f"{derivative} left out but for its sign", OWN_CONSTANT)


def _other_count(use: Use, factor: float, near: float) -> Meaning | None:
    """Recognise an average's derivative with the count of other axes, or with one entry more or less."""
    shape = use.shape
    count = use.x.count(use.arguments["axes"])
    choices = [(other, 0.5) for other in counts(shape)] + [(count - 1, 0.6), (count + 1, 0.6)]
    for other, more in choices:
        # 1/other in the place of 1/count
        if other != count and other > 1 and isclose(factor, count / other, rel_tol=near):
            words = f"a division by {other} instead of {count} in the derivative of $at"
            return CauseKind.CONSTANT_FACTOR, words, OWN_CONSTANT + more
    return None


# ------------------------------------------------------------------------ as mistakes, for several places


@rule(ANY)
def own_constant(use: Use) -> Iterator[Mistake]:
    """A constant of the derivative is forgotten, or applied twice."""
    for value, called in _own_constants(use):
        # the number itself may differ from place to place
        name = "the 1/n" if called.startswith("the 1/") else called
        for factor, done in ((1 / value, "left out"), (value, "applied twice")) if value else ():
            meaning = meaning_at(use, factor, FACTOR_SOLVED)
            if meaning is not None:
                yield _times(use, factor, meaning, f"{name} {done}")


@rule(ANY)
def rounded(use: Use) -> Iterator[Mistake]:
    """A constant of the derivative is written with fewer digits than the loss has."""
    for value, _ in _own_constants(use):
        for digits in _ROUNDINGS if use.operation in {entrywise.MULTIPLY, entrywise.DIVIDE} else ():
            factor = float(f"{value:.{digits}g}") / value if value else 1.0
            if abs(factor - 1) > 1e-10:
                words = f"the constant factor of $at rounded to {digits} digits"
                yield _times(use, factor, (CauseKind.CONSTANT_ROUNDED, words, 0.0))


@rule(ANY)
def plain_factor(use: Use) -> Iterator[Mistake]:
    """The derivative is negated, doubled, halved, or not carried back at all."""
    cut = "nothing carried back through $at to $operand"
    yield _times(use, -1.0, (CauseKind.SIGN, "the derivative of $at negated", 0.0))
    yield _times(use, 2.0, (CauseKind.CONSTANT_FACTOR, "the derivative of $at doubled", 0.0))
    yield _times(use, 0.5, (CauseKind.CONSTANT_FACTOR, "the derivative of $at halved", 0.0))
    yield _times(use, 0.0, (CauseKind.PATH_NOT_CARRIED_BACK, cut, 0.0))


def _times(use: Use, factor: float, meaning: Meaning, name: str = "") -> Mistake:
    kind, words, more = meaning
    change: Change = lambda g: use.pull(g) * factor  # noqa: E731
    return Mistake(kind, words, change, more, factor, solved=True, fields={"operand": use}, name=name)
