"""A PyTorch module as it is, with its own Function: `gradproof check examples/torch_module.py[::wrong]`."""

import torch
from torch import nn
from torch.nn import functional

import gradproof as gp


class RmsNorm(torch.autograd.Function):
    """y = g x / s with s² = mean(x²)."""

    @staticmethod
    def forward(ctx, x, gain):
        """Compute g x / s."""
        size = x.square().mean(-1, keepdim=True).sqrt()
        ctx.save_for_backward(x, size, gain)
        return x / size * gain

    @staticmethod
    def backward(ctx, error):
        """Compute (h - x mean(h x) / s²) / s for h = g · error, since ds/dx = x / (n s)."""
        x, size, gain = ctx.saved_tensors
        h = error * gain
        along = (h * x).mean(-1, keepdim=True)
        return (h - x * along / size**2) / size, (error * x / size).sum(0)


class WrongRmsNorm(RmsNorm):
    """The same as if s did not depend on x."""

    @staticmethod
    def backward(ctx, error):
        """Compute h / s."""
        x, size, gain = ctx.saved_tensors
        return error * gain / size, (error * x / size).sum(0)


class Norm(nn.Module):
    """A layer that normalises by a Function."""

    def __init__(self, function):
        """Begin with a gain of one."""
        super().__init__()
        self.gain = nn.Parameter(torch.ones(4))
        self.function = function

    def forward(self, x):
        """Normalise."""
        return self.function.apply(x, self.gain)


def _classifier(function):
    torch.manual_seed(6)
    model = nn.Sequential(nn.Embedding(7, 4), Norm(function), nn.Linear(4, 3))
    tokens, labels = torch.randint(0, 7, (5,)), torch.randint(0, 3, (5,))
    return gp.from_torch(
        model, (tokens,), loss=lambda logits: functional.cross_entropy(logits, labels), name="classifier"
    )


scenario = _classifier(RmsNorm)


def wrong():
    """Take the model with the wrong Function."""
    return _classifier(WrongRmsNorm)
