"""Custom autograd Functions as they are really written, each right and with an error that was really made.

Every class of the module is one kernel; `wrong` tells whether its backward pass has the error.
"""

import re
from typing import Any

import numpy as np
import pytest

import gradproof as gp

torch = pytest.importorskip("torch")

Function = torch.autograd.Function


class LayerNorm(Function):
    """Wrong: the term of the variance is forgotten, as if the standard deviation were a constant."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any, wrong: bool) -> Any:
        centred = x - x.mean(-1, keepdim=True)
        scale = torch.rsqrt(centred.square().mean(-1, keepdim=True) + 1e-5)
        normal = centred * scale
        ctx.save_for_backward(normal, scale, weight)
        ctx.wrong = wrong
        return normal * weight + bias

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        normal, scale, weight = ctx.saved_tensors
        h = g * weight
        projected = 0 if ctx.wrong else normal * (h * normal).mean(-1, keepdim=True)
        dx = scale * (h - h.mean(-1, keepdim=True) - projected)
        return dx, (g * normal).sum((0, 1)), g.sum((0, 1)), None


class RMSNorm(Function):
    """Wrong: the projection is summed, and not divided by the width."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, wrong: bool) -> Any:
        scale = torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-6)
        ctx.save_for_backward(x, scale, weight)
        ctx.wrong = wrong
        return x * scale * weight

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, scale, weight = ctx.saved_tensors
        h = g * weight
        width = 1 if ctx.wrong else x.shape[-1]
        dx = scale * h - x * scale**3 * (h * x).sum(-1, keepdim=True) / width
        return dx, (g * x * scale).sum((0, 1)), None


class CausalAttention(Function):
    """Wrong: the softmax's derivative without the sum over the row."""

    @staticmethod
    def forward(ctx: Any, q: Any, k: Any, v: Any, wrong: bool) -> Any:
        scale = q.shape[-1] ** -0.5
        scores = q @ k.transpose(-1, -2) * scale
        mask = torch.ones(scores.shape[-2:], dtype=torch.bool).tril()
        weights = torch.softmax(scores.masked_fill(~mask, float("-inf")), -1)
        ctx.save_for_backward(q, k, v, weights)
        ctx.scale, ctx.wrong = scale, wrong
        return weights @ v

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        q, k, v, weights = ctx.saved_tensors
        dweights = g @ v.transpose(-1, -2)
        rows = 0 if ctx.wrong else (dweights * weights).sum(-1, keepdim=True)
        dscores = weights * (dweights - rows) * ctx.scale
        return dscores @ k, dscores.transpose(-1, -2) @ q, weights.transpose(-1, -2) @ g, None


class CrossEntropy(Function):
    """Fused with its linear layer. Wrong: the mean over the examples is forgotten in the backward pass."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, labels: Any, wrong: bool) -> Any:
        logits = x @ weight.t()
        log_p = logits - torch.logsumexp(logits, -1, keepdim=True)
        ctx.save_for_backward(x, weight, log_p, labels)
        ctx.wrong = wrong
        return -log_p.gather(-1, labels[:, None]).mean()

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, weight, log_p, labels = ctx.saved_tensors
        dlogits = log_p.exp() - torch.nn.functional.one_hot(labels, weight.shape[0])
        dlogits = g * dlogits / (1 if ctx.wrong else len(labels))
        return dlogits @ weight, dlogits.t() @ x, None, None


class Scan(Function):
    """h_t = a_t h_(t-1) + x_t along the time. Wrong: a_t's derivative takes h_t in the place of h_(t-1)."""

    @staticmethod
    def forward(ctx: Any, a: Any, x: Any, wrong: bool) -> Any:
        state, states = torch.zeros_like(x[0]), []
        for each_a, each_x in zip(a, x, strict=True):
            state = each_a * state + each_x
            states.append(state)
        stacked = torch.stack(states)
        ctx.save_for_backward(a, stacked)
        ctx.wrong = wrong
        return stacked

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        a, states = ctx.saved_tensors
        before = states if ctx.wrong else torch.cat([torch.zeros_like(states[:1]), states[:-1]])
        carried, handed = torch.zeros_like(g[0]), []
        for time in reversed(range(len(g))):
            carried = g[time] + (a[time + 1] * carried if time + 1 < len(g) else 0)
            handed.append(carried)
        dx = torch.stack(handed[::-1])
        return dx * before, dx, None


