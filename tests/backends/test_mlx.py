"""What MLX does otherwise than its dtype allows is found, and told with its cause."""

import numpy as np
import pytest

import gradproof as gp
from gradproof.backends import load_backend

pytest.importorskip("mlx.core")


def report(scenario, variant, dtype):
    return gp.verify(scenario, f"mlx/{variant}", dtype, limits=None)


@pytest.mark.parametrize("variant", ["eager", "compile"])
def test_its_float64_sigmoid_has_float32s_digits(variant):
    gradients = report("neuron_chain", variant, "float64").findings
    gradients = gradients[gradients["kind"] == "gradient"]
    assert set(gradients["verdict"]) == {"DISAGREES"}
    for cause in gradients["cause"]:
        assert cause.startswith("mlx's sigmoid at ")
        assert " of 16 digits in float64: of " in cause


@pytest.mark.parametrize("variant", load_backend("mlx").variants)
@pytest.mark.parametrize("scenario", ["neuron_chain", "bce_network"])
def test_it_agrees_in_float32(variant, scenario):
    assert report(scenario, variant, "float32").ok


def test_its_optimizers_learning_rate_is_float32():
    updates = report("line_fit", "optimizer", "float64").findings
    updates = updates[updates["kind"] == "update"]
    assert set(updates["verdict"]) == {"DISAGREES"}
    assert {cause.partition(" has ")[2] for cause in updates["cause"]} == {
        "the learning rate rounded to float32, 0.009999999776482582 in place of 0.01"
    }
    assert report("line_fit", "eager", "float64").ok


def sigmoids(xp, params, batch):
    return xp.sum(xp.nn.sigmoid(batch["x"] @ params["w"]) ** 2)


def gradient(params, batch):
    import mlx.core as mx

    return mx.grad(lambda p: mx.sum(mx.sigmoid(batch["x"] @ p["w"]) ** 2))(params)


def test_check_and_judge_say_the_same_of_a_users_code():
    random = np.random.default_rng(4)
    params, batch = {"w": random.normal(size=(3, 2))}, {"x": random.normal(size=(5, 3))}
    framework = load_backend("mlx").framework
    with framework.mode("float64"):
        arrays = ({n: framework.from_numpy(a) for n, a in each.items()} for each in (params, batch))
        given = gradient(*arrays)
        judged = gp.judge(sigmoids, params, batch, given, dtype="float64")
    checked = gp.check(sigmoids, gradient, params, batch)
    for found in (checked, judged):
        assert found.verdict is gp.Verdict.DISAGREES
        assert found.cause.kind == "function-inaccurate"
        assert str(found.cause).startswith("mlx's sigmoid at ")
    assert gp.check(sigmoids, gradient, params, batch, dtype="float32").ok
