"""PyTorch's own functions as `xp`: the array API standard's, `xp.linalg`, `xp.nn` and `xp.special`."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Lazy
from gradproof.backends.namespaces import ComposedFunctions, LibraryNamespace, LibrarySpecial, Own
from gradproof.reference.compositions.composition import Lengths, for_each_axis
from gradproof.reference.compositions.windows import Padding, pairs_of

torch = Lazy("torch")
functional = Lazy("torch.nn.functional")
torch_special = Lazy("torch.special")
torch_array_api = Lazy("array_api_compat.torch")
torch_linalg = Lazy("array_api_compat.torch.linalg")


class TorchFunctions(ComposedFunctions):
    """`xp.nn` from torch.nn.functional."""

    sigmoid = Own(torch, "sigmoid")
    relu = Own(functional, "relu")
    gelu = Own(functional, "gelu")
    silu = Own(functional, "silu")
    softplus = Own(functional, "softplus")
    binary_cross_entropy = Own(functional, "binary_cross_entropy")
    binary_cross_entropy_with_logits = Own(functional, "binary_cross_entropy_with_logits")

    def stop_gradient(self, x: Any) -> Any:
        """Give the tensor as a constant."""
        return x.detach()

    def softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute e^x / Σ e^x."""
        return functional.softmax(x, dim=axis)

    def log_softmax(self, x: Any, *, axis: int = -1) -> Any:
        """Compute x - ln Σ e^x."""
        return functional.log_softmax(x, dim=axis)

    def logsumexp(self, x: Any, *, axis: Any = -1, keepdims: bool = False) -> Any:
        """Compute ln Σ e^x; without axes torch asks for all of them by number."""
        return torch.logsumexp(x, tuple(range(x.ndim)) if axis is None else axis, keepdims)

    def cross_entropy(self, logits: Any, targets: Any, *, reduction: str = "mean") -> Any:
        """Compute -Σ y ln softmax(z) along the last axis; torch's has the classes on axis 1."""
        classes = logits.shape[-1]
        flat = targets.reshape(-1, classes) if targets.is_floating_point() else targets.reshape(-1)
        value = functional.cross_entropy(logits.reshape(-1, classes), flat, reduction=reduction)
        return value.reshape(logits.shape[:-1]) if reduction == "none" else value

    # ---------------------------------------------------------------- activations

    leaky_relu = Own(functional, "leaky_relu")
    softsign = Own(functional, "softsign")
    tanhshrink = Own(functional, "tanhshrink")
    selu = Own(functional, "selu")
    celu = Own(functional, "celu")
    relu6 = Own(functional, "relu6")
    hardsigmoid = Own(functional, "hardsigmoid")
    hardswish = Own(functional, "hardswish")
    mish = Own(functional, "mish")
    log_sigmoid = Own(functional, "logsigmoid")
    threshold = Own(functional, "threshold")
    embedding = Own(functional, "embedding")
    scaled_dot_product_attention = Own(functional, "scaled_dot_product_attention")

    def elu(self, x: Any, *, alpha: float = 1.0, scale: float = 1.0, input_scale: float = 1.0) -> Any:
        """Compute an exponential linear unit."""
        return torch.ops.aten.elu(x, alpha, scale, input_scale)

    def hardtanh(self, x: Any, *, low: float = -1.0, high: float = 1.0) -> Any:
        """Keep x between bounds."""
        return functional.hardtanh(x, low, high)

    def softshrink(self, x: Any, *, threshold: float = 0.5) -> Any:
        """Move x towards 0."""
        return functional.softshrink(x, threshold)

    def hardshrink(self, x: Any, *, threshold: float = 0.5) -> Any:
        """Put 0 where x is near it."""
        return functional.hardshrink(x, threshold)

    def glu(self, x: Any, *, axis: int = -1) -> Any:
        """Compute the first half times the sigmoid of the second."""
        return functional.glu(x, axis)

    def logcumsumexp(self, x: Any, *, axis: int = -1) -> Any:
        """Compute the logarithms of the running sums of e^x."""
        return torch.logcumsumexp(x, axis)

    def scatter_add(self, x: Any, positions: Any, *, shape: Sequence[int]) -> Any:
        """Add entries to their flat places in zeros of a shape."""
        places = torch.as_tensor(positions, device=x.device).reshape(-1)
        return x.new_zeros(math.prod(shape)).index_add(0, places, x.reshape(-1)).reshape(shape)

    # ---------------------------------------------------------------- losses

    mse_loss = Own(functional, "mse_loss")
    l1_loss = Own(functional, "l1_loss")
    huber_loss = Own(functional, "huber_loss")
    smooth_l1_loss = Own(functional, "smooth_l1_loss")
    hinge_embedding_loss = Own(functional, "hinge_embedding_loss")
    margin_ranking_loss = Own(functional, "margin_ranking_loss")
    soft_margin_loss = Own(functional, "soft_margin_loss")
    multilabel_soft_margin_loss = Own(functional, "multilabel_soft_margin_loss")
    multi_margin_loss = Own(functional, "multi_margin_loss")
    cosine_embedding_loss = Own(functional, "cosine_embedding_loss")

    def kl_div(self, log_p: Any, targets: Any, *, log_targets: bool = False, reduction: str = "mean") -> Any:
        """Compute the Kullback-Leibler divergence."""
        return functional.kl_div(log_p, targets, reduction=reduction, log_target=log_targets)

    def nll_loss(self, log_p: Any, classes: Any, *, reduction: str = "mean") -> Any:
        """Compute -log p of the class; torch's has the classes on axis 1."""
        value = functional.nll_loss(
            log_p.reshape(-1, log_p.shape[-1]), classes.reshape(-1), reduction=reduction
        )
        return value.reshape(classes.shape) if reduction == "none" else value

    def poisson_nll_loss(
        self, x: Any, targets: Any, *, log_input: bool = True, epsilon: float = 1e-8, reduction: str = "mean"
    ) -> Any:
        """Compute the negative logarithm of Poisson's distribution."""
        return functional.poisson_nll_loss(x, targets, log_input, eps=epsilon, reduction=reduction)

    def gaussian_nll_loss(
        self,
        x: Any,
        targets: Any,
        variance: Any,
        *,
        full: bool = False,
        epsilon: float = 1e-6,
        reduction: str = "mean",
    ) -> Any:
        """Compute the negative logarithm of the normal distribution's density."""
        return functional.gaussian_nll_loss(x, targets, variance, full, epsilon, reduction)

    def cosine_similarity(self, x1: Any, x2: Any, *, axis: int = -1, epsilon: float = 1e-8) -> Any:
        """Compute the cosine of the angle between vectors."""
        return functional.cosine_similarity(x1, x2, axis, epsilon)

    def pairwise_distance(self, x1: Any, x2: Any, *, epsilon: float = 1e-6) -> Any:
        """Compute distances."""
        return functional.pairwise_distance(x1, x2, eps=epsilon)

    def triplet_margin_loss(
        self,
        anchor: Any,
        positive: Any,
        negative: Any,
        *,
        margin: float = 1.0,
        epsilon: float = 1e-6,
        reduction: str = "mean",
    ) -> Any:
        """Compute the triplet loss."""
        return functional.triplet_margin_loss(
            anchor, positive, negative, margin, eps=epsilon, reduction=reduction
        )

    # ---------------------------------------------------------------- normalisations

    def batch_norm(
        self,
        x: Any,
        weight: Any = None,
        bias: Any = None,
        *,
        mean: Any = None,
        variance: Any = None,
        epsilon: float = 1e-5,
    ) -> Any:
        """Standardise channels."""
        return functional.batch_norm(x, mean, variance, weight, bias, training=mean is None, eps=epsilon)

    def layer_norm(
        self, x: Any, weight: Any = None, bias: Any = None, *, axis: Any = -1, epsilon: float = 1e-5
    ) -> Any:
        """Standardise along axes; torch's own along the last ones alone."""
        own = _trailing(x, axis)
        if own is None:
            return super().layer_norm(x, weight, bias, axis=axis, epsilon=epsilon)
        return functional.layer_norm(x, own, weight, bias, epsilon)

    def group_norm(
        self, x: Any, weight: Any = None, bias: Any = None, *, groups: int, epsilon: float = 1e-5
    ) -> Any:
        """Standardise groups of channels."""
        return functional.group_norm(x, groups, weight, bias, epsilon)

    def instance_norm(self, x: Any, weight: Any = None, bias: Any = None, *, epsilon: float = 1e-5) -> Any:
        """Standardise each channel of each example."""
        return functional.instance_norm(x, weight=weight, bias=bias, eps=epsilon)

    def rms_norm(self, x: Any, weight: Any = None, *, axis: Any = -1, epsilon: float = 1e-5) -> Any:
        """Divide by the root of the mean square; torch's own along the last axes alone."""
        own = _trailing(x, axis)
        if own is None:
            return super().rms_norm(x, weight, axis=axis, epsilon=epsilon)
        return functional.rms_norm(x, own, weight, epsilon)

    def interpolate(
        self, x: Any, *, size: Sequence[int], mode: Any = "nearest", align_corners: bool = False
    ) -> Any:
        """Interpolate along the last axes; torch's own has two before them."""
        first, options = x.ndim - len(size), {}
        if mode == "linear":
            mode = ("linear", "bilinear", "trilinear")[len(size) - 1]
            options = {"align_corners": align_corners}
        flat = x.reshape(1, -1, *x.shape[first:])
        y = functional.interpolate(flat, tuple(size), mode=mode, **options)
        return y.reshape(*x.shape[:first], *y.shape[2:])

    # ---------------------------------------------------------------- convolutions and poolings

    def _indices(self, places: NDArray[np.intp], like: Any) -> Any:
        return torch.from_numpy(places).to(like.device)

    def _constant(self, values: NDArray[Any], like: Any) -> Any:
        return torch.from_numpy(values).to(like)

    def convolution(
        self,
        x: Any,
        weights: Any,
        bias: Any = None,
        *,
        stride: Lengths = 1,
        padding: Padding = 0,
        dilation: Lengths = 1,
        groups: int = 1,
        input_dilation: Lengths = 1,
    ) -> Any:
        """Compute a convolution; what torch has no option for is done to x first."""
        rank = x.ndim - 2
        convolve = getattr(functional, f"conv{rank}d")
        x = _moved_apart(x, for_each_axis(input_dilation, rank))
        if not isinstance(padding, int | str):
            pairs = pairs_of(padding, rank)
            if all(before == behind for before, behind in pairs):
                padding = [before for before, _ in pairs]
            else:
                x, padding = _padded(x, pairs, 0.0), 0
        return convolve(x, weights, bias, stride, padding, dilation, groups)

    def transposed_convolution(
        self,
        x: Any,
        weights: Any,
        bias: Any = None,
        *,
        stride: Lengths = 1,
        padding: Lengths = 0,
        output_padding: Lengths = 0,
        dilation: Lengths = 1,
        groups: int = 1,
    ) -> Any:
        """Compute a transposed convolution."""
        convolve = getattr(functional, f"conv_transpose{x.ndim - 2}d")
        return convolve(x, weights, bias, stride, padding, output_padding, groups, dilation)

    def max_pool(
        self,
        x: Any,
        *,
        window: Sequence[int],
        stride: Lengths | None = None,
        padding: Padding = 0,
        dilation: Lengths = 1,
        ceil_mode: bool = False,
    ) -> Any:
        """Compute the maxima of what windows see."""
        if not isinstance(padding, int):
            x, padding = _padded(x, pairs_of(padding, len(window)), -math.inf), 0
        pool = getattr(functional, f"max_pool{len(window)}d")
        return _along_last(pool, x, len(window), tuple(window), stride, padding, dilation, ceil_mode)

    def average_pool(
        self,
        x: Any,
        *,
        window: Sequence[int],
        stride: Lengths | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_padding: bool = True,
        divisor: float | None = None,
    ) -> Any:
        """Compute the means of what windows see."""
        if divisor is not None or not isinstance(padding, int):
            return super().average_pool(
                x,
                window=window,
                stride=stride,
                padding=padding,
                ceil_mode=ceil_mode,
                count_padding=count_padding,
                divisor=divisor,
            )
        pool = getattr(functional, f"avg_pool{len(window)}d")
        return _along_last(pool, x, len(window), tuple(window), stride, padding, ceil_mode, count_padding)

    def adaptive_average_pool(self, x: Any, *, output: Sequence[int]) -> Any:
        """Compute the means of what windows see that share the axes out."""
        pool = getattr(functional, f"adaptive_avg_pool{len(output)}d")
        return _along_last(pool, x, len(output), tuple(output))

    def adaptive_max_pool(self, x: Any, *, output: Sequence[int]) -> Any:
        """Compute the maxima of what windows see that share the axes out."""
        pool = getattr(functional, f"adaptive_max_pool{len(output)}d")
        return _along_last(pool, x, len(output), tuple(output))


