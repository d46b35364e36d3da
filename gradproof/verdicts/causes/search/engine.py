"""The search: mutants from the most likely on, sorted out in float64, confirmed in certified arithmetic."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from itertools import chain, islice, takewhile

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.tape import Loss
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Views
from gradproof.verdicts.causes.kinds import ODD_NUMBER, SOME_ALONE, Cause, CauseKind, Search
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.again import NOT_AGAIN, Again
from gradproof.verdicts.causes.search.detours import detour_mutants
from gradproof.verdicts.causes.search.discrepancy import Arrays
from gradproof.verdicts.causes.search.elsewhere import after_an_update, updated_weights, without_an_operation
from gradproof.verdicts.causes.search.in_code import with_line
from gradproof.verdicts.causes.search.inquiry import Costed, Inquiry
from gradproof.verdicts.causes.search.joint import joint_mutants
from gradproof.verdicts.causes.search.located import located
from gradproof.verdicts.causes.search.mutant import Mutant
from gradproof.verdicts.causes.search.not_finite import division_by_zero
from gradproof.verdicts.causes.search.several import group_mutants, overwriting, pair_mutants
from gradproof.verdicts.causes.search.singles import factor_mutants, from_rounded_output, single_mutants
from gradproof.verdicts.causes.search.whole import shape_causes, whole_mutants

_CONFIRMATIONS = 40
"""Mutants of one stage that are tried in certified arithmetic, at most."""

_LARGE = 300
"""Losses of more operations are large."""

_ODD = CauseKind.CONSTANT_FACTOR.cost + ODD_NUMBER
"""From this cost on a cause holds a number that was solved for."""

_CONFIRMED_BY_SEVERAL = frozenset(
    {
        CauseKind.BLOCK_SKIPPED,
        CauseKind.UPSTREAM_IGNORED,
        CauseKind.PARENTHESES_MISSING,
        CauseKind.ANOTHER_CONDITION,
        CauseKind.SYMMETRIC_ONLY,
        CauseKind.SLICE_COUNTED_WRONGLY,
        CauseKind.ANOTHER_STEP,
        CauseKind.WRONG_POSITIONS,
    }
)
"""Of these there are so many that a round number at one point meets one by chance: several entries must."""


def find_cause(
    loss: Loss, params: Arrays, batch: Arrays, claimed: Arrays, *, learning_rate: float | None = None
) -> Cause | None:
    """Find the change of the true gradient that gives a claimed one: the cause that `search_cause` finds.

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
    params: Arrays,
    batch: Arrays,
    claimed: Arrays,
    *,
    learning_rate: float | None = None,
    doubt: Mapping[str, NDArray[np.float64]] | None = None,
    wrong: Mapping[str, NDArray[np.bool_]] | None = None,
    work: int = tolerances.CAUSE_WORK,
    again: Again = NOT_AGAIN,
) -> Search:
    """Find the change of the true gradient that gives a claimed one.

    Mutants of the true gradient (an operation's derivative left out, doubled, taken at another point, a sum
    turned into a mean, parameters swapped, ...) are compared with the claim. One is named only when it equals
    the claim in certified arithmetic, to twelve digits or more in every wrong entry, and leaves those
    parameters right whose claims are right. Where several do, the simplest is named: see
    `gradproof.verdicts.causes.kinds`.

    Args:
        loss: called as `loss(xp, params, batch)`; gives a scalar.
        params: by name, arrays of floats.
        batch: by name, arrays.
        claimed: by name, arrays of `flint.arb` (a formula run in certified arithmetic), or of floats,
            which are compared within the rounding noise of their dtype. Missing parameters are not looked at.
        learning_rate: a number to expect as a factor.
        doubt: by parameter, what rounding explains of each entry, as an absolute error; 0 for a certified
            claim. It is measured for parameters whose claims are floats and that are not given.
        wrong: by parameter, which entries are wrong: whoever has judged them knows. For parameters that are
            not given, entries that differ by more than the doubt, and than doubles in code explain.
        work: how many numbers it may compute before it stops.
        again: how the claim can be asked for again.

    Returns:
        the cause; None where nothing is wrong, or where no mutant explains what is. If no single cause
        explains all wrong parameters, the cause of the first, which says for which parameters it holds.

    Raises:
        InputError: the arrays or the loss cannot be worked with.
        UnsupportedError: the loss uses something that the tape cannot follow.

    >>> import numpy as np
    >>> w = np.array([1.0, 2.0])
    >>> search_cause(lambda xp, p, b: xp.sum(p["w"] ** 2), {"w": w}, {}, {"w": -2 * w}).cause.kind
    'sign'
    """
    with np.errstate(all="ignore"):  # what is not finite explains nothing
        inquiry = Inquiry(loss, params, batch, claimed, learning_rate, doubt, wrong, work, again)
        cause, place = _cause(inquiry)
        if cause is not None:
            return Search(cause, complete=True)
        known = [str(inquiry.discrepancy), place]
        if inquiry.late:
            known.append(f"The search for a cause was cut after {inquiry.work.mutants} mutants.")
        return Search(None, not inquiry.late, " ".join(each for each in known if each))


