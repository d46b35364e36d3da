"""Ways of PyTorch's to compute the same gradient: compiled, checkpointed, example by example, scaled.

A way differs in how it adds the gradient of a loss to the weights' `.grad`, and in what it does before and
within the optimizer's step. Everything else of a training is the same (`torch_optimizers.trained_steps`).
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from gradproof.backends.framework import Lazy
from gradproof.errors import UnsupportedError
from gradproof.reference.trees import with_nesting
from gradproof.scenarios.reduction import Reduction, reduction_of
from gradproof.scenarios.scenario import Scenario

torch = Lazy("torch")
checkpointing = Lazy("torch.utils.checkpoint")
dynamo = Lazy("torch._dynamo.exc")

Tensors = dict[str, Any]
Loss = Callable[[Tensors, Mapping[str, Any]], Any]

MODES: Mapping[str, str] = {
    "compile": "compiles for seconds",
    "checkpoint": "differs from eager in that the backward pass computes the loss anew",
    "vmap": "computes a gradient for each example, which only a mean or a sum over examples is made of",
    "scaled": "differs from eager in that the loss is scaled",
}
"""By variant, why it runs only where it is named."""


class Backward:
    """Adds gradients by `backward()`, and steps by the optimizer's `step()`."""

    def __init__(self, loss: Loss) -> None:
        """Take what gives the loss of weights and data."""
        self.loss = loss

    def add_gradient(self, params: Tensors, data: Mapping[str, Any], factor: float = 1.0) -> Any:
        """Add factor times the gradient at some data to the weights', and give factor times the loss."""
        value = self.loss(params, data)
        if factor != 1.0:
            value = factor * value
        self.backward(value)
        return value.detach()

    def backward(self, value: Any) -> None:
        """Add the gradient of a value to the weights'."""
        value.backward()

    def finish_gradient(self, optimizer: Any) -> None:
        """Make the weights' `.grad` the gradient, which it may be after some steps only."""

    def make_step(self, optimizer: Any) -> bool:
        """Let the optimizer step, and tell whether it did, so that the step is not to be made again."""
        optimizer.step()
        return True


class _Compiled(Backward):
    """Adds gradients of the loss as `torch.compile` has it, as one graph: nothing of it runs as without.

    What is compiled is the loss as the user wrote it. Nested mappings are made of flat ones outside.
    """

    def __init__(self, scenario: Scenario, xp: Any) -> None:
        # Of what was compiled before, of this loss in other dtypes, it keeps so many forms only.
        torch.compiler.reset()
        compiled = torch.compile(scenario.loss, fullgraph=True)
        flat = with_nesting(compiled, scenario.params_structure, scenario.batch_structure)
        # Both are made when they are first asked for, behind a lock, which torch.compile does not follow.
        _ = xp.nn, xp.special
        super().__init__(partial(flat, xp))

    def add_gradient(self, params: Tensors, data: Mapping[str, Any], factor: float = 1.0) -> Any:
        """Add the gradient.

        Raises:
            UnsupportedError: the loss cannot be compiled as one graph, or not here: no C++ compiler, say.
        """
        try:
            with _python_as_it_was():
                return super().add_gradient(params, data, factor)
        except dynamo.TorchDynamoException as error:
            lines = str(error).splitlines()
            # "backend='inductor' raised:" says in the next line what
            why = " ".join(lines[: 2 if lines and lines[0].endswith(":") else 1])
            raise UnsupportedError(
                f"torch.compile does not compile the loss: {type(error).__name__}: {why}. Write it without "
                "what PyTorch names, install what it needs, or leave torch/compile out."
            ) from error


@contextmanager
def _python_as_it_was() -> Iterator[None]:
    """Put back what compiling changes: the environment, the recursion limit, where modules are looked for."""
    environment, limit, path = dict(os.environ), sys.getrecursionlimit(), [*sys.path]
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)
        sys.path[:] = path
        if dict(os.environ) != environment:
            os.environ.clear()
            os.environ.update(environment)


class _Checkpointed(Backward):
    """Adds gradients of a loss whose intermediate values are not kept, but computed anew going back."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(partial(checkpointing.checkpoint, loss, use_reentrant=False))


class _PerExample(Backward):
    """Adds the mean, or the sum, of the gradients of all examples, which `torch.func.vmap` gives.

    An example is a batch of one: of the mean of n examples' losses, each one's own is Lᵢ, and
    ∂L/∂w = (1 / n) Σ ∂Lᵢ/∂w; of their sum it is Σ ∂Lᵢ/∂w.
    """

    def __init__(self, loss: Loss, reduction: Reduction) -> None:
        def of_one(params: Tensors, example: Mapping[str, Any]) -> Any:
            return loss(params, {name: tensor.unsqueeze(0) for name, tensor in example.items()})

        super().__init__(loss)
        self._each = torch.func.vmap(torch.func.grad_and_value(of_one), in_dims=(None, 0))
        self._reduced = torch.mean if reduction == "mean" else torch.sum

    def add_gradient(self, params: Tensors, data: Mapping[str, Any], factor: float = 1.0) -> Any:
        """Add the gradient."""
        weights = {name: weight.detach() for name, weight in params.items()}
        gradients, values = self._each(weights, data)
        for name, weight in params.items():
            whole = factor * self._reduced(gradients[name], dim=0)
            weight.grad = whole if weight.grad is None else weight.grad + whole
        return factor * self._reduced(values)


class _Scaled(Backward):
    """Adds gradients of the loss times a scale, which are divided by it before they are looked at.

    `GradScaler` halves its scale where a gradient overflows, and skips the step. Such a step is made again
    here, with the same data.
    """

    def __init__(self, loss: Loss, weights: Tensors) -> None:
        super().__init__(loss)
        first = next(iter(weights.values()))
        if any(weight.dtype == torch.float16 for weight in weights.values()):
            raise UnsupportedError(
                "PyTorch's GradScaler divides no gradients of float16 by its scale: it is made for weights "
                "of float32 whose loss is computed in float16. Take another dtype, or leave torch/scaled out."
            )
        self._scaler = torch.amp.GradScaler(first.device.type)

    def backward(self, value: Any) -> None:
        """Add the gradient of a value times the scale."""
        self._scaler.scale(value).backward()

    def finish_gradient(self, optimizer: Any) -> None:
        """Divide by the scale."""
        self._scaler.unscale_(optimizer)

    def make_step(self, optimizer: Any) -> bool:
        """Let the optimizer step, unless a gradient overflowed and a smaller scale may help."""
        before = self._scaler.get_scale()
        self._scaler.step(optimizer)
        self._scaler.update()
        after = self._scaler.get_scale()
        # With a scale below 1 nothing overflows that would not without one.
        return bool(after >= before or before < 1)


def backward_in(mode: str, scenario: Scenario, xp: Any, weights: Tensors) -> Backward:
    """Give what adds gradients in a mode.

    Args:
        mode: one of `MODES`; or another variant, in which `backward()` is called.
        scenario: what is trained.
        xp: PyTorch's namespace.
        weights: the first.

    Raises:
        UnsupportedError: the mode is not made for such a loss, or such weights.
    """
    loss = partial(scenario.flat_loss, xp)
    match mode:
        case "compile":
            return _Compiled(scenario, xp)
        case "checkpoint":
            return _Checkpointed(loss)
        case "vmap":
            return _PerExample(loss, reduction_of(scenario))
        case "scaled":
            return _Scaled(loss, weights)
    return Backward(loss)
