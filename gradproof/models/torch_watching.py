"""What is seen of a PyTorch model while its forward pass is traced: places, and what cannot be followed."""

import inspect
import linecache
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch.fx.experimental.proxy_tensor import disable_proxy_modes_tracing, get_proxy_mode, get_proxy_slot
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


class Deciding:
    """Which numbers decide what a model computes: those of integers may, and these are then as they are.

    Attributes:
        names: of the inputs that decide.
    """

    def __init__(self, place: "CodePlace") -> None:
        """Take what knows the line."""
        self.names: set[str] = set()
        self._place, self._tracer = place, tracer()

    def asked(self, tensor: Tensor, how: str) -> None:
        """Let the code have the numbers in a tensor.

        Raises:
            SteeredError: a parameter, or a floating-point input, has a part in it.
        """
        slot = get_proxy_slot(tensor, self._tracer, None)
        if slot is None and not tensor.requires_grad:
            return
        origins = [] if slot is None else _origins(slot.proxy.node)
        values = [node.meta.get("val") for node in origins]
        if slot is None or any(value is None or value.is_floating_point() for value in values):
            raise SteeredError(
                f"The model asks for the numbers in a tensor by {how} at {self._place.seen()[0]}, where its "
                "graph breaks: a trace has one way alone. Choose with torch.where, compute with tensors, or "
                "give a function that does as `reference=`."
            )
        self.names |= {node.name for node in origins}


def _origins(node: Any) -> list[Any]:
    """Give the inputs and parameters that a node of the graph is computed from."""
    seen, open_, found = {node}, [node], []
    while open_:
        each = open_.pop()
        if each.op == "placeholder" or str(each.target).startswith("_param_constant"):
            found.append(each)
        for before in each.all_input_nodes:
            if before not in seen:
                seen.add(before)
                open_.append(before)
    return found


class Noting(TorchDispatchMode):  # type: ignore[misc] # PyTorch is Any
    """Write a note on all nodes that an operation makes in the graph that is being traced."""

    def __init__(
        self, note: Callable[[Any, tuple[Any, ...]], Note], deciding: Deciding | None = None
    ) -> None:
        """Take what gives the note of an operation and its arguments."""
        super().__init__()
        self._graph: Any = tracer().graph
        self._note, self._deciding = note, deciding

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Compute an operation."""
        del types
        if self._deciding is not None and torch.Tag.data_dependent_output in func.tags:
            for each in args:
                if isinstance(each, torch.Tensor):
                    self._deciding.asked(each, _ASKING.get(func, func.name()))
            with disable_proxy_modes_tracing():
                return func(*args, **(kwargs or {}))
        note, last = self._note(func, args), next(reversed(self._graph.nodes), None)
        result = func(*args, **(kwargs or {}))
        node = next(iter(self._graph.nodes)) if last is None else last.next
        while node.op != "root":
            node.meta[NOTE] = note
            node = node.next
        return result


_ASKING = {torch.ops.aten._local_scalar_dense.default: "`if`, `while`, float() or item()"}  # noqa: SLF001 - ATen's name

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
        silent = function is None and not torch.is_grad_enabled()
        changed = args[0] if args and func._schema.is_mutable else None  # noqa: SLF001 - the schema has no other name
        if silent and isinstance(changed, torch.Tensor) and changed.requires_grad:
            self._check_changed(changed, source)
            return Note(source, through=True)
        return Note(source, silent or (function is None and func is torch.ops.aten.detach.default))

    def _check_changed(self, tensor: Tensor, source: Source) -> None:
        for name, each in self._parameters.items():
            if each is tensor:
                raise changes_parameter(name, f" at {source}")
        if tensor._is_view():  # noqa: SLF001 - it has no other name
            raise UnsupportedError(
                f"A part of a tensor is changed in place under no_grad at {source}, which cannot be "
                "followed. Compute a new tensor, as in x = x.clamp(0, 1)."
            )

    def seen(self) -> tuple[ModelSource, Any]:
        """Give the user's line with the module, and the custom Function in whose forward it is."""
        line, module, function = UNKNOWN, None, None
        for frame in _frames(self._until):
            code = frame.f_code
            if line is UNKNOWN and not code.co_filename.startswith((_TORCH, OURS, "<frozen")):
                line = Source(code.co_filename, frame.f_lineno)
            if module is None and code is _CALL:
                module = self._modules.get(id(frame.f_locals["self"]))
            if function is None and code is _APPLY:
                function = frame.f_locals["cls"]
        return ModelSource.of(*line, module or "", _backward_of(function)), function


def _backward_of(function: Any) -> str:
    """Tell where a custom Function's backward pass is written; empty where there is none."""
    code = getattr(inspect.unwrap(getattr(function, "backward", None) or len), "__code__", None)
    if code is None:
        return ""
    line = code.co_firstlineno  # of a decorator, where there is one
    while linecache.getline(code.co_filename, line).lstrip().startswith("@"):
        line += 1
    return f"{function.__name__}.backward at {Source(code.co_filename, line)}"


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

    def __init__(self, place: CodePlace, deciding: Deciding) -> None:
        """Take what knows the line."""
        super().__init__()
        self._place, self._deciding = place, deciding

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call a function of PyTorch's."""
        del types
        name = getattr(func, "__name__", "")
        if name in _DERIVING:
            raise UnsupportedError(
                f"The loss takes a derivative itself at {self._place.seen()[0]}, and the trace would hold "
                "PyTorch's own rule for it, unchecked. Write that derivative out, or check a loss without it."
            )
        if name in _LEAVING and isinstance(args[0], torch.Tensor):
            self._deciding.asked(args[0], f"{name}()")
        return func(*args, **(kwargs or {}))


_DERIVING = {"grad", "backward", "_make_dual"}
_LEAVING = {"tolist", "numpy", "__array__", "__dlpack__", "data_ptr"}
