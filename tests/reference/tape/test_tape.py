"""The tape as a loss sees it: gradients of whole losses, lanes, changed rules, errors."""

from typing import Any

import numpy as np
import pytest

from gradproof.errors import InputError, UnsupportedError
from gradproof.reference.numbers import Plain
from gradproof.reference.tape import Edge, differentiate

RNG = np.random.default_rng(1)
PARAMS = {"w": RNG.normal(size=(3, 4)), "v": RNG.normal(size=(4, 1))}
BATCH = {"x": RNG.normal(size=(5, 3)), "y": RNG.normal(size=(5, 1))}


def network(xp: Any, params: Any, batch: Any) -> Any:
    hidden = xp.nn.sigmoid(batch["x"] @ params["w"])
    return 0.5 * xp.sum((batch["y"] - xp.nn.sigmoid(hidden @ params["v"])) ** 2)


def network_gradient(params: Any, batch: Any) -> dict[str, Any]:
    """Derived by hand."""
    hidden = 1 / (1 + np.exp(-batch["x"] @ params["w"]))
    output = 1 / (1 + np.exp(-hidden @ params["v"]))
    delta = (output - batch["y"]) * output * (1 - output)
    return {
        "w": batch["x"].T @ (delta @ params["v"].T * hidden * (1 - hidden)),
        "v": hidden.T @ delta,
    }


def gradients(loss: Any, params: Any, batch: Any = None, **options: Any) -> dict[str, Any]:
    result = differentiate(loss, params, batch or {}, Plain(), **options)
    return {name: gradient.values() for name, gradient in result.gradients.items()}


def test_network_has_the_hand_derived_gradient() -> None:
    expected = network_gradient(PARAMS, BATCH)
    for name, values in gradients(network, PARAMS, BATCH).items():
        np.testing.assert_allclose(values[0], expected[name], rtol=1e-13)


def test_lanes_are_independent_runs() -> None:
    params = {name: RNG.normal(size=(7, *p.shape)) for name, p in PARAMS.items()}
    batch = {name: b[np.newaxis] for name, b in BATCH.items()}
    together = gradients(network, params, batch, lanes=7)
    for lane in range(7):
        alone = gradients(network, {name: p[lane] for name, p in params.items()}, BATCH)
        for name, values in alone.items():
            np.testing.assert_allclose(together[name][lane], values[0], rtol=1e-13)


def test_a_parameter_shared_by_lanes_has_a_gradient_in_each() -> None:
    shared = gradients(lambda _xp, p, b: p["w"] * b["x"], {"w": [2.0]}, {"x": [3.0, 5.0]}, lanes=2)
    assert shared["w"].tolist() == [3.0, 5.0]


def test_an_unused_parameter_is_listed_and_has_zeros() -> None:
    result = differentiate(lambda _xp, p, _b: p["w"], {"w": 1.0, "v": [1.0, 2.0]}, {}, Plain())
    assert result.unused == ("v",)
    assert result.gradients["v"].values().tolist() == [[0.0, 0.0]]


def test_a_node_used_several_times_sums_its_derivatives() -> None:
    assert gradients(lambda _xp, p, _b: p["w"] * p["w"] + p["w"], {"w": 3.0})["w"] == [7.0]


def test_a_changed_rule_changes_the_gradients_before_it_and_no_others() -> None:
    result = differentiate(network, PARAMS, BATCH, Plain())
    tape = result.tape
    sigmoids = [
        edge
        for edge in tape.edges
        if (operation := tape.nodes[edge.node].operation) and operation.name == "sigmoid"
    ]
    assert len(sigmoids) == 2
    dropped = tape.backward({sigmoids[0]: lambda g, _y, _x: g})
    hidden = 1 / (1 + np.exp(-BATCH["x"] @ PARAMS["w"]))
    output = 1 / (1 + np.exp(-hidden @ PARAMS["v"]))
    delta = (output - BATCH["y"]) * output * (1 - output)
    np.testing.assert_allclose(dropped["w"].data[0, 0], BATCH["x"].T @ (delta @ PARAMS["v"].T))
    assert dropped["v"] is tape.backward()["v"]


def test_a_changed_rule_of_another_shape_is_refused() -> None:
    tape = differentiate(network, PARAMS, BATCH, Plain()).tape
    with pytest.raises(InputError, match=r"answers shape .* Return the operand's shape"):
        tape.backward({tape.edges[0]: lambda g, _y, *_xs: g.reshape((-1, 1, 1))})


def test_edges_leave_out_what_the_loss_does_not_use() -> None:
    def loss(xp: Any, params: Any, _batch: Any) -> Any:
        xp.exp(params["w"])
        return params["w"] * 2

    assert differentiate(loss, {"w": 1.0}, {}, Plain()).tape.edges == [Edge(2, 0)]


