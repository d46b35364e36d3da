"""The search: mutants from the most likely on, sorted out in float64, confirmed in certified arithmetic."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from numpy.typing import NDArray

from gradproof.reference.tape import Loss
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.case import SECONDS, Case, Views
from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.factors import Factor, confirmed_factor, factors
from gradproof.verdicts.causes.groups import group_mutants
from gradproof.verdicts.causes.mutant import Mutant
from gradproof.verdicts.causes.pairs import pair_mutants
from gradproof.verdicts.causes.reruns import reruns
from gradproof.verdicts.causes.rounding import rounded_output
from gradproof.verdicts.causes.shapes import shape_causes
from gradproof.verdicts.causes.singles import (
    Effect,
    Found,
    listed,
    single_mutants,
)
from gradproof.verdicts.causes.sums import overwriting
from gradproof.verdicts.causes.updated import updated_weights
from gradproof.verdicts.causes.whole import whole_causes
from gradproof.verdicts.causes.wording import listed as names_listed
from gradproof.verdicts.causes.wording import sentence

_CONFIRMATIONS = 40
"""Mutants of one stage that are tried in certified arithmetic, at most."""


@dataclass(frozen=True)
class Search:
    """What a search gave.

    Attributes:
        cause: the cause; None where nothing is wrong, or nothing was found.
        complete: whether all mutants were tried that could matter; False where the time was up.
    """

    cause: Cause | None
    complete: bool


def find_cause(
    loss: Loss,
    params: Mapping[str, NDArray[Any]],
    batch: Mapping[str, NDArray[Any]],
    claimed: Mapping[str, NDArray[Any]],
    *,
    learning_rate: float | None = None,
) -> Cause | None:
    """Find the change of the true gradient that gives a claimed one.

    Mutants of the true gradient (an operation's derivative left out, doubled, taken at another point, a sum
    turned into a mean, parameters swapped, ...) are compared with the claim. One is named only when it equals
    the claim in certified arithmetic, to twelve digits or more in every wrong entry, and leaves those
    parameters right whose claims are right. Where several do, the simplest is named: see
    `gradproof.verdicts.causes.costs`.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        claimed: by name, arrays of `flint.arb` (a formula run in certified arithmetic), or of floats,
            which are compared within the rounding noise of their dtype. Missing parameters are not looked at.
        learning_rate: a number to expect as a factor.

    Returns:
        the cause; None where nothing is wrong, or where no mutant explains what is. If no single cause
        explains all wrong parameters, the cause of the first, which says for which parameters it holds.

    Raises:
        InputError: the arrays or the loss cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.

    >>> import numpy as np
    >>> def loss(xp, params, batch):
    ...     return xp.mean((batch["x"] @ params["w"]) ** 2)
    >>> w, x = np.array([1.0, 2.0]), np.array([[1.0, 3.0], [2.0, 5.0], [4.0, 1.0]])
    >>> cause = find_cause(loss, {"w": w}, {"x": x}, {"w": x.T @ (x @ w) / 3})
    >>> cause.kind, cause.factor
    ('constant-factor', 0.5)
    """
    return search_cause(loss, params, batch, claimed, learning_rate=learning_rate).cause


def search_cause(
    loss: Loss,
    params: Mapping[str, NDArray[Any]],
    batch: Mapping[str, NDArray[Any]],
    claimed: Mapping[str, NDArray[Any]],
    *,
    learning_rate: float | None = None,
    seconds: float = SECONDS,
) -> Search:
    """Find the cause as `find_cause` does, and tell whether the search came to its end.

    Args:
        loss: as for `find_cause`.
        params: as for `find_cause`.
        batch: as for `find_cause`.
        claimed: as for `find_cause`.
        learning_rate: as for `find_cause`.
        seconds: after so long it stops; only tapes of several hundred operations take the usual two.

    Raises:
        InputError: the arrays or the loss cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.

    >>> import numpy as np
    >>> w = np.array([1.0, 2.0])
    >>> search_cause(lambda xp, p, b: xp.sum(p["w"] ** 2), {"w": w}, {}, {"w": -2 * w}, seconds=10).complete
    True
    """
    case = Case(loss, params, batch, claimed, learning_rate, seconds)
    cause = _cause(case)
    return Search(cause, complete=cause is not None or not case.late)


def _cause(case: Case) -> Cause | None:
    with case.composed.balls.context():
        misshapen = next(shape_causes(case), None)
    if misshapen is not None:
        return misshapen
    if not case.targets or not case.claim.finite:
        return None
    if case.claim.certified or (whole := rounded_output(case)) is None:
        whole = _search(case)
    if whole is not None or len(case.targets) == 1:
        return whole
    return _in_part(case)


def _in_part(case: Case) -> Cause | None:
    """Find the cause of one wrong parameter after the other."""
    for name in case.targets:
        if case.late:
            return None
        part = case.with_targets((name,))
        cause = _search(part)
        if cause is not None:
            rest = [other for other in case.targets if other not in cause.parameters]
            text = cause.text
            if rest:
                noun = "gradient of {} is" if len(rest) == 1 else "gradients of {} are"
                text += f"; your {noun.format(names_listed(rest))} wrong in another way"
            return Cause(cause.kind, cause.where, cause.factor, text, cause.parameters)
    return None


def _search(case: Case) -> Cause | None:
    """Find the simplest cause that explains all targets."""
    views = [case.composed]
    with case.composed.plain.context():
        effects = list(single_mutants(case, case.composed))
        solved = list(factors(case, case.composed))
    with case.composed.balls.context():
        best = _cheapest(whole_causes(case))
    best = _better(best, _first_single(case, listed(effects, case), solved))
    if best is not None and best[0] < costs.UPDATED:
        # one factor in some parameters may be the same change in each of them, which says more
        plain = best[1].factor is not None and costs.PLAIN_FACTOR < best[0] < costs.DERIVATIVE
        grouped = _grouped(case, case.composed) if plain else None
        return (_better(best, grouped) or best)[1]
    skip = frozenset(case.composed.plain.edges)
    if case.composed.plain.edges != case.raw.plain.edges or any(
        node.composite for node in case.composed.plain.nodes
    ):
        views.append(case.raw)
        skip = frozenset(
            e for e in skip if case.raw.plain.nodes[e.node].name == case.composed.plain.nodes[e.node].name
        )
        with case.raw.plain.context():
            more = list(single_mutants(case, case.raw, skip))
            effects += more
            solved = list(factors(case, case.raw, skip))
        best = _better(best, _first_single(case, listed(more, case), solved))
        if best is not None and best[0] < costs.UPDATED:
            return best[1]
    for stage in (_overwritten, _grouped, _updated):
        for view in views:
            best = _better(best, stage(case, view))
            if best is not None and best[0] < costs.ODD_FACTOR:
                return best[1]
    if best is None or best[0] >= costs.ODD_FACTOR:
        best = _better(best, _cheapest(reruns(case)))
    if best is not None and best[0] < costs.ALONE:
        return best[1]
    best = _better(best, _paired(case, effects))
    return None if best is None else best[1]


Costed = tuple[float, Cause]


def _cheapest(causes: Iterable[Costed]) -> Costed | None:
    return min(causes, key=lambda each: each[0], default=None)


def _better(one: Costed | None, other: Costed | None) -> Costed | None:
    return _cheapest(each for each in (one, other) if each is not None)


def _first_single(case: Case, found: Sequence[Found], solved: Sequence[Factor]) -> Costed | None:
    """Confirm the cheapest mutants with one change, and the factors that were solved for among them."""
    queue: list[tuple[float, int, Found | Factor]] = [
        (each.mutant.cost + costs.ALONE * each.alone, i, each) for i, each in enumerate(found)
    ]
    queue += [(each.cost + costs.ALONE * each.alone, len(queue) + i, each) for i, each in enumerate(solved)]
    best: Costed | None = None
    for tried, (cost, _, each) in enumerate(sorted(queue, key=lambda item: item[:2])):
        if (best is not None and best[0] <= cost) or tried >= _CONFIRMATIONS:
            break
        if isinstance(each, Factor):
            confirmed = confirmed_factor(case, each)
            if confirmed is not None:
                mutant, _ = confirmed
                views = each.views
                best = _better(best, _costed(case, mutant, views, alone=each.alone))
        elif _equals(case, each):
            best = _better(best, _costed(case, each.mutant, each.views, alone=each.alone))
    return best


def _equals(case: Case, found: Found) -> bool:
    in_floats = case.equals_in_floats(found.views, found.mutant, case.targets, alone=found.alone)
    return in_floats and case.equals_in_balls(found.views, found.mutant, case.targets, alone=found.alone)


def _costed(case: Case, mutant: Mutant, views: Views, *, alone: bool) -> Costed:
    names = case.explained_by(views, mutant)
    others = [n for n in case.claim.error if n not in names]
    only = alone and bool(others)
    text = sentence(mutant.phrase, names, alone=only)
    cost = mutant.cost + costs.ALONE * alone
    return cost, Cause(mutant.kind, mutant.where, mutant.factor, text, names)


def _first(case: Case, views: Views, mutants: Iterable[Mutant]) -> Costed | None:
    """Confirm the first of mutants that have not been sorted out by probes."""
    for mutant in mutants:
        if case.late:
            break
        if _equals(case, Found(mutant, views, alone=False)):
            return _costed(case, mutant, views, alone=False)
    return None


def _overwritten(case: Case, views: Views) -> Costed | None:
    return _first(case, views, overwriting(views.plain))


def _grouped(case: Case, views: Views) -> Costed | None:
    with views.plain.context():
        return _first(case, views, group_mutants(case, views.plain))


def _updated(case: Case, views: Views) -> Costed | None:
    with views.plain.context():
        found = list(updated_weights(case, views))
    best = None
    for each in found:
        if _equals(case, each):
            best = _better(best, _costed(case, each.mutant, views, alone=each.alone))
    return best


def _paired(case: Case, effects: Sequence[Effect]) -> Costed | None:
    by_views: dict[int, list[Effect]] = {}
    for effect in effects:
        by_views.setdefault(id(effect.views), []).append(effect)
    mutants = chain.from_iterable(pair_mutants(case.probes, group) for group in by_views.values())
    for tried, found in enumerate(mutants):
        if tried >= _CONFIRMATIONS or case.late:
            break
        if _equals(case, found):
            return _costed(case, found.mutant, found.views, alone=False)
    return None
