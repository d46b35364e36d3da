"""What `from_torch` refuses, each with what is wrong, where, and what to do; and what it tells of a model."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import gradproof as gp

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402 - where there is PyTorch
from torch.nn import functional as F  # noqa: E402, N812 - as everybody calls it


class Body(nn.Module):
    """A linear layer whose output goes through a function."""

    def __init__(self, function: Callable[..., Any], **options: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.linear = nn.Linear(3, 3)
        self.function = function
        for name, value in options.items():
            setattr(self, name, value)

    def forward(self, x: Any) -> Any:
        return self.function(self, self.linear(x))


def taken(function: Callable[..., Any], *, loss: Any = None, x: Any = None, **options: Any) -> Any:
    x = torch.linspace(-1, 1, 6).reshape(2, 3) if x is None else x
    return gp.from_torch(Body(function, **options), (x,), loss=loss)


def line_of(function: Callable[..., Any]) -> str:
    return rf"test_torch_bad_inputs.py:{function.__code__.co_firstlineno}"


def clamped(model: Any, h: Any) -> Any:
    with torch.no_grad():
        model.linear.weight.clamp_(-1, 1)
    return h.sum()


def counted(model: Any, h: Any) -> Any:
    model.linear.weight.data.mul_(0.5)
    return h.sum()


REFUSED: dict[str, tuple[type[Exception], Callable[..., Any], str]] = {
    "no tensor": (
        gp.InputError,
        lambda _, h: {"a": h},
        "The model gives a dict, which is no tensor. Give `loss=`",
    ),
    "no scalar": (
        gp.InputError,
        lambda _, h: h,
        r"tensor of shape \(2, 3\), but a gradient needs a scalar. Give",
    ),
    "if": (
        gp.UnsupportedError,
        lambda _, h: h.sum() if h.sum() > 0 else -h.sum(),
        "asks for the numbers in a tensor by `if`",
    ),
    "float": (
        gp.UnsupportedError,
        lambda _, h: h.sum() * float(h.sum()),
        "asks for the numbers in a tensor by",
    ),
    "tolist": (
        gp.UnsupportedError,
        lambda _, h: h.sum() * sum(h[0].tolist()),
        r"in a tensor by tolist\(\) at",
    ),
    "numpy": (
        gp.UnsupportedError,
        lambda _, h: (h * torch.from_numpy(h.detach().numpy())).sum(),
        r"in a tensor by numpy\(\) at .*where its graph breaks: a trace has one way alone. Choose with",
    ),
    "derivative": (
        gp.UnsupportedError,
        lambda _, h: torch.autograd.grad((h**2).sum(), h, create_graph=True)[0].sum(),
        "takes a derivative itself at .*PyTorch's own rule",
    ),
    "derivative by torch.func": (
        gp.UnsupportedError,
        lambda _, h: torch.func.grad(lambda a: (a**2).sum())(h).sum(),
        "takes a derivative itself at .*Write that derivative out",
    ),
    "forward derivative": (
        gp.UnsupportedError,
        lambda _, h: torch.func.jvp(lambda a: (a**2).sum(), (h,), (h,))[1],
        "takes a derivative itself at",
    ),
    "dropout": (
        gp.InputError,
        lambda _, h: F.dropout(h, 0.5, training=True).sum(),
        r"draws random numbers by aten.bernoulli\S* at .*Call model.eval\(\), set dropout's p to 0",
    ),
    "noise": (gp.InputError, lambda _, h: (h + torch.randn_like(h)).sum(), "draws random numbers"),
    "changed parameter": (
        gp.InputError,
        clamped,
        "changes its parameter 'linear.weight' in its forward pass",
    ),
    "changed data": (gp.InputError, counted, "changes its parameter 'linear.weight' in its forward pass"),
    "unknown operation": (
        gp.UnsupportedError,
        lambda _, h: torch.fft.rfft(h).abs().sum(),
        "PyTorch's aten._fft_r2c.default at .*whose exact form is not known here. .*`reference=`",
    ),
    "its own exception": (gp.InputError, lambda _, h: h @ h, r"(?s)The model raises an exception:.*Mend it"),
    "nothing differentiated": (
        gp.InputError,
        lambda _, h: h.detach().sum(),
        "There is nothing to differentiate",
    ),
}


@pytest.mark.filterwarnings(
    "ignore:.*torch.jit:DeprecationWarning"
)  # PyTorch's own, of its forward derivatives
@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_followed_is_refused_with_its_line(name: str) -> None:
    kind, function, message = REFUSED[name]
    with pytest.raises(kind, match=message) as caught:
        taken(function)
    assert "xp." not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["if", "float", "tolist", "numpy", "derivative", "dropout", "unknown operation"]
)
def test_the_line_that_is_told_is_the_users(name: str) -> None:
    kind, function, _ = REFUSED[name]
    with pytest.raises(kind, match=r"test_torch_bad_inputs.py:\d+") as caught:
        taken(function)
    told = int(str(caught.value).partition("test_torch_bad_inputs.py:")[2].partition(" ")[0].rstrip(",.)"))
    assert 0 <= told - function.__code__.co_firstlineno <= 2


def test_dropout_in_a_module_is_told_with_its_path() -> None:
    model = nn.Sequential(nn.Linear(3, 3), nn.Sequential(nn.ReLU(), nn.Dropout(0.5)))
    with pytest.raises(gp.InputError, match=r"at .*\(in 1.1\)"):
        gp.from_torch(model, (torch.ones(2, 3),), loss=lambda output: output.sum())
    assert gp.check(gp.from_torch(model.eval(), (torch.ones(2, 3),), loss=lambda out: out.sum()), points=0).ok


def test_numbers_that_are_none_are_refused() -> None:
    model = nn.Linear(3, 1)
    with torch.no_grad():
        model.weight[0, 1] = float("nan")
    with pytest.raises(gp.InputError, match=r"The tensor 'weight' is nan at index \(0, 1\). Give finite"):
        gp.from_torch(model, (torch.ones(2, 3),), loss=lambda output: output.sum())


def test_tensors_on_several_devices_are_refused() -> None:
    model = nn.Linear(3, 1)
    with pytest.raises(
        gp.InputError, match=r"on several devices: 'bias' on cpu and 'input' on meta\. Move all"
    ):
        gp.from_torch(model, (torch.ones(2, 3, device="meta"),), loss=lambda output: output.sum())


def test_a_lazy_module_that_was_not_called_is_refused() -> None:
    with pytest.raises(gp.InputError, match=r"'weight' has no numbers yet.*Call the model once"):
        gp.from_torch(nn.LazyLinear(2), (torch.ones(2, 3),), loss=lambda output: output.sum())


def test_digits_that_pytorchs_formula_loses_are_told_and_no_failure() -> None:
    # 1 - tanh² at 9 has nothing of 1 / cosh²(9) left in float32
    scenario = gp.from_torch(lambda x: torch.tanh(x).sum(), (torch.tensor([0.5, 9.0]),))
    check = gp.check(scenario, dtype="float32", points=0)
    assert check.verdict is gp.Verdict.INACCURATE
    assert check.ok
    assert not gp.check(scenario, dtype="float32", points=0, strict=True).ok


def test_complex_tensors_are_refused() -> None:
    with pytest.raises(gp.InputError, match="The tensor 'x' is complex"):
        gp.from_torch(lambda x: x.abs().sum(), (torch.ones(2, dtype=torch.complex64),))


def test_inputs_that_are_none_are_refused() -> None:
    with pytest.raises(gp.InputError, match="The inputs of the model are a int"):
        gp.from_torch(nn.Linear(3, 1), 3)  # type: ignore[arg-type] # what is tested
    with pytest.raises(gp.InputError, match=r"no input called 'y'\. Choose from x"):
        gp.from_torch(lambda x: x.sum(), (torch.ones(2),), params=["y"])


def kinds(check: gp.Check) -> set[tuple[str, str]]:
    return {(finding.kind, finding.text) for finding in check.findings}


class Told(nn.Module):
    """A frozen parameter, one without a part in the loss, two that are one, running statistics."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.unused, self.norm = nn.Linear(3, 3), nn.Linear(3, 3), nn.BatchNorm1d(3)
        self.last = nn.Linear(3, 3)
        self.last.weight = self.first.weight
        self.first.bias.requires_grad_(False)

    def forward(self, x: Any) -> Any:
        return (self.last(self.norm(self.first(x))) ** 2).sum()