class Quantise(Function):
    """The straight-through estimator, clipped. Wrong: it passes beyond the clipping, too."""

    @staticmethod
    def forward(ctx: Any, x: Any, wrong: bool) -> Any:
        ctx.save_for_backward(x)
        ctx.wrong = wrong
        return torch.round(x.clamp(-1, 1) * 7) / 7

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        return g if ctx.wrong else g * (x.abs() <= 1), None


def quantised(x: Any, _: bool) -> Any:
    inside = x.clamp(-1, 1)
    return inside + (torch.round(inside * 7) / 7 - inside).detach()


class Gelu(Function):
    """The approximation by tanh. Wrong: the inner derivative of the cubic is forgotten."""

    @staticmethod
    def forward(ctx: Any, x: Any, wrong: bool) -> Any:
        ctx.save_for_backward(x)
        ctx.wrong = wrong
        return 0.5 * x * (1 + torch.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x)))

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        (x,) = ctx.saved_tensors
        t = torch.tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))
        inner = 0.7978845608028654 * (1 if ctx.wrong else 1 + 3 * 0.044715 * x * x)
        return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * inner), None


class SwiGLU(Function):
    """silu(x W) · (x V). Wrong: the derivative of silu is sigmoid alone."""

    @staticmethod
    def forward(ctx: Any, x: Any, w: Any, v: Any, wrong: bool) -> Any:
        gate, value = x @ w, x @ v
        ctx.save_for_backward(x, w, v, gate, value)
        ctx.wrong = wrong
        return gate * torch.sigmoid(gate) * value

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, w, v, gate, value = ctx.saved_tensors
        s = torch.sigmoid(gate)
        slope = s if ctx.wrong else s * (1 + gate * (1 - s))
        dgate, dvalue = g * value * slope, g * gate * s
        flat = x.reshape(-1, x.shape[-1]).t()
        dw, dv = (flat @ each.reshape(-1, each.shape[-1]) for each in (dgate, dvalue))
        return dgate @ w.t() + dvalue @ v.t(), dw, dv, None


class Rotary(Function):
    """Rotary positions. Wrong: the backward pass turns the same way as the forward one."""

    @staticmethod
    def forward(ctx: Any, x: Any, cos: Any, sin: Any, wrong: bool) -> Any:
        ctx.save_for_backward(cos, sin)
        ctx.wrong = wrong
        a, b = x.chunk(2, -1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1)

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        cos, sin = ctx.saved_tensors
        sin = sin if ctx.wrong else -sin
        a, b = g.chunk(2, -1)
        return torch.cat([a * cos - b * sin, a * sin + b * cos], -1), None, None, None


class Linear(Function):
    """Wrong: the bias's gradient is the mean over the examples."""

    @staticmethod
    def forward(ctx: Any, x: Any, weight: Any, bias: Any, wrong: bool) -> Any:
        ctx.save_for_backward(x, weight)
        ctx.wrong = wrong
        return x @ weight.t() + bias

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, weight = ctx.saved_tensors
        return g @ weight, g.t() @ x, g.mean(0) if ctx.wrong else g.sum(0), None


class LogSumExp(Function):
    """T log sum exp(x / T). Wrong: the derivative is divided by the temperature once too often."""

    @staticmethod
    def forward(ctx: Any, x: Any, temperature: float, wrong: bool) -> Any:
        value = temperature * torch.logsumexp(x / temperature, -1)
        ctx.save_for_backward(x, value)
        ctx.temperature, ctx.wrong = temperature, wrong
        return value

    @staticmethod
    def backward(ctx: Any, g: Any) -> Any:
        x, value = ctx.saved_tensors
        weights = torch.exp((x - value[..., None]) / ctx.temperature)
        return g[..., None] * weights / (ctx.temperature if ctx.wrong else 1), None, None


