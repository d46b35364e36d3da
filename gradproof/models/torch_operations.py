"""ATen's operations: those of the table, those that only move entries, and what PyTorch computes itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from gradproof.models.aten_entries import ENTRIES
from gradproof.models.model_graph import ModelNode
from gradproof.models.replay import Entry, Operations
from gradproof.models.torch_model import as_numpy


def native(node: ModelNode, inputs: tuple[Any, ...], options: Mapping[str, Any]) -> Any:
    """Let PyTorch compute a node of which no parameter is a part."""
    return _numpy(_operation(node.operation)(*_torch(inputs), **{n: _torch(o) for n, o in options.items()}))


def _operation(name: str) -> Any:
    found: Any = torch.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _torch(value: Any) -> Any:
    """Give what an operation of PyTorch's takes in the place of what a graph holds."""
    if isinstance(value, np.dtype):
        return getattr(torch, value.name)
    if isinstance(value, np.ndarray | np.generic):
        return torch.from_numpy(np.array(value))
    if isinstance(value, tuple | list):
        return [_torch(part) for part in value]
    return value


def _numpy(value: Any) -> Any:
    if isinstance(value, tuple | list):
        return tuple(_numpy(part) for part in value)
    return as_numpy(value) if isinstance(value, torch.Tensor) else value


# -------------------------------------------------------------------- what moves entries


def moving(name: str, *, arrays: int = 1) -> Entry:
    """Make the entry of an operation that moves entries of its first operands elsewhere, or repeats them.

    PyTorch itself does it, with the numbers of the entries' places.

    Args:
        name: the operation's.
        arrays: how many of its operands are moved.
    """

    def entry(xp: Any, *inputs: Any, **options: Any) -> Any:
        moved, rest = inputs[:arrays], inputs[arrays:]
        return by_places(xp, _operation(name), moved, rest, options)

    return entry


def by_places(xp: Any, operation: Any, moved: Any, rest: Any, options: Any) -> Any:
    """Move entries of arrays as an operation of PyTorch's moves them."""
    start, places = 0, []
    for each in moved:
        size = int(np.prod(np.shape(each) if not hasattr(each, "shape") else each.shape))
        places.append(torch.arange(start, start + size).reshape(tuple(each.shape)))
        start += size
    found = _numpy(operation(*places, *_torch(tuple(rest)), **{n: _torch(o) for n, o in options.items()}))
    flat = [xp.reshape(each, (-1,)) for each in moved]
    entries = flat[0] if len(flat) == 1 else xp.concat(flat)
    if isinstance(found, tuple):
        return tuple(entries[each] for each in found)
    return entries[found]


_MOVING = (
    "flip roll repeat as_strided unfold diagonal pixel_shuffle pixel_unshuffle tril triu channel_shuffle "
    "rot90 narrow movedim"
)

_RANDOM = (
    "bernoulli exponential geometric cauchy log_normal multinomial native_dropout normal normal_functional "
    "poisson rand rand_like randint randint_like randn randn_like randperm random rrelu_with_noise "
    "rrelu_with_noise_functional uniform _standard_gamma binomial _sample_dirichlet"
)

OPERATIONS = Operations(
    framework="PyTorch",
    entries=ENTRIES,
    random=frozenset(f"aten.{name}" for name in _RANDOM.split()),
    native=native,
    no_randomness="Call model.eval(), set dropout's p to 0, or draw them before and give them as inputs.",
)
"""What `from_torch` knows."""
