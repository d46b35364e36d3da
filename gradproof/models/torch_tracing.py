"""The forward pass of a PyTorch model as a graph of ATen operations, of which none changes a tensor.

The model is run twice on real tensors under `make_fx`. First as it is: each operation is noted with the
user's line, the module that it belongs to and whether autograd lets a derivative pass. Then the graph of
that, without operations in place (`functionalize`, which custom Functions do not survive), and with those
that the table does not know decomposed.
"""

import operator
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._decomp import core_aten_decompositions
from torch.fx import GraphModule, Interpreter
from torch.fx.experimental.proxy_tensor import get_proxy_mode, make_fx
from torch.utils._python_dispatch import TorchDispatchMode

from gradproof.errors import UnsupportedError
from gradproof.models.model_graph import ModelGraph, ModelNode, Reference, ResultForm, constant
from gradproof.models.replay import Operations
from gradproof.models.torch_model import Tensor, TorchModel, as_numpy
from gradproof.reference.source import OURS, UNKNOWN, ModelSource, Source

if TYPE_CHECKING:
    from types import FrameType

Array = NDArray[Any]

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
    """

    source: Source = UNKNOWN
    stopped: bool = False


class _Noting(TorchDispatchMode):  # type: ignore[misc] # PyTorch is Any
    """Write a note on all nodes that an operation makes in the graph that is being traced."""

    def __init__(self, note: Callable[[Any, tuple[Any, ...]], Note]) -> None:
        super().__init__()
        mode = get_proxy_mode()
        assert mode is not None  # noqa: S101 - it is entered within make_fx alone
        self._graph: Any = mode.tracer.graph
        self._note = note

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        del types
        note, last = self._note(func, args), next(reversed(self._graph.nodes), None)
        result = func(*args, **(kwargs or {}))
        node = next(iter(self._graph.nodes)) if last is None else last.next
        while node.op != "root":
            node.meta[_NOTE] = note
            node = node.next
        return result


_NOTE = "gradproof"


class _Place:
    """Where in the code of a model its forward pass is."""

    def __init__(self, modules: Mapping[int, str]) -> None:
        self._modules = modules

    def __call__(self, func: Any, args: tuple[Any, ...]) -> Note:
        source, function = self._seen()
        stopped = not function and (func is torch.ops.aten.detach.default or not torch.is_grad_enabled())
        if stopped and func._schema.is_mutable and any(map(_is_differentiated, args[:1])):  # noqa: SLF001 - no other name
            raise UnsupportedError(
                f"A tensor is changed in place under no_grad at {source}, after which PyTorch's gradient is "
                "not that of the new value. Compute a new tensor, as in x = x.clamp(0, 1)."
            )
        return Note(source, stopped)

    def _seen(self) -> tuple[ModelSource, str]:
        frame: FrameType | None = sys._getframe(3)  # noqa: SLF001 - inspect.currentframe is the same, slower
        line, module, function = UNKNOWN, None, ""
        while frame is not None and frame.f_code is not TorchTrace.run.__code__:
            code = frame.f_code
            if line is UNKNOWN and not code.co_filename.startswith((_TORCH, OURS, "<")):
                line = Source(code.co_filename, frame.f_lineno)
            if module is None and code is _CALL:
                module = self._modules.get(id(frame.f_locals["self"]))
            if not function and code is _APPLY:
                function = frame.f_locals["cls"].__name__
            frame = frame.f_back
        return ModelSource.of(*line, module or ""), function


def _is_differentiated(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.requires_grad


@dataclass(frozen=True, eq=False)
class TorchTrace:
    """A model at a point, to be traced.

    Attributes:
        model: the model.
        params: by name, where it is traced.
        batch: likewise, its data.
        operations: what the table knows; all else is decomposed.
    """

    model: TorchModel
    params: Mapping[str, Array]
    batch: Mapping[str, Array]
    operations: Operations

    def graph(self) -> ModelGraph:
        """Trace the forward pass in float64."""
        with self.model.holding(self.params, torch.float64), _without_onednn():
            arrays = {**self.params, **self.batch}
            inputs = {name: self.model.tensor(name, arrays[name]) for name in self.model.inputs}
            before = [(tensor, tensor.detach().clone()) for tensor in self.model.state()]
            first = make_fx(partial(TorchTrace.run, self))(inputs)
            for tensor, value in before:
                tensor.data = value
            held = _attributes_as_arguments(first)
            values = (*inputs.values(), *held)
            second = self._functional(first, values)
        owners = [*inputs, *(self._name_of(tensor) for tensor in held)]
        return _model_graph(second, owners, [as_numpy(value) for value in values], self.params, self.batch)

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss, noting each operation's place."""
        for name, tensor in inputs.items():
            tensor.requires_grad_(name in self.params)
        with torch.enable_grad(), _Noting(_Place(self.model.module_names())):
            return self.model.value(inputs, torch.float64)

    def _functional(self, first: GraphModule, values: tuple[Tensor, ...]) -> GraphModule:
        interpreter = _Following(first)

        def run(*arguments: Tensor) -> Any:
            with _Noting(lambda *_: interpreter.note):
                return interpreter.run(*arguments)

        table = {
            operation: rule
            for operation, rule in core_aten_decompositions().items()
            if self.operations.entry(str(operation)) is None
        }
        with torch.no_grad():
            return make_fx(torch.func.functionalize(run), decomposition_table=table)(
                *(value.detach() for value in values)
            )

    def _name_of(self, tensor: Tensor) -> str:
        return next((name for name, each in self.model.parameters.items() if each is tensor), "")


