"""Running a PyTorch model as it is, at other numbers and in another dtype than its own."""

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves, tree_map, tree_map_with_path

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers.formats import numpy_dtype
from gradproof.reference.numbers.run_formats import coarser
from gradproof.scenarios.user_code import called

Array = NDArray[Any]
Tensor: TypeAlias = Any
"""A torch.Tensor; PyTorch is not looked at by type checkers here."""


class SteeredError(UnsupportedError):
    """The values of tensors decide what a model computes."""


@dataclass(frozen=True)
class InputSlot:
    """The place of a tensor among the arguments of a call.

    Attributes:
        name: the tensor's.
    """

    name: str


@dataclass(frozen=True, eq=False)
class TorchModel:
    """A module or a function of tensors, and a loss of its output.

    Attributes:
        function: the module, or the function.
        call: its arguments, by position and by name, with an `InputSlot` in the place of each tensor.
        loss: called with what the function gives; None where that is the loss.
        parameters: by name, the module's tensors that are differentiated.
        inputs: by name, the tensors among the arguments.
        widest: the dtype of the most digits that it runs in; `own` where each array keeps its own.
        autocast: whether the forward pass is run under `torch.autocast`, in bfloat16.
        elsewhere: the device that all is moved to for a run; None where it stays where it is.
    """

    function: Callable[..., Any]
    call: tuple[tuple[Any, ...], dict[str, Any]]
    loss: Callable[[Any], Any] | None
    parameters: Mapping[str, Tensor]
    inputs: Mapping[str, Tensor]
    widest: str = "float64"
    autocast: bool = False
    elsewhere: str | None = None

    def on(self, device: str) -> "TorchModel":
        """Give the same, moved to a device for each run, with the tensors that its code holds."""
        return replace(self, elsewhere=device)

    def __call__(
        self, params: Mapping[str, Array], batch: Mapping[str, Array]
    ) -> tuple[Array, dict[str, Array]]:
        """Compute the loss and its gradient by PyTorch's own autograd, in the dtype of the parameters.

        In the widest one that the model runs in, where that has fewer digits; in those of the model itself
        where the parameters are of several.
        """
        asked = _names_of_dtypes(params)
        mixed = len(asked) > 1 or self.running is None
        dtype = None if mixed else _DTYPES[coarser(*asked, self.widest)]
        with self.holding(params, dtype), torch.enable_grad():
            inputs = self.tensors({**batch, **params}, dtype)
            for name, tensor in inputs.items():
                tensor.requires_grad_(name in params)
            value = self.value(inputs, dtype)
            held = {name: self.parameters.get(name, inputs.get(name)) for name in params}
            if value.requires_grad:
                called("model's backward pass", value.backward)
            gradient = {
                name: np.zeros(params[name].shape, params[name].dtype)
                if tensor is None or tensor.grad is None
                else as_numpy(tensor.grad)
                for name, tensor in held.items()
            }
            return as_numpy(value), gradient

    def value(self, inputs: Mapping[str, Tensor], dtype: torch.dtype | None) -> Tensor:
        """Compute the loss.

        Raises:
            InputError: the model raises, or what it gives is no scalar.
        """
        arguments, options = self.arguments(inputs)
        casting = autocast(self.elsewhere or self.device.type) if self.autocast else nullcontext()
        with FloatsAs(dtype or self.dtype, self.dtype, self.elsewhere), casting:
            output = called("model", lambda: self.function(*arguments, **options))
            if self.loss is not None:
                loss = self.loss
                output = called("loss", lambda: loss(output))
        return _scalar(output, "model" if self.loss is None else "loss")

    def arguments(self, inputs: Mapping[str, Tensor]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """Give the arguments of a call, with tensors in the places of their names."""
        arguments, options = tree_map(
            lambda leaf: inputs[leaf.name] if isinstance(leaf, InputSlot) else leaf, self.call
        )
        return arguments, options

    def tensors(self, arrays: Mapping[str, Array], dtype: torch.dtype | None) -> dict[str, Tensor]:
        """Give the inputs' numbers as tensors on their devices, those of floating point in a dtype.

        Without one each has its own.
        """
        found = {
            name: as_tensor(arrays[name], self.elsewhere or own.device) for name, own in self.inputs.items()
        }
        return {
            name: each.to(dtype or self.inputs[name].dtype) if each.is_floating_point() else each
            for name, each in found.items()
        }

    @contextmanager
    def holding(self, params: Mapping[str, Array], dtype: torch.dtype | None) -> Iterator[None]:
        """Let the module hold other numbers, all of one floating-point dtype; all is as it was afterwards.

        Without a dtype each keeps its own.
        """
        held = self.state()
        kept = [(tensor, tensor.data, tensor.grad) for tensor in held]
        default = torch.get_default_dtype()
        torch.set_default_dtype(dtype or default)
        try:
            with self._moved(held):
                for tensor in held:
                    tensor.grad = None
                    its = dtype if tensor.is_floating_point() else None
                    tensor.data = tensor.data.to(its or tensor.dtype, copy=True)
                for name, tensor in self.parameters.items():
                    tensor.data = as_tensor(params[name], tensor.device).to(dtype or tensor.dtype)
                yield
        finally:
            torch.set_default_dtype(default)
            for tensor, data, gradient in kept:
                tensor.grad = None
                tensor.data = data
                tensor.grad = gradient

    @contextmanager
    def _moved(self, held: Iterable[Tensor]) -> Iterator[None]:
        """Let tensors be on the other device, where there is one."""
        moved = []
        try:
            for tensor in held if self.elsewhere is not None else ():
                there = tensor.detach().to(self.elsewhere)
                if isinstance(tensor, torch.nn.Parameter):
                    there = torch.nn.Parameter(there, requires_grad=tensor.requires_grad)
                torch.utils.swap_tensors(tensor, there.requires_grad_(tensor.requires_grad))
                moved.append((tensor, there))
            yield
        finally:
            for tensor, here in moved:
                tensor.grad = None
                torch.utils.swap_tensors(tensor, here)

    @cached_property
    def dtype(self) -> torch.dtype:
        """The model's own floating-point dtype."""
        return next(
            each.dtype
            for each in (*self.parameters.values(), *self.inputs.values())
            if each.is_floating_point()
        )

    @property
    def device(self) -> torch.device:
        """Where the model lies: all of its parameters and inputs are on one device."""
        return next(each.device for each in (*self.parameters.values(), *self.inputs.values()))

    @property
    def running(self) -> torch.dtype | None:
        """The dtype that it is traced in; None for each array's own."""
        return _DTYPES.get(self.widest)

    def state(self) -> list[Tensor]:
        """Give the parameters and buffers that are held, each once."""
        found = [*self.parameters.values()]
        if isinstance(self.function, torch.nn.Module):
            found += [*self.function.parameters(), *self.function.buffers()]
        return list({id(tensor): tensor for tensor in found}.values())

    def module_names(self) -> dict[int, str]:
        """Give the paths of the modules by their identity."""
        if not isinstance(self.function, torch.nn.Module):
            return {}
        return {id(module): name for name, module in self.function.named_modules()}


def autocast(device: str = "cpu") -> Any:
    """Give the context of `torch.autocast`, in bfloat16 and without its cache of casts."""
    return torch.autocast(device.partition(":")[0], dtype=torch.bfloat16, cache_enabled=False)


def taken_apart(
    function: Callable[..., Any], inputs: Any, held: Callable[[Tensor], bool]
) -> tuple[tuple[tuple[Any, ...], dict[str, Any]], dict[str, Tensor]]:
    """Name the tensors among the arguments of a call.

    Args:
        function: a module or a function.
        inputs: its arguments: a tuple or a list of those by position, or a mapping of those by name.
        held: whether a tensor stays where it is, as a constant.

    Returns:
        call and inputs of a `TorchModel`.
    """
    if isinstance(inputs, torch.Tensor):
        inputs = (inputs,)
    if not isinstance(inputs, Mapping | tuple | list):
        raise InputError(
            f"The inputs of the model are a {type(inputs).__name__}. Give a tuple of its arguments, as in "
            "inputs=(x,), or a mapping of those by name."
        )
    arguments, options = ((), dict(inputs)) if isinstance(inputs, Mapping) else (tuple(inputs), {})
    names = _argument_names(function, len(arguments))
    found: dict[str, Tensor] = {}

    def slot(path: Any, leaf: Any) -> Any:
        if not isinstance(leaf, torch.Tensor) or held(leaf):
            return leaf
        kind, *keys = (getattr(key, "key", getattr(key, "idx", getattr(key, "name", key))) for key in path)
        name = ".".join(map(str, (names[keys[0]] if kind == 0 else keys[0], *keys[1:])))
        found[name] = leaf
        return InputSlot(name)

    return tree_map_with_path(slot, (arguments, options)), found


def _argument_names(function: Callable[..., Any], count: int) -> list[str]:
    callee = function.forward if isinstance(function, torch.nn.Module) else function
    try:
        parameters = list(inspect.signature(callee).parameters.values())
    except (TypeError, ValueError):  # of a builtin, say
        parameters = []
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in parameters if each.kind in positional]
    return names[:count] + [f"input{place}" for place in range(len(names), count)]


