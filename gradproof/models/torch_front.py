"""`from_torch`: a PyTorch module, or a function of tensors, as a scenario."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.models.replay import Replay
from gradproof.models.torch_model import Tensor, TorchModel, as_numpy, taken_apart
from gradproof.models.torch_operations import OPERATIONS
from gradproof.models.torch_tracing import TorchTrace
from gradproof.reference.descent import GradientDescent
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import differentiate
from gradproof.scenarios.model_scenario import ModelScenario

Array = NDArray[Any]


def from_torch(
    model: Callable[..., Any],
    inputs: Any = (),
    *,
    loss: Callable[[Any], Any] | None = None,
    params: Sequence[str] | None = None,
    name: str = "",
    training: GradientDescent | None = None,
) -> ModelScenario:
    """Take a PyTorch module, or a function of tensors, as it is.

    The forward pass is traced; its exact gradient is what `check` compares with PyTorch's own, custom
    backward passes included, and `verify` runs the module itself as the variant `module` of the backend
    `torch`. The forward of a custom `autograd.Function` is traced through. What autograd lets no derivative
    pass (`detach`, `no_grad`) is a constant here, too.

    The model's shapes, its data-dependent choices and whether it is in training mode are as they are now.

    Args:
        model: a `torch.nn.Module`, whose parameters that require a gradient are differentiated by the names
            that `named_parameters` gives them; or a function of tensors.
        inputs: the arguments: a tuple of those by position, or a mapping of those by name. Tensors are the
            scenario's data; what they are nested in, and all other values, stay as they are.
        loss: a function that makes one number of the model's output; what it holds (targets, say) is
            constant. None where the model gives that number itself.
        params: names of inputs that are differentiated, too. None for those that require a gradient, and of
            a function of which none does for all of floating point.
        name: the scenario's; else that of the model's class, or of the function.
        training: None to compare the gradient alone.

    Raises:
        InputError: the model cannot be differentiated as it is, and what to change is told.
        UnsupportedError: it uses something whose exact form is not known, which is told with its line.

    >>> layer = torch.nn.Linear(3, 2)
    >>> scenario = from_torch(layer, (torch.ones(4, 3),), loss=lambda output: output.square().mean())
    >>> list(scenario.flat_params), list(scenario.flat_batch)
    (['weight', 'bias'], ['input'])
    """
    call, found = taken_apart(model, inputs)
    differentiated = _differentiated(model, found, params)
    parameters, notes = _parameters(model)
    taken = TorchModel(model, call, loss, parameters, found)
    values = {each: _array(tensor) for each, tensor in parameters.items()}
    values |= {each: _array(found[each]) for each in differentiated}
    batch = {each: _array(tensor) for each, tensor in found.items() if each not in differentiated}
    graph = TorchTrace(taken, _wide(values), _wide(batch), OPERATIONS).graph()
    OPERATIONS.check(graph)
    replay = Replay(graph, OPERATIONS_MODULE)
    unused = differentiate(replay, values, batch, Plain()).unused
    return ModelScenario(
        name=name or getattr(model, "__name__", type(model).__name__),
        loss=replay,
        params={each: value for each, value in values.items() if each not in unused},
        batch=batch,
        training=training,
        framework="torch",
        words=OPERATIONS.framework,
        own=taken,
        notes=tuple(notes),
        modules=tuple(_modules(model, loss)),
    )


OPERATIONS_MODULE = "gradproof.models.torch_operations"


def _array(tensor: Tensor) -> Array:
    return as_numpy(tensor)


def _wide(arrays: Mapping[str, Array]) -> dict[str, Array]:
    return {
        name: array.astype(np.float64) if array.dtype.kind == "f" else array for name, array in arrays.items()
    }


def _differentiated(model: Any, inputs: Mapping[str, Tensor], params: Sequence[str] | None) -> list[str]:
    """Give the names of the inputs that are differentiated."""
    if params is not None:
        unknown = [name for name in params if name not in inputs]
        if unknown:
            raise InputError(
                f"The model has no input called {unknown[0]!r}. Choose from {', '.join(inputs) or 'none'}."
            )
        return [*params]
    asked = [name for name, tensor in inputs.items() if tensor.requires_grad]
    if asked or isinstance(model, torch.nn.Module):
        return asked
    return [name for name, tensor in inputs.items() if tensor.is_floating_point()]


def _parameters(model: Any) -> tuple[dict[str, Tensor], list[str]]:
    """Give the module's parameters that require a gradient, and what is to be told of the others."""
    if not isinstance(model, torch.nn.Module):
        return {}, []
    found = dict(model.named_parameters())
    frozen = [name for name, tensor in found.items() if not tensor.requires_grad]
    notes = [f"Frozen parameters are constants: {', '.join(frozen)}."] if frozen else []
    return {name: tensor for name, tensor in found.items() if tensor.requires_grad}, notes


def _modules(model: Any, loss: Any) -> Iterator[str]:
    """Give the names of the modules that hold the model's code."""
    parts = [type(part) for part in model.modules()] if isinstance(model, torch.nn.Module) else [model]
    yield from {str(getattr(part, "__module__", "")) for part in (*parts, loss)}
