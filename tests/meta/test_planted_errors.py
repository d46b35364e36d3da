"""The comparison itself is tested: each error planted into each backend must be caught."""

import numpy as np
import planting
import pytest

from gradproof import GradientDescent, dense_network, verify
from gradproof.backends import load_backend
from gradproof.verdicts.runs import judge
from gradproof.verdicts.verdict import SEVERITY, Verdict

ERRORS = (
    "sign",
    "factor 2",
    "transposed product",
    "missing sigmoid derivative",
    "one entry",
    "NaN",
)
IMPLEMENTATIONS = (
    ("reference", "numpy"),
    ("torch", "eager"),
    ("torch", "func"),
    ("jax", "jit"),
    ("jax", "eager"),
)


@pytest.fixture(scope="module")
def scenario():
    """A network with a square first weight matrix, so that a transposed gradient has the right shape."""
    return dense_network(
        [4, 4, 2],
        ["sigmoid", "sigmoid"],
        "half_sum_squared_error",
        biases=False,
        seed=1,
        training=GradientDescent(learning_rate=0.5, steps=3),
    )


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("backend_name", "variant"), IMPLEMENTATIONS)
@pytest.mark.parametrize("error", ERRORS)
def test_a_planted_error_is_caught(scenario, error, backend_name, variant, dtype):
    plant = planting.planted_in_formula if backend_name == "reference" else planting.planted_in_framework
    backend = load_backend(backend_name)
    run = backend.run(plant(scenario, error, dtype), dtype=dtype, variant=variant)
    outcome = judge(scenario, run, {})
    wrong = Verdict.NOT_FINITE if error == "NaN" else Verdict.DISAGREES
    assert wrong in {judgement.worst_verdict() for judgement in outcome.gradients}
    assert not outcome.worst_verdict().passes


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("backend_name", "variant"), IMPLEMENTATIONS)
def test_without_a_planted_error_all_agrees(scenario, backend_name, variant, dtype):
    run = load_backend(backend_name).run(scenario, dtype=dtype, variant=variant)
    outcome = judge(scenario, run, {})
    assert outcome.worst_verdict() is Verdict.AGREES


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("backend_name", ["torch", "jax", "reference"])
def test_one_entry_off_is_named(scenario, backend_name, dtype):
    plant = planting.planted_in_formula if backend_name == "reference" else planting.planted_in_framework
    backend = load_backend(backend_name)
    run = backend.run(plant(scenario, "one entry", dtype), dtype=dtype, variant=backend.variants[0])
    judgements = {judgement.parameter: judgement for judgement in judge(scenario, run, {}).gradients}
    assert judgements["w1"].entry(0) == (0, 0)
    assert judgements["w2"].worst_verdict() is Verdict.AGREES


@pytest.mark.parametrize("where", ["first", "middle", "last"])
@pytest.mark.parametrize("backend_name", ["torch", "jax", "reference"])
def test_a_single_wrong_update_is_caught(scenario, backend_name, where):
    """The gradients are right; one step of the weights is not the learning rate times the gradient."""
    backend = load_backend(backend_name)
    run = backend.run(scenario, dtype="float64", variant=backend.variants[0])
    step = {"first": 0, "middle": 1, "last": 2}[where]
    weights = run.weights["w2"].copy()
    weights[step + 1 :] += 1e-9 * np.abs(weights[step + 1 :])
    changed = type(run)(**{**vars(run), "weights": {**run.weights, "w2": weights}})
    outcome = judge(scenario, changed, {})
    updates = {judgement.parameter: judgement for judgement in outcome.updates}
    assert updates["w2"].worst_verdict() is Verdict.DISAGREES
    wrong = updates["w2"].verdict == SEVERITY.index(Verdict.DISAGREES)
    assert np.flatnonzero(wrong)[0] == step


def test_weights_that_are_not_stepped_at_all_are_caught(scenario):
    run = load_backend("reference").run(scenario, dtype="float64", variant="numpy")
    frozen = {name: np.repeat(weight[:1], len(weight), axis=0) for name, weight in run.weights.items()}
    outcome = judge(scenario, type(run)(**{**vars(run), "weights": frozen}), {})
    assert {judgement.worst_verdict() for judgement in outcome.updates} == {Verdict.DISAGREES}


def test_a_backend_that_raises_makes_the_report_fail(scenario, monkeypatch):
    from gradproof.backends.torch_backend import TorchBackend

    def broken(*_, **__):
        raise RuntimeError("the kernel has gone away")

    monkeypatch.setattr(TorchBackend, "run", broken)
    report = verify([scenario], backends=["reference", "torch"], limits=None)
    assert not report.ok
    assert report.runs.query("backend == 'torch'")["reason"].str.contains("kernel has gone away").all()
