"""Where digits are lost is told of any loss, also of one that computes what it does not use."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradproof as gp
from gradproof import Verdict
from gradproof.verdicts.conditioning import where_digits_are_lost

POINT, BATCH = {"w": np.array([1e-3])}, {"x": np.array([1e12])}

# Each is reached by the parameter or the batch, and read by nothing that the loss returns.
UNUSED = {
    "at a parameter": lambda xp, p, _b: xp.tanh(p["w"]),
    "with the batch": lambda _xp, p, b: p["w"] * b["x"],
    "in a chain": lambda xp, p, _b: xp.exp(xp.tanh(p["w"])) + 1.0,
    "a sum": lambda xp, p, _b: xp.sum(p["w"]),
    "no parameter in it": lambda xp, _p, b: xp.tanh(b["x"]),
}


def difference(xp, p, b):
    return xp.sum(((p["w"] + b["x"]) - b["x"]) ** 2)


def doubled(p, b):
    return {"w": 2 * ((p["w"] + b["x"]) - b["x"])}


@pytest.mark.parametrize("unused", UNUSED)
def test_a_loss_may_compute_what_it_does_not_use(unused):
    def loss(xp, p, b):
        UNUSED[unused](xp, p, b)
        return difference(xp, p, b)

    assert gp.check(loss, doubled, POINT, BATCH, points=0).verdict is Verdict.EQUAL
    found = gp.judge(loss, POINT, BATCH, doubled(POINT, BATCH), dtype="float64")
    assert found.verdict is Verdict.ILL_CONDITIONED
    assert "test_conditioning.py" in found.reason
    mine = gp.Scenario(name="mine", loss=loss, gradient=doubled, params=POINT, batch=BATCH)
    report = gp.verify([mine], ["reference"], ["float64"], limits=None)
    assert "ILL_CONDITIONED" in set(report.gradients["verdict"])


def test_the_operation_that_cancels_is_named():
    told = where_digits_are_lost(difference, POINT, BATCH, "float64", "w")
    assert told.startswith("subtract at ")
    assert "test_conditioning.py" in told


OPERATIONS = {
    "tanh": lambda xp, a, _b: xp.tanh(a),
    "add": lambda _xp, a, b: a + b,
    "subtract": lambda _xp, a, b: a - b,
    "multiply": lambda _xp, a, b: a * b,
    "sum": lambda xp, a, _b: xp.sum(a),
    "softmax": lambda xp, a, _b: xp.nn.softmax(a + xp.zeros_like(a)) if a.ndim else a,
    "maximum": lambda xp, a, b: xp.maximum(a, b),
    "where": lambda xp, a, b: xp.where(a > b, a, 0.5 * b),
}


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.tuples(st.sampled_from(sorted(OPERATIONS)), *[st.integers(0, 9)] * 2), max_size=8),
    result=st.integers(0, 9),
)
def test_no_loss_ends_the_search_for_where_digits_are_lost(steps, result):
    """Most of the random steps are read by nothing: whatever is left unused, an answer comes."""

    def loss(xp, p, b):
        values = [p["w"], p["v"], b["x"]]
        for name, first, second in steps:
            pair = values[first % len(values)], values[second % len(values)]
            values.append(OPERATIONS[name](xp, *pair))
        return xp.sum(values[result % len(values)])

    params = {"w": np.array([0.3, -1.2, 0.7]), "v": np.array([1e3, 2.0, -0.4])}
    for parameter in params:
        told = where_digits_are_lost(loss, params, {"x": np.array([1.0, -2.0, 3.0])}, "float32", parameter)
        assert isinstance(told, str)
