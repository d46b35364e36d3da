"""PyTorch as a backend: its own functions, autograd and torch.optim.SGD, or torch.func."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from importlib import import_module
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy
from gradproof.backends.namespaces import ComposedFunctions, LibraryNamespace, LibrarySpecial, Own
from gradproof.backends.protocol import RecordingBackend, batches, descent_of, plain_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.errors import InputError
from gradproof.reference.compositions.composition import Lengths, for_each_axis
from gradproof.reference.compositions.windows import Padding, pairs_of
from gradproof.reference.descent import Step
from gradproof.reference.numbers.formats import numpy_dtype
from gradproof.scenarios.scenario import Scenario

torch = Lazy("torch")
functional = Lazy("torch.nn.functional")
torch_special = Lazy("torch.special")
torch_array_api = Lazy("array_api_compat.torch")

Tensors = dict[str, Any]

_NUMPYS = ("float64", "float32", "float16")
_BITS = {1: "uint8", 2: "int16"}
"""By the bytes of a number the dtype that both NumPy and PyTorch have, in which its bits are handed over."""


class TorchFunctions(ComposedFunctions):
    """`xp.nn` from torch.nn.functional."""

    sigmoid = Own(torch, "sigmoid")
    relu = Own(functional, "relu")
    gelu = Own(functional, "gelu")
    silu = Own(functional, "silu")
    softplus = Own(functional, "softplus")
    binary_cross_entropy = Own(functional, "binary_cross_entropy")
    binary_cross_entropy_with_logits = Own(functional, "binary_cross_entropy_with_logits")

    def stop_gradient(self, x: Any) -> Any:
        """Give the tensor as a constant."""
        return x.detach()

    def softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute e^x / Σ e^x."""
        return functional.softmax(x, dim=axis)

    def log_softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute x - ln Σ e^x."""
        return functional.log_softmax(x, dim=axis)

    def logsumexp(self, x: Any, *, axis: Any = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x; without axes torch asks for all of them by number."""
        return torch.logsumexp(x, tuple(range(x.ndim)) if axis is None else axis, keepdims)

    def cross_entropy(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -Σ y ln softmax(z) along the last axis; torch's has the classes on axis 1."""
        classes = logits.shape[-1]
        flat = targets.reshape(-1, classes) if targets.is_floating_point() else targets.reshape(-1)
        value = functional.cross_entropy(logits.reshape(-1, classes), flat, reduction=reduction)
        return value.reshape(logits.shape[:-1]) if reduction == "none" else value

    # ---------------------------------------------------------------- convolutions and poolings

    def _indices(self, places: NDArray[np.intp], like: Any) -> Any:
        return torch.from_numpy(places).to(like.device)

    def _constant(self, values: NDArray[Any], like: Any) -> Any:
        return torch.from_numpy(values).to(like)

    def convolution(
        self,
        x: Any,
        weights: Any,
        bias: Any = None,
        *,
        stride: Lengths = 1,
        padding: Padding = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        input_dilation: Lengths = 1,
    ) -> Any:
        """Compute a convolution; what torch has no option for is done to x first."""
        rank = x.ndim - 2
        convolve = getattr(functional, f"conv{rank}d")
        x = _moved_apart(x, for_each_axis(input_dilation, rank))
        if not isinstance(padding, int | str):
            pairs = pairs_of(padding, rank)
            if all(before == behind for before, behind in pairs):
                padding = [before for before, _ in pairs]
            else:
                x, padding = _padded(x, pairs, 0.0), 0
        return convolve(x, weights, bias, stride, padding, dilation, groups)

    def transposed_convolution(
        self,
        x: Any,
        weights: Any,
        bias: Any = None,
        *,
        stride: Lengths = 1,
        padding: Lengths = 0,
        output_padding: Lengths = 0,
        dilation: Lengths = 1,
        groups: int = 1,
    ) -> Any:
        """Compute a transposed convolution."""
        convolve = getattr(functional, f"conv_transpose{x.ndim - 2}d")
        return convolve(x, weights, bias, stride, padding, output_padding, groups, dilation)

    def max_pool(
        self,
        x: Any,
        *,
        window: Sequence[int],
        stride: Lengths | None = None,
        padding: Padding = 0,
        dilation: Lengths = 1,
        ceil_mode: bool = False,
    ) -> Any:
        """Compute the maxima of what windows see."""
        if not isinstance(padding, int):
            x, padding = _padded(x, pairs_of(padding, len(window)), -math.inf), 0
        pool = getattr(functional, f"max_pool{len(window)}d")
        return _along_last(pool, x, len(window), tuple(window), stride, padding, dilation, ceil_mode)

    def average_pool(
        self,
        x: Any,
        *,
        window: Sequence[int],
        stride: Lengths | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_padding: bool = True,
        divisor: float | None = None,
    ) -> Any:
        """Compute the means of what windows see."""
        if divisor is not None or not isinstance(padding, int):
            return super().average_pool(
                x,
                window=window,
                stride=stride,
                padding=padding,
                ceil_mode=ceil_mode,
                count_padding=count_padding,
                divisor=divisor,
            )
        pool = getattr(functional, f"avg_pool{len(window)}d")
        return _along_last(pool, x, len(window), tuple(window), stride, padding, ceil_mode, count_padding)

    def adaptive_average_pool(self, x: Any, *, output: Sequence[int]) -> Any:
        """Compute the means of what windows see that share the axes out."""
        pool = getattr(functional, f"adaptive_avg_pool{len(output)}d")
        return _along_last(pool, x, len(output), tuple(output))

    def adaptive_max_pool(self, x: Any, *, output: Sequence[int]) -> Any:
        """Compute the maxima of what windows see that share the axes out."""
        pool = getattr(functional, f"adaptive_max_pool{len(output)}d")
        return _along_last(pool, x, len(output), tuple(output))


def _along_last(pool: Any, x: Any, axes: int, *arguments: Any) -> Any:
    """Pool along the last axes; torch's own has one or two before them."""
    first = x.ndim - axes
    pooled = pool(x.reshape(-1, *x.shape[first:]), *arguments)
    return pooled.reshape(*x.shape[:first], *pooled.shape[1:])


def _moved_apart(x: Any, distances: Sequence[int]) -> Any:
    """Put zeros between the entries along the last axes."""
    if set(distances) == {1}:
        return x
    first = x.ndim - len(distances)
    lengths = [(n - 1) * d + 1 for n, d in zip(x.shape[first:], distances, strict=True)]
    apart = x.new_zeros((*x.shape[:first], *lengths))
    apart[(..., *(slice(None, None, distance) for distance in distances))] = x
    return apart


def _padded(x: Any, pairs: Sequence[tuple[int, int]], value: float) -> Any:
    """Pad the last axes; torch's own begins with the last one."""
    return functional.pad(x, [n for pair in reversed(pairs) for n in pair], value=value)


class TorchSpecial(LibrarySpecial):
    """`xp.special`."""

    modules = (torch_special,)


class TorchNamespace(LibraryNamespace):
    """The array API standard's functions in PyTorch, and `xp.nn`."""

    modules = (torch_array_api,)
    functions = TorchFunctions
    special_functions = TorchSpecial


class TorchFramework(Framework):
    """PyTorch."""

    name = "torch"
    words = "PyTorch tensors"
    modules = ("torch",)
    has_leaves = True

    def namespace(self) -> TorchNamespace:
        """Give `xp`."""
        return TorchNamespace()

    def from_numpy(self, array: NDArray[Any], *, leaf: bool = False) -> Any:
        """Give a tensor of the array's numbers."""
        if array.dtype.isbuiltin != 1:  # one of ml_dtypes', which torch does not know: the bits are the same
            bits = torch.from_numpy(array.copy().view(_BITS[array.dtype.itemsize]))
            tensor = bits.view(getattr(torch, array.dtype.name))
        else:
            tensor = torch.from_numpy(array.copy())
        return tensor.requires_grad_() if leaf else tensor

    def to_numpy(self, array: Any) -> NDArray[Any]:
        """Give a tensor's numbers, from whatever device; those of dtypes that NumPy lacks in ml_dtypes'."""
        tensor = array.detach().cpu()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if not tensor.is_floating_point() or dtype in _NUMPYS:
            return super().to_numpy(tensor)
        bits = tensor.contiguous().view(getattr(torch, _BITS[tensor.element_size()]))
        return super().to_numpy(bits).view(numpy_dtype(dtype))

    def settings(self) -> Sequence[Setting]:
        """Give PyTorch's settings, and its functions."""
        return (
            Setting("PyTorch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
            Setting("PyTorch's recording of gradients", torch.is_grad_enabled, torch.set_grad_enabled),
            Setting("PyTorch's number of threads", torch.get_num_threads, torch.set_num_threads),
            Setting(
                "PyTorch's choice of deterministic algorithms",
                torch.are_deterministic_algorithms_enabled,
                torch.use_deterministic_algorithms,
            ),
            Setting(
                "PyTorch's precision of float32 matrix products",
                torch.get_float32_matmul_precision,
                torch.set_float32_matmul_precision,
            ),
            Setting(
                "PyTorch's detection of anomalies",
                torch.is_anomaly_enabled,
                torch.autograd.set_detect_anomaly,
            ),
            Setting(
                "the state of PyTorch's random numbers",
                lambda: torch.get_rng_state().numpy().tobytes(),
                lambda state: torch.set_rng_state(torch.frombuffer(bytearray(state), dtype=torch.uint8)),
            ),
            functions_of(*(import_module(name) for name in ("torch", "torch.nn.functional")), torch.Tensor),
        )


class TorchBackend(RecordingBackend):
    """Runs a scenario in PyTorch on the CPU.

    Variants: `eager` is a training loop as PyTorch's tutorials write it, with `backward()` and
    `torch.optim.SGD`; `func` differentiates with `torch.func.grad_and_value` and steps the weights itself;
    `module` runs a model that `gradproof.from_torch` took, as it is.
    """

    name = "torch"
    framework = TorchFramework()
    requires = ("torch", "array_api_compat.torch")
    variants: tuple[str, ...] = ("eager", "func")
    model_variants = ("module",)
    dtypes: tuple[str, ...] = framework.dtypes
    step_limits: Mapping[str, int] = {}

    def __init__(self) -> None:
        """Make one optimizer, so that what PyTorch imports for the first one is not timed as training."""
        torch.optim.SGD([torch.zeros(1)], lr=1.0)

    def versions(self) -> Mapping[str, str]:
        """Tell PyTorch's version and the settings that can change a result."""
        return {
            "torch": torch.__version__,
            "torch threads": str(torch.get_num_threads()),
            "torch deterministic algorithms": str(torch.are_deterministic_algorithms_enabled()),
            "torch CPU capability": torch.backends.cpu.get_cpu_capability(),
            "torch float32 matmul precision": torch.get_float32_matmul_precision(),
        }

    def steps(self, scenario: Scenario, variant: str, params: Tensors, batch: Tensors) -> Iterator[Step]:
        """Make a step whenever one is asked for."""
        if variant in self.model_variants:
            return self.model_steps(scenario, params, batch)
        steps = {"eager": _eager_steps, "func": _func_steps}[variant]
        return steps(scenario, self.framework.namespace(), params, batch)


def _eager_steps(scenario: Scenario, xp: TorchNamespace, params: Tensors, batch: Tensors) -> Iterator[Step]:
    for weight in params.values():
        weight.requires_grad_()
    rate = descent_of(scenario).learning_rate
    optimizer = torch.optim.SGD(list(params.values()), lr=rate)
    for data in batches(scenario, batch, TorchBackend.framework):
        optimizer.zero_grad()
        value = scenario.flat_loss(xp, params, data)
        value.backward()
        unused = [name for name, weight in params.items() if weight.grad is None]
        if unused:
            raise InputError(
                f"The loss of scenario {scenario.name!r} does not use parameter {unused[0]!r}. Use it or "
                "leave it out."
            )
        # zero_grad drops the gradient instead of clearing it, so each step's tensor may be kept as it is.
        gradient = {name: weight.grad for name, weight in params.items()}
        optimizer.step()
        yield value.detach(), gradient, {n: w.detach().clone() for n, w in params.items()}


def _func_steps(scenario: Scenario, xp: TorchNamespace, params: Tensors, batch: Tensors) -> Iterator[Step]:
    def value_and_gradient(weights: Tensors, data: Mapping[str, Any]) -> tuple[Any, Tensors]:
        gradient, value = gradient_and_value(weights, data)
        return value, gradient

    gradient_and_value = torch.func.grad_and_value(partial(scenario.flat_loss, xp))
    return plain_steps(scenario, TorchBackend.framework, value_and_gradient, params, batch)


BACKEND = TorchBackend