def test_what_is_left_out_is_told() -> None:
    model = Told()
    scenario = gp.from_torch(model, (torch.linspace(-1, 1, 12).reshape(4, 3) ** 2,))
    assert list(scenario.flat_params) == ["first.weight", "norm.weight", "norm.bias", "last.bias"]
    check = gp.check(scenario, points=2)
    assert check.ok
    assert {text for kind, text in kinds(check) if kind == "left-out"} == {
        "Frozen parameters are constants: first.bias.",
        "Tied parameters are one: last.weight is first.weight.",
        "Parameters that the loss does not depend on are left out: unused.weight, unused.bias.",
    }
    assert int(model.norm.num_batches_tracked) == 0


def test_integers_that_steer_the_computation_are_constants() -> None:
    scenario = gp.from_torch(
        lambda x, count: x[: int(count)].square().sum(), (torch.arange(5.0), torch.tensor(3))
    )
    assert list(scenario.flat_batch) == []
    check = gp.check(scenario)
    assert check.ok
    assert ("left-out", "Inputs that decide what the model computes are as they are: count.") in kinds(check)


def test_constants_may_decide_what_is_computed() -> None:
    def function(x: Any, labels: Any) -> Any:
        mask = torch.ones(2, dtype=torch.bool)
        return x.square().sum() if mask.all() else x[labels].sum()

    scenario = gp.from_torch(function, (torch.tensor([1.0, 2.0]), torch.tensor([0, 1])))
    assert list(scenario.flat_batch) == ["labels"]
    assert gp.check(scenario).ok


