"""The search: mutants from the most likely on, sorted out in float64, confirmed in certified arithmetic."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from itertools import chain, islice

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.tape import Loss
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.cause import Cause, Search
from gradproof.verdicts.causes.graph import Spot, Views
from gradproof.verdicts.causes.kinds import ODD_NUMBER, SOME_ALONE, CauseKind
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.cancelling import from_rounded_output
from gradproof.verdicts.causes.search.difference import told
from gradproof.verdicts.causes.search.factors import Factor, confirmed_factor, factors
from gradproof.verdicts.causes.search.inquiry import Arrays, Costed, Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant
from gradproof.verdicts.causes.search.omitted import without_an_operation
from gradproof.verdicts.causes.search.several import group_mutants, overwriting, pair_mutants
from gradproof.verdicts.causes.search.shapes import shape_causes
from gradproof.verdicts.causes.search.singles import Effect, effects, single_mutants
from gradproof.verdicts.causes.search.updated import after_an_update, updated_weights
from gradproof.verdicts.causes.search.whole import whole_mutants

_CONFIRMATIONS = 40
"""Mutants of one stage that are tried in certified arithmetic, at most."""

_ODD = CauseKind.CONSTANT_FACTOR.cost + ODD_NUMBER
"""From this cost on a cause holds a number that was solved for."""


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
    seconds: float = tolerances.CAUSE_SECONDS,
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
        seconds: of processor time, after which it stops; only tapes of several hundred operations take two.

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
        inquiry = Inquiry(
            loss,
            params,
            batch,
            claimed,
            learning_rate=learning_rate,
            seconds=seconds,
            doubt=doubt,
            wrong=wrong,
        )
        cause = _cause(inquiry)
        if cause is not None:
            return Search(cause, complete=True)
        return Search(None, not inquiry.late, told(inquiry.discrepancy))


def _cause(inquiry: Inquiry) -> Cause | None:
    misshapen = next(shape_causes(inquiry), None)
    if misshapen is not None:
        return misshapen
    if not inquiry.targets or not inquiry.discrepancy.finite:
        return None
    whole = None if inquiry.discrepancy.certified else from_rounded_output(inquiry)
    whole = whole or _simplest(inquiry)
    return whole if whole is not None or len(inquiry.targets) == 1 else _in_part(inquiry)


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
            return Cause(cause.kind, cause.where, cause.factor, text, cause.parameters)
    return None


def _simplest(inquiry: Inquiry) -> Cause | None:
    """Find the simplest cause of all targets: stage by stage, until no later one can be simpler."""
    best = _cheapest(map(inquiry.confirmed, whole_mutants(inquiry)))
    found: list[list[Effect]] = []
    for views in inquiry.views:
        skip = _seen(inquiry, views)
        found.append(list(effects(inquiry, views.plain, skip)))
        singles, solved = single_mutants(inquiry, views, found[-1]), factors(inquiry, views, skip)
        best = _cheapest([best, _first_single(inquiry, singles, solved)])
        if best is not None and best[0] < CauseKind.WEIGHTS_ALREADY_UPDATED.cost:
            grouped = _first(inquiry, group_mutants(inquiry, views)) if _may_be_a_group(best) else None
            return (_cheapest([best, grouped]) or best)[1]
    for stage in (_overwritten, _grouped, _updated):
        for views in inquiry.views:
            best = _cheapest([best, stage(inquiry, views)])
            if best is not None and best[0] < _ODD:
                return best[1]
    for elsewhere in (without_an_operation(inquiry), after_an_update(inquiry)):
        best = _cheapest([best, _first(inquiry, elsewhere)])
    if best is None or best[0] >= SOME_ALONE:
        pairs = (pair_mutants(inquiry, *each) for each in zip(inquiry.views, found, strict=True))
        best = _cheapest([best, _first(inquiry, islice(chain.from_iterable(pairs), _CONFIRMATIONS))])
    return None if best is None else best[1]


def _seen(inquiry: Inquiry, views: Views) -> frozenset[Spot]:
    """Give the places of a view that the one before it has just so: edges of equal operations, all values."""
    if views is inquiry.composed:
        return frozenset()
    before, nodes = inquiry.composed.plain, views.plain.nodes
    edges = (e for e in before.edges if nodes[e.node].operation is before.nodes[e.node].operation)
    return frozenset([*edges, *range(len(nodes))])


def _may_be_a_group(best: Costed) -> bool:
    """Tell whether one factor in some parameters may be the same change in each of them, which says more."""
    cost, cause = best
    return cause.factor is not None and CauseKind.SIGN.cost < cost < CauseKind.DERIVATIVE_LEFT_OUT.cost


def _cheapest(causes: Iterable[Costed | None]) -> Costed | None:
    return min((each for each in causes if each is not None), key=lambda each: each[0], default=None)


# ------------------------------------------------------------------------ the stages


def _first_single(inquiry: Inquiry, mutants: Sequence[Mutant], solved: Iterable[Factor]) -> Costed | None:
    """Confirm the cheapest mutants with one mistake, and the factors that were solved for among them."""
    queue: list[tuple[float, Callable[[], Costed | None]]] = [
        *((each.cost, partial(inquiry.tried, each)) for each in mutants),
        *((each.mutant.cost, partial(confirmed_factor, inquiry, each)) for each in solved),
    ]
    best: Costed | None = None
    for cost, confirm in sorted(queue, key=lambda each: each[0])[:_CONFIRMATIONS]:
        if best is not None and best[0] <= cost:
            break
        best = _cheapest([best, confirm()])
    return best


def _first(inquiry: Inquiry, mutants: Iterable[Mutant]) -> Costed | None:
    """Confirm the first of mutants that come in the order of their cost."""
    for mutant in mutants:
        if inquiry.late:
            break
        try:
            found = inquiry.tried(mutant)
        except (InputError, UnsupportedError):
            continue  # the loss without an operation is no loss
        if found is not None:
            return found
    return None


def _overwritten(inquiry: Inquiry, views: Views) -> Costed | None:
    return _first(inquiry, overwriting(views))


def _grouped(inquiry: Inquiry, views: Views) -> Costed | None:
    return _first(inquiry, group_mutants(inquiry, views))


def _updated(inquiry: Inquiry, views: Views) -> Costed | None:
    return _cheapest(map(inquiry.tried, updated_weights(inquiry, views)))
