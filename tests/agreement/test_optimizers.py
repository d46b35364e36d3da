"""Every backend makes the steps of each training that its library has, and says of others what it lacks."""

import re
from dataclasses import replace

import pytest
from trainings import OPTIMIZERS, OTHERS, trained

import gradproof as gp
from gradproof.reference.advance import first_state
from gradproof.reporting.report import Report

LACKING = {
    "torch": {
        "adam, epsilon inside": r"no Adam with epsilon inside of the root",
        "adam, epsilon before correction": r"no Adam with epsilon before correction of the root",
        "adam, nesterov": r"no Adam with Nesterov's momentum",
        "amsgrad, corrected": r"no Adam with the greatest of the corrected moments",
        "amsgrad, uncorrected": r"no Adam with moments without their correction",
        "radam, epsilon outside": r"no RAdam with epsilon outside of the root",
        "rmsprop, epsilon inside": r"no RMSprop with epsilon inside of the root",
        "adagrad, epsilon inside": r"no Adagrad with epsilon inside of the root",
        "lion": r"no Lion",
        "lamb": r"no LAMB",
    },
    "jax": {
        "dampened": r"optax.sgd has no dampening of 0.25",
        "adam, epsilon before correction": r"optax.adam has no epsilon place of 'before correction'",
        "amsgrad": r"optax.amsgrad has no amsgrad of 'moment'",
        "nadam": r"no optimizer of optax's that is NAdam",
        "radam": r"optax.radam has no epsilon place of 'before correction'",
        "adagrad": r"optax.adagrad has no epsilon place of 'outside'",
    },
}
"""By backend, the optimizers that its library has not, and what it says."""

DIFFERENT = {("torch", "nadam", "float64")}
"""By library, optimizer and dtype: torch.optim.NAdam keeps the product of its momenta in float32."""

NORM = {"torch": gp.ClipByNorm(0.5, epsilon=1e-6)}
"""How a library clips by the norm where it does so in its own way."""

COARSE = {("jax", "float64")}
"""By library and dtype, those whose schedules have float32's digits: see docs/reference/optax.md."""

FUSED = {gp.SGD, gp.Adam, gp.AdamW, gp.Adagrad}
"""What torch.optim has in one kernel."""

WAYS = ["reference/numpy", "torch/eager", "torch/foreach", "torch/fused"]
WAYS += [pytest.param(way, marks=pytest.mark.slow) for way in ("jax/jit", "jax/eager")]  # which compile


def verified(way: str, optimizer: str, others: str, system: str, dtype: str) -> Report:
    backend = way.partition("/")[0]
    if backend != "reference":
        pytest.importorskip(backend)
    scenario = trained(system, optimizer, others)
    assert scenario.training is not None
    if backend in NORM and isinstance(scenario.training.clipping, gp.ClipByNorm):
        scenario = replace(scenario, training=replace(scenario.training, clipping=NORM[backend]))
    return gp.verify(scenario, way, dtype, limits=None)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("others", OTHERS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("way", WAYS)
def test_right_steps_are_right(way: str, optimizer: str, others: str, dtype: str) -> None:
    system = "line_fit" if dtype == "float64" else "sigmoid_network"
    report = verified(way, optimizer, others, system, dtype)
    run = report.runs.iloc[0]
    lacks = LACKING.get(way.partition("/")[0], {}).get(optimizer)
    if lacks is None and way == "torch/fused" and type(OPTIMIZERS[optimizer]) not in FUSED:
        lacks = f"no fused form of {type(OPTIMIZERS[optimizer]).__name__}"
    if lacks is not None:
        assert re.search(lacks, run["reason"])
        return
    if (way.partition("/")[0], optimizer, dtype) in DIFFERENT:
        assert set(report.failures["quantity"]) == {"updates", "states"}
        assert "momentum_product" in set(report.failures["parameter"].str.partition(" of ")[0])
        assert report.failures["relative_error"].max() < 1e-5
        return
    assert report.ok, run["reason"]
    coarse = (way.partition("/")[0], dtype) in COARSE and others != "alone"
    assert run["verdict"] in ({"INACCURATE"} if coarse else {"AGREES", "ILL_CONDITIONED"})
    training = trained(system, optimizer, others).training
    assert training is not None
    kept = {name.partition(" of ")[0] for name in report.states["parameter"]}
    rates = {"learning_rate"} if training.schedule is not None else set()
    assert kept == rates | set(first_state(training, trained(system, optimizer).flat_params))
    assert len(report.updates) == training.steps * 2


def test_another_epsilon_of_the_clipping_is_not_run() -> None:
    pytest.importorskip("torch")
    scenario = trained("line_fit", "adam", "warm-up and cosine, clipped by norm, averaged")
    report = gp.verify(scenario, "torch/eager", "float64", limits=None)
    assert "clips by the norm with an epsilon of 1e-06, and the training with 0.0" in report.runs["reason"][0]


@pytest.mark.parametrize("way", ["torch/func"])
def test_a_way_that_steps_plainly_says_so(way: str) -> None:
    pytest.importorskip(way.partition("/")[0])
    report = gp.verify(trained("line_fit", "adam"), way, "float64", limits=None)
    assert (
        "makes plain steps only, and scenario 'line_fit, adam, alone' is trained by Adam()"
        in (report.runs["reason"][0])
    )
