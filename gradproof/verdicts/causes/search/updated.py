"""Mutants that use weights after their update, w - rate g: on the way back, or before the next gradient.

g is the claimed gradient of w, as whoever updates too early has no other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from gradproof.reference.numbers import Balls, Kind, Plain
from gradproof.reference.tape import Edge, Tensor, Trait, differentiate
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Change, Changed, Graph, Node, Views
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import Having
from gradproof.verdicts.causes.phrases import listed, sentence
from gradproof.verdicts.causes.search.factors import solve
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant, backward

_KIND = CauseKind.WEIGHTS_ALREADY_UPDATED

_MOVING = Having(Trait.MOVES_ENTRIES, operands=1)


def _step(inquiry: Inquiry, name: str, kind: Kind[Any]) -> Array:
    """Give the claimed gradient of a parameter, by which it was updated."""
    claimed = inquiry.discrepancy.claimed[name]
    step: Array = kind.constant(claimed if isinstance(kind, Balls) else claimed.astype(np.float64))
    return step


# ------------------------------------------------------------------------ on the way back


class _Weight(NamedTuple):
    """A use whose derivative multiplies with a parameter, perhaps after moving its entries."""

    edge: Edge
    name: str


def updated_weights(inquiry: Inquiry, views: Views) -> Iterator[Mutant]:
    """Give the mutants that use updated weights on the way back.

    The rate is solved for at each edge by itself, where the change is linear in it, and then tried at all
    edges together.
    """
    graph, probes = views.plain, inquiry.probes
    weights = [each for edge in graph.edges if (each := _weight(graph, edge, inquiry)) is not None]
    rates: dict[float, None] = {}
    for weight in weights:
        use = graph.use(weight.edge)
        if use.reaches.isdisjoint(inquiry.targets):
            continue
        with graph.context():
            step = _with_update(graph, weight, inquiry, 1.0)(use.g).sum_to(use.shape) - use.share
        effect = probes.effect(use.index, step)
        for name in inquiry.targets:
            solved = solve(inquiry.with_targets((name,)), effect)
            if solved is not None:
                # error = rate * effect
                rates[_short(inquiry, solved[0] - 1)] = None
        solved = solve(inquiry, effect)
        if solved is not None:
            c, alone = solved
            yield replace(_mutant(views, inquiry, [weight], _short(inquiry, c - 1)), alone=alone)
    if inquiry.learning_rate:
        rates[inquiry.learning_rate] = None
    for rate in rates if weights else []:
        yield _mutant(views, inquiry, weights, rate)


def _short(inquiry: Inquiry, rate: float) -> float:
    """Give the decimal that a rate was meant as: with fewer digits where rounding hides the others."""
    return float(f"{rate:.6g}" if inquiry.discrepancy.rounding < 1e-9 else f"{rate:.3g}")


def _weight(graph: Graph, edge: Edge, inquiry: Inquiry) -> _Weight | None:
    """Give the parameter that an edge's derivative multiplies with, if it does."""
    node = graph.nodes[edge.node]
    if node.operation not in Having(Trait.BILINEAR):
        return None
    weight = node.operands[1 - edge.position]
    while weight.operation in _MOVING:
        weight = weight.operands[0]
    if weight.operation is not None or weight.constant or graph.use(edge).operand is weight:
        return None
    return _Weight(edge, weight.name) if weight.name in inquiry.discrepancy.error else None


def _with_update(graph: Graph, weight: _Weight, inquiry: Inquiry, rate: float) -> Change:
    node, other = graph.nodes[weight.edge.node], 1 - weight.edge.position

    def moved(at: Node) -> Array:
        if at.operation is None:
            return at.value - _step(inquiry, weight.name, graph.kind) * rate
        return at.forward(moved(at.operands[0]))

    def change(g: Array) -> Array:
        values = list(node.values)
        values[other] = moved(node.operands[other])
        return node.derivative(weight.edge.position, g, node.value, *values)

    return change


