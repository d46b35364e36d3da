"""Derivatives that are simple functions of what an operation is given and gives: g - y^2 for g (1 - y^2).

What goes back through an operation on single entries is taken as one or two terms of a small dictionary, each
with a factor that is solved for and must be a number that somebody would write. The claim must confirm it
with more entries, and what arrives at the operand must have been free to be other things: else any term does.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import e, log, pi, sqrt

import numpy as np

from gradproof.reference.tape import Edge, Trait
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Changed, Use
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.phrases import number
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.equations import Equations
from gradproof.verdicts.causes.search.mutant import Mutant

Local = Callable[[Use], Array]

_SPARE = 3
"""So many more independent things than the terms' factors must have been able to arrive."""

_TRIED = 40
"""So many pairs of terms are solved for at a place, at most."""

_NEAR = 1e-10
"""Relative distance of a factor that was solved for from the number that it stands for."""

_FRACTIONS = 33
_DIGITS = 7
"""Fractions with a smaller denominator, and decimals of no more digits, are numbers that somebody writes."""

_ROUNDED = 5e-4
"""A factor that is as near to a constant is the constant in a few digits."""

_ROWS = 4
"""So many inputs of a derivative are shown."""

_WORK = 300_000_000
"""At most so many products of numbers are computed to look at all places."""


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


# ------------------------------------------------------------------------ the search


def form_mutants(equations: Equations) -> Iterator[Mutant]:
    """Give the mutants with another simple function in place of a derivative, those of one term first."""
    graph, wrong = equations.views.plain, equations.inquiry.targets
    work = 0
    found: list[tuple[int, bool, int, Edge, tuple[Form, ...]]] = []
    for use in map(graph.use, graph.edges):
        if use.operation in _ENTRYWISE and use.reaches.issuperset(wrong) and isinstance(use.spot, Edge):
            forms = forms_of(use)
            work += len(equations.error) * equations.unknowns([use.index]) * len(forms)
            if work > _WORK:
                break
            for place, chosen in enumerate(_fitting(equations, use, forms)):
                found.append((len(chosen), len(use.values) > 1, place, use.spot, chosen))
    for *_, edge, chosen in sorted(found, key=lambda each: each[:3]):
        factors = _factors(equations, graph.use(edge), chosen)
        if None not in factors:
            yield _mutant(equations, edge, chosen, [each or 0.0 for each in factors])


_ENTRYWISE = having(Trait.ELEMENTWISE, without=Trait.LINEAR | Trait.PIECEWISE_CONSTANT)
"""Whose derivatives may be such functions."""


def _fitting(equations: Equations, use: Use, forms: Sequence[Form]) -> list[tuple[Form, ...]]:
    """Give the choices of one or two terms whose multiples explain the claim's error."""
    derivatives = equations.derivatives[use.index]
    touched = np.any(derivatives != 0, axis=1)
    free = int(np.linalg.matrix_rank(derivatives, rtol=1e-10)) if derivatives.size else 0
    if free < 1 + _SPARE or np.count_nonzero(touched) < 1 + _SPARE:
        return []
    columns = _columns(use, forms)
    known = [i for i, column in enumerate(columns) if np.all(np.isfinite(column))]
    effects = np.array([derivatives @ columns[i] for i in known]).T
    wanted = equations.error + derivatives @ use.share.data.ravel()
    size = np.sqrt(np.sum(effects**2, axis=0))
    known, effects = [known[i] for i in np.flatnonzero(size)], effects[:, size > 0]
    choices = [(i,) for i in range(len(known))] + (_pairs(effects, wanted) if free >= 2 + _SPARE else [])
    found = []
    for choice in choices:
        factors = np.linalg.lstsq(effects[:, choice], wanted, rcond=None)[0]
        left = np.abs(effects[:, choice] @ factors - wanted)
        if np.all(left <= tolerances.MUTANT_ERROR * equations.scale + equations.slack):
            found.append(tuple(forms[known[i]] for i in choice))
    return found


def _columns(use: Use, forms: Sequence[Form]) -> list[Floats]:
    """Give what each term hands back to the operand."""
    with use.graph.context():
        arrays = [form(use, use.g).sum_to(use.shape) for form in forms]
    return [each.data[0, 0, ...].ravel() for each in arrays]


