"""The casts of a run of PyTorch's: a loss as it is computed in several dtypes on the way, to be replayed."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from gradproof.models.aten_operations import OPERATIONS
from gradproof.models.replay import Replay
from gradproof.models.torch_model import InputSlot, TorchModel, as_tensor
from gradproof.models.torch_tracing import TorchTrace

Array = NDArray[Any]
Arrays = Mapping[str, Array]

AUTOCAST = "float32"
"""What parameters are held in under `torch.autocast`."""


@dataclass(frozen=True, eq=False)
class CastingTrace:
    """The loss of a model with the casts of a run.

    Attributes:
        model: the model, as it is run.
        params: by name, where it is traced.
        batch: likewise, its data.
    """

    model: TorchModel
    params: Arrays
    batch: Arrays

    def __call__(self) -> Replay:
        """Give the loss."""
        return self._loss

    @property
    def under_autocast(self) -> "CastingTrace":
        """The same of a run under `torch.autocast`."""
        return replace(self, model=replace(self.model, widest=AUTOCAST, autocast=True))

    @cached_property
    def _loss(self) -> Replay:
        graph = TorchTrace(self.model, self.params, self.batch, OPERATIONS).graph()
        OPERATIONS.check(graph)
        return Replay(graph, "gradproof.models.aten_operations")


def autocast_loss(
    loss: Callable[..., Any], xp: Any, params: Arrays, batch: Arrays
) -> Callable[[Any, Mapping[str, Any], Mapping[str, Any]], Any]:
    """Give a loss that is written with `xp` as PyTorch computes it under `torch.autocast`.

    Args:
        loss: called as `loss(xp, params, batch)` on flat mappings.
        xp: PyTorch's namespace.
        params: by name, where it is traced.
        batch: likewise, data of the shapes that it is computed with.
    """
    # parameters and data may have the same names
    first, second = ({f"{kind} {n}": a for n, a in each.items()} for kind, each in _kinds(params, batch))
    slots = tuple({n: InputSlot(f"{kind} {n}") for n in each} for kind, each in _kinds(params, batch))
    tensors = {name: as_tensor(array) for name, array in {**first, **second}.items()}
    model = TorchModel(lambda p, b: loss(xp, p, b), (slots, {}), None, {}, tensors)
    replayed = CastingTrace(model, first, second).under_autocast()

    def traced(namespace: Any, params: Mapping[str, Any], batch: Mapping[str, Any]) -> Any:
        named = ({f"{kind} {n}": a for n, a in each.items()} for kind, each in _kinds(params, batch))
        return replayed(namespace, *named)

    return traced


def _kinds(params: Mapping[str, Any], batch: Mapping[str, Any]) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    return ("parameter", params), ("data", batch)
