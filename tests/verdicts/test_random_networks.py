"""Random correct networks: no correct gradient is accused, and what is accused is really wrong.

`python -m benchmarks networks` does the same with 1 000 networks.
"""

import importlib
from pathlib import Path

import mpmath
import numpy as np
import pytest

from gradproof.backends import load_backend
from gradproof.reference.numbers import Balls
from gradproof.reference.tape import differentiate
from gradproof.verdicts.runs import judge
from gradproof.verdicts.tolerances import SPREADS

NUMBERS = {"some": range(8), "many": range(100)}
BOTH = ["float64", "float32"]


@pytest.fixture(scope="module")
def networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(Path(__file__).parents[2])
        yield importlib.import_module("benchmarks.networks")


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("backend", ["reference", "torch", "jax"])
@pytest.mark.parametrize("numbers", ["some", pytest.param("many", marks=pytest.mark.slow)])
def test_correct_networks_are_not_accused(networks, backend, dtype, numbers):
    pytest.importorskip({"reference": "numpy"}.get(backend, backend))
    tally = networks.survey(NUMBERS[numbers], [backend], [dtype])[backend, dtype]
    assert all(verdict.passes for verdict in tally.verdicts) == (not tally.findings)
    assert tally.textbook.entries > 1_000 * len(NUMBERS[numbers])
    assert max(tally.textbook.worst) < SPREADS
    # The noise is neither too small nor so large that it would excuse errors.
    assert 0.2 < tally.textbook.rms < 2.0
    for finding in tally.findings:
        assert backend != "reference"
        assert finding.saturated
        assert finding.deviation <= 1
        assert finding.error > 32 * np.finfo(dtype).eps or not np.isfinite(finding.value)


def saturated_network(networks):
    """A network whose probabilities become 0 and 1 to the last digit when its last weights are scaled."""
    return networks.Network(
        sizes=(3, 5, 4),
        activations=("tanh", "sigmoid"),
        loss="binary_cross_entropy",
        biases=True,
        examples=6,
        input_scale=1.0,
        seed=7,
    )


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("scale", [100.0, 1e5], ids=["rounded to 1", "underflown to 0"])
def test_a_saturated_binary_cross_entropy_is_decided(networks, scale, dtype):
    """The hand-derived gradient is right there, and PyTorch's and JAX's are not."""
    network = saturated_network(networks)
    scenario = network.scenario()
    weights = {**scenario.params, "w2": scale * scenario.params["w2"]}
    scenario = networks.replace(scenario, params=weights)
    outcomes = {}
    for backend, variant in networks.IMPLEMENTATIONS.items():
        if backend != "reference":
            pytest.importorskip(backend)
        with np.errstate(all="ignore"):
            run = load_backend(backend).run(scenario, dtype=dtype, variant=variant)
        outcomes[backend] = judge(scenario, run, {})
    assert outcomes["reference"].worst_verdict().passes
    assert not outcomes["torch"].worst_verdict().passes
    assert not outcomes["jax"].worst_verdict().passes
    # The exact value that decided is the second opinion's.
    judgement = max(outcomes["torch"].gradients, key=lambda each: float(each.relative_error[0]))
    laned = [{name: array[np.newaxis] for name, array in arrays.items()} for arrays in scenario.arrays(dtype)]
    derived = networks.second_opinion(network, *laned, judgement.parameter, judgement.entry(0))
    with mpmath.workdps(50):
        assert abs(mpmath.mpf(str(judgement.exact[0])) / derived - 1) < 1e-25


@pytest.mark.parametrize("dtype", BOTH)
@pytest.mark.parametrize("backend", ["reference", "torch"])  # JAX adds in another order, and errs less
@pytest.mark.parametrize("repeats", [64, 8192])
def test_a_batch_of_repeated_rows_is_not_accused(networks, backend, dtype, repeats):
    """The errors of equal rows add up: to hundreds of the spreads that independent errors would have."""
    pytest.importorskip({"reference": "numpy"}.get(backend, backend))
    network = networks.Network(
        sizes=(3, 4, 2),
        activations=("tanh", "sigmoid"),
        loss="half_sum_squared_error",
        biases=True,
        examples=4,
        input_scale=1.0,
        seed=0,
    )
    scenario = network.scenario()
    batch = {name: np.tile(array, (repeats, 1)) for name, array in scenario.batch.items()}
    scenario = networks.replace(scenario, batch=batch)
    run = load_backend(backend).run(scenario, dtype=dtype, variant=networks.IMPLEMENTATIONS[backend])
    outcome = judge(scenario, run, {})
    assert outcome.worst_verdict().passes
    assert max(judgement.spreads[0] for judgement in outcome.gradients) < 10


def test_the_second_opinion_is_the_gradient(networks):
    """For every activation and loss, against certified balls."""
    for number in range(0, 300, 10):
        drawn = networks.random_network(number)
        sizes = tuple(1 + width % 4 for width in drawn.sizes)
        network = networks.replace(drawn, sizes=sizes, examples=2, input_scale=1.0)
        scenario = network.scenario()
        laned = [
            {name: array[np.newaxis] for name, array in arrays.items()}
            for arrays in scenario.arrays("float64")
        ]
        gradient = differentiate(scenario.flat_loss, *laned, Balls(256), lanes=1).gradients["w1"]
        ball = gradient.balls()[0, 0, 0]
        derived = networks.second_opinion(network, *laned, "w1", (0, 0))
        with mpmath.workdps(50):
            exact = mpmath.mpf(ball.str(40, radius=False))
            assert abs(exact - derived) <= mpmath.mpf("1e-30") * abs(derived)