def weighted(output: Any) -> Tensor:
    """Make one number of an output: the sum of its floating-point entries, each with a weight of its own."""
    random = np.random.default_rng(0)
    tensors = [each for each in tree_leaves(output) if isinstance(each, torch.Tensor)]
    total = 0
    for each in (each for each in tensors if each.is_floating_point()):
        weights = torch.from_numpy(random.uniform(0.5, 2.0, tuple(each.shape))).to(each)
        total = total + (weights * each).sum()
    return total


def _scalar(output: Any, what: str) -> Tensor:
    if not isinstance(output, torch.Tensor):
        raise InputError(
            f"The {what} gives a {type(output).__name__}, which is no tensor. "
            "Give `loss=`, a function that makes one number of it, as in loss=lambda output: output.sum()."
        )
    if output.shape != ():
        raise InputError(
            f"The {what} gives a tensor of shape {tuple(output.shape)}, but a gradient needs a scalar. Give "
            "`loss=`, a function that makes one number of it, as in loss=lambda output: output.sum()."
        )
    return output


def _names_of_dtypes(params: Mapping[str, Array]) -> set[str]:
    names = {getattr(getattr(array, "dtype", None), "name", "") for array in params.values()}
    if not names <= _DTYPES.keys():
        raise TypeError("PyTorch computes it, in floating point")
    return names