@pytest.mark.parametrize("options", [{"padding_idx": 0}, {"scale_grad_by_freq": True}, {}])
def test_a_row_of_padding_has_no_derivative_by_definition(options: dict[str, Any]) -> None:
    torch.manual_seed(0)
    table = nn.Embedding(5, 2, **options)
    ids = torch.tensor([[0, 3, 3], [1, 0, 3]])
    scenario = gp.from_torch(table, (ids,), loss=lambda out: (out**2).sum() + out.sum())
    assert gp.check(scenario, points=3).ok


def test_integers_of_the_data_stay_data() -> None:
    table = nn.Embedding(5, 2)
    scenario = gp.from_torch(table, (torch.tensor([[0, 3], [3, 1]]),), loss=lambda out: out.square().sum())
    assert scenario.flat_batch["input"].dtype == np.int64
    assert gp.check(scenario, points=3).ok


def test_a_change_in_place_that_autograd_does_not_see_passes_the_derivative_on() -> None:
    def function(x: Any) -> Any:
        y = 2 * x
        with torch.no_grad():
            y.clamp_(max=1.0)
        return (y**2).sum()

    assert gp.check(gp.from_torch(function, (torch.tensor([0.2, 3.0]),)), points=3).ok


def test_inputs_by_name_and_nested_and_those_that_are_differentiated() -> None:
    def function(pair: Any, *, scale: Any, power: int) -> Any:
        return (scale * pair[0] ** power + pair[1]["a"]).sum()

    x, y = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([3.0, 4.0])
    scenario = gp.from_torch(function, {"pair": [x, {"a": y}], "scale": torch.tensor(2.0), "power": 3})
    assert list(scenario.flat_params) == ["pair.0"]
    assert list(scenario.flat_batch) == ["pair.1.a", "scale"]
    assert gp.check(scenario).ok
    both = gp.from_torch(
        function, {"pair": [x, {"a": y}], "scale": torch.tensor(2.0), "power": 3}, params=["pair.0", "scale"]
    )
    assert list(both.flat_params) == ["pair.0", "scale"]
    assert gp.check(both).ok
