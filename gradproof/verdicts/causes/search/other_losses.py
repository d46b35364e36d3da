"""Mutants that are right for another loss: one that lacks an operation, or has weights that were updated."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Balls, Kind, Plain
from gradproof.reference.tape import Loss, Operation, Tensor, Trait, differentiate
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Node
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import having
from gradproof.verdicts.causes.phrases import listed, sentence
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant


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


# ------------------------------------------------------------------------ after an update

_SECANTS = 8
_START = 1e-3


def after_an_update(inquiry: Inquiry) -> Iterator[Mutant]:
    """Give the gradients that were taken after other parameters were updated by their claimed gradients."""
    others = [n for n in inquiry.params if n not in inquiry.targets and n in inquiry.discrepancy.error]
    for moved in (*((name,) for name in others), *([tuple(others)] if len(others) > 1 else [])):
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
            step = inquiry.step(name, kind) * rate
            updated[name] = params[name] - Tensor(step, params[name].tape, source=params[name].source)
        return inquiry.loss(xp, updated, batch)

    gradients = _gradients(inquiry, loss, kind)
    return {name: gradients[name] for name in inquiry.targets}


def _share(inquiry: Inquiry, moved: Sequence[str], rate: float) -> float:
    """Give how much of the claim's error an update by some rate makes, along that error."""
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
