"""Models as people have them, and the documents' systems written as PyTorch modules."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gradproof as gp
from gradproof.reference.truth import exact_gradient
from gradproof.scenarios.finding import scenario as document

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - where there is PyTorch
from torch.nn import functional as F  # noqa: E402, N812 - as everybody calls it


def normal(*shape: int, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng([seed, *shape]).standard_normal(shape).astype(np.float32))


LABELS = torch.tensor([0, 2, 1, 2])


def perceptron() -> Any:
    return nn.Sequential(nn.Linear(6, 16), nn.GELU(), nn.LayerNorm(16), nn.Linear(16, 3)), normal(4, 6)


def convolutions() -> Any:
    layers = (
        nn.Conv2d(2, 6, 3, padding=1), nn.BatchNorm2d(6), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(6, 8, 3, stride=2), nn.SiLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 3),
    )  # fmt: skip
    return nn.Sequential(*layers), normal(4, 2, 8, 8)


class Residual(nn.Module):
    """A block as in ResNet-20, and a U-Net's way up, by a transposed convolution and a concatenation."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Conv2d(2, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.GroupNorm(2, 4)
        self.down, self.up = nn.Conv2d(4, 4, 2, stride=2), nn.ConvTranspose2d(4, 2, 2, stride=2)
        self.last = nn.Linear(6, 3)

    def forward(self, x: Any) -> Any:
        wide = torch.tanh(self.first(x))
        wide = wide + torch.tanh(self.norm(self.second(wide)))
        joined = torch.cat([wide, self.up(F.softplus(self.down(wide)))], dim=1)
        return self.last(joined.mean((2, 3)))


class Recurrent(nn.Module):
    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.cells = kind(5, 6, num_layers=2, batch_first=True, bidirectional=True)
        self.last = nn.Linear(12, 3)

    def forward(self, x: Any) -> Any:
        return self.last(self.cells(x)[0][:, -1])


class Transformer(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.embedding, self.positions = nn.Embedding(11, 8), nn.Parameter(normal(5, 8, seed=3) / 4)
        self.layer = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, activation="gelu", batch_first=True)
        self.last = nn.Linear(8, 3)

    def forward(self, ids: Any) -> Any:
        mask = nn.Transformer.generate_square_subsequent_mask(5)
        return self.last(
            self.layer(self.embedding(ids) + self.positions, src_mask=mask, is_causal=True)[:, -1]
        )


def transformer() -> Any:
    return Transformer(), torch.from_numpy(np.random.default_rng(2).integers(0, 11, (4, 5)))


MODELS: dict[str, Callable[[], Any]] = {
    "perceptron": perceptron,
    "convolutions": convolutions,
    "residual": lambda: (Residual(), normal(4, 2, 4, 4)),
    "gru": lambda: (Recurrent(nn.GRU), normal(4, 3, 5)),
    "lstm": lambda: (Recurrent(nn.LSTM), normal(4, 3, 5)),
    "transformer": transformer,
}


@pytest.mark.parametrize("name", MODELS)
def test_a_model_as_it_is_has_the_gradient_that_pytorch_gives(name: str) -> None:
    torch.manual_seed(7)
    model, x = MODELS[name]()
    scenario = gp.from_torch(model, (x,), loss=lambda output: F.cross_entropy(output, LABELS))
    assert list(scenario.flat_params) == [each for each, _ in model.named_parameters()]
    for dtype in ("float64", "float32"):
        check = gp.check(scenario, dtype=dtype, points=1)
        assert check.ok, check
    truth = exact_gradient(scenario.flat_loss, scenario.flat_params, scenario.flat_batch)
    assert truth.complete


# -------------------------------------------------------------------- the documents' systems


class System(nn.Module):
    """A document's system: its parameters, and its loss of the data."""

    def __init__(self, params: Any, loss: Callable[..., Any]) -> None:
        super().__init__()
        for name, value in params.items():
            setattr(self, name, nn.Parameter(torch.tensor(value)))
        self.loss = loss

    def forward(self, **batch: Any) -> Any:
        return self.loss(self, **batch)


def sigmoid_network(m: Any, x: Any, y: Any) -> Any:
    return 0.5 * ((y - torch.sigmoid(torch.sigmoid(x @ m.w_ij) @ m.w_jk)) ** 2).sum()


def bce_network(m: Any, x: Any, y: Any) -> Any:
    return F.binary_cross_entropy(torch.sigmoid(torch.relu(x @ m.w_hidden) @ m.w_output), y)


def line_fit(m: Any, x: Any, y: Any) -> Any:
    return ((m.m * x + m.c - y) ** 2).sum()


def neuron_chain(m: Any, a0: Any, d: Any) -> Any:
    return ((torch.sigmoid(m.w2 * torch.sigmoid(m.w1 * a0 + m.b1) + m.b2) - d) ** 2).mean()


SYSTEMS = (sigmoid_network, bce_network, line_fit, neuron_chain)


@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("steps", [20, pytest.param(None, marks=pytest.mark.slow)])
def test_a_documents_system_as_a_module_gives_the_documents_verdicts(system: Any, steps: int | None) -> None:
    given = document(system.__name__)
    if steps is not None:
        given = replace(given, training=replace(given.training, steps=steps))
    module = System(given.flat_params, system)
    batch = {name: torch.tensor(array) for name, array in given.flat_batch.items()}
    taken = gp.from_torch(module, batch, name=system.__name__, training=given.training)
    assert gp.equivalent(given, taken).ok
    wanted = gp.verify([given], backends=["torch/eager"], limits=None)
    found = gp.verify([taken], backends=["torch/module"], limits=None)
    for frame in ("gradients", "updates"):
        kept = ["parameter", "dtype", "steps"]
        mine, theirs = (getattr(report, frame) for report in (found, wanted))
        kept = [name for name in kept if name in mine]
        assert mine[kept].to_dict("records") == theirs[kept].to_dict("records")
        differ = mine["verdict"].astype(str) != theirs["verdict"].astype(str)
        # Rounded otherwise, a trajectory meets a gradient's 0 at other steps, where few digits are left.
        assert differ.sum() <= len(mine) / 1000
        assert {*mine["verdict"][differ], *theirs["verdict"][differ]} <= {"AGREES", "ILL_CONDITIONED"}


def test_mini_batches_are_refused() -> None:
    training = gp.GradientDescent(learning_rate=0.1, steps=3, mini_batches=gp.MiniBatches(size=2, seed=0))
    with pytest.raises(gp.InputError, match="The training draws mini-batches"):
        gp.from_torch(nn.Linear(3, 1), (torch.ones(4, 3),), loss=lambda out: out.sum(), training=training)


@pytest.mark.parametrize("name", ["perceptron", "transformer"])
def test_a_models_traced_operations_run_on_a_frameworks_own_arrays(name: str) -> None:
    torch.manual_seed(7)
    model, x = MODELS[name]()
    scenario = gp.from_torch(model, (x,), loss=lambda output: F.cross_entropy(output, LABELS))
    report = gp.verify([scenario], backends=["torch"], dtypes="float32", limits=None)
    assert report.ok
    assert set(report.gradients["variant"]) >= {"module", "eager"}
