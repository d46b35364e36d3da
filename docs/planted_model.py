"""A PyTorch module with a planted error, for a picture: a backward pass takes the norm for a constant."""

from collections import OrderedDict

import torch
from torch import nn
from torch.nn import functional

import gradproof as gp


class RmsNorm(torch.autograd.Function):
    """y = x / s with s² = mean(x²); its backward pass is that of a constant s."""

    @staticmethod
    def forward(ctx, x):
        """Compute x / s."""
        size = x.square().mean(-1, keepdim=True).sqrt()
        ctx.save_for_backward(size)
        return x / size

    @staticmethod
    def backward(ctx, error):
        """Compute g / s; the part that goes through s is left out."""
        (size,) = ctx.saved_tensors
        return error / size


class Norm(nn.Module):
    """A layer that calls the function."""

    def forward(self, x):
        """Normalise."""
        return RmsNorm.apply(x)


torch.manual_seed(6)
layers = {"embedding": nn.Embedding(7, 8), "norm": Norm(), "head": nn.Linear(8, 3)}
model = nn.Sequential(OrderedDict(layers))
tokens, labels = torch.randint(0, 7, (5,)), torch.randint(0, 3, (5,))
my_classifier = gp.from_torch(
    model, (tokens,), loss=lambda logits: functional.cross_entropy(logits, labels), name="my_classifier"
)
