"""PyTorch as a backend: its own functions, autograd and torch.optim.SGD, or torch.func."""

import time
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import torch
from array_api_compat import torch as torch_array_api
from torch.nn import functional

from gradproof.backends.protocol import Run, Timing, check_scalar, planned_steps
from gradproof.errors import InputError
from gradproof.scenarios.scenario import Scenario

Tensor = torch.Tensor
Tensors = dict[str, Any]

# What one step gives: the loss at the weights before it, the gradient there, and the weights after it.
Step = tuple[Any, Tensors, Tensors]


def _cross_entropy(logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
    # torch.nn.functional.cross_entropy has the classes on axis 1, gradproof on the last.
    classes = logits.shape[-1]
    flat_targets = targets.reshape(-1, classes) if targets.is_floating_point() else targets.reshape(-1)
    value = functional.cross_entropy(logits.reshape(-1, classes), flat_targets, reduction=reduction)
    return value.reshape(logits.shape[:-1]) if reduction == "none" else value


class TorchNamespace:
    """The array API standard's functions in PyTorch, and `xp.nn` from torch.nn.functional."""

    nn = SimpleNamespace(
        sigmoid=torch.sigmoid,
        relu=functional.relu,
        gelu=functional.gelu,
        silu=functional.silu,
        softplus=functional.softplus,
        softmax=lambda x, *, axis=-1: functional.softmax(x, dim=axis),
        log_softmax=lambda x, *, axis=-1: functional.log_softmax(x, dim=axis),
        logsumexp=lambda x, *, axis=-1, keepdims=False: torch.logsumexp(x, axis, keepdims),
        binary_cross_entropy=functional.binary_cross_entropy,
        binary_cross_entropy_with_logits=functional.binary_cross_entropy_with_logits,
        cross_entropy=_cross_entropy,
    )

    def __getattr__(self, name: str) -> Any:
        """Give the function or constant of the array API standard."""
        return getattr(torch_array_api, name)


class TorchBackend:
    """Runs a scenario in PyTorch on the CPU.

    Variants: `eager` is a training loop as PyTorch's tutorials write it, with `backward()` and
    `torch.optim.SGD`; `func` differentiates with `torch.func.grad_and_value` and steps the weights itself.
    """

    name = "torch"
    variants: tuple[str, ...] = ("eager", "func")
    dtypes: tuple[str, ...] = ("float64", "float32")
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
            "torch float32 matmul precision": torch.get_float32_matmul_precision(),
        }

    def run(self, scenario: Scenario, *, dtype: str, variant: str) -> Run:
        """Compute and record gradients and updates of a scenario."""
        flat_params, flat_batch = scenario.arrays(dtype)
        params = {name: torch.from_numpy(array.copy()) for name, array in flat_params.items()}
        batch = {name: torch.from_numpy(array.copy()) for name, array in flat_batch.items()}
        xp = TorchNamespace()
        check_scalar(tuple(_evaluate(scenario.flat_loss, xp, params, batch).shape), scenario.name)
        planned = planned_steps(self, scenario, variant)
        steps = {"eager": _eager_steps, "func": _func_steps}[variant]
        start = time.perf_counter()
        initial = {name: weight.clone() for name, weight in params.items()}
        losses, gradients, weights = _record(steps(scenario, xp, params, batch), scenario, planned)
        seconds = time.perf_counter() - start
        last = weights[-1] if weights else initial
        updated = weights if scenario.training is not None else []
        final = last if updated else initial
        predictions = None
        if scenario.flat_predict is not None:
            predictions = _evaluate(scenario.flat_predict, xp, final, batch).numpy()
        return Run(
            scenario=scenario.name,
            backend=self.name,
            variant=variant,
            dtype=dtype,
            losses=torch.stack(losses).numpy(),
            gradients={n: torch.stack([g[n] for g in gradients]).numpy() for n in params},
            weights={n: torch.stack([initial[n], *(w[n] for w in updated)]).numpy() for n in params},
            final_loss=float(_evaluate(scenario.flat_loss, xp, final, batch)),
            predictions=predictions,
            timing=Timing(compiling=0.0, training=seconds),
            planned_steps=scenario.steps,
            stopped=len(losses) < planned,
        )


def _evaluate(function: Callable[..., Any], xp: TorchNamespace, params: Tensors, batch: Tensors) -> Any:
    with torch.no_grad():
        return torch.as_tensor(function(xp, params, batch))


def _batches(scenario: Scenario, batch: Tensors) -> Iterator[Tensors]:
    schedule = scenario.batch_schedule()
    if schedule is None:
        while True:
            yield batch
    for indices in torch.from_numpy(schedule):
        yield {name: array[indices] for name, array in batch.items()}


def _eager_steps(scenario: Scenario, xp: TorchNamespace, params: Tensors, batch: Tensors) -> Iterator[Step]:
    for weight in params.values():
        weight.requires_grad_()
    rate = 1.0 if scenario.training is None else scenario.training.learning_rate
    optimizer = torch.optim.SGD(list(params.values()), lr=rate)
    for data in _batches(scenario, batch):
        optimizer.zero_grad()
        value = scenario.flat_loss(xp, params, data)
        value.backward()
        # zero_grad drops the gradient instead of clearing it, so each step's tensor may be kept as it is.
        gradient = {name: weight.grad for name, weight in params.items()}
        optimizer.step()
        yield value.detach(), gradient, {n: w.detach().clone() for n, w in params.items()}


def _func_steps(scenario: Scenario, xp: TorchNamespace, params: Tensors, batch: Tensors) -> Iterator[Step]:
    def objective(weights: Tensors, data: Tensors) -> Any:
        return scenario.flat_loss(xp, weights, data)

    rate = 1.0 if scenario.training is None else scenario.training.learning_rate
    gradient_and_value = torch.func.grad_and_value(objective)
    for data in _batches(scenario, batch):
        gradient, value = gradient_and_value(params, data)
        params = {name: weight - rate * gradient[name] for name, weight in params.items()}
        yield value, gradient, params


def _record(
    steps: Iterator[Step], scenario: Scenario, planned: int
) -> tuple[list[Any], list[Tensors], list[Tensors]]:
    stopping = None if scenario.training is None else scenario.training.stopping
    losses: list[Any] = []
    gradients: list[Tensors] = []
    weights: list[Tensors] = []
    for value, gradient, updated in steps:
        if stopping is not None and losses and stopping.is_negligible(float(losses[-1]), float(value)):
            break  # this step was computed, but is not taken
        unused = [name for name, entry in gradient.items() if entry is None]
        if unused:
            raise InputError(
                f"The loss of scenario {scenario.name!r} does not use parameter {unused[0]!r}. Use it or "
                "leave it out."
            )
        losses.append(value)
        gradients.append(gradient)
        weights.append(updated)
        if len(losses) == planned:
            break
    return losses, gradients, weights
