"""What may be in place of a derivative: sums of simple functions of what an operation is given and gives."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from math import e, log, pi, sqrt

import numpy as np

from gradproof.reference.tape import Edge
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Changed, Use, Views
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.phrases import number
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.mutant import Mutant

Local = Callable[[Use], Array]

_NEAR = 1e-10
"""Relative distance of a factor that was solved for from the number that it stands for."""

_FRACTIONS = 33
_DIGITS = 7
"""Fractions with a smaller denominator, and decimals of no more digits, are numbers that somebody writes."""

_ROUNDED = 5e-4
"""A factor that is as near to a constant is the constant in a few digits."""

_ROWS = 4
"""So many inputs of a derivative are shown."""


def _slope(use: Use) -> Array:
    return use.pull(use.y * 0 + 1)


def _other(use: Use) -> Array:
    [other] = (value for position, value in enumerate(use.values) if position != use.position)
    return other


_FUNCTIONS: dict[str, Local] = {
    "1": lambda use: use.y * 0 + 1,
    "input": lambda use: use.x,
    "output": lambda use: use.y,
    "input^2": lambda use: use.x * use.x,
    "output^2": lambda use: use.y * use.y,
    "input output": lambda use: use.x * use.y,
    "the true derivative": _slope,
    "input times the true derivative": lambda use: use.x * _slope(use),
    "output times the true derivative": lambda use: use.y * _slope(use),
    "the true derivative squared": lambda use: _slope(use) * _slope(use),
    "1/input": lambda use: 1 / use.x,
    "1/output": lambda use: 1 / use.y,
    "1/input^2": lambda use: 1 / (use.x * use.x),
    "1/output^2": lambda use: 1 / (use.y * use.y),
    "input^3": lambda use: use.x * use.x * use.x,
    "output^3": lambda use: use.y * use.y * use.y,
    "|input|": lambda use: use.x.abs(),
    "(input > 0)": lambda use: use.x.step(0),
    "(output > 0)": lambda use: use.y.step(0),
    "exp(input)": lambda use: use.x.function("exp"),
    "exp(output)": lambda use: use.y.function("exp"),
    "exp(-input)": lambda use: (-use.x).function("exp"),
    "exp(-input^2)": lambda use: (-use.x * use.x).function("exp"),
    "exp(-input^2/2)": lambda use: (-use.x * use.x / 2).function("exp"),
    "input exp(-input^2/2)": lambda use: use.x * (-use.x * use.x / 2).function("exp"),
    "Phi(input)": lambda use: (1 + (use.x / use.y.kind.constant(2).function("sqrt")).function("erf")) / 2,
    "tanh(input)": lambda use: use.x.function("tanh"),
    "tanh(input)^2": lambda use: use.x.function("tanh") ** 2,
    "sigmoid(input)": lambda use: use.x.function("sigmoid"),
    "sigmoid(input)^2": lambda use: use.x.function("sigmoid") ** 2,
    "input sigmoid(input)": lambda use: use.x * use.x.function("sigmoid"),
    "sin(input)": lambda use: use.x.function("sin"),
    "cos(input)": lambda use: use.x.function("cos"),
    "log(input)": lambda use: use.x.function("log"),
    "sqrt(input)": lambda use: use.x.function("sqrt"),
}
"""What a derivative may be a multiple of, of one operand."""

_OTHER: dict[str, Local] = {
    "the other operand": _other,
    "1/(the other operand)": lambda use: 1 / _other(use),
    "(the other operand)^2": lambda use: _other(use) * _other(use),
    "1/(the other operand)^2": lambda use: 1 / (_other(use) * _other(use)),
    "input (the other operand)": lambda use: use.x * _other(use),
    "input/(the other operand)": lambda use: use.x / _other(use),
    "(the other operand)/input": lambda use: _other(use) / use.x,
    "input/(the other operand)^2": lambda use: use.x / (_other(use) * _other(use)),
    "(the other operand)/input^2": lambda use: _other(use) / (use.x * use.x),
    "output/(the other operand)": lambda use: use.y / _other(use),
}
"""And of two operands."""

_CONSTANTS = {
    sqrt(2 / pi): "√(2/π)", 1 / sqrt(2 * pi): "1/√(2π)", 2 / sqrt(pi): "2/√π", pi: "π", e: "e",
    sqrt(2): "√2", 1 / sqrt(2): "1/√2", log(2): "log 2", 1 / log(2): "1/log 2", log(10): "log 10",
    1 / log(10): "1/log 10", 2 * pi: "2π", sqrt(pi): "√π", sqrt(2 * pi): "√(2π)",
}  # fmt: skip
"""Constants that code may hold in few digits."""


@dataclass(frozen=True)
class Form:
    """A term that may go back through an operation.

    Attributes:
        name: the function, in words.
        value: it, of the use of an operand.
        times: whether it is multiplied by what arrives.
    """

    name: str
    value: Local
    times: bool

    def __str__(self) -> str:
        """Write it, with g for what arrives."""
        if not self.times:
            return self.name
        return "g" if self.name == "1" else f"g {self.name}"

    def __call__(self, use: Use, g: Array) -> Array:
        """Compute it, in the shape of the result."""
        return g * self.value(use) if self.times else self.value(use) + use.y * 0


def forms_of(use: Use) -> list[Form]:
    """Give the terms that may go back through an operation, the likeliest first."""
    functions = (_OTHER if len(use.values) == 2 else {}) | _FUNCTIONS
    return [Form(*each, times) for times in (True, False) for each in functions.items()]


@dataclass(frozen=True)
class SumOfTerms:
    """A sum of terms that goes back through an operation in place of its derivative.

    Attributes:
        edge: the use of an operand.
        forms: the terms.
        factors: their factors.
    """

    edge: Edge
    forms: tuple[Form, ...]
    factors: tuple[float, ...]

    def handed_back(self, use: Use, g: Array) -> Array:
        """Compute what goes back, from what arrives."""
        first, *others = (form(use, g) * each for form, each in zip(self.forms, self.factors, strict=True))
        return first + others[0] if others else first

    def mutant(self, views: Views) -> Mutant:
        """Make the mutant that has it, of the loss at any point."""
        use = views.plain.use(self.edge)
        [gradients] = views.backward(
            lambda graph: {self.edge: Changed(partial(self.handed_back, graph.use(self.edge)))}
        )
        with use.graph.context():
            yours, ones = self.handed_back(use, use.g) / use.g, use.y * 0 + 1
            table = ((each * ones).data[0, 0, ...].ravel() for each in (use.x, yours, _slope(use)))
            examples = slope_table(*table)
        to = f" for {use}" if len(use.values) > 1 else ""
        phrase = (
            f"{_words(self.forms, self.factors)} handed back by {use.node}{to} instead of g times its "
            f"derivative, where g is what arrives there{examples}"
        )
        return Mutant(CauseKind.DERIVATIVE_WRONG, phrase, 0.0, use.node.where, gradients)


def short(factor: float) -> float | None:
    """Give the constant, the fraction or the short decimal that a factor stands for, if there is one.

    >>> short(1 / 3 + 1e-13), short(0.0447150000001), short(0.12345678912)
    (0.3333333333333333, 0.044715, None)
    """
    for denominator in range(1, _FRACTIONS):
        numerator = round(factor * denominator)
        if numerator and abs(factor * denominator - numerator) <= _NEAR * abs(numerator):
            return numerator / denominator
    constants = (sign * each for each in _CONSTANTS for sign in (1, -1))
    decimals = (float(f"{factor:.{digits}g}") for digits in range(1, _DIGITS + 1))
    written = (*constants, *decimals)
    return next((each for each in written if abs(each - factor) <= _NEAR * abs(factor)), None)


def _words(chosen: Sequence[Form], factors: Sequence[float]) -> str:
    """Write a sum of terms.

    >>> one, square = Form("1", _FUNCTIONS["1"], True), Form("output^2", _FUNCTIONS["output^2"], False)
    >>> _words([one, square], [1.0, -1.0]), _words([square], [0.79788])
    ('g - output^2', '0.79788 (√(2/π) to 5 digits) output^2')
    """
    said = ""
    for form, factor in zip(chosen, factors, strict=True):
        sign = "-" if factor < 0 else "+" if said else ""
        size = "" if abs(factor) == 1 else _told(abs(factor))
        term = size if size and str(form) == "1" else f"{size} {form}".strip()
        said += f" {sign} {term}" if said else f"{sign}{term}"
    return said


def _told(factor: float) -> str:
    for constant, name in _CONSTANTS.items():
        off = abs(factor / constant - 1)
        if off < _ROUNDED:
            return name if off < _NEAR else f"{factor:.10g} ({name} to {int(-np.log10(off))} digits)"
    return number(factor)


def slope_table(inputs: Floats, yours: Floats, true: Floats) -> str:
    """Say what a derivative is at a few inputs, and what it should be; empty where none can be told.

    >>> slope_table(np.array([0.3, 1.0]), np.array([0.61, 1.08]), np.array([0.7318, 1.08]))
    ': that makes it at 0.3 0.61 instead of 0.7318'
    """
    known = np.flatnonzero(np.isfinite(inputs) & np.isfinite(yours) & np.isfinite(true))
    known = known[np.abs(yours - true)[known] > tolerances.UNTOUCHED * np.abs(true[known])]
    if not known.size:
        return ""
    order = known[np.argsort(inputs[known], kind="stable")]
    chosen = dict.fromkeys(order[np.linspace(0, order.size - 1, _ROWS).round().astype(int)].tolist())
    said = [f"at {inputs[i]:.4g} {yours[i]:.4g} instead of {true[i]:.4g}" for i in chosen]
    return f": that makes it {', '.join(said)}"
