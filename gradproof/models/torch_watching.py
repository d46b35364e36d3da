"""What is seen of a PyTorch model while its forward pass is traced: places, and what cannot be followed."""

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.fx.experimental.proxy_tensor import get_proxy_mode, get_proxy_slot
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from gradproof.errors import InputError, UnsupportedError
from gradproof.models.torch_model import SteeredError, Tensor
from gradproof.reference.source import OURS, UNKNOWN, ModelSource, Source

if TYPE_CHECKING:
    from types import FrameType

_TORCH = str(Path(torch.__file__).parent) + "/"
_APPLY = torch.autograd.Function.apply.__func__.__code__
_CALL = torch.nn.Module._call_impl.__code__  # noqa: SLF001 - the frame that says which module is run


@dataclass(frozen=True)
class Note:
    """Where an operation of the forward pass stands.

    Attributes:
        source: the user's line, with the module.
        stopped: whether autograd lets nothing pass: `detach`, or under `no_grad`. Within the forward of a
            custom Function neither says anything: what passes is what its backward gives.
        through: whether it changes a tensor in place where autograd does not see it, so that the derivative
            passes as if it were not there.
    """

    source: Source = UNKNOWN
    stopped: bool = False
    through: bool = False


class Noting(TorchDispatchMode):  # type: ignore[misc] # PyTorch is Any
    """Write a note on all nodes that an operation makes in the graph that is being traced."""

    def __init__(self, note: Callable[[Any, tuple[Any, ...]], Note]) -> None:
        """Take what gives the note of an operation and its arguments."""
        super().__init__()
        self._graph: Any = tracer().graph
        self._note = note

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation."""
        del types
        note, last = self._note(func, args), next(reversed(self._graph.nodes), None)
        result = func(*args, **(kwargs or {}))
        node = next(iter(self._graph.nodes)) if last is None else last.next
        while node.op != "root":
            node.meta[NOTE] = note
            node = node.next
        return result


NOTE = "gradproof"
"""Under what name the note stands at a node."""


def tracer() -> Any:
    """Give the tracer that is at work."""
    mode = get_proxy_mode()
    assert mode is not None  # noqa: S101 - it is asked for within make_fx alone
    return mode.tracer


class CodePlace:
    """Where in the code of a model its forward pass is.

    Args:
        modules: the paths of the modules by their identity.
        parameters: by name.
        until: the function whose frame ends the walk to the outside.
    """

    def __init__(
        self, modules: Mapping[int, str], parameters: Mapping[str, Tensor], until: Callable[..., Any]
    ) -> None:
        """Begin outside of all modules."""
        self._modules, self._parameters, self._until = modules, parameters, until.__code__

    def __call__(self, func: Any, args: tuple[Any, ...]) -> Note:
        """Note an operation."""
        source, function = self.seen()
        silent = not function and not torch.is_grad_enabled()
        changed = args[0] if args and func._schema.is_mutable else None  # noqa: SLF001 - the schema has no other name
        if silent and isinstance(changed, torch.Tensor) and changed.requires_grad:
            self._check_changed(changed, source)
            return Note(source, through=True)
        return Note(source, silent or (not function and func is torch.ops.aten.detach.default))

    def _check_changed(self, tensor: Tensor, source: Source) -> None:
        for name, each in self._parameters.items():
            if each is tensor:
                raise changes_parameter(name, f" at {source}")
        if tensor._is_view():  # noqa: SLF001 - it has no other name
            raise UnsupportedError(
                f"A part of a tensor is changed in place under no_grad at {source}, which cannot be "
                "followed. Compute a new tensor, as in x = x.clamp(0, 1)."
            )

    def seen(self) -> tuple[ModelSource, str]:
        """Give the user's line with the module, and the custom Function in whose forward it is."""
        line, module, function = UNKNOWN, None, ""
        for frame in _frames(self._until):
            code = frame.f_code
            if line is UNKNOWN and not code.co_filename.startswith((_TORCH, OURS, "<frozen")):
                line = Source(code.co_filename, frame.f_lineno)
            if module is None and code is _CALL:
                module = self._modules.get(id(frame.f_locals["self"]))
            if not function and code is _APPLY:
                function = frame.f_locals["cls"].__name__
        return ModelSource.of(*line, module or ""), function


def _frames(until: Any) -> Iterator["FrameType"]:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - inspect.currentframe is the same, slower
    while frame is not None and frame.f_code is not until:
        yield frame
        frame = frame.f_back


def changes_parameter(name: str, where: str = "") -> InputError:
    """Say that a model steps its own parameter."""
    return InputError(
        f"The model changes its parameter {name!r} in its forward pass{where}. Let it compute a new tensor "
        "from the parameter, or hold what it changes in a buffer."
    )


class Watching(TorchFunctionMode):  # type: ignore[misc] # PyTorch is Any
    """Refuse what a trace cannot follow, with its line: derivatives in the loss, tensors that leave PyTorch.

    A derivative that the loss takes itself would stand in the trace as the framework's own rule for it, whose
    errors nothing would show.
    """

    def __init__(self, place: CodePlace) -> None:
        """Take what knows the line."""
        super().__init__()
        self._place, self._tracer = place, tracer()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of PyTorch's."""
        del types
        name = getattr(func, "__name__", "")
        if name in _DERIVING:
            raise UnsupportedError(
                f"The loss takes a derivative itself at {self._place.seen()[0]}, and the trace would hold "
                "PyTorch's own rule for it, unchecked. Write that derivative out, or check a loss without it."
            )
        if name in _LEAVING and isinstance(args[0], torch.Tensor) and self._is_computed(args[0]):
            line = self._place.seen()[0]
            raise SteeredError(
                f"The model takes a tensor's numbers out of PyTorch by {name} at {line}, where its graph "
                "breaks. Compute with tensors there, or give a function that does as `reference=`."
            )
        return func(*args, **(kwargs or {}))

    def _is_computed(self, tensor: Tensor) -> bool:
        """Tell whether a parameter or an input of the model has a part in a tensor."""
        slot = get_proxy_slot(tensor, self._tracer, None)
        if slot is None:
            return bool(tensor.requires_grad)
        seen, open_ = set(), [slot.proxy.node]
        while open_:
            node = open_.pop()
            if node.op == "placeholder" or str(node.target).startswith("_param_constant"):
                return True
            seen.add(node)
            open_ += [each for each in node.all_input_nodes if each not in seen]
        return False


_DERIVING = {"grad", "backward", "_make_dual"}
_LEAVING = {"tolist", "numpy", "__array__", "__dlpack__", "data_ptr"}