def _mutant(views: Views, inquiry: Inquiry, weights: list[_Weight], rate: float) -> Mutant:
    names = listed(list(dict.fromkeys(weight.name for weight in weights)))
    nodes = [views.plain.nodes[weight.edge.node] for weight in weights]
    at = " and ".join(dict.fromkeys(map(str, nodes[:3])))
    phrase = (
        f"{names} already updated (minus {rate:g} times the gradient) when the error goes back through {at}"
    )
    gradients = backward(
        views, lambda graph: {w.edge: Changed(_with_update(graph, w, inquiry, rate)) for w in weights}
    )
    return Mutant(_KIND, partial(sentence, phrase), 0.0, nodes[0].where, gradients, rate)


# ------------------------------------------------------------------------ before the next gradient is taken

_SECANTS = 8
_START = 1e-3


def after_an_update(inquiry: Inquiry) -> Iterator[Mutant]:
    """Give the gradients that were taken after other parameters were updated."""
    others = [n for n in inquiry.params if n not in inquiry.targets and n in inquiry.discrepancy.error]
    for moved in (*((name,) for name in others), *([tuple(others)] if len(others) > 1 else [])):
        given = inquiry.learning_rate
        is_rate = given is not None and abs(_share(inquiry, moved, given) - 1) < tolerances.RATE
        rate = given if is_rate else _solved(inquiry, moved)
        if rate is None:
            continue

        def gradients(exact: bool, moved: tuple[str, ...] = moved, rate: float = rate) -> Mapping[str, Any]:
            return _at(inquiry, moved, rate, Balls(tolerances.CAUSE_BITS) if exact else Plain())

        yield Mutant(_KIND, partial(_told, moved, rate), 0.0, "", gradients, rate)


def _told(moved: Sequence[str], rate: float, names: Sequence[str], *, alone: bool) -> str:
    right = sentence("", names, alone=alone).removesuffix(" with ")
    updated = f"{listed(moved)} {'was' if len(moved) == 1 else 'were'} already updated"
    return f"{right} at other weights: {updated} (minus {rate:g} times the gradient) when it was computed"


def _at(inquiry: Inquiry, moved: tuple[str, ...], rate: float, kind: Kind[Any]) -> dict[str, Any]:
    """Give the targets' gradients after an update of other parameters."""

    def loss(xp: Any, params: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Any:
        updated = dict(params)
        for name in moved:
            step = _step(inquiry, name, kind) * rate
            updated[name] = params[name] - Tensor(step, params[name].tape, source=params[name].source)
        return inquiry.loss(xp, updated, batch)

    gradients = differentiate(loss, inquiry.params, inquiry.batch, kind).gradients
    return {name: gradients[name].data[0, 0, ...] for name in inquiry.targets}


def _share(inquiry: Inquiry, moved: tuple[str, ...], rate: float) -> float:
    """Give how much of the claim's error an update by some rate makes, along that error."""
    gradients = _at(inquiry, moved, rate, Plain())
    product = square = 0.0
    for name in inquiry.targets:
        error = inquiry.discrepancy.error[name]
        product += float(np.sum((gradients[name] - inquiry.discrepancy.exact_floats[name]) * error))
        square += float(np.sum(error * error))
    return product / square if square else np.nan


def _solved(inquiry: Inquiry, moved: tuple[str, ...]) -> float | None:
    """Solve for the rate by secants; None where there is no short one."""
    before, rate = 0.0, _START
    share_before, share = 0.0, _share(inquiry, moved, _START)
    for _ in range(_SECANTS):
        if not np.isfinite(share) or share == share_before:
            return None
        if abs(share - 1) < 1e-3 * tolerances.RATE:
            break
        step = (1 - share) * (rate - before) / (share - share_before)
        before, share_before = rate, share
        rate += step
        if not np.isfinite(rate) or abs(rate) > 1e3:
            return None
        share = _share(inquiry, moved, rate)
    short = float(f"{rate:.4g}")
    return short if abs(short - rate) <= tolerances.RATE * abs(rate) else None
