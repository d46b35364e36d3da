"""Mutants with one change: a mistake at a place, a factor that is solved for, or a formula that cancels."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np
from flint import arb

from gradproof.reference.tape import Operation, Trait
from gradproof.reference.tape.operations import entrywise, matrix_products, moving, neural
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Changed, Graph, Spot, Use, Views
from gradproof.verdicts.causes.kinds import ODD_NUMBER, Cause, CauseKind
from gradproof.verdicts.causes.mistakes.constants import Meaning, meaning_at
from gradproof.verdicts.causes.mistakes.mistake import SUMS, having
from gradproof.verdicts.causes.phrases import sentence
from gradproof.verdicts.causes.search.discrepancy import Floats, greatest
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, with_mistake
from gradproof.verdicts.causes.search.probes import Effect


def effects(inquiry: Inquiry, views: Views) -> list[Effect]:
    """Give the mistakes at all places that reach the targets, but for places that were seen already."""
    graph, seen = views.plain, inquiry.seen(views)
    spots: list[Spot] = [*graph.edges, *(i for i, g in enumerate(graph.adjoints) if g is not None)]
    found: list[Effect] = []
    for use in (graph.use(spot) for spot in spots if spot not in seen):
        if not inquiry.late and not use.reaches.isdisjoint(inquiry.targets):
            at = inquiry.probes.effects(use).values()
            inquiry.work.add(len(at), 3 * len(at) * max(use.x.size, use.y.size))
            found += at
    return found


def single_mutants(inquiry: Inquiry, views: Views) -> list[Mutant]:
    """Give the mutants with one mistake whose effects may be the claim's error; factors are solved for."""
    probes = inquiry.probes
    tried = [each for each in effects(inquiry, views) if not each.mistake.solved]
    near = probes.near(np.array([each.along for each in tried]).reshape(len(tried), probes.target.size))
    fits = np.all(near[:, probes.directions(inquiry.targets)], axis=1)
    leaves = np.all(near[:, probes.directions(("",))], axis=1)
    return [
        replace(with_mistake(views, tried[i].use, tried[i].mistake), alone=not leaves[i])
        for i in np.flatnonzero(fits)
    ]


# ------------------------------------------------------------------------ factors that are solved for


def factor_mutants(inquiry: Inquiry, views: Views) -> Iterator[Mutant]:
    """Give the places whose derivative times a constant explains the targets; the probes estimate it."""
    near = max(tolerances.FACTOR_ESTIMATED, inquiry.discrepancy.rounding)
    seen = inquiry.seen(views)
    for use in (views.plain.use(spot) for spot in _spots(views.plain) if spot not in seen):
        if use.reaches.issuperset(inquiry.targets):
            estimate = solve(inquiry, inquiry.probes.effect(use.index, use.share))
            if estimate is not None:
                mutant = replace(_described(inquiry, views, use, estimate[0], near), alone=estimate[1])
                yield replace(mutant, solved=partial(_solved, inquiry, views, use, *estimate))


def solve(inquiry: Inquiry, effect: Floats) -> tuple[float, bool] | None:
    """Solve error = (c - 1) effect for c along the probes; with whether others change. None if no c fits."""
    probes = inquiry.probes
    wanted = probes.directions(inquiry.targets)
    along, target = effect[wanted], probes.target[wanted]
    square = float(along @ along)
    if not wanted.any() or square == 0 or not np.isfinite(square):
        return None
    c = 1 + float(along @ target) / square
    near = probes.near((c - 1) * effect)
    return (c, not bool(np.all(near[probes.directions(("",))]))) if np.all(near[wanted]) else None


def _spots(graph: Graph) -> Iterator[Spot]:
    """Give the places for a factor: the output, the uses, and what is a parameter or used several times."""
    if graph.output is not None:
        yield graph.output
    yield from graph.edges
    for node in graph.nodes:
        if graph.adjoints[node.index] is None or node.index == graph.output:
            continue
        if node.operation is None or len(graph.users(node.index)) > 1:
            yield node.index