def normal(*shape: int, seed: int = 0, scale: float = 1.0) -> Any:
    values = scale * np.random.default_rng([seed, *shape]).standard_normal(shape)
    return torch.from_numpy(values.astype(np.float32)).requires_grad_()


def angles(length: int, width: int) -> tuple[Any, Any]:
    turned = torch.outer(torch.arange(length), 10.0 ** -torch.arange(width))
    return torch.cos(turned), torch.sin(turned)


# By class: its inputs, what computes the same in plain operations where it is not its own forward pass, and
# words that the cause, or the place, must have.
CASES: dict[Any, tuple[tuple[Any, ...], Any, str]] = {
    LayerNorm: ((normal(2, 3, 5), normal(5), normal(5, seed=1)), None, r"nothing carried back through var"),
    RMSNorm: ((normal(2, 3, 5), normal(5)), None, r"the 1/5 of the derivative of mean"),
    CausalAttention: (tuple(normal(2, 4, 3, seed=s) for s in range(3)), None, r"where and softmax"),
    CrossEntropy: (
        (normal(5, 3), normal(4, 3), torch.tensor([0, 3, 1, 1, 2])),
        None,
        r"the 1/5 of the derivative of mean",
    ),
    Scan: (
        (normal(6, 3, scale=0.5), normal(6, 3, seed=1)),
        None,
        r"the value of the step after at every step",
    ),
    Quantise: ((normal(4, 5),), quantised, r"to minimum .* skipped on the way back"),
    Gelu: ((normal(4, 5),), None, r"the derivative of multiply"),
    SwiGLU: (
        (normal(2, 3, 4), normal(4, 5), normal(4, 5, seed=1)),
        None,
        r"nothing carried back through sigmoid",
    ),
    Rotary: (
        (normal(2, 4, 6), *angles(4, 3)),
        None,
        r"derivative of each of 2 operations multiply .* negated",
    ),
    Linear: ((normal(4, 3), normal(2, 3), normal(2)), None, r"made a mean .divided by 4"),
    LogSumExp: ((normal(4, 5), 2.5), None, r"the factor 2.5 of the derivative of multiply"),
}


def checked(function: Any, *, wrong: bool, dtype: str) -> gp.Check:
    inputs, reference, _ = CASES[function]
    scenario = gp.from_torch(
        lambda *given: function.apply(*given, wrong),
        inputs,
        loss=lambda out: (
            (out * torch.linspace(0.5, 2, out.numel()).reshape(out.shape)).sum() + out.square().sum()
        ),
        reference=None if reference is None else lambda *given: reference(*given, wrong),
        name=function.__name__,
    )
    return gp.check(scenario, dtype=dtype, points=2)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("function", CASES)
def test_a_right_function_passes(function: Any, dtype: str) -> None:
    check = checked(function, wrong=False, dtype=dtype)
    assert check.ok, check


@pytest.mark.parametrize("function", CASES)
def test_a_wrong_function_is_found(function: Any) -> None:
    assert checked(function, wrong=True, dtype="float32").verdict is gp.Verdict.DISAGREES


@pytest.mark.parametrize("function", CASES)
def test_the_cause_of_a_wrong_function_or_its_place_is_told(function: Any) -> None:
    check = checked(function, wrong=True, dtype="float64")
    assert check.cause is not None
    assert re.search(CASES[function][2], check.cause.text), check.cause
    if CASES[function][1] is None:  # else the reference's lines are told
        line = check.cause.gradient_where.rpartition(":")[2]
        assert check.cause.gradient_where.startswith(f"{function.__name__}.backward at ")
        assert 0 <= int(line) - function.backward.__code__.co_firstlineno <= 1
