"""The replay of a traced graph, with a front end of its own whose framework is Python's operators."""

import operator
import sys
from typing import Any

import cloudpickle
import numpy as np
import pytest

from gradproof.errors import InputError, UnsupportedError
from gradproof.models.model_graph import ModelGraph, ModelNode, Reference, ResultForm
from gradproof.models.replay import Operations, Replay, told
from gradproof.reference.numpy_namespace import NumpyNamespace
from gradproof.reference.source import ModelSource, Source, caller
from gradproof.reference.truth import exact_gradient

SEEN: list[str] = []


def native(node: ModelNode, inputs: tuple[Any, ...], _: Any) -> Any:
    SEEN.append(node.operation)
    return np.asarray({"toy.add": operator.add, "toy.less": operator.lt}[node.operation](*inputs))


def split(_: Any, x: Any) -> tuple[Any, Any]:
    return x[0], x[1]


OPERATIONS = Operations(
    framework="Toy",
    entries={
        "toy.add": lambda _, a, b: a + b,
        "toy.mul": lambda _, a, b: a * b,
        "toy.where": lambda xp, condition, a, b: xp.where(condition, a, b),
        "toy.split": split,
    },
    random=frozenset({"toy.draw"}),
    native=native,
    no_randomness="Draw them outside.",
)
FRONT = __name__
LINE = ModelSource.of("model.py", 31, "blocks.0")


@pytest.fixture(autouse=True)
def _as_a_front_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, FRONT, sys.modules[__name__])
    SEEN.clear()


def graph(*nodes: ModelNode, output: int, discrete: frozenset[str] = frozenset()) -> ModelGraph:
    """Values: 0 is the parameter w, 1 the batch's x, 2 the constant 3, then the nodes' results."""
    return ModelGraph(("w",), ("x",), (np.array(3.0),), nodes, Reference(output), discrete)


def node(operation: str, *inputs: Any, stopped: bool = False) -> ModelNode:
    return ModelNode(operation, inputs, {}, LINE, (ResultForm((), "float64"),), stopped)


def test_a_graph_has_the_gradient_of_what_it_computes() -> None:
    # w x + 3
    made = graph(
        node("toy.mul.Tensor", Reference(0), Reference(1)),
        node("toy.add", Reference(3), Reference(2)),
        output=4,
    )
    truth = exact_gradient(Replay(made, FRONT), {"w": np.array(2.0)}, {"x": np.array(5.0)})
    assert truth.value.values()[0] == 13
    assert truth.gradients["w"].values()[0] == 5
    assert float(Replay(made, FRONT)(NumpyNamespace(), {"w": np.array(2.0)}, {"x": np.array(5.0)})) == 13
    assert SEEN == []


def test_what_no_parameter_has_a_part_in_is_computed_by_the_framework() -> None:
    # of the integer x: w where x + 3 < 10, else 3
    made = graph(
        node("toy.add", Reference(1), Reference(2)),
        node("toy.less", Reference(3), 10),
        node("toy.where", Reference(4), Reference(0), Reference(2)),
        output=5,
        discrete=frozenset({"x"}),
    )
    for x, slope in ((5, 1), (7, 0)):
        truth = exact_gradient(Replay(made, FRONT), {"w": np.array(2.0)}, {"x": np.array(x)})
        assert truth.gradients["w"].values()[0] == slope
    assert SEEN[:2] == ["toy.add", "toy.less"]


def test_one_of_several_results_is_told_by_its_place() -> None:
    made = graph(
        node("toy.split", Reference(0)),
        node("toy.mul", Reference(3, 1), Reference(3, 0)),
        output=4,
    )
    truth = exact_gradient(Replay(made, FRONT), {"w": np.array([2.0, 7.0])}, {"x": np.array(5.0)})
    assert truth.gradients["w"].values()[0].tolist() == [7, 2]


def test_a_stopped_node_is_a_constant_of_the_same_value() -> None:
    made = graph(
        node("toy.mul", Reference(0), Reference(0), stopped=True),
        node("toy.mul", Reference(3), Reference(0)),
        output=4,
    )
    truth = exact_gradient(Replay(made, FRONT), {"w": np.array(2.0)}, {"x": np.array(5.0)})
    assert truth.value.values()[0] == 8
    assert truth.gradients["w"].values()[0] == 4  # and not 12


def test_while_a_node_is_computed_its_line_is_the_callers() -> None:
    made = graph(node("toy.add", Reference(0), Reference(1)), output=3)
    lines: list[Source] = []

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        value = Replay(made, FRONT)(xp, params, batch)
        lines.append(value.source)
        return value

    exact_gradient(loss, {"w": np.array(2.0)}, {"x": np.array(5.0)})
    assert {(str(line), line.module) for line in lines} == {("model.py:31", "blocks.0")}
    assert caller().file == __file__


def test_a_random_operation_and_one_without_an_entry_are_refused_with_their_line() -> None:
    with pytest.raises(InputError, match=r"by toy.draw at model.py:31 \(in blocks.0\).*Draw them outside."):
        OPERATIONS.check(graph(node("toy.draw", (2, 2)), output=3))
    unknown = graph(node("toy.other", Reference(0)), output=3)
    with pytest.raises(UnsupportedError, match=r"Toy's toy.other at model.py:31 \(in blocks.0\)"):
        OPERATIONS.check(unknown)
    with pytest.raises(UnsupportedError, match=r"Toy's toy.other"):
        Replay(unknown, FRONT)(NumpyNamespace(), {"w": np.array(2.0)}, {"x": np.array(5.0)})
    OPERATIONS.check(graph(node("toy.other", Reference(2)), output=3))  # no parameter has a part in it


def test_a_graph_can_be_sent_to_another_process() -> None:
    made = graph(node("toy.add", Reference(0), Reference(1)), output=3)
    sent = cloudpickle.loads(cloudpickle.dumps(made))
    assert sent.nodes == made.nodes
    assert told(sent.nodes[0]) == "model.py:31 (in blocks.0)"
