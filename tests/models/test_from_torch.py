"""PyTorch's modules as they are: right ones pass, and a wrong backward is found."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - where there is PyTorch
from torch.nn import functional as F  # noqa: E402, N812 - as everybody calls it


def normal(*shape: int, seed: int = 0) -> Any:
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


class Swish(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any, complete: bool) -> Any:
        ctx.save_for_backward(x)
        ctx.complete = complete
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return g * (s + x * s * (1 - s) if ctx.complete else s), None


class Small(nn.Module):
    def __init__(self, complete: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.norm, self.last = nn.Linear(4, 5), nn.LayerNorm(5), nn.Linear(5, 3)
        self.complete = complete

    def forward(self, x: Any) -> Any:
        return self.last(self.norm(Swish.apply(self.first(x), self.complete)))


class Statements(nn.Module):
    """In-place operations, views, detach and no_grad, running statistics, a loop over time."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.first, self.norm = nn.Linear(4, 5), nn.BatchNorm1d(5)
        self.recurrent = nn.GRU(5, 3, batch_first=True)

    def forward(self, x: Any) -> Any:
        hidden = self.norm(self.first(x))
        with torch.no_grad():
            gate = hidden.exp()
        constant = hidden.detach() * hidden.data
        hidden = hidden.clone() + gate * constant
        hidden[:, 0] = hidden[:, 0] * 2
        hidden.add_(1)
        states, _ = self.recurrent(hidden.reshape(2, 3, 5))
        return states[:, -1]


MODELS: dict[str, Callable[[], tuple[Any, Any, Any]]] = {
    "a custom Function": lambda: (Small(), normal(6, 4), (6, 3)),
    "statements": lambda: (Statements(), normal(6, 4), (2, 3)),
    "transformer": lambda: (
        nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True),
        normal(2, 5, 8),
        (2, 5, 8),
    ),
}


def scenario_of(name: str) -> gp.Scenario:
    torch.manual_seed(2)
    model, x, shape = MODELS[name]()
    y = normal(*shape, seed=1)
    return gp.from_torch(model, (x,), loss=lambda output: F.mse_loss(output, y))


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_model_passes_at_the_given_point_and_at_its_own(name: str, dtype: str) -> None:
    check = gp.check(scenario_of(name), dtype=dtype, points=4)
    assert check.ok, check
    assert check.points.asked == 4


def test_a_wrong_backward_is_found_and_its_line_is_told() -> None:
    y = normal(6, 3, seed=1)
    scenario = gp.from_torch(Small(complete=False), (normal(6, 4),), loss=lambda out: F.mse_loss(out, y))
    check = gp.check(scenario)
    assert check.verdict is gp.Verdict.DISAGREES
    wrong = {name for name, each in check.parameters.items() if not each.worst.accepted(strict=True)}
    assert wrong == {"first.weight", "first.bias"}
    assert check.cause is not None
    line = Swish.forward.__code__.co_firstlineno + 4
    assert f"test_from_torch.py:{line}" in check.cause.text


def test_a_model_is_as_it_was_after_it_was_looked_at() -> None:
    torch.manual_seed(0)
    model = Statements()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    gradients = {name: torch.ones_like(each) for name, each in model.named_parameters()}
    for name, each in model.named_parameters():
        each.grad = gradients[name]
    gp.check(gp.from_torch(model, (normal(6, 4),), loss=lambda out: out.sum()), points=2, dtype="float32")
    after = model.state_dict()
    assert all(
        torch.equal(before[name], after[name]) and before[name].dtype == after[name].dtype for name in before
    )
    assert all(each.grad is gradients[name] for name, each in model.named_parameters())
    assert torch.get_default_dtype() is torch.float32


def test_the_module_itself_is_a_row_of_verify() -> None:
    report = gp.verify([scenario_of("a custom Function")], backends=["torch/module"], limits=None)
    assert report.ok
    assert set(report.gradients["variant"]) == {"module"}
    assert set(report.gradients["dtype"]) == {"float64", "float32"}


@pytest.mark.slow
def test_a_wrong_module_disagrees_in_a_process_of_its_own() -> None:
    y = normal(6, 3, seed=1)
    scenario = gp.from_torch(Small(complete=False), (normal(6, 4),), loss=lambda out: F.mse_loss(out, y))
    report = gp.verify([scenario], backends=["torch/module"], dtypes="float32")
    assert not report.ok
    assert set(report.gradients["verdict"]) == {"DISAGREES", "AGREES"}


def test_a_check_takes_a_scenario_and_nothing_beside_it() -> None:
    square = gp.Scenario(
        name="square", loss=lambda xp, p, _: xp.sum(p["w"] ** 2), params={"w": np.ones(2)}, batch={}
    )
    with pytest.raises(gp.InputError, match="'square' has no gradient to be checked"):
        gp.check(square)
    assert gp.check(square, lambda p, _: {"w": 2 * p["w"]}).ok
    with pytest.raises(gp.InputError, match="is given a scenario, and arrays beside it"):
        gp.check(square, None, {"w": np.ones(2)}, {})
    with pytest.raises(gp.InputError, match="lacks a gradient or its parameters"):
        gp.check(square.loss)
