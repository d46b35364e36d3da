"""A user's own optimizer of PyTorch's kind: stepped on a copy, with gradients that are handed to it."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from gradproof.backends.framework import Lazy, Step
from gradproof.errors import InputError

torch = Lazy("torch")


def step_of_torch(optimizer: Any, params: Mapping[str, Any], learning_rate: float) -> Step | None:
    """Give how an optimizer steps that is a subclass of torch.optim.Optimizer, or an object of one.

    Args:
        optimizer: whatever was given; an object is copied, together with the tensors that it holds.
        params: by name, the first weights; of an object the tensors that it was made for.
        learning_rate: what an object is made with where a class was given.

    Raises:
        InputError: an object has made steps, or holds other tensors.
    """
    kind = torch.optim.Optimizer
    if isinstance(optimizer, type) and issubclass(optimizer, kind):
        tensors = {name: _leaf(array) for name, array in params.items()}
        return _steps(optimizer([*tensors.values()], lr=learning_rate), tensors)
    if not isinstance(optimizer, kind):
        return None
    held = [tensor for group in optimizer.param_groups for tensor in group["params"]]
    if {id(tensor) for tensor in held} != {id(tensor) for tensor in params.values()}:
        raise InputError(
            f"The optimizer holds {len(held)} tensors, and they are not those of the params. Give the "
            "tensors that it was made for, all of them, by names."
        )
    # Adagrad has a state before its first step, whose number is 0.
    if any(float(own.get("step", 1)) for own in optimizer.state.values()):
        raise InputError(
            "The optimizer has made steps already, so its state is not the first one. Give a new one."
        )
    return _steps(*deepcopy((optimizer, dict(params))))


def _leaf(array: Any) -> Any:
    tensor = array.detach().clone() if isinstance(array, torch.Tensor) else torch.tensor(array)
    return tensor.requires_grad_()


def _steps(optimizer: Any, tensors: Mapping[str, Any]) -> Step:
    def step(weights: dict[str, Any], gradients: dict[str, Any]) -> dict[str, Any]:
        for name, tensor in tensors.items():
            tensor.data, tensor.grad = _as_tensor(weights[name]), _as_tensor(gradients[name])
        optimizer.step()
        return {name: tensor.detach().clone() for name, tensor in tensors.items()}

    return step


def _as_tensor(array: Any) -> Any:
    return array.clone() if isinstance(array, torch.Tensor) else torch.tensor(array)
