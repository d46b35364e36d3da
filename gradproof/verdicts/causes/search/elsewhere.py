"""Mutants that are right elsewhere: with weights that were updated, or for a loss that lacks an operation.

Weights w are updated to w - rate g with the claimed gradient g, as whoever updates too early has no other.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Balls, Kind, Plain
from gradproof.reference.tape import Edge, Loss, Operation, Tensor, Trait, differentiate
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Array, Change, Changed, Graph, Node, Spot, Views
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.phrases import listed, sentence
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant
from gradproof.verdicts.causes.search.singles import solve


def _step(inquiry: Inquiry, name: str, kind: Kind[Any]) -> Array:
    """Give the claimed gradient of a parameter, by which it was updated."""
    claimed = inquiry.discrepancy.claimed[name]
    step: Array = kind.constant(claimed if isinstance(kind, Balls) else claimed.astype(np.float64))
    return step


# ------------------------------------------------------------------------ updated on the way back


def updated_weights(inquiry: Inquiry, views: Views) -> list[Mutant]:
    """Give the mutants that use updated weights on the way back, the cheapest first.

    The rate is solved for at each edge by itself, where the change is linear in it, and then tried at all
    edges together.
    """
    graph = views.plain
    weights = {edge: name for edge in graph.edges if (name := _weight(graph, edge, inquiry)) is not None}
    rates: dict[float, None] = {}
    found: list[Mutant] = []
    for edge, name in weights.items():
        use = graph.use(edge)
        if use.reaches.isdisjoint(inquiry.targets):
            continue
        with graph.context():
            step = _with_update(inquiry, graph, edge, name, 1.0)(use.g).sum_to(use.shape) - use.share
        effect = inquiry.probes.effect(use.index, step)
        for target in inquiry.targets:
            solved = solve(inquiry.with_targets((target,)), effect)
            if solved is not None:
                # error = rate * effect
                rates[_short(inquiry, solved[0] - 1)] = None
        solved = solve(inquiry, effect)
        if solved is not None:
            c, alone = solved
            mutant = _mutant(inquiry, views, {edge: name}, _short(inquiry, c - 1))
            found.append(replace(mutant, alone=alone))
    if inquiry.learning_rate:
        rates[inquiry.learning_rate] = None
    found += [_mutant(inquiry, views, weights, rate) for rate in rates if weights]
    return sorted(found, key=lambda each: each.cost)


def _short(inquiry: Inquiry, rate: float) -> float:
    """Give the decimal that a rate was meant as: with fewer digits where rounding hides the others."""
    return float(f"{rate:.6g}" if inquiry.discrepancy.rounding < 1e-9 else f"{rate:.3g}")


def _weight(graph: Graph, edge: Edge, inquiry: Inquiry) -> str | None:
    """Give the parameter that an edge's derivative multiplies with, perhaps moved, if it does."""
    node = graph.nodes[edge.node]
    if node.operation not in having(Trait.BILINEAR):
        return None
    weight = node.operands[1 - edge.position]
    while weight.operation in having(Trait.MOVES_ENTRIES, operands=1):
        weight = weight.operands[0]
    if weight.operation is not None or weight.constant or graph.use(edge).operand is weight:
        return None
    return weight.name if weight.name in inquiry.discrepancy.error else None


def _with_update(inquiry: Inquiry, graph: Graph, edge: Edge, name: str, rate: float) -> Change:
    node, other = graph.nodes[edge.node], 1 - edge.position

    def moved(at: Node) -> Array:
        if at.operation is None:
            return at.value - _step(inquiry, name, graph.kind) * rate
        return at.forward(moved(at.operands[0]))

    def change(g: Array) -> Array:
        values = list(node.values)
        values[other] = moved(node.operands[other])
        return node.derivative(edge.position, g, node.value, *values)

    return change


def _mutant(inquiry: Inquiry, views: Views, weights: Mapping[Edge, str], rate: float) -> Mutant:
    nodes = [views.plain.nodes[edge.node] for edge in weights]
    at = " and ".join(dict.fromkeys(map(str, nodes[:3])))
    names = listed(list(dict.fromkeys(weights.values())))
    phrase = (
        f"{names} already updated (minus {rate:g} times the gradient) when the error goes back through {at}"
    )

    def changes(graph: Graph) -> dict[Spot, Changed]:
        return {
            edge: Changed(_with_update(inquiry, graph, edge, name, rate)) for edge, name in weights.items()
        }

    [gradients] = views.backward(changes)
    return Mutant(CauseKind.WEIGHTS_ALREADY_UPDATED, phrase, 0.0, nodes[0].where, gradients, rate)


# ------------------------------------------------------------------------ updated before the next gradient

_SECANTS = 8
_START = 1e-3