def _solved(inquiry: Inquiry, views: Views, use: Use, estimate: float, alone: bool) -> Mutant | None:
    """Solve for a factor in balls, from the greatest entry; all the others must confirm it."""
    graph, discrepancy = views.balls, inquiry.discrepancy
    [without] = graph.backward(_times(graph, use.spot, 0.0))
    with graph.context():
        found = greatest({name: discrepancy.exact[name] - without[name] for name in inquiry.targets})
        if found is None:
            return None
        name, place = found
        share = discrepancy.exact[name][place] - without[name][place]
        ball = (discrepancy.claimed[name][place] - without[name][place]) / share
        # a claim in floats gives the factor to the digits that its entry has
        doubt = float(discrepancy.doubt[name][place]) if name in discrepancy.doubt else 0.0
        near = max(tolerances.FACTOR_SOLVED, doubt / abs(float(share.mid())))
        allowed = 10 * max(tolerances.FACTOR_ESTIMATED, near) * max(1.0, abs(estimate))
        if not ball.is_finite() or abs(float(ball.mid()) - estimate) > allowed:
            return None
        mutant = _described(inquiry, views, use, float(ball.mid()), near)
        solved = ball if near == tolerances.FACTOR_SOLVED else arb(mutant.factor)
        factor = graph.kind.constant(np.array([solved], dtype=object)).reshape(())
    if mutant.cost >= CauseKind.CONSTANT_FACTOR.cost + ODD_NUMBER and not inquiry.confirms(float(ball.mid())):
        return None
    [gradients] = views.backward(lambda graph: _times(graph, use.spot, factor))
    return replace(mutant, gradients=gradients, alone=alone)


def _times(graph: Graph, spot: Spot, factor: Array | float) -> dict[Spot, Changed]:
    """Multiply what is handed on at a place by a constant."""
    return {spot: Changed(lambda g: graph.use(spot).pull(g) * factor)}


# ------------------------------------------------------------------------ what a factor means


def _described(inquiry: Inquiry, views: Views, use: Use, c: float, near: float) -> Mutant:
    """Make the mutant of a factor, in the words that it has at its place."""
    factor, where = _rounded(c, near), use.node.where
    meaning = meaning_at(use, factor, near)
    if meaning is None and abs(c) < near:
        factor, meaning = 0.0, _cut(use)
    elif meaning is None:
        meaning = _multiplied(inquiry, use, factor, near)
        where = "" if use.spot == use.graph.output else where
    kind, phrase, more = meaning
    [gradients] = views.backward(lambda graph: _times(graph, use.spot, factor))
    return Mutant(kind, phrase.replace("$at", str(use.node)), more, where, gradients, factor)


def _rounded(c: float, near: float) -> float:
    """Give the fraction or the short decimal that a solved factor stands for, if there is one."""
    for denominator in range(1, 1025):
        numerator = round(c * denominator)
        if numerator == denominator and c != 1:
            continue  # a factor that is not 1 is not told as 1
        if numerator and abs(c * denominator - numerator) <= near * abs(numerator) and abs(numerator) <= 1024:
            return numerator / denominator
    short = float(f"{c:.6g}")
    return short if short != 1 and abs(short - c) <= near * abs(c) else c


def _multiplied(inquiry: Inquiry, use: Use, factor: float, near: float) -> Meaning:
    """Say which derivative is multiplied by what."""
    kind = CauseKind.SIGN if factor == -1 else CauseKind.CONSTANT_FACTOR
    more = 0.0 if factor == -1 or inquiry.expected.meaning(factor, near) is not None else ODD_NUMBER
    said = inquiry.expected.said(factor, near)
    done = "negated" if factor == -1 else f"multiplied by {said}"
    if _is_term(use):
        return kind, f"the term that comes from {use} in the sum of $at {done}", more + 0.25
    if use.operation is not None:
        return kind, f"the derivative of $at for {use} {done}", more + 0.3
    if use.spot == use.graph.output or use.node.operation is None:
        phrase = "the opposite sign" if factor == -1 else f"a factor of {said}"
        return kind, phrase, more + (0.0 if use.spot == use.graph.output else 0.05)
    return kind, f"what reaches $at {done}", more + 0.2


