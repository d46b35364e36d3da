"""Derivatives that are simple functions of what an operation is given and gives: g - y^2 for g (1 - y^2).

What goes back through an operation on single entries is taken as one or two terms of a small dictionary, each
with a factor that is solved for and must be a number that somebody would write. The claim must confirm it
with more entries, and what arrives at the operand must have been free to be other things: else any term does.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from gradproof.reference.tape import Edge, Trait
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Graph, Use
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.search.discrepancy import Floats
from gradproof.verdicts.causes.search.equations import Equations
from gradproof.verdicts.causes.search.terms import Form, SumOfTerms, forms_of, short

_SPARE = 3
"""So many more independent things than the terms' factors must have been able to arrive."""

_TRIED = 40
"""So many pairs of terms are solved for at a place, at most."""

_WORK = 300_000_000
"""At most so many products of numbers are computed to look at all places."""


def fitting_terms(equations: Equations) -> Iterator[SumOfTerms]:
    """Give the simple functions that explain the claim in place of a derivative, those of one term first."""
    graph, wrong = equations.views.plain, equations.inquiry.targets
    work = 0
    found: list[tuple[int, bool, int, Edge, tuple[Form, ...]]] = []
    for use in map(graph.use, graph.edges):
        if use.operation in _ENTRYWISE and use.reaches.issuperset(wrong) and isinstance(use.spot, Edge):
            # what has nothing to do with what arrives may come from another use of what makes the operand
            alone = _is_used_once(graph, use.index)
            forms = [form for form in forms_of(use) if form.times or alone]
            work += len(equations.error) * equations.unknowns([use.index]) * len(forms)
            if work > _WORK:
                break
            for place, chosen in enumerate(_fitting(equations, use, forms)):
                found.append((len(chosen), len(use.values) > 1, place, use.spot, chosen))
    for *_, edge, chosen in sorted(found, key=lambda each: each[:3]):
        factors = [each for each in _factors(equations, graph.use(edge), chosen) if each is not None]
        if len(factors) == len(chosen):
            yield SumOfTerms(edge, chosen, tuple(factors))


def _is_used_once(graph: Graph, index: int) -> bool:
    """Tell whether a value, and all that it is computed from, is used in one place alone."""
    front = [index]
    while front:
        index = front.pop()
        if len(graph.users(index)) != 1:
            return False
        front += [each.index for each in graph.nodes[index].operands if not each.constant]
    return True


_ENTRYWISE = having(Trait.ELEMENTWISE, without=Trait.LINEAR | Trait.PIECEWISE_CONSTANT)
"""Whose derivatives may be such functions."""


def _fitting(equations: Equations, use: Use, forms: Sequence[Form]) -> list[tuple[Form, ...]]:
    """Give the choices of one or two terms whose multiples explain the claim's error."""
    derivatives = equations.derivatives[use.index]
    if not np.all(np.isfinite(derivatives)) or not np.all(np.isfinite(use.share.data)):
        return []
    touched = np.any(derivatives != 0, axis=1)
    free = int(np.linalg.matrix_rank(derivatives, rtol=1e-10)) if derivatives.size else 0
    if free < 1 + _SPARE or np.count_nonzero(touched) < 1 + _SPARE:
        return []
    columns = _columns(use, forms)
    known = [i for i, column in enumerate(columns) if np.all(np.isfinite(column))]
    effects = np.array([derivatives @ columns[i] for i in known]).T
    wanted = equations.error + derivatives @ use.share.data.ravel()
    if _is_multiple(wanted, derivatives @ use.share.data.ravel()):
        return []  # the true derivative in other words
    size = np.sum(effects**2, axis=0)
    known, effects = [known[i] for i in np.flatnonzero(size)], effects[:, size > 0]
    choices = [(i,) for i in range(len(known))] + (_pairs(effects, wanted) if free >= 2 + _SPARE else [])
    found = []
    for choice in choices:
        factors = np.linalg.lstsq(effects[:, choice], wanted, rcond=None)[0]
        left = np.abs(effects[:, choice] @ factors - wanted)
        if np.all(left <= tolerances.MUTANT_ERROR * equations.scale + equations.slack):
            found.append(tuple(forms[known[i]] for i in choice))
    return found


def _is_multiple(column: Floats, of: Floats) -> bool:
    """Tell whether a column is a multiple of another, or 0."""
    size = (column @ column) * (of @ of)
    return bool((column @ of) ** 2 >= (1 - 1e-12) * size)


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


def _factors(equations: Equations, use: Use, chosen: Sequence[Form]) -> list[float | None]:
    """Solve for the factors; None for one that is no number that somebody would write."""
    derivatives = equations.derivatives[use.index]
    effects = np.array([derivatives @ column for column in _columns(use, chosen)]).T
    wanted = equations.error + derivatives @ use.share.data.ravel()
    return [short(each) for each in np.linalg.lstsq(effects, wanted, rcond=None)[0].tolist()]
