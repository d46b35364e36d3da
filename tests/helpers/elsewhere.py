"""A second device for PyTorch that computes, and refuses tensors of any other one, as CUDA does.

Its tensors stand for tensors of the CPU, which a fallback for all operations computes with. Importing this
registers the device with the process for good: do it in a process of its own.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch.utils._pytree import tree_map
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

from gradproof.backends.torch_backend import TorchBackend, TorchFramework

NAME = "elsewhere"
CALLS: Counter[str] = Counter()
"""How often each operation was called with tensors there."""

_HELD: dict[int, tuple[Any, Any]] = {}
"""By a tensor's storage the tensor of the CPU, and the storage: kept, so that no other has its place."""


class StrayError(RuntimeError):
    """An operation got tensors of two devices."""


def _there(held: Any) -> Any:
    held = held.contiguous()  # as what stands for it is
    made = torch._C._acc.create_empty_tensor(held.shape, held.dtype)
    storage = made.untyped_storage()
    _HELD[storage._cdata] = (held, storage)
    return made


def _held(tensor: Any) -> Any:
    return _HELD[tensor.untyped_storage()._cdata][0] if tensor.device.type == NAME else tensor


def _computed(operation: Any, *args: Any, **kwargs: Any) -> Any:
    CALLS[str(operation)] += 1
    given: dict[int, Any] = {}

    def taken(value: Any) -> Any:
        if isinstance(value, torch.device):
            return torch.device("cpu")
        if not isinstance(value, torch.Tensor):
            return value
        if value.device.type != NAME:
            if value.ndim:
                raise StrayError(f"{operation}: a tensor of shape {tuple(value.shape)} on {value.device}")
            return value
        held = _held(value)
        given[id(held)] = value
        return held

    def handed_back(value: Any) -> Any:
        if not isinstance(value, torch.Tensor):
            return value
        return given[id(value)] if id(value) in given else _there(value)

    args, kwargs = tree_map(taken, (args, kwargs))
    return tree_map(handed_back, operation(*args, **kwargs))


_setup_privateuseone_for_python_backend(NAME)
_library = torch.library.Library("_", "IMPL")
_library.fallback(_computed, "PrivateUse1")


@torch.library.impl("aten::_copy_from", "PrivateUse1")
def _copy_from(source: Any, target: Any, *_: Any) -> Any:
    _held(target).copy_(_held(source))
    return target


@torch.library.impl("aten::empty.memory_format", "PrivateUse1")
def _empty(size: Sequence[int], dtype: Any = None, **_: Any) -> Any:
    return _there(torch.empty(size, dtype=dtype, device="cpu"))


@torch.library.impl("aten::empty_strided", "PrivateUse1")
def _empty_strided(size: Sequence[int], stride: Sequence[int], dtype: Any = None, **_: Any) -> Any:
    return _there(torch.empty_strided(size, stride, dtype=dtype, device="cpu"))


class ElsewhereFramework(TorchFramework):
    """PyTorch with the second device."""

    device_kinds = (*TorchFramework.device_kinds, NAME)

    def devices(self) -> Sequence[str]:
        return (*super().devices(), NAME)


class ElsewhereBackend(TorchBackend):
    """PyTorch's backend with the second device."""

    framework = ElsewhereFramework()
    device_kinds = framework.device_kinds