def _cut(use: Use) -> Meaning:
    """Describe a place through which nothing is carried back."""
    kind, whole = CauseKind.PATH_NOT_CARRIED_BACK, use.operation is None
    if whole and use.spot == use.graph.output:
        return CauseKind.GRADIENT_IS_ZERO, "nothing carried back at all: it is zero", 0.0
    if whole and use.node.operation is None:
        return CauseKind.GRADIENT_IS_ZERO, "nothing carried back to it: it is zero", 0.0
    if whole:
        return kind, "nothing carried back through $at, as if it were a constant", 0.0
    if _is_term(use):
        left_out = f"the term that comes from {use} left out of the sum in $at"
        return kind, f"{left_out}: nothing is carried back to it", 0.05
    phrase = f"nothing carried back through $at to {use}, as if it were a constant there"
    return kind, phrase + _through_time(use), 0.0 if use.operation in _TELLING else 0.1


_TELLING = having(Trait.AVERAGES) | having(Trait.NORMALISES) | {neural.LOGSUMEXP}
"""Operations that tell a reader more than their neighbours on the same path."""


def _is_term(use: Use) -> bool:
    """Tell whether an addition joins two things that depend on parameters."""
    return use.operation in SUMS and not any(operand.constant for operand in use.node.operands)


_WITH_PARAMETERS = frozenset({matrix_products.MATMUL, entrywise.ADD, moving.GATHER})
"""How the steps of a recurrence use the parameters that they share."""


def _through_time(use: Use) -> str:
    """Say so where the path leads from a later step to an earlier one, which parameters are shared by."""
    graph, earlier, later = use.graph, use.index, use.node.index
    shared = []
    for name in sorted(use.reaches):
        users = [each.node for each in graph.users(graph.parameters[name])]
        steps = [user for user in users if graph.nodes[user].operation in _WITH_PARAMETERS]
        if any(user > earlier and user != later for user in steps) and any(user <= earlier for user in users):
            shared.append(name)
    if use.operand.operation is None or not shared:
        return ""
    names = " and ".join(shared[:3])
    return f": no error goes back from the later step to the earlier one (both use {names})"


# ------------------------------------------------------------------------ formulas that cancel in floats


def _sigmoid_slope(x: Floats) -> Floats:
    y = 1 / (1 + np.exp(-x))
    return y * (1 - y)


_FORMULAS: dict[Operation | None, tuple[str, Callable[[Floats], Floats]]] = {
    entrywise.EXPM1: ("output + 1", lambda x: np.expm1(x) + 1),
    entrywise.EXP: ("expm1 + 1", lambda x: np.expm1(x) + 1),
    entrywise.TANH: ("1 - output^2", lambda x: 1 - np.tanh(x) ** 2),
    neural.SIGMOID: ("output (1 - output)", _sigmoid_slope),
}
"""Derivatives written in terms of the result, where its digits cancel."""


def from_rounded_output(inquiry: Inquiry) -> Cause | None:
    """Find a derivative that was computed from the rounded result: out + 1 for exp(x) - 1.

    Such a claim is right as a formula, so that only a claim in float64 can show it.
    """
    for graph in (views.plain for views in inquiry.views):
        for edge in graph.edges:
            node = graph.nodes[edge.node]
            if node.operation not in _FORMULAS:
                continue
            said, slope = _FORMULAS[node.operation]
            constant = graph.kind.constant(np.asarray(slope(node.values[0].data[0, 0, ...])))
            [gradients] = graph.backward({edge: Changed(constant.__mul__)})
            if all(name in gradients and _same(inquiry, name, gradients[name]) for name in inquiry.targets):
                phrase = f"the derivative of {node} computed from its rounded output"
                told = sentence(phrase, inquiry.targets)
                text = f"{told} as {said}, where digits cancel; the formula is right"
                kind = CauseKind.DERIVATIVE_FROM_ROUNDED_OUTPUT
                return Cause(kind.slug, node.where, None, text, inquiry.targets)
    return None


def _same(inquiry: Inquiry, name: str, gradient: Floats) -> bool:
    """Tell whether a mutant has the claim's rounding errors: it explains nearly all of the error."""
    error, exact = inquiry.discrepancy.error[name], inquiry.discrepancy.exact_floats[name]
    left = np.abs(gradient - exact - error)
    units = tolerances.ROUNDED_UNITS * np.finfo(np.float64).eps * np.abs(exact)
    return bool(np.all(left <= np.maximum(units, tolerances.ROUNDED_SHARE * np.abs(error))))
