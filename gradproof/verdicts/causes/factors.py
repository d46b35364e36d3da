"""Constant factors that are solved for: at which place, which number, and what it means."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from flint import arb
from numpy.typing import NDArray

from gradproof.reference.tape import Edge
from gradproof.verdicts.causes import costs, scaling
from gradproof.verdicts.causes.case import Case, Views
from gradproof.verdicts.causes.graph import Array, Changes, Graph
from gradproof.verdicts.causes.mutant import Mutant, Place
from gradproof.verdicts.causes.probes import Probes, independent_entries
from gradproof.verdicts.causes.wording import number, operation_at, where

Floats = NDArray[np.float64]

_TELLING = frozenset(["var", "std", "mean", "softmax", "log_softmax", "logsumexp"])
"""Operations that tell a reader more than their neighbours on the same path."""


@dataclass(frozen=True)
class Factor:
    """A place whose derivative times a constant may be the claim."""

    place: Place
    factor: float
    views: Views
    alone: bool
    kind: str
    phrase: str
    cost: float
    where: str


def factors(case: Case, views: Views, skip: frozenset[Edge] = frozenset()) -> Iterator[Factor]:
    """Give the places whose derivative times a constant explains the targets."""
    graph, probes = views.plain, case.probes
    for place in _places(graph, skip):
        index = graph.operand(place).index if isinstance(place, Edge) else place
        if index is None or not set(case.targets) <= graph.depends[index]:
            continue
        share = graph.share(place) if isinstance(place, Edge) else graph.adjoint(place)
        effect = probes.effect(index, share.broadcast_to(graph.nodes[index].tensor.shape))
        solved = solve(case, probes, effect)
        if solved is not None:
            c, alone = solved
            yield described(case, views, place, c, alone=alone, near=max(scaling.LOOSE, case.claim.rounding))


def solve(case: Case, probes: Probes, effect: Floats) -> tuple[float, bool] | None:
    """Solve target = (c - 1) effect for c; with whether the others are changed. None if no c fits."""
    owners = np.array(probes.owners)
    wanted = np.isin(owners, case.targets)
    along, target = effect[wanted], probes.target[wanted]
    square = float(along @ along)
    if not wanted.any() or square == 0 or not np.isfinite(square):
        return None
    c = 1 + float(along @ target) / square
    near = probes.near((c - 1) * effect)
    if not np.all(near[wanted]):
        return None
    return c, not bool(np.all(near[owners == ""]))


def _places(graph: Graph, skip: frozenset[Edge]) -> Iterator[Place]:
    if graph.output is not None and not skip:
        yield graph.output
    for edge in graph.edges:
        if edge not in skip:
            yield edge
    for node in graph.nodes:
        several = len(graph.users(node.index)) > 1
        if not skip and node.index != graph.output and (several or node.operation is None):
            yield node.index


def described(case: Case, views: Views, place: Place, c: float, *, alone: bool, near: float) -> Factor:
    """Say what a factor at a place means."""
    graph = views.plain
    rounded = _rounded(c, near)
    node = graph.nodes[place.node if isinstance(place, Edge) else place]
    if isinstance(place, Edge):
        own = scaling.named(graph, place, rounded, near)
        if own is not None:
            return Factor(place, rounded, views, alone, *own, where(node))
    if abs(c) < near:
        return Factor(place, 0.0, views, alone, *_cut(graph, place), where(node))
    kind, cost = "constant-factor", costs.PLAIN_FACTOR
    meaning = case.numbers.meaning(rounded, near)
    if rounded == -1:
        kind = "sign"
    elif meaning is None:
        cost = costs.ODD_FACTOR
    said = f" ({meaning})" if meaning else ""
    done = "negated" if kind == "sign" else f"multiplied by {number(rounded)}{said}"
    if isinstance(place, Edge) and node.name in {"add", "subtract"} and _is_sum(graph, place):
        cost += 0.25
        source = scaling.operand_text(graph, place)
        phrase = f"the term that comes from {source} in the sum of {operation_at(node)} {done}"
    elif isinstance(place, Edge):
        cost += 0.3
        phrase = f"the derivative of {operation_at(node)} for {scaling.operand_text(graph, place)} {done}"
    elif place == graph.output or node.operation is None:
        phrase = "the opposite sign" if kind == "sign" else f"a factor of {number(rounded)}{said}"
        cost += 0.0 if place == graph.output else 0.05
    else:
        cost += 0.2
        phrase = f"what reaches {operation_at(node)} {done}"
    at = "" if place == graph.output else where(node)
    return Factor(place, rounded, views, alone, kind, phrase, cost, at)


def _rounded(c: float, near: float) -> float:
    """Give the fraction or the short decimal that a solved factor stands for, if there is one."""
    for denominator in range(1, 1025):
        numerator = round(c * denominator)
        if numerator and abs(c * denominator - numerator) <= near * abs(numerator) and abs(numerator) <= 1024:
            return numerator / denominator
    short = float(f"{c:.6g}")
    return short if abs(short - c) <= near * abs(c) else c


def _cut(graph: Graph, place: Place) -> tuple[str, str, float]:
    """Describe a place through which nothing is carried back."""
    if not isinstance(place, Edge):
        node = graph.nodes[place]
        if node.operation is None:
            return "gradient-is-zero", "nothing carried back to it: it is zero", costs.PATH - 1
        if place == graph.output:
            return "gradient-is-zero", "nothing carried back at all: it is zero", costs.PATH - 1
        phrase = f"nothing carried back through {operation_at(node)}, as if it were a constant"
        return "path-not-carried-back", phrase, costs.PATH
    node, operand = graph.nodes[place.node], graph.operand(place)
    source = scaling.operand_text(graph, place)
    if node.name in {"add", "subtract"} and _is_sum(graph, place):
        phrase = f"the term that comes from {source} left out of the sum in {operation_at(node)}"
        return "path-not-carried-back", f"{phrase}: nothing is carried back to it", costs.PATH + 0.05
    phrase = f"nothing carried back through {operation_at(node)} to {source}, as if it were a constant there"
    cost = costs.PATH + (0.0 if node.name in _TELLING else 0.1)
    if operand.index is not None:
        phrase += _through_time(graph, operand.index, place.node)
    return "path-not-carried-back", phrase, cost


def _is_sum(graph: Graph, edge: Edge) -> bool:
    """Tell whether an addition joins two things that depend on parameters."""
    return all(operand.index is not None for operand in graph.nodes[edge.node].operands)


def _through_time(graph: Graph, earlier: int, later: int) -> str:
    """Say so where the path leads from a later step to an earlier one, which parameters are shared by."""
    names = [
        name
        for name in sorted(graph.depends[earlier])
        if any(
            edge.node > earlier
            and edge.node != later
            and graph.nodes[edge.node].name in {"matmul", "add", "gather"}
            for edge in graph.users(graph.parameters[name])
        )
        and any(edge.node <= earlier for edge in graph.users(graph.parameters[name]))
    ]
    if graph.nodes[earlier].operation is None or not names:
        return ""
    shared = " and ".join(names[:3])
    return f": no error goes back from the later step to the earlier one (both use {shared})"


# ------------------------------------------------------------------------ confirming a solved factor


def factor_changes(place: Place, factor: Array | float) -> Callable[[Graph], Changes]:
    """Make the changes of a constant factor at a place."""

    def changes(graph: Graph) -> Changes:
        if isinstance(place, Edge):
            return Changes(edges={place: lambda g: graph.pull(place, g) * factor})
        return Changes(nodes={place: lambda g: g * factor})

    return changes


def confirmed_factor(case: Case, found: Factor) -> tuple[Mutant, float] | None:
    """Solve for a factor in balls from the greatest entry, and confirm it on all the others.

    Returns:
        the mutant, and its cost now that the factor is known to all its digits; None if it is not the claim.
    """
    graph, claim = found.views.balls, case.claim
    with graph.context():
        base = graph.backward(factor_changes(found.place, 0.0)(graph))
        name, place = _greatest(case, {n: base[n].data[0, 0, ...] for n in case.targets if n in base})
        if not name:
            return None
        without = base[name].data[0, 0, ...][place]
        share = claim.true[name][place] - without
        ball = (claim.balls[name][place] - without) / share
        # a claim in floats gives the factor to the digits that its entry has
        near = max(scaling.TIGHT, claim.tolerated(name, place) / abs(float(share.mid())))
        if not ball.is_finite() or abs(float(ball.mid()) - found.factor) > 10 * max(
            scaling.LOOSE, near
        ) * max(1.0, abs(found.factor)):
            return None
        exact = described(case, found.views, found.place, float(ball.mid()), alone=found.alone, near=near)
        number_of_it = ball if near == scaling.TIGHT else arb(exact.factor)
        factor = graph.kind.constant(np.array([number_of_it], dtype=object)).reshape(())
    # a number that was solved for must be confirmed by more entries than it was taken from
    if exact.cost >= costs.ODD_FACTOR and independent_entries(claim, case.targets) < 3:
        return None
    mutant = Mutant(
        exact.kind,
        exact.phrase,
        exact.cost,
        exact.where,
        factor_changes(found.place, factor),
        exact.factor,
    )
    if not case.equals_in_balls(found.views, mutant, case.targets, alone=found.alone):
        return None
    return mutant, exact.cost


def _greatest(case: Case, base: dict[str, NDArray[np.object_]]) -> tuple[str, tuple[int, ...]]:
    """Give the entry that a place contributes most to."""
    best: tuple[float, str, tuple[int, ...]] = (0.0, "", ())
    for name, balls in base.items():
        difference = np.abs((case.claim.true[name] - balls).astype(np.float64))
        if difference.size and np.max(difference) > best[0]:
            place = np.unravel_index(int(np.argmax(difference)), difference.shape)
            best = (float(np.max(difference)), name, tuple(int(i) for i in place))
    return best[1], best[2]
