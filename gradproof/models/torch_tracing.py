"""The forward pass of a PyTorch model as a graph of ATen operations, of which none changes a tensor.

The model is run twice on real tensors under `make_fx`. First as it is: each operation is noted with the
user's line, the module that it belongs to and whether autograd lets a derivative pass. Then the graph of
that, without operations in place (`functionalize`, which custom Functions do not survive), and with those
that the table does not know decomposed.
"""

import operator
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch._decomp import core_aten_decompositions, decomposition_table
from torch.fx import GraphModule, Interpreter
from torch.fx.experimental.proxy_tensor import make_fx

from gradproof.models.model_graph import ModelGraph, ModelNode, Reference, ResultForm, constant
from gradproof.models.replay import Operations
from gradproof.models.torch_model import Tensor, TorchModel, as_numpy
from gradproof.models.torch_watching import (
    NOTE,
    CodePlace,
    Deciding,
    Note,
    Noting,
    Watching,
    changes_parameter,
    tracer,
)

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class TorchTrace:
    """A model at a point, to be traced.

    Attributes:
        model: the model.
        params: by name, where it is traced.
        batch: likewise, its data.
        operations: what the table knows; all else is decomposed.
        decide: the names of the inputs whose numbers decide what is computed; known once it was traced.
    """

    model: TorchModel
    params: Mapping[str, Array]
    batch: Mapping[str, Array]
    operations: Operations
    decide: set[str] = field(default_factory=set)

    def graph(self) -> ModelGraph:
        """Trace the forward pass in float64, or in the widest dtype that it runs in."""
        with self.model.holding(self.params, self.model.running), _without_onednn():
            inputs = self.model.tensors({**self.batch, **self.params}, self.model.running)
            before = [(tensor, tensor.detach().clone()) for tensor in self.model.state()]
            first = make_fx(partial(TorchTrace.run, self))(inputs)
            self._put_back(before)
            held = _attributes_as_arguments(first)
            values = (*inputs.values(), *held)
            second = self._functional(first, values)
        owners = [*inputs, *(self._name_of(tensor) for tensor in held)]
        graph = _model_graph(second, owners, [as_numpy(value) for value in values], self.params, self.batch)
        return replace(graph, traced="" if self.model.running is None else self.model.widest)

    def _put_back(self, before: Sequence[tuple[Tensor, Tensor]]) -> None:
        """Let buffers be what they were.

        Raises:
            InputError: a parameter is not what it was.
        """
        for name, tensor in self.model.parameters.items():
            if any(tensor is each and not torch.equal(tensor.data, value) for each, value in before):
                raise changes_parameter(name)
        for tensor, value in before:
            tensor.data = value

    def run(self, inputs: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss, noting each operation's place."""
        for name, tensor in inputs.items():
            tensor.requires_grad_(name in self.params)
        place = CodePlace(self.model.module_names(), self.model.parameters, TorchTrace.run)
        deciding = Deciding(place)
        with torch.enable_grad(), Noting(place, deciding), Watching(place, deciding):
            value = self.model.value(inputs, self.model.running)
        # Placeholders are in the order of the inputs.
        names = dict(zip(self._placeholders(), inputs, strict=False))
        self.decide.update(names[each] for each in deciding.names)
        return value

    def _placeholders(self) -> list[str]:
        return [node.name for node in tracer().graph.nodes if node.op == "placeholder"]

    def _functional(self, first: GraphModule, values: tuple[Tensor, ...]) -> GraphModule:
        interpreter = _Following(first)

        def run(*arguments: Tensor) -> Any:
            with Noting(lambda *_: interpreter.note):
                return interpreter.run(*arguments)

        table = {
            operation: rule
            for operation, rule in {**_FURTHER, **core_aten_decompositions()}.items()
            if self.operations.entry(str(operation)) is None
        }
        with torch.no_grad():
            return make_fx(torch.func.functionalize(run), decomposition_table=table)(
                *(value.detach() for value in values)
            )

    def _name_of(self, tensor: Tensor) -> str:
        return next((name for name, each in self.model.parameters.items() if each is tensor), "")


_FURTHER = {
    operation: rule
    for operation, rule in decomposition_table.items()
    if str(operation)
    .partition(".")[2]
    .partition(".")[0]
    .startswith(("upsample", "grid_sampler", "_upsample"))
}
"""Decompositions that PyTorch knows and does not count among those to its core."""


class _Following(Interpreter):  # type: ignore[misc] # PyTorch is Any
    """Runs a graph and knows the note of the node that it is at."""

    note = Note()

    def run_node(self, n: Any) -> Any:
        self.note = n.meta.get(NOTE, Note())
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
    attributes = [node for node in graph.nodes if node.op == "get_attr"]
    start = next(node for node in graph.nodes if node.op != "placeholder")
    for target in dict.fromkeys(node.target for node in attributes):
        with graph.inserting_before(start):
            held[target] = graph.placeholder(str(target))
    for node in attributes:
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
    note = node.meta.get(NOTE, Note())

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
    inputs = taken(node.args)
    through = note.through and bool(inputs) and isinstance(inputs[0], Reference)
    return ModelNode(str(node.target), inputs, options, note.source, forms, note.stopped, through)


_PLACEMENT = {"device", "layout", "pin_memory", "memory_format", "non_blocking"}
"""Options that say where a tensor lies, and not what it holds."""
