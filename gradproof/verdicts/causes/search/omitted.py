"""Mutants that are right for a loss that lacks an operation: a mask, a scale, a shift or a function."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gradproof.reference.numbers import Balls, Plain
from gradproof.reference.tape import Loss, Operation, Tensor, Trait, differentiate
from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.graph import Node
from gradproof.verdicts.causes.kinds import CauseKind
from gradproof.verdicts.causes.mistakes.mistake import Having
from gradproof.verdicts.causes.phrases import listed
from gradproof.verdicts.causes.search.inquiry import Inquiry
from gradproof.verdicts.causes.search.mutant import Mutant


def without_an_operation(inquiry: Inquiry) -> Iterator[Mutant]:
    """Give the gradients of the loss without one of its operations; they raise where it is then no loss."""
    graph = inquiry.views[-1].plain
    for node in graph.nodes:
        operands = [operand for operand in node.operands if not operand.constant]
        skippable = len(operands) == 1 and operands[0].shape == node.shape
        reaches = set(inquiry.targets) & graph.depends[node.index]
        if skippable and reaches and node.operation in Having(Trait.ELEMENTWISE):
            yield _without(inquiry, node)


def _without(inquiry: Inquiry, node: Node) -> Mutant:
    def gradients(exact: bool) -> Mapping[str, Any]:
        kind = Balls(tolerances.CAUSE_BITS) if exact else Plain()
        found = differentiate(_skipping(inquiry.loss, node.index), inquiry.params, inquiry.batch, kind)
        return {name: gradient.data[0, 0, ...] for name, gradient in found.gradients.items()}

    def told(names: Sequence[str], *, alone: bool) -> str:  # noqa: ARG001 - `Mutant.told`
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