_DTYPES = {name: getattr(torch, name) for name in ("float64", "float32", "float16", "bfloat16")}


def as_tensor(array: Array, device: Any = "cpu") -> Tensor:
    """Give an array's numbers as a tensor of the same dtype; never one that shares its memory."""
    if array.dtype.name == "bfloat16":  # of ml_dtypes, which PyTorch does not know
        return torch.from_numpy(array.astype(np.float32)).to(torch.bfloat16).to(device)
    return torch.from_numpy(np.array(array)).to(device)


def as_numpy(tensor: Tensor) -> Array:
    """Give a tensor's numbers; those of bfloat16, which NumPy lacks, as float32."""
    wide = tensor.float() if tensor.dtype is torch.bfloat16 else tensor
    values: Array = wide.numpy(force=True)
    return values.copy()


def in_its_dtype(tensor: Tensor) -> Array:
    """Give a tensor's numbers in its own dtype; that of bfloat16 is of ml_dtypes."""
    return as_numpy(tensor).astype(numpy_dtype(str(tensor.dtype).removeprefix("torch.")))


class FloatsAs(TorchFunctionMode):  # type: ignore[misc] # PyTorch is Any
    """Take floating-point tensors that the code holds (targets, weights of classes) in another dtype.

    Those alone that have the model's own dtype, so that all is as it is where the model is run in that. What
    is made meanwhile has the dtype that the code gives it. All tensors that the code holds are taken on
    another device, where one is given.
    """

    def __init__(self, dtype: torch.dtype, own: torch.dtype, device: str | None = None) -> None:
        """Take the dtype that is wanted, the model's, and the device."""
        super().__init__()
        self._dtype, self._own = dtype, own
        self._device = None if device is None else torch.empty(0, device=device).device
        self._cast: dict[int, tuple[Tensor, Tensor]] = {}
        self._made: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of PyTorch's."""
        del types
        if self._dtype is self._own and self._device is None:
            return func(*args, **(kwargs or {}))
        args, kwargs = tree_map(self._taken, (tuple(args), dict(kwargs or {})))
        result = func(*args, **kwargs)
        tree_map(self._mark, result)
        return result

    def _mark(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor) and value.dtype is self._own:
            self._made[id(value)] = value  # kept, so that no other has its identity
        return value

    def _taken(self, value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or value.grad_fn is not None or value.requires_grad:
            return value
        cast = value.dtype is self._own and id(value) not in self._made
        dtype = self._dtype if cast else value.dtype
        device = value.device if self._device is None else self._device
        if (dtype, device) == (value.dtype, value.device):
            return value
        if id(value) not in self._cast:
            self._cast[id(value)] = (value, value.to(device, dtype))
        return self._cast[id(value)][1]
