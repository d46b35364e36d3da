"""`from_torch`: a PyTorch module, or a function of tensors, as a scenario."""

from collections.abc import Callable, Sequence
from typing import Any

from gradproof.errors import BackendUnavailableError, InputError
from gradproof.inputs import FUNCTION, TEXT, accepts, optional, sequence_of
from gradproof.reference.descent import GradientDescent
from gradproof.scenarios.model_scenario import ModelScenario
from gradproof.scenarios.scenario import TRAINING


@accepts(
    "the model",
    params=optional(sequence_of(TEXT, "a sequence of names of inputs")),
    reference=optional(FUNCTION),
    name=TEXT,
    training=optional(TRAINING),
)
def from_torch(
    model: Callable[..., Any],
    inputs: Any = (),
    *,
    loss: Callable[[Any], Any] | None = None,
    params: Sequence[str] | None = None,
    reference: Callable[..., Any] | None = None,
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
        reference: a module, with parameters of the same names, or a function, that computes the same in plain
            operations, for a model that cannot be looked into (a kernel in Triton, CUDA or C++). It is traced
            in the model's place, and the model's forward and backward pass are what is claimed. Where `loss`
            is None, it is a sum of the output's entries, each with a weight of its own.
        name: the scenario's; else that of the model's class, or of the function.
        training: None to compare the gradient alone.

    Raises:
        BackendUnavailableError: PyTorch is not installed, or does not import.
        InputError: the model cannot be differentiated as it is, and what to change is told.
        UnsupportedError: it uses something whose exact form is not known, which is told with its line.

    >>> import torch
    >>> layer = torch.nn.Linear(3, 2)
    >>> scenario = from_torch(layer, (torch.ones(4, 3),), loss=lambda output: output.square().mean())
    >>> list(scenario.flat_params), list(scenario.flat_batch)
    (['weight', 'bias'], ['input'])
    """
    if training is not None and training.mini_batches is not None:
        raise InputError(
            "The training draws mini-batches, and a model is traced for the shapes of its inputs. Give one "
            "mini-batch as the inputs, or train on all examples."
        )
    try:
        from gradproof.models.torch_front import taken  # noqa: PLC0415 - it imports PyTorch
    except ImportError as error:
        raise BackendUnavailableError(
            f"PyTorch cannot be used: {error}. Install it with `pip install 'gradproof[torch]'`."
        ) from error
    front = taken(model, inputs, loss, params, reference)
    return front.scenario(name or getattr(model, "__name__", type(model).__name__), training)
