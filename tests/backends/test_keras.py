"""What Keras does otherwise than its dtype allows is found, and told with its cause."""

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends import load_backend
from gradproof.running.task import Task, carry_out
from gradproof.scenarios import line_fit
from gradproof.verdicts.records import Subject

pytest.importorskip("keras")
pytest.importorskip("tensorflow")


def findings(scenario, kind, dtype):
    told = gp.verify(scenario, "keras/function", dtype, limits=None).findings
    return told[told["kind"] == kind]


def test_its_optimizers_learning_rate_is_float32():
    updates = findings("line_fit", "update", "float64")
    assert set(updates["verdict"]) == {"DISAGREES"}
    assert {cause.partition(" has ")[2] for cause in updates["cause"]} == {
        "the learning rate rounded to float32, 0.009999999776482582 in place of 0.01"
    }
    assert set(findings("line_fit", "gradient", "float64")["verdict"]) == {"AGREES"}


def test_it_agrees_in_float32():
    assert gp.verify("line_fit", "keras", "float32", limits=None).ok


@pytest.mark.parametrize(("share", "right"), [(0.3, True), (1e-9, False)])
def test_its_cross_entropy_of_probabilities_near_0_has_no_gradient(share, right):
    """They are clipped at 1e-7; those of a sigmoid are taken from its logits."""
    scenario = gp.Scenario(
        name="shares",
        loss=lambda xp, params, batch: xp.nn.binary_cross_entropy(params["p"], batch["y"]),
        params={"p": np.array([0.5, share])},
        batch={"y": np.array([1.0, 1.0])},
    )
    (verdict,) = findings(scenario, "gradient", "float64")["verdict"]
    assert (verdict == "AGREES") == right


def test_where_it_runs_on_another_library_it_is_not_run(monkeypatch):
    import keras

    load_backend("keras")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    result = carry_out(Task(line_fit(), Subject("line_fit", "keras", "eager", "float32")))
    assert str(result.status) == "not run"
    assert "Keras runs on jax here" in result.reason
