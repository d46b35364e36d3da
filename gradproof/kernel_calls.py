"""Calling an operation and its backward pass, with upstream gradients of several layouts in memory."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Lazy
from gradproof.backends.loading import load_backend
from gradproof.reference.numbers.formats import FORMATS, numpy_dtype, widened
from gradproof.verdicts.judging.check_findings import CheckFinding

torch = Lazy("torch")
jax = Lazy("jax")

Array = NDArray[Any]
Operation = Callable[[Mapping[str, Any]], Any]

EVERY_LAYOUT = ("contiguous", "transposed", "expanded", "cut")
"""How an upstream gradient may lie in memory: as the backward passes of a sum of squares, of a transpose, of
a sum and of a concatenation give it."""

_LEAST_AXES = {"contiguous": 0, "transposed": 2, "expanded": 1, "cut": 1}


@dataclass(frozen=True, eq=False)
class Called:
    """What an operation gave.

    Attributes:
        values: float64: the outputs, `output0` and so on, and by name the gradient of each input.
        upstream: the upstream gradients, by the outputs' names.
        findings: what it changed that it must not.
    """

    values: Mapping[str, Array]
    upstream: Mapping[str, Array]
    findings: tuple[CheckFinding, ...] = ()


def _upstream(shapes: Mapping[str, tuple[int, ...]], dtype: str, layout: str, seed: int) -> dict[str, Array]:
    """Draw upstream gradients; expanded ones are the same along the last axis."""
    random = np.random.default_rng([9, seed])
    drawn = {}
    for name, shape in shapes.items():
        some = random.normal(size=(*shape[:-1], 1) if layout == "expanded" and shape else shape)
        drawn[name] = np.array(np.broadcast_to(FORMATS[dtype].rounded(np.asarray(some)), shape))
    return drawn


# -------------------------------------------------------------------- PyTorch


def call_with_torch(
    operation: Operation, arrays: Mapping[str, Any], dtype: str, layout: str, seed: int
) -> Called | None:
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
    if max(output.ndim for output in outputs) < _LEAST_AXES[layout]:
        return None
    names = [f"output{position}" for position in range(len(outputs))]
    values = {name: _numbers(output) for name, output in zip(names, outputs, strict=True)}
    upstream = _upstream({name: value.shape for name, value in values.items()}, dtype, layout, seed)
    laid = [_laid_out(upstream[name], layout, output) for name, output in zip(names, outputs, strict=True)]
    kept = [each.clone() for each in laid]
    leaves = {name: tensor for name, tensor in given.items() if tensor.requires_grad}
    gradients = torch.autograd.grad(outputs, [*leaves.values()], laid, allow_unused=True)
    for (name, leaf), gradient in zip(leaves.items(), gradients, strict=True):
        values[name] = np.zeros(tuple(leaf.shape)) if gradient is None else _numbers(gradient)
    changed = [*_changed_inputs(before, given)]
    changed += [*_changed("the upstream gradient", zip(kept, laid, strict=True))]
    changed += [*_changed("a tensor that was saved for the backward pass", ((b, a) for a, b in saved))]
    return Called(values, upstream, tuple(changed))


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


def _changed_inputs(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[CheckFinding]:
    for name, tensor in before.items():
        yield from _changed(f"its input {name!r}", [(tensor, after[name].detach())])


def _changed(what: str, pairs: Any) -> Iterator[CheckFinding]:
    if not all(_same(before, after) for before, after in pairs):
        text = f"The operation changes {what} in place. Work on a copy, or tell autograd with mark_dirty."
        yield CheckFinding("mutated-input", text, fails=True)


# -------------------------------------------------------------------- JAX


def call_with_jax(
    operation: Operation, arrays: Mapping[str, Any], dtype: str, layout: str, seed: int
) -> Called | None:
    """Call an operation of JAX's, whose arrays have no strides; None for a layout that is one of strides."""
    framework: Any = load_backend("jax").framework  # type: ignore[attr-defined]
    if layout in {"transposed", "cut"}:
        return None
    with framework.mode(dtype):
        given = {name: jax.numpy.asarray(array) for name, array in arrays.items()}
        floats = {
            name: array.astype(numpy_dtype(dtype))
            for name, array in given.items()
            if jax.numpy.issubdtype(array.dtype, jax.numpy.floating)
        }
        outputs, pull = jax.vjp(lambda floats: operation({**given, **floats}), floats)
        several = isinstance(outputs, tuple | list)
        listed = list(outputs) if several else [outputs]
        values = {f"output{n}": _of_jax(output) for n, output in enumerate(listed)}
        if max(value.ndim for value in values.values()) < _LEAST_AXES[layout]:
            return None
        upstream = _upstream({name: value.shape for name, value in values.items()}, dtype, layout, seed)
        weights = [
            jax.numpy.asarray(each).astype(output.dtype)
            for each, output in zip(upstream.values(), listed, strict=True)
        ]
        (gradients,) = pull(type(outputs)(weights) if several else weights[0])
        return Called(values | {name: _of_jax(each) for name, each in gradients.items()}, upstream)


def _of_jax(array: Any) -> Array:
    return widened(np.asarray(array)).astype(np.float64)