class _Following(Interpreter):  # type: ignore[misc] # PyTorch is Any
    """Runs a graph and knows the note of the node that it is at."""

    note = Note()

    def run_node(self, n: Any) -> Any:
        self.note = n.meta.get(_NOTE, Note())
        return super().run_node(n)


@contextmanager
def _without_onednn() -> Iterator[None]:
    """Let recurrent networks be computed by ATen's own operations and not by one of oneDNN's."""
    before = torch._C._get_mkldnn_enabled()  # noqa: SLF001 - the public context warns on machines without a GPU
    torch._C._set_mkldnn_enabled(False)  # noqa: SLF001 - it takes no name
    try:
        yield
    finally:
        torch._C._set_mkldnn_enabled(before)  # noqa: SLF001 - as above


def _attributes_as_arguments(module: GraphModule) -> list[Tensor]:
    """Let a graph take the tensors that it holds as further arguments, and give them."""
    graph, held = module.graph, {}
    last = [node for node in graph.nodes if node.op == "placeholder"][-1:]
    start = last[0].next if last else next(iter(graph.nodes))
    for node in list(graph.nodes):
        if node.op != "get_attr":
            continue
        if node.target not in held:
            with graph.inserting_before(start):
                held[node.target] = graph.placeholder(str(node.target))
        node.replace_all_uses_with(held[node.target])
        graph.erase_node(node)
    module.recompile()
    return [operator.attrgetter(str(target))(module) for target in held]


# -------------------------------------------------------------------- the graph


def _model_graph(
    module: GraphModule,
    owners: list[str],
    values: list[Array],
    params: Mapping[str, Array],
    batch: Mapping[str, Array],
) -> ModelGraph:
    """Read a functional graph, of which only what the loss depends on is kept."""
    arguments = [node for node in module.graph.nodes if node.op == "placeholder"]
    (output,) = (node for node in module.graph.nodes if node.op == "output")
    (result,) = output.args[0] if isinstance(output.args[0], tuple | list) else (output.args[0],)
    needed = _needed(result)
    places = {name: place for place, name in enumerate((*params, *batch))}
    constants: list[Array] = []
    known: dict[Any, Reference] = {}
    for node, owner, value in zip(arguments, owners, values, strict=True):
        if owner in places:
            known[node] = Reference(places[owner])
        elif node in needed:
            known[node] = Reference(len(places) + len(constants))
            constants.append(constant(value))
    nodes: list[ModelNode] = []
    for node in module.graph.nodes:
        if node not in needed or node.op != "call_function":
            continue
        if node.target is operator.getitem:
            whole, place = node.args
            known[node] = known[whole]._replace(result=place)
            continue
        known[node] = Reference(len(places) + len(constants) + len(nodes))
        nodes.append(_model_node(node, known))
    discrete = frozenset(name for name, array in batch.items() if array.dtype.kind in "iub")
    return ModelGraph(tuple(params), tuple(batch), tuple(constants), tuple(nodes), known[result], discrete)


def _needed(result: Any) -> set[Any]:
    needed, open_ = {result}, [result]
    while open_:
        for each in open_.pop().all_input_nodes:
            if each not in needed:
                needed.add(each)
                open_.append(each)
    return needed


def _model_node(node: Any, known: Mapping[Any, Reference]) -> ModelNode:
    note = node.meta.get(_NOTE, Note())

    def taken(value: Any) -> Any:
        if isinstance(value, torch.fx.Node):
            return known[value]
        if isinstance(value, tuple | list):
            return tuple(taken(part) for part in value)
        if isinstance(value, torch.dtype):
            return np.dtype(str(value).removeprefix("torch.").replace("bfloat16", "float32"))
        return value if value is None or isinstance(value, int | float | str) else str(value)

    options = {name: taken(value) for name, value in node.kwargs.items() if name not in _PLACEMENT}
    metas: Any = node.meta.get("tensor_meta") or []
    forms = tuple(
        ResultForm(tuple(meta.shape), str(meta.dtype).removeprefix("torch."))
        for meta in (metas if isinstance(metas, list) else [metas])
        if hasattr(meta, "shape")
    )
    return ModelNode(str(node.target), taken(node.args), options, note.source, forms, note.stopped)


_PLACEMENT = {"device", "layout", "pin_memory", "memory_format", "non_blocking"}
"""Options that say where a tensor lies, and not what it holds."""
