"""What people get wrong in the backward pass of a convolution or of a norm has its cause."""

import numpy as np
import pytest

import gradproof as gp

RANDOM = np.random.default_rng(0)
PARAMS = {
    "first": RANDOM.normal(size=(3, 2, 3, 3)),
    "bias": RANDOM.normal(size=3),
    "second": RANDOM.normal(size=(2, 3, 3, 3)),
}
BATCH = {"x": RANDOM.normal(size=(2, 2, 6, 6)), "weights": RANDOM.normal(size=(2, 18))}


def loss(xp, params, batch):
    hidden = xp.nn.relu(xp.nn.convolution(batch["x"], params["first"], params["bias"], padding=1))
    hidden = xp.nn.convolution(xp.nn.max_pool(hidden, window=(2, 2)), params["second"], padding=1)
    return xp.sum(xp.nn.layer_norm(xp.reshape(hidden, (2, -1))) * batch["weights"])


MISTAKES = {
    "": None,
    "input": ("wrong-order", "the weights turned around in the derivative of convolution"),
    "weights": ("wrong-order", "hands back to its weights turned around"),
    "norm": (
        "statistics-constant",
        "mean and deviation taken for constants in the derivative of standardize",
    ),
}


def gradients(mistake):
    torch = pytest.importorskip("torch")
    functional, autograd = torch.nn.functional, torch.autograd

    class Convolution(autograd.Function):
        @staticmethod
        def forward(ctx, x, weights):
            ctx.save_for_backward(x, weights)
            return functional.conv2d(x, weights, padding=1)

        @staticmethod
        def backward(ctx, g):
            x, weights = ctx.saved_tensors
            used = weights.flip(2, 3) if mistake == "input" else weights
            of_input = torch.nn.grad.conv2d_input(x.shape, used, g, padding=1)
            of_weights = torch.nn.grad.conv2d_weight(x, weights.shape, g, padding=1)
            return of_input, of_weights.flip(2, 3) if mistake == "weights" else of_weights

    params = {name: torch.tensor(value, requires_grad=True) for name, value in PARAMS.items()}
    batch = {name: torch.tensor(value) for name, value in BATCH.items()}
    hidden = torch.relu(functional.conv2d(batch["x"], params["first"], params["bias"], padding=1))
    hidden = Convolution.apply(functional.max_pool2d(hidden, 2), params["second"]).reshape(2, -1)
    mean, variance = hidden.mean(-1, keepdim=True), hidden.var(-1, unbiased=False, keepdim=True)
    if mistake == "norm":
        mean, variance = mean.detach(), variance.detach()
    (((hidden - mean) / torch.sqrt(variance + 1e-5)) * batch["weights"]).sum().backward()
    return {name: value.grad.numpy() for name, value in params.items()}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_a_network_has_its_cause(mistake):
    judged = gp.judge(loss, PARAMS, BATCH, gradients(mistake), dtype="float64")
    if MISTAKES[mistake] is None:
        assert judged.verdict is gp.Verdict.AGREES
    else:
        kind, words = MISTAKES[mistake]
        assert judged.verdict is gp.Verdict.DISAGREES
        assert judged.cause.kind == kind
        assert words in judged.cause.text