def after_an_update(inquiry: Inquiry) -> Iterator[Mutant]:
    """Give the gradients that were taken after other parameters were updated by their claimed gradients."""
    others = [n for n in inquiry.params if n not in inquiry.targets and n in inquiry.discrepancy.error]
    for moved in (*((name,) for name in others), *([tuple(others)] if len(others) > 1 else [])):
        if inquiry.late:
            return
        given = inquiry.learning_rate
        is_rate = given is not None and abs(_share(inquiry, moved, given) - 1) < tolerances.RATE
        rate = given if is_rate else _solved(inquiry, moved)
        if rate is not None:
            yield _after(inquiry, moved, rate)


def _after(inquiry: Inquiry, moved: Sequence[str], rate: float) -> Mutant:
    def told(names: Sequence[str]) -> str:
        right = sentence("", names).removesuffix(" with ")
        updated = f"{listed(moved)} {'was' if len(moved) == 1 else 'were'} already updated"
        return f"{right} at other weights: {updated} (minus {rate:g} times the gradient) when it was computed"

    def gradients(exact: bool) -> Mapping[str, Any]:
        return _at(inquiry, moved, rate, _kind(exact))

    return Mutant(CauseKind.WEIGHTS_ALREADY_UPDATED, told, 0.0, "", gradients, rate)


def _at(inquiry: Inquiry, moved: Sequence[str], rate: float, kind: Kind[Any]) -> dict[str, Any]:
    """Give the targets' gradients after an update of other parameters."""

    def loss(xp: Any, params: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Any:
        updated = dict(params)
        for name in moved:
            step = _step(inquiry, name, kind) * rate
            updated[name] = params[name] - Tensor(step, params[name].tape, source=params[name].source)
        return inquiry.loss(xp, updated, batch)

    gradients = _gradients(inquiry, loss, kind)
    return {name: gradients[name] for name in inquiry.targets}


def _share(inquiry: Inquiry, moved: Sequence[str], rate: float) -> float:
    """Give how much of the claim's error an update by some rate makes, along that error."""
    graph = inquiry.composed.plain
    inquiry.work.add(2 * len(graph.nodes), 2 * sum(node.value.size for node in graph.nodes))
    gradients, discrepancy = _at(inquiry, moved, rate, Plain()), inquiry.discrepancy
    errors = {name: discrepancy.error[name] for name in inquiry.targets}
    product = sum(np.sum((gradients[n] - discrepancy.exact_floats[n]) * each) for n, each in errors.items())
    return float(product / np.float64(sum(np.sum(each * each) for each in errors.values())))


def _solved(inquiry: Inquiry, moved: Sequence[str]) -> float | None:
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


def _gradients(inquiry: Inquiry, loss: Loss, kind: Kind[Any]) -> Mapping[str, Any]:
    found = differentiate(loss, inquiry.params, inquiry.batch, kind).gradients
    return {name: gradient.data[0, 0, ...] for name, gradient in found.items()}


def _kind(exact: bool) -> Kind[Any]:
    return Balls(tolerances.CAUSE_BITS) if exact else Plain()


# ------------------------------------------------------------------------ without an operation


def without_an_operation(inquiry: Inquiry) -> Iterator[Mutant]:
    """Give the gradients of the loss without one of its operations: a mask, a scale, a function."""
    graph = inquiry.views[-1].plain
    for node in graph.nodes:
        operands = [operand for operand in node.operands if not operand.constant]
        skippable = len(operands) == 1 and operands[0].shape == node.shape
        reaches = set(inquiry.targets) & graph.depends[node.index]
        if skippable and reaches and node.operation in having(Trait.ELEMENTWISE):
            yield _without(inquiry, node)


def _without(inquiry: Inquiry, node: Node) -> Mutant:
    def gradients(exact: bool) -> Mapping[str, Any]:
        try:
            return _gradients(inquiry, _skipping(inquiry.loss, node.index), _kind(exact))
        except (InputError, UnsupportedError):
            return {}  # without the operation it is no loss, and explains nothing

    def told(names: Sequence[str]) -> str:
        noun = "gradient" if len(names) == 1 else "gradients"
        right = f"your {noun} of {listed(names)} would be right for a loss without {node}"
        return f"{right}: it is left out of the loss and of its derivative"

    return Mutant(CauseKind.OPERATION_LEFT_OUT, told, 0.0, node.where, gradients)


def _skipping(loss: Loss, skipped: int) -> Loss:
    """Make a loss in which the operation that would be a node of the tape hands its operand on."""

    def changed(xp: Any, params: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Any:
        tape = next(iter(params.values())).tape
        apply, state = tape.apply, {"done": False}

        def skipping(operation: Operation, *operands: Any, **arguments: object) -> Tensor:
            tensors = [operand for operand in operands if isinstance(operand, Tensor)]
            followed = [tensor for tensor in tensors if tensor.index is not None]
            if len(tape.nodes) == skipped and followed and not state["done"]:
                state["done"] = True
                return followed[0]
            return apply(operation, *operands, **arguments)

        tape.apply = skipping  # type: ignore[method-assign] # this one run's tape alone
        return loss(xp, params, batch)

    return changed
