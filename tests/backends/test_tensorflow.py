"""What TensorFlow does otherwise than its dtype allows is found, and told with its cause."""

import numpy as np
import pytest

import gradproof as gp

pytest.importorskip("tensorflow")

RANDOM = np.random.default_rng(0)
PARAMS = {"w": RANDOM.normal(size=(3, 2))}
BATCH = {"x": RANDOM.normal(size=(5, 3))}


def exact(xp, params, batch):
    return xp.sum(xp.nn.gelu(batch["x"] @ params["w"]) ** 2)


def approximate(xp, params, batch):
    return xp.sum(xp.nn.gelu(batch["x"] @ params["w"], approximate="tanh") ** 2)


@pytest.mark.parametrize(("loss", "digits"), [(exact, 7), (approximate, 9)])
def test_its_float64_gelu_has_constants_of_float32(loss, digits):
    scenario = gp.Scenario(name="gelu", loss=loss, params=PARAMS, batch=BATCH)
    findings = gp.verify(scenario, "tensorflow/function", limits=None).findings
    told = findings[findings["kind"] == "gradient"].set_index("dtype")
    assert told.loc["float32", "verdict"] == "AGREES"
    assert told.loc["float64", "verdict"] == "DISAGREES"
    assert told.loc["float64", "cause"].startswith("tensorflow's gelu at ")
    assert f" has {digits} of 16 digits in float64: of " in told.loc["float64", "cause"]


def test_it_has_no_t_of_a_matrix():
    scenario = gp.Scenario(
        name="transposed",
        loss=lambda xp, params, batch: xp.sum(params["w"].T @ params["w"]),
        params=PARAMS,
        batch={},
    )
    runs = gp.verify(scenario, "tensorflow", "float64", limits=None).runs
    assert set(runs["status"]) == {"not run"}
    assert runs["reason"].str.contains("tensorflow has no T of its arrays (loss line ", regex=False).all()