def _trailing(x: Any, axis: Any) -> tuple[int, ...] | None:
    """The lengths of axes, if they are the last ones."""
    axes = sorted(each % x.ndim for each in (axis if isinstance(axis, tuple | list) else (axis,)))
    return tuple(x.shape[axes[0] :]) if axes == list(range(axes[0], x.ndim)) else None


def _along_last(pool: Any, x: Any, axes: int, *arguments: Any) -> Any:
    """Pool along the last axes; torch's own has one or two before them."""
    first = x.ndim - axes
    pooled = pool(x.reshape(-1, *x.shape[first:]), *arguments)
    return pooled.reshape(*x.shape[:first], *pooled.shape[1:])


def _moved_apart(x: Any, distances: Sequence[int]) -> Any:
    """Put zeros between the entries along the last axes."""
    if set(distances) == {1}:
        return x
    first = x.ndim - len(distances)
    lengths = [(n - 1) * d + 1 for n, d in zip(x.shape[first:], distances, strict=True)]
    apart = x.new_zeros((*x.shape[:first], *lengths))
    apart[(..., *(slice(None, None, distance) for distance in distances))] = x
    return apart


def _padded(x: Any, pairs: Sequence[tuple[int, int]], value: float) -> Any:
    """Pad the last axes; torch's own begins with the last one."""
    return functional.pad(x, [n for pair in reversed(pairs) for n in pair], value=value)


class TorchSpecial(LibrarySpecial):
    """`xp.special`."""

    modules = (torch_special,)


class TorchLinearAlgebra:
    """The standard's `xp.linalg` in PyTorch."""

    def __getattr__(self, name: str) -> Any:
        """Give PyTorch's own function."""
        return getattr(torch_linalg, name)

    def eigh(self, x: Any) -> Any:
        """Compute eigenvalues and eigenvectors of the symmetric part.

        PyTorch's own derivative for a matrix that is a parameter itself is not symmetric: it is one of many
        that agree on symmetric changes.
        """
        return torch_linalg.eigh((x + x.mT) / 2)


class TorchNamespace(LibraryNamespace):
    """The array API standard's functions in PyTorch, `xp.linalg` and `xp.nn`."""

    linalg = TorchLinearAlgebra()

    modules = (torch_array_api,)
    functions = TorchFunctions
    special_functions = TorchSpecial