def describe_difference(
    loss: Loss,
    params: Arrays,
    batch: Arrays,
    claimed: Arrays,
    *,
    wrong: Mapping[str, NDArray[np.bool_]] | None = None,
) -> str:
    """Say which entries of a claimed gradient are off, and whether claimed / true is constant; and no more.

    Args and errors are those of `search_cause`.

    Returns:
        a sentence per wrong parameter; empty if nothing is wrong.

    >>> w = np.array([1.0, 2.0, 3.0])
    >>> claimed = {"w": 2 * w + np.array([0.0, 0.5, 0.0])}
    >>> describe_difference(lambda xp, p, b: xp.sum(p["w"] ** 2), {"w": w}, {}, claimed)
    'w: 1 of 3 entries is off ([1]).'
    """
    with np.errstate(all="ignore"):  # what is not finite is told as off
        return str(Inquiry(loss, params, batch, claimed, wrong=wrong).discrepancy)


def _cause(inquiry: Inquiry) -> tuple[Cause | None, str]:
    """Find the cause; or else say what is known of its place."""
    misshapen = next(shape_causes(inquiry), None)
    if misshapen is not None or not inquiry.targets:
        return misshapen, ""
    if not inquiry.discrepancy.finite:
        return division_by_zero(inquiry), ""
    whole = None if inquiry.discrepancy.certified else from_rounded_output(inquiry)
    named = whole or _simplest(inquiry) or (_in_part(inquiry) if len(inquiry.targets) > 1 else None)
    if named is not None:
        return named, ""
    place = located(inquiry)
    return place.cause, place.text


def _in_part(inquiry: Inquiry) -> Cause | None:
    """Find the cause of one wrong parameter after the other."""
    for name in inquiry.targets:
        if inquiry.late:
            return None
        cause = _simplest(inquiry.with_targets((name,)))
        if cause is not None:
            rest = [other for other in inquiry.targets if other not in cause.parameters]
            text = cause.text
            if rest:
                noun = "gradient of {} is" if len(rest) == 1 else "gradients of {} are"
                text += f"; your {noun.format(listed(rest))} wrong in another way"
            return replace(cause, text=text)
    return None


def _simplest(inquiry: Inquiry) -> Cause | None:
    """Find the simplest cause of all targets: stage by stage, until no later one can be simpler."""

    def first(mutants: Iterable[Mutant]) -> Costed | None:
        return _first(inquiry, takewhile(lambda _: not inquiry.late, mutants))

    best = _cheapest(_tried(inquiry, mutant) for mutant in whole_mutants(inquiry))
    for views in inquiry.views:
        best = _cheapest([best, _first(inquiry, _singles(inquiry, views)[:_CONFIRMATIONS])])
        if best is not None and best.cost < CauseKind.WEIGHTS_ALREADY_UPDATED.cost:
            grouped = first(group_mutants(inquiry, views)) if _may_be_a_group(best) else None
            return with_line(inquiry, _cheapest([best, grouped]) or best)
    for mutants in _several(inquiry):
        best = _cheapest([best, first(mutants)])
        if best is not None and best.cost < _ODD:
            return with_line(inquiry, best)
    if best is None or best.cost >= SOME_ALONE:
        best = _cheapest([best, first(islice(_pairs(inquiry), _CONFIRMATIONS))])
    return None if best is None else with_line(inquiry, best)


