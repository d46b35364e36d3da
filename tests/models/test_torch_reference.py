"""A kernel that cannot be looked into, beside a function that computes the same in plain operations."""

from typing import Any

import numpy as np
import pytest

import gradproof as gp

torch = pytest.importorskip("torch")


def plain_attention(q: Any, k: Any, v: Any) -> Any:
    return torch.softmax(q @ k.mT / q.shape[-1] ** 0.5, dim=-1) @ v


def kernel(*, scale: bool = True, shift: float = 0.0) -> Any:
    """Attention computed outside of PyTorch, with a backward pass of its own."""

    class Attention(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, q: Any, k: Any, v: Any) -> Any:
            a, b = (each.detach().numpy() for each in (q, k))
            scores = a @ np.swapaxes(b, -1, -2) / a.shape[-1] ** 0.5
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            weights = torch.from_numpy(weights / weights.sum(-1, keepdims=True))
            ctx.save_for_backward(q, k, v, weights)
            return weights @ v + shift

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            q, k, v, weights = ctx.saved_tensors
            slope = g @ v.mT
            scores = weights * (slope - (weights * slope).sum(-1, keepdim=True))
            scores = scores / q.shape[-1] ** 0.5 if scale else scores
            return scores @ k, scores.mT @ q, weights.mT @ g

    return Attention.apply


def inputs(dtype: Any = torch.float32) -> tuple[Any, Any, Any]:
    random = np.random.default_rng(0)
    q, k, v = (torch.from_numpy(random.standard_normal((2, 4, 3))).to(dtype) for _ in range(3))
    return q, k, v


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_right_kernel_passes(dtype: str) -> None:
    scenario = gp.from_torch(kernel(), inputs(), reference=plain_attention, name="attention")
    check = gp.check(scenario, dtype=dtype, points=4)
    assert check.ok, check


def test_without_a_reference_the_kernel_is_refused() -> None:
    with pytest.raises(gp.UnsupportedError, match=r"by numpy\(\) .*`reference=`"):
        gp.from_torch(kernel(), inputs(), loss=lambda output: output.sum())


def test_a_wrong_backward_is_found_with_its_cause() -> None:
    check = gp.check(gp.from_torch(kernel(scale=False), inputs(), reference=plain_attention))
    assert check.verdict is gp.Verdict.DISAGREES
    assert check.cause is not None
    assert check.cause.factor == pytest.approx(3**0.5)


def test_a_value_that_differs_is_told_first() -> None:
    check = gp.check(gp.from_torch(kernel(shift=1e-4), inputs(), reference=plain_attention), points=0)
    assert not check.ok
    first = check.findings[0]
    assert (first.kind, first.fails) == ("value-differs", True)
    assert "The model's value is not the reference's: it gives the loss" in first.text
    assert "spreads of the rounding noise" in first.text


class Scaled(torch.nn.Module):
    def __init__(self, function: Any) -> None:
        super().__init__()
        self.w = torch.nn.Parameter(torch.tensor([0.5, -1.0, 2.0]))
        self.function = function

    def forward(self, x: Any) -> Any:
        return self.function(x * self.w)


class Cube(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return torch.from_numpy(x.detach().numpy() ** 3)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return 3 * g * x * x


def test_a_module_as_the_reference_has_the_models_parameters() -> None:
    model, plain = Scaled(Cube.apply), Scaled(lambda x: x**3)
    with torch.no_grad():
        plain.w.mul_(7)  # what the reference holds itself does not count
    scenario = gp.from_torch(model, (torch.tensor([1.0, 2.0, 3.0]),), reference=plain)
    assert list(scenario.flat_params) == ["w"]
    assert gp.check(scenario, points=3).ok
    assert plain.w.tolist() == [3.5, -7.0, 14.0]
    assert gp.check(
        gp.from_torch(model, (torch.ones(3),), reference=lambda x: (x * model.w) ** 3), points=3
    ).ok
    with pytest.raises(gp.InputError, match=r"lacks the model's parameter 'w' of shape \(3,\)"):
        gp.from_torch(model, (torch.ones(3),), reference=torch.nn.Linear(3, 3))


class Half(torch.autograd.Function):
    """A kernel that takes float32 alone, as those in Triton do."""

    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        if x.dtype is not torch.float32:
            raise RuntimeError("expected float32")
        ctx.save_for_backward(x)
        return x.sin()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g * x.cos()


@pytest.mark.parametrize("reference", [torch.sin, None])
def test_what_runs_in_float32_alone_is_looked_at_in_that(reference: Any) -> None:
    x = torch.linspace(-1, 2, 6)
    loss = None if reference else (lambda out: (out * torch.linspace(1, 2, 6)).sum())
    check = gp.check(gp.from_torch(Half.apply, (x,), loss=loss, reference=reference), points=3)
    assert check.ok, check
    told = " ".join(finding.text for finding in check.findings)
    assert "does not run in float64, and is looked at in float32" in told
    assert "gives float32, so it is judged as float32" in told


@pytest.mark.filterwarnings("ignore")
def test_a_compiled_model_is_judged_and_what_it_was_compiled_from_is_traced() -> None:
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.GELU(), torch.nn.Linear(4, 2))
    compiled = torch.compile(model, backend="aot_eager")
    scenario = gp.from_torch(
        compiled, (torch.linspace(-1, 1, 6).reshape(2, 3),), loss=lambda out: out.exp().sum()
    )
    assert list(scenario.flat_params) == ["0.weight", "0.bias", "2.weight", "2.bias"]
    check = gp.check(scenario, points=1)
    assert check.ok, check
