"""An operation of PyTorch's and its backward pass, with upstream gradients of several layouts in memory."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradproof.models.upstream import LEAST_AXES, Operation, OperationCall, upstream_of

Array = NDArray[Any]


def call_with_torch(
    operation: Operation, arrays: Mapping[str, Any], dtype: str, layout: str, seed: int
) -> OperationCall | None:
    """Call an operation of PyTorch's; None where no output has the axes that a layout needs."""
    given = {name: _leaf(tensor, dtype) for name, tensor in arrays.items()}
    before = {name: tensor.detach().clone() for name, tensor in given.items()}
    saved: list[tuple[Any, Any]] = []

    def keep(tensor: Any) -> Any:
        saved.append((tensor, tensor.detach().clone()))
        return tensor

    with torch.enable_grad(), torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        outputs = operation(given)
    outputs = tuple(outputs) if isinstance(outputs, tuple | list) else (outputs,)
    if max(output.ndim for output in outputs) < LEAST_AXES[layout]:
        return None
    names = [f"output{position}" for position in range(len(outputs))]
    values = {name: _numbers(output) for name, output in zip(names, outputs, strict=True)}
    upstream = upstream_of({name: value.shape for name, value in values.items()}, dtype, layout, seed)
    laid = [_laid_out(upstream[name], layout, output) for name, output in zip(names, outputs, strict=True)]
    kept = [each.clone() for each in laid]
    leaves = {name: tensor for name, tensor in given.items() if tensor.requires_grad}
    gradients = torch.autograd.grad(outputs, [*leaves.values()], laid, allow_unused=True)
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
        values[name] = np.zeros(tuple(leaf.shape)) if gradient is None else _numbers(gradient)
    changed = [*_changed(before, given)]
    if not all(_same(one, other) for one, other in zip(kept, laid, strict=True)):
        changed.append("the upstream gradient")
    if not all(_same(one, other) for one, other in saved):
        changed.append("a tensor that was saved for the backward pass")
    return OperationCall(values, upstream, tuple(changed))


def _leaf(tensor: Any, dtype: str) -> Any:
    if not isinstance(tensor, torch.Tensor):
        return torch.as_tensor(tensor)
    copy = tensor.detach().clone()
    return copy.to(getattr(torch, dtype)).requires_grad_() if copy.is_floating_point() else copy


def _numbers(tensor: Any) -> Array:
    return tensor.detach().cpu().double().numpy().copy()  # type: ignore[no-any-return]


def _laid_out(values: Array, layout: str, output: Any) -> Any:
    """Lay an upstream gradient out in memory, of the output's dtype and on its device."""
    like = torch.from_numpy(np.array(values, order="C")).to(output)
    if layout == "transposed" and like.ndim > 1:
        axes = range(like.ndim)
        return like.permute(*reversed(axes)).contiguous().permute(*reversed(axes))
    if layout == "expanded" and like.ndim > 0:
        return like[..., :1].contiguous().expand(like.shape)
    if layout == "cut" and like.ndim > 0:
        whole = torch.zeros((*like.shape[:-1], 2 * like.shape[-1] + 1), dtype=like.dtype, device=like.device)
        whole[..., 1 : 1 + like.shape[-1]] = like
        return whole[..., 1 : 1 + like.shape[-1]]
    return like


def _same(one: Any, other: Any) -> bool:
    if one.shape != other.shape:
        return False
    return bool(((one == other) | ((one != one) & (other != other))).all())  # noqa: PLR0124 - NaN


def _changed(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, tensor in before.items():
        if not _same(tensor, after[name].detach()):
            yield f"its input {name!r}"