def test_nodes_know_their_source_line() -> None:
    tape = differentiate(network, PARAMS, BATCH, Plain()).tape
    first = network.__code__.co_firstlineno
    assert {node.source.line - first for node in tape.nodes if node.operation} == {1, 2}
    assert all(node.source.file == __file__ for node in tape.nodes if node.operation)


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (
            lambda xp, p, _b: xp.einsum("i->", p["w"]),
            r"xp\.einsum at .*test_tape\.py:\d+.*tensordot",
        ),
        (lambda xp, p, _b: xp.nn.swish(p["w"]), r"xp\.nn\.swish at .*test_tape\.py:\d+.*xp\.nn\.silu"),
        (lambda _xp, p, _b: p["w"].sum(), r"\.sum at .*test_tape\.py:\d+.*xp\.sum"),
        (lambda _xp, p, _b: p["w"] if p["w"][0] else 0.0, r"as `if` and `while`.*xp\.where"),
        (
            lambda _xp, p, _b: float(p["w"][0]),
            r"Python number or a NumPy array of a computed array at .*test_tape\.py:\d+.*xp\.stack",
        ),
        (lambda xp, p, _b: xp.sum(p["w"][p["w"] > 0]), r"indexed at .*xp\.where"),
        (lambda xp, p, _b: xp.sum(xp.astype(p["w"], xp.int64)), r"astype at .* no gradient"),
        (lambda _xp, p, _b: p["w"][0] + "one", r"uses a str as a number"),
        (lambda _xp, p, _b: np.exp(p["w"]), r"numpy\.exp on a computed array at .*xp\.exp"),
        (lambda _xp, p, _b: np.sum(p["w"]), r"numpy\.sum on a computed array at .*xp\.sum"),
        (
            lambda _xp, p, _b: np.asarray(p["w"]),
            r"Python number or a NumPy array of a computed array at .*test_tape\.py:\d+.*xp\.stack",
        ),
        (lambda _xp, p, _b: np.add.reduce(p["w"]), r"numpy\.add\.reduce on a computed array"),
    ],
)
def test_what_the_tape_cannot_follow_is_named(loss: Any, text: str) -> None:
    with pytest.raises(UnsupportedError, match=text):
        differentiate(loss, {"w": [1.0, 2.0]}, {}, Plain())


def test_operators_with_numpys_arrays_and_scalars_on_the_left() -> None:
    two = np.array([2.0, 2.0])

    def loss(xp: Any, params: Any, _batch: Any) -> Any:
        w = params["w"]
        terms = two + w - (two - w) + two * w / (two / w) + np.float64(3.0) * w
        kept = xp.where((two > w) & (np.float64(0.0) < w), terms, 0.0 * w)
        return xp.sum(kept) + two @ w + xp.sum(xp.where((two == w)[:, None], 1.0, w)[0])

    # (2 w) + w^2 + 3 w at w = 1, of which w = 3 is left out; 2 w; the row of w = 1 twice
    assert gradients(loss, {"w": np.array([1.0, 3.0])})["w"].tolist() == [[7.0 + 2 + 1, 2.0 + 1]]


def test_hasattr_answers_false_for_what_is_lacking() -> None:
    def loss(xp: Any, params: Any, _batch: Any) -> Any:
        assert not hasattr(xp, "einsum")
        assert not hasattr(params["w"], "numpy")
        return params["w"]

    differentiate(loss, {"w": 1.0}, {}, Plain())


@pytest.mark.parametrize(
    ("loss", "text"),
    [
        (lambda _xp, p, _b: p["w"], r"shape \(2,\), and a gradient needs a scalar"),
        (lambda _xp, p, _b: p["w"] @ np.ones((3, 1)), r"matmul at .*shapes \(2,\), \(3, 1\)"),
        (lambda xp, p, _b: xp.sum(p["w"], axis=2), r"Axis 2 at .* does not exist"),
        (lambda _xp, p, _b: p["w"][7], r"index at .* does not fit"),
    ],
)
def test_bad_input_is_named(loss: Any, text: str) -> None:
    with pytest.raises(InputError, match=text):
        differentiate(loss, {"w": [1.0, 2.0]}, {}, Plain())


def test_missing_lanes_are_named() -> None:
    with pytest.raises(InputError, match="leading axis of length 3"):
        differentiate(network, {"w": np.zeros((2, 3))}, {}, Plain(), lanes=3)


def test_integers_that_differ_between_lanes_are_refused() -> None:
    with pytest.raises(UnsupportedError, match="'k' of the batch differ between lanes"):
        differentiate(lambda _xp, p, _b: p["w"], {"w": [1.0, 2.0]}, {"k": [0, 1]}, Plain(), lanes=2)


def test_a_mask_as_number_and_as_choice() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        positive = params["w"] > 0
        kept = xp.where(positive & (batch["k"] == 1), params["w"] ** 2, 0.0)
        return xp.sum(kept) + xp.sum(positive * params["w"]) + xp.sum(~positive)

    result = gradients(loss, {"w": [-1.0, 2.0, 3.0]}, {"k": np.array([1, 0, 1])})
    assert result["w"].tolist() == [[0.0, 1.0, 7.0]]


def test_integers_of_the_batch_stay_integers() -> None:
    def loss(xp: Any, params: Any, batch: Any) -> Any:
        k = batch["k"]
        one_hot = xp.astype(k[:, None] == xp.arange(3), xp.float64)
        shifted = xp.concat([k[1:], xp.zeros(1, dtype=xp.int64)])
        return xp.sum(params["w"][xp.reshape(shifted, (-1,))]) + xp.sum(one_hot @ params["w"])

    assert gradients(loss, {"w": np.ones(3)}, {"k": np.array([2, 1])})["w"].tolist() == [[1.0, 2.0, 1.0]]