def _pairs(effects: Floats, wanted: Floats) -> list[tuple[int, int]]:
    """Give the pairs of columns that come nearest to what is wanted, where they come near."""
    unit = effects / np.sqrt(np.sum(effects**2, axis=0))
    target = wanted / np.sqrt(wanted @ wanted)
    cosine, along = unit.T @ unit, unit.T @ target
    # the share of the target t outside of the plane of two unit vectors p, q with <p, q> = c, <p, t> = a and
    # <q, t> = b: 1 - (a^2 + b^2 - 2 a b c) / (1 - c^2)
    with np.errstate(all="ignore"):
        inside = along[:, np.newaxis] ** 2 + along**2 - 2 * np.outer(along, along) * cosine
        outside = 1 - inside / (1 - cosine**2)
    outside = np.where(np.triu(np.isfinite(outside) & (cosine**2 < 1 - 1e-10), 1), outside, np.inf)
    near = np.flatnonzero(outside.ravel() < 1e-9)
    nearest = near[np.argsort(outside.ravel()[near], kind="stable")][:_TRIED]
    return sorted((int(i), int(j)) for i, j in zip(*np.unravel_index(nearest, outside.shape), strict=True))


# ------------------------------------------------------------------------ as a mutant


def _factors(equations: Equations, use: Use, chosen: Sequence[Form]) -> list[float | None]:
    """Solve for the factors; None for one that is no number that somebody would write."""
    derivatives = equations.derivatives[use.index]
    effects = np.array([derivatives @ column for column in _columns(use, chosen)]).T
    wanted = equations.error + derivatives @ use.share.data.ravel()
    return [_short(each) for each in np.linalg.lstsq(effects, wanted, rcond=None)[0].tolist()]


def _mutant(equations: Equations, edge: Edge, chosen: Sequence[Form], factors: Sequence[float]) -> Mutant:
    use = equations.views.plain.use(edge)

    def handed_back(use: Use, g: Array) -> Array:
        first, *others = (form(use, g) * factor for form, factor in zip(chosen, factors, strict=True))
        return first + others[0] if others else first

    [gradients] = equations.views.backward(
        lambda graph: {edge: Changed(partial(handed_back, graph.use(edge)))}
    )
    with use.graph.context():
        examples = derivative_table(use, (handed_back(use, use.g) / use.g).data[0, 0, ...])
    to = f" for {use}" if len(use.values) > 1 else ""
    phrase = (
        f"{_words(chosen, factors)} handed back by {use.node}{to} instead of g times its derivative, where g "
        f"is what arrives there{examples}"
    )
    return Mutant(CauseKind.DERIVATIVE_WRONG, phrase, 0.0, use.node.where, gradients)


def _short(factor: float) -> float | None:
    """Give the constant, the fraction or the short decimal that a factor stands for, if there is one.

    >>> _short(1 / 3 + 1e-13), _short(0.0447150000001), _short(0.12345678912)
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


def derivative_table(use: Use, yours: Floats) -> str:
    """Say what a derivative is at a few inputs, and what it should be; empty where none can be told.

    Args:
        use: of an operation on single entries.
        yours: the derivative that a claim has, in the shape of the result.
    """
    with use.graph.context():
        true = np.broadcast_to(use.weights, use.node.shape).ravel()
        inputs = use.x.broadcast_to(use.node.shape).data[0, 0, ...].ravel()
    known = np.flatnonzero(np.isfinite(yours.ravel()) & np.isfinite(inputs) & np.isfinite(true))
    known = known[np.abs(yours.ravel() - true)[known] > tolerances.UNTOUCHED * np.abs(true[known])]
    order = known[np.argsort(inputs[known], kind="stable")]
    chosen = dict.fromkeys(
        order[np.linspace(0, len(order) - 1, _ROWS).round().astype(int)].tolist() if len(order) else []
    )
    said = [f"at {inputs[i]:.4g} {yours.ravel()[i]:.4g} instead of {true[i]:.4g}" for i in chosen]
    return f": that makes it {', '.join(said)}" if said else ""
