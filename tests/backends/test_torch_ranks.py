"""Data-parallel training by PyTorch's engines: right, planted wrong, and what cannot be shared out."""

import sys
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from trainings import trained

import gradproof as gp
from gradproof.reporting.report import Report
from gradproof.scenarios import bce_network, line_fit
from gradproof.scenarios.scenario import Scenario

pytest.importorskip("torch")
pytestmark = pytest.mark.slow  # each run starts two processes that import PyTorch

PLANTED = {
    "summed instead of averaged": """
        from torch.nn.parallel import DistributedDataParallel
        class Summed(DistributedDataParallel):
            def __init__(self, module):
                super().__init__(module)
                def hook(state, bucket):
                    work = distributed.all_reduce(bucket.buffer(), async_op=True)
                    return work.get_future().then(lambda future: future.value()[0])
                self.register_comm_hook(None, hook)
        parallel.DistributedDataParallel = Summed
    """,
    "a shorter share weighted as a full one": """
        right = descent.Accumulation.parts
        def parts(self, examples):
            return [(part, 1 / self.micro_batches) for part, _ in right(self, examples)]
        descent.Accumulation.parts = parts
    """,
    "a parameter that is not synchronised": """
        right = parallel.DistributedDataParallel
        def made(module):
            right._set_params_and_buffers_to_ignore_for_model(module, ["held.0"])
            return right(module)
        parallel.DistributedDataParallel = made
    """,
    "a state out of step": """
        right = torch_optimizers.optimizer_of
        def optimizer_of(training, weights, **options):
            made = right(training, weights, **options)
            if int(sys.argv[1]) == 1:
                for weight in weights.values():
                    made.state[weight] = {
                        "step": torch.tensor(0.0),
                        "exp_avg": torch.full_like(weight, 1e-3).detach(),
                        "exp_avg_sq": torch.zeros_like(weight).detach(),
                    }
            return made
        torch_optimizers.optimizer_of = optimizer_of
    """,
    "the ranks take one another's examples twice": """
        right = descent.Accumulation.parts
        descent.Accumulation.parts = lambda self, examples: [right(self, examples)[0]] * self.micro_batches
    """,
}

_PROGRAM = """
import sys
import torch
from torch import distributed
from torch.nn import parallel
from gradproof.backends import torch_optimizers, torch_ranks
from gradproof.reference import descent
{fault}
torch_ranks.main(int(sys.argv[1]))
"""


def verified(engine: str, scenario: Scenario, dtype: str = "float64") -> Report:
    return gp.verify(scenario, f"torch/{engine}", dtype, limits=None)


def network(examples: int = 5, **changed: Any) -> Scenario:
    scenario = bce_network()
    batch = {name: array[:examples] for name, array in scenario.flat_batch.items()}
    training = gp.GradientDescent(0.01, 6, optimizer=gp.Adam(), **changed)
    return replace(scenario, batch=batch, training=training, claims=())


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("engine", ["ddp", "fsdp"])
def test_shares_of_unequal_size_make_the_gradient_of_the_batch(engine: str, dtype: str) -> None:
    report = verified(engine, network(), dtype)
    assert report.ok, report.runs["reason"][0]
    assert len(report.states)


def test_a_loss_that_is_a_sum_is_weighted_as_one() -> None:
    scenario = trained("sigmoid_network", "momentum", steps=4, accumulation=gp.Accumulation(2, "sum"))
    report = verified("ddp", scenario)
    assert report.ok, report.runs["reason"][0]


@pytest.mark.parametrize("fault", PLANTED)
def test_a_planted_fault_is_found(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "rank.py"
    program.write_text(_PROGRAM.format(fault=textwrap.dedent(PLANTED[fault])), encoding="utf-8")
    monkeypatch.setattr("gradproof.backends.torch_ranks.PROGRAM", (sys.executable, str(program)))
    report = verified("ddp", network())
    assert not report.ok
    reason = report.runs["reason"][0]
    if "synchronised" in fault or "state" in fault:
        assert "the ranks are not in step" in reason
    elif "examples" in fault:
        assert "records losses that begin with" in reason
    else:
        assert report.runs["status"][0] == "run"
        assert "DISAGREES" in set(report.gradients["verdict"])


def test_a_loss_that_is_neither_a_mean_nor_a_sum_is_not_run() -> None:
    scenario = line_fit()

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        return scenario.loss(xp, params, batch) + params["m"] ** 2

    report = verified("ddp", replace(scenario, loss=loss, gradient=None, value_and_gradient=None, claims=()))
    assert "neither the mean nor the sum" in report.runs["reason"][0]


def test_fully_shard_refuses_a_scalar() -> None:
    assert "fully_shard shards no scalar" in verified("fsdp", line_fit()).runs["reason"][0]


def test_an_error_in_a_rank_is_told() -> None:
    scenario = network()

    def loss(xp: Any, params: Any, batch: Any) -> Any:
        if type(batch["x"]).__module__ == "torch":
            raise RuntimeError("no such luck")
        return scenario.loss(xp, params, batch)

    report = verified("ddp", replace(scenario, loss=loss, gradient=None, value_and_gradient=None))
    assert not report.ok
    assert np.any(["no such luck" in reason for reason in report.runs["reason"]])
