"""Mutants that are the gradient of something else: at updated weights, of a loss without an operation."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Balls, Kind, Plain
from gradproof.reference.tape import Loss, Operation, Tensor, differentiate
from gradproof.verdicts.causes import costs
from gradproof.verdicts.causes.case import PRECISION, Case
from gradproof.verdicts.causes.cause import Cause
from gradproof.verdicts.causes.rules import UNARY
from gradproof.verdicts.causes.wording import listed, operation_at, sentence, where

Floats = NDArray[np.float64]
Run = Callable[[Kind], Mapping[str, Any]]
"""Computes the gradients of something else, on a kind of number."""

_SECANTS = 8
_START = 1e-3


def reruns(case: Case) -> Iterator[tuple[float, Cause]]:
    """Give the gradients of something else that are the claim, with their costs."""
    yield from chain(_without_an_operation(case), _after_an_update(case))


def _equals(case: Case, run: Run) -> bool:
    """Tell whether a run's gradients are the claim, in float64 and then in balls."""
    claim = case.claim
    floats = {name: gradient.data[0, 0, ...] for name, gradient in run(Plain()).items()}
    if not all(claim.may_explain(n, floats[n]) for n in case.targets):
        return False
    if not all(claim.leaves(n, floats[n]) for n in case.others):
        return False
    kind = Balls(PRECISION)
    balls = {name: gradient.data[0, 0, ...] for name, gradient in run(kind).items()}
    with kind.context():
        return all(claim.explains(n, balls[n]) for n in (*case.targets, *case.others))


# ------------------------------------------------------------------------ a loss without an operation


def _without_an_operation(case: Case) -> Iterator[tuple[float, Cause]]:
    """The gradient is right for a loss that lacks a mask, a scale, a shift or a function."""
    graph = case.raw.plain
    for node in graph.nodes:
        if case.late:
            return
        operands = [operand for operand in node.operands if operand.index is not None]
        skippable = len(operands) == 1 and operands[0].shape == node.tensor.shape
        if not skippable or not set(case.targets) & graph.depends[node.index]:
            continue
        if node.name not in UNARY | {"add", "subtract", "multiply", "divide", "maximum", "minimum", "clip"}:
            continue

        def run(kind: Kind, index: int = node.index) -> Mapping[str, Any]:
            return differentiate(_skipping(case.loss, index), case.params, case.batch, kind).gradients

        try:
            equal = _equals(case, run)
        except (InputError, UnsupportedError):
            continue  # without the operation it is no loss
        if equal:
            noun = "gradient" if len(case.targets) == 1 else "gradients"
            text = (
                f"your {noun} of {listed(case.targets)} would be right for a loss without "
                f"{operation_at(node)}: it is left out of the loss and of its derivative"
            )
            yield costs.OPERAND + 0.5, Cause("operation-left-out", where(node), None, text, case.targets)
            return


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


# ------------------------------------------------------------------------ at updated weights


def _after_an_update(case: Case) -> Iterator[tuple[float, Cause]]:
    """A gradient is taken after other parameters were updated: w - rate g, g their claimed gradient."""
    others = [name for name in case.params if name not in case.targets and name in case.claim.error]
    choices = [(name,) for name in others] + ([tuple(others)] if len(others) > 1 else [])
    for moved in choices:
        if case.late:
            return
        rate = case.learning_rate if _is_rate(case, moved, case.learning_rate) else _solved(case, moved)
        if rate is None or not _equals(case, lambda kind, m=moved, r=rate: _at(case, m, r, kind)):  # type: ignore[misc]
            continue
        text = (
            f"{sentence('', case.targets).removesuffix(' with ')} at other weights: {listed(moved)} "
            f"{'was' if len(moved) == 1 else 'were'} already updated (minus {rate:g} times the gradient) "
            "when it was computed"
        )
        yield costs.UPDATED, Cause("weights-already-updated", "", rate, text, case.targets)
        return


def _at(case: Case, moved: tuple[str, ...], rate: float, kind: Kind) -> Mapping[str, Any]:
    """Give the targets' gradients after an update of other parameters, theirs as they truly are."""

    def loss(xp: Any, params: Mapping[str, Tensor], batch: Mapping[str, Any]) -> Any:
        updated = dict(params)
        for name in moved:
            tape = params[name].tape
            step = case.claim.balls[name] if isinstance(kind, Balls) else case.claim.balls[name].astype(float)
            numbers = Tensor(tape.kind.constant(step) * rate, tape, source=params[name].source)
            updated[name] = params[name] - numbers
        return case.loss(xp, updated, batch)

    gradients = dict(differentiate(loss, case.params, case.batch, kind).gradients)
    graph = case.composed.balls if isinstance(kind, Balls) else case.composed.plain
    for name in case.others:
        adjoint = graph.adjoints[graph.parameters[name]]
        if adjoint is None:
            continue
        gradients[name] = adjoint
    return gradients


def _is_rate(case: Case, moved: tuple[str, ...], rate: float | None) -> bool:
    return rate is not None and abs(_share(case, moved, rate) - 1) < 1e-6


def _share(case: Case, moved: tuple[str, ...], rate: float) -> float:
    """Give how much of the claim's error an update by some rate makes, along that error."""
    gradients = _at(case, moved, rate, Plain())
    product = square = 0.0
    for name in case.targets:
        error = case.claim.error[name]
        change = gradients[name].data[0, 0, ...] - case.claim.true_floats[name]
        product += float(np.sum(change * error))
        square += float(np.sum(error * error))
    return product / square if square else np.nan


def _solved(case: Case, moved: tuple[str, ...]) -> float | None:
    """Solve for the rate by secants; None where there is no short one."""
    before, rate = 0.0, _START
    share_before, share = 0.0, _share(case, moved, _START)
    for _ in range(_SECANTS):
        if not np.isfinite(share) or share == share_before:
            return None
        if abs(share - 1) < 1e-9:
            break
        step = (1 - share) * (rate - before) / (share - share_before)
        before, share_before = rate, share
        rate += step
        if not np.isfinite(rate) or abs(rate) > 1e3:
            return None
        share = _share(case, moved, rate)
    short = float(f"{rate:.4g}")
    return short if abs(short - rate) <= 1e-6 * abs(rate) else None
