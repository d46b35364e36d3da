"""The first document's mistake: dF/dEF = E, without the sigmoid's derivative, at its first point."""

import numpy as np
import pytest
from certified_gradients import certified

from gradproof.scenarios.documents.bce_network.system import loss
from gradproof.verdicts.causes import find_cause

PARAMS = {"w_hidden": np.ones((3, 2)), "w_output": np.ones((2, 1))}
POINT = {"x": np.array([[1.0, 2.0, 3.0]]), "y": np.array([[0.0]])}


def without_sigmoid_derivative(params, batch):
    h = batch["x"] @ params["w_hidden"]  # positive, so that ReLU does nothing
    f = 1 / (1 + np.exp(-(h @ params["w_output"])))
    d = 1 / (1 - f)
    return {"w_hidden": batch["x"].T @ (d @ params["w_output"].T), "w_output": h.T @ d}


@pytest.mark.parametrize("names", [("w_hidden", "w_output"), ("w_output",)])
@pytest.mark.parametrize("run", [certified, lambda gradient, *point: gradient(*point)])
def test_the_sigmoid_is_named_although_one_factor_would_explain_it(run, names):
    claimed = run(without_sigmoid_derivative, PARAMS, POINT)
    cause = find_cause(loss, PARAMS, POINT, {name: claimed[name] for name in names})
    assert cause.kind == "derivative-left-out"
    assert cause.where.startswith("sigmoid at ")
    assert cause.parameters == names
