"""PyTorch as a backend: its own functions, autograd and torch.optim.SGD, or torch.func."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from functools import partial
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeGuard

from numpy.typing import NDArray

from gradproof.backends.framework import Framework, Lazy, Step
from gradproof.backends.protocol import RecordingBackend, batches, plain_steps, planned_steps
from gradproof.backends.settings import Setting, functions_of
from gradproof.backends.torch_functions import TorchNamespace
from gradproof.backends.torch_given_optimizer import step_of_torch
from gradproof.backends.torch_modes import MODES, Backward, backward_in
from gradproof.backends.torch_optimizers import trained_steps
from gradproof.backends.torch_precision import flags, matmul_precision, precision_settings, products
from gradproof.backends.torch_ranks import ranked_steps
from gradproof.errors import BackendUnavailableError, UnsupportedError
from gradproof.reference.numbers.formats import Products, is_registered, numpy_dtype
from gradproof.reference.numbers.run_formats import RunFormats
from gradproof.reference.trajectory import DescentStep
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import Scenario

torch = Lazy("torch")

Tensors = dict[str, Any]

_NUMPYS = ("float64", "float32", "float16")
_BITS = {1: "uint8", 2: "int16"}
"""By the bytes of a number the dtype that both NumPy and PyTorch have, in which its bits are handed over."""


class TorchFramework(Framework):
    """PyTorch."""

    name = "torch"
    words = "PyTorch tensors"
    modules = ("torch",)
    dtypes = ("float64", "float32", "float16", "bfloat16")
    device_kinds = ("cpu", "cuda")
    has_leaves = True

    def namespace(self) -> TorchNamespace:
        """Give `xp`."""
        return TorchNamespace()

    def from_numpy(self, array: NDArray[Any], *, leaf: bool = False) -> Any:
        """Give a tensor of the array's numbers."""
        if is_registered(array.dtype):  # one of ml_dtypes', which torch does not know: the bits are the same
            bits = torch.from_numpy(array.copy().view(_BITS[array.dtype.itemsize]))
            tensor = bits.view(getattr(torch, array.dtype.name))
        else:
            tensor = torch.from_numpy(array.copy())
        tensor = tensor.to(torch.get_default_device())
        return tensor.requires_grad_() if leaf else tensor

    def to_numpy(self, array: Any) -> NDArray[Any]:
        """Give a tensor's numbers, from whatever device; those of dtypes that NumPy lacks in ml_dtypes'."""
        tensor = array.detach().cpu()
        dtype = str(tensor.dtype).removeprefix("torch.")
        if not tensor.is_floating_point() or dtype in _NUMPYS:
            return super().to_numpy(tensor)
        bits = tensor.contiguous().view(getattr(torch, _BITS[tensor.element_size()]))
        return super().to_numpy(bits).view(numpy_dtype(dtype))

    def stacked(self, arrays: Sequence[Any]) -> NDArray[Any]:
        """Give several tensors as one array: stacked first, as each way to NumPy costs."""
        return self.to_numpy(torch.stack([array.detach() for array in arrays]))

    def devices(self) -> Sequence[str]:
        """Tell the devices that PyTorch sees, the one first where tensors are made at present."""
        seen = ["cpu", *(f"cuda:{place}" for place in range(torch.cuda.device_count()))]
        first = str(torch.empty(0).device)
        return [first, *(device for device in seen if device != first)]

    def on(self, device: str) -> AbstractContextManager[Any]:
        """Make tensors on a device meanwhile: those of arrays, and those that the loss makes."""
        if not device:
            return nullcontext()
        if device.partition(":")[0] == "cuda" and not torch.cuda.is_available():
            raise BackendUnavailableError(
                "PyTorch sees no CUDA device here: torch.cuda.is_available() is False. Install PyTorch for "
                "CUDA where there is one, or leave the device out."
            )
        if device not in {*self.devices(), "cpu", "cuda"}:
            raise BackendUnavailableError(
                f"PyTorch sees {', '.join(self.devices())} here, and no {device}. Name one of these."
            )
        context: AbstractContextManager[Any] = torch.device(device)
        return context

    def own_step(self, optimizer: Any, params: Mapping[str, Any], learning_rate: float) -> Step | None:
        """Give how one of torch.optim's classes, or an object of one, steps."""
        return step_of_torch(optimizer, params, learning_rate)

    def products(self, dtype: str, device: str = "") -> Products:
        """Tell what may be rounded, as PyTorch's flags say."""
        return products(dtype, torch.device(device or torch.get_default_device()))

    def settings(self) -> Sequence[Setting]:
        """Give PyTorch's settings, and its functions."""
        return (
            *precision_settings(),
            Setting("PyTorch's default device", torch.get_default_device, _restore_device),
            Setting("PyTorch's default dtype", torch.get_default_dtype, torch.set_default_dtype),
            Setting("PyTorch's recording of gradients", torch.is_grad_enabled, torch.set_grad_enabled),
            Setting("PyTorch's number of threads", torch.get_num_threads, torch.set_num_threads),
            Setting(
                "PyTorch's choice of deterministic algorithms",
                torch.are_deterministic_algorithms_enabled,
                torch.use_deterministic_algorithms,
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


def _restore_device(device: Any) -> None:
    torch.set_default_device(None)  # what PyTorch begins with, which costs nothing a call
    if device != torch.get_default_device():
        torch.set_default_device(device)


class TorchBackend(RecordingBackend):
    """Runs a scenario in PyTorch, where tensors are made by default or on the device that is named.

    Variants: `eager` is a training loop as PyTorch's tutorials write it, with `backward()` and an optimizer
    of torch.optim; so are `foreach` and `fused`, whose optimizer computes otherwise; and `compile`,
    `checkpoint`, `vmap` and `scaled`, which compute the gradient otherwise (see `torch_modes`). `func`
    differentiates by `torch.func.grad_and_value` and steps the weights itself. `module` runs a model that
    `gradproof.from_torch` took, as it is. `autocast` computes the loss, or runs the model, under
    `torch.autocast` in bfloat16, with parameters in float32.
    """

    name = "torch"
    framework = TorchFramework()
    requires = ("torch", "array_api_compat.torch")
    variants: tuple[str, ...] = ("eager", "func")
    model_variants = ("module",)
    optional_variants: Mapping[str, str] = MappingProxyType(
        {
            "foreach": "differs from eager in how the optimizer computes, on all weights at once",
            "fused": "differs from eager in how the optimizer computes, in one kernel",
            "ddp": "starts two processes, which share each batch by DistributedDataParallel",
            "fsdp": "starts two processes, which share each batch and the weights by fully_shard",
            "autocast": "computes in bfloat16 on the way",
            **MODES,
        }
    )
    dtypes: tuple[str, ...] = framework.dtypes
    device_kinds = framework.device_kinds
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
            "torch float32 matmul precision": matmul_precision(),
            **flags(),
        }

    def steps(
        self, scenario: Scenario, variant: str, params: Tensors, batch: Tensors
    ) -> Iterator[DescentStep]:
        """Make a step whenever one is asked for."""
        if variant in self.model_variants:
            return self.model_steps(scenario, params, batch)
        xp = self.framework.namespace()
        if variant == "func":
            return _func_steps(scenario, xp, params, batch)
        if variant in ("ddp", "fsdp"):
            weight = next(iter(params.values()))
            if weight.device.type != "cpu":
                raise UnsupportedError(
                    f"torch/{variant} shares a batch among processes of the CPU, and is asked for on "
                    f"{weight.device}. Leave the device out."
                )
            dtype = str(weight.dtype).removeprefix("torch.")
            return ranked_steps(
                scenario, self.framework, variant, dtype, planned_steps(self, scenario, variant)
            )
        if variant == "autocast":
            return self._autocast_steps(scenario, params, batch)
        backward = backward_in(variant, scenario, xp, params)
        options = {variant: True} if variant in ("foreach", "fused") else {}
        return trained_steps(scenario, self.framework, backward, params, batch, **options)

    def _autocast_steps(self, scenario: Scenario, params: Tensors, batch: Tensors) -> Iterator[DescentStep]:
        """Make steps under `torch.autocast`.

        Raises:
            UnsupportedError: parameters are not held in float32.
        """
        from gradproof.models.torch_model import autocast  # noqa: PLC0415 - it loads PyTorch

        held = {str(weight.dtype).removeprefix("torch.") for weight in params.values()}
        if held != {"float32"}:
            raise UnsupportedError(
                f"torch/autocast computes with parameters in float32, and they are in {', '.join(held)}. Ask "
                "for the dtype float32."
            )
        if _is_own(scenario):
            model: Any = scenario.own
            own = self._on_arrays(replace(model, autocast=True))
            return plain_steps(scenario, self.framework, own, params, batch)
        device = str(next(iter(params.values())).device.type)

        def loss(weights: Tensors, data: Mapping[str, Any]) -> Any:
            with autocast(device):
                return scenario.flat_loss(self.framework.namespace(), weights, data).float()

        return trained_steps(scenario, self.framework, Backward(loss), params, batch)

    def formats(self, scenario: Scenario, dtype: str, variant: str) -> RunFormats:
        """Give the formats that a variant computes in; under `torch.autocast` the loss with its casts."""
        if variant != "autocast":
            return super().formats(scenario, dtype, variant)
        from gradproof.models.casting_trace import autocast_loss  # noqa: PLC0415 - it loads PyTorch

        if _is_own(scenario):
            return replace(scenario.formats(dtype), loss=scenario.casting.under_autocast())
        params, data = scenario.arrays(dtype)
        first = next(iter(batches(scenario, data, Framework())))
        loss = autocast_loss(scenario.flat_loss, self.framework.namespace(), params, first)
        return replace(scenario.formats(dtype), loss=loss)


def _is_own(scenario: Scenario) -> TypeGuard[ModelScenario]:
    """Tell whether a scenario is a model of PyTorch's."""
    return isinstance(scenario, ModelScenario) and scenario.framework == TorchBackend.name


def _func_steps(
    scenario: Scenario, xp: TorchNamespace, params: Tensors, batch: Tensors
) -> Iterator[DescentStep]:
    def value_and_gradient(weights: Tensors, data: Mapping[str, Any]) -> tuple[Any, Tensors]:
        gradient, value = gradient_and_value(weights, data)
        return value, gradient

    gradient_and_value = torch.func.grad_and_value(partial(scenario.flat_loss, xp))
    return plain_steps(scenario, TorchBackend.framework, value_and_gradient, params, batch)


BACKEND = TorchBackend