def _may_be_a_group(best: Costed) -> bool:
    """Tell whether one factor in some parameters may be the same change in each of them, which says more."""
    has_factor = best.cause.factor is not None
    return has_factor and CauseKind.SIGN.cost < best.cost < CauseKind.DERIVATIVE_LEFT_OUT.cost


def _cheapest(causes: Iterable[Costed | None]) -> Costed | None:
    return min((each for each in causes if each is not None), key=lambda each: each.cost, default=None)


def _first(inquiry: Inquiry, mutants: Iterable[Mutant]) -> Costed | None:
    """Confirm the first of mutants in their costs' order, which may rise when a factor is solved for."""
    best: Costed | None = None
    for mutant in mutants:
        if best is not None and best.cost <= mutant.cost:
            break
        best = _cheapest([best, _tried(inquiry, mutant)])
        if best is not None and best.cost <= mutant.cost:
            break
    return best


# ------------------------------------------------------------------------ the stages


def _singles(inquiry: Inquiry, views: Views) -> list[Mutant]:
    singles = [*single_mutants(inquiry, views), *factor_mutants(inquiry, views)]
    return sorted(singles, key=lambda each: each.cost)


def _several(inquiry: Inquiry) -> Iterator[Iterable[Mutant]]:
    """Give the stages after single mistakes, the likeliest first.

    Of a large loss not all can be tried. There a function of the user's own that stands in many layers is the
    likeliest, and the probes sort it out before anything is run.
    """
    groups = (group_mutants(inquiry, views) for views in inquiry.views)
    if len(inquiry.composed.plain.nodes) > _LARGE:
        yield from groups
    yield from map(overwriting, inquiry.views)
    yield from (joint_mutants(inquiry, views) for views in inquiry.views)
    yield from (detour_mutants(inquiry, views) for views in inquiry.views)
    yield from groups
    yield from (updated_weights(inquiry, views) for views in inquiry.views)
    yield from (without_an_operation(inquiry), after_an_update(inquiry))


def _pairs(inquiry: Inquiry) -> Iterator[Mutant]:
    return chain.from_iterable(pair_mutants(inquiry, views) for views in inquiry.views)


def _all_mutants(inquiry: Inquiry) -> Iterator[Mutant]:
    yield from whole_mutants(inquiry)
    yield from chain.from_iterable(_singles(inquiry, views) for views in inquiry.views)
    yield from chain.from_iterable(_several(inquiry))
    yield from _pairs(inquiry)


# ------------------------------------------------------------------------ at this point, and at a second one


def _tried(inquiry: Inquiry, mutant: Mutant) -> Costed | None:
    """Give the cause that a mutant is, with its cost, if it is the claim here and at the second point."""
    exact = mutant.exactly()
    if exact is None:
        return None
    costed = inquiry.tried(exact) if mutant.solved is None else inquiry.confirmed(exact)
    return None if costed is None else _held_again(inquiry, costed)


def _held_again(inquiry: Inquiry, costed: Costed) -> Costed | None:
    """Give a cause if the same change is the claim at the second point too, where anything is wrong there."""
    mutant = costed.mutant
    wrong = () if inquiry.second is None else inquiry.second.discrepancy.wrong
    targets = tuple(name for name in inquiry.targets if name in wrong)
    if inquiry.second is None or not targets:
        enough = mutant.kind not in _CONFIRMED_BY_SEVERAL or inquiry.confirms_a_number
        return costed if enough else None
    there = inquiry.second.with_targets(targets)
    for each in _all_mutants(there):
        exact = each.exactly() if each.kind is mutant.kind else None
        if exact is not None and exact.is_the_same(mutant, inquiry.targets):
            found = there.tried(exact) if each.solved is None else there.confirmed(exact)
            if found is not None:
                return costed._replace(there=(there, exact))
    return None
