"""A torch.autograd.Function: `gradproof check examples/torch_function.py`, and `::wrong_gradient`."""

import numpy as np
import torch

random = np.random.default_rng(3)
params = {"w": random.normal(size=(4, 2))}
batch = {"x": random.normal(size=(5, 4)), "y": random.normal(size=(5, 2))}


def loss(xp, params, batch):
    """Compute half the sum of squared errors of silu(x w)."""
    return 0.5 * xp.sum((xp.nn.silu(batch["x"] @ params["w"]) - batch["y"]) ** 2)


class Silu(torch.autograd.Function):
    """x · s(x), whose derivative is s + x s (1 - s)."""

    @staticmethod
    def forward(ctx, x):
        """Compute x · s(x)."""
        ctx.save_for_backward(x)
        return x * torch.sigmoid(x)

    @staticmethod
    def backward(ctx, error):
        """Compute error · (s + x s (1 - s))."""
        (x,) = ctx.saved_tensors
        s = torch.sigmoid(x)
        return error * (s + x * s * (1 - s))


class WrongSilu(Silu):
    """The same with the second term of the product rule forgotten."""

    @staticmethod
    def backward(ctx, error):
        """Compute error · s."""
        (x,) = ctx.saved_tensors
        return error * torch.sigmoid(x)


def _run(function, params, batch):
    w = torch.tensor(params["w"], requires_grad=True)
    x, y = torch.tensor(batch["x"]), torch.tensor(batch["y"])
    (0.5 * ((function.apply(x @ w) - y) ** 2).sum()).backward()
    return {"w": w.grad}


def gradient(params, batch):
    """Let autograd use the Function."""
    return _run(Silu, params, batch)


def wrong_gradient(params, batch):
    """Let autograd use the wrong one."""
    return _run(WrongSilu, params, batch)
