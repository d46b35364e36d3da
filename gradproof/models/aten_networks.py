"""ATen's operations of neural networks in terms of `xp`.

Arguments have ATen's order and names; what says where a tensor lies is left out. Integers, booleans and
constants come as NumPy arrays. Source of the meanings: PyTorch's native_functions.yaml and its documentation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradproof.models.aten_numbers import clamp, rank
from gradproof.models.replay import Entry, held


def _normalised(xp: Any, x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """(x - mean) / sqrt(variance + eps), the mean, and 1 / sqrt(variance + eps)."""
    mean, variance = xp.mean(x, axis=axes, keepdims=True), xp.var(x, axis=axes, keepdims=True)
    return xp.nn.standardize(x, axis=axes, epsilon=eps), mean, 1 / xp.sqrt(variance + eps)


def _scaled(x: Any, weight: Any, bias: Any) -> Any:
    x = x if weight is None else x * weight
    return x if bias is None else x + bias


def _layer_norm(
    xp: Any, x: Any, shape: Sequence[int], weight: Any, bias: Any, eps: float
) -> tuple[Any, Any, Any]:
    normal, mean, scale = _normalised(xp, x, tuple(range(-len(shape), 0)), eps)
    return _scaled(normal, weight, bias), mean, scale


def _group_norm(
    xp: Any, x: Any, weight: Any, bias: Any, count: int, channels: int, size: int, groups: int, eps: float
) -> tuple[Any, Any, Any]:
    shape = tuple(x.shape)
    grouped = xp.reshape(x, (count, groups, channels // groups * size))
    normal, mean, scale = _normalised(xp, grouped, (-1,), eps)
    by_channel = (1, channels, *(1,) * (len(shape) - 2))
    weight, bias = (each if each is None else xp.reshape(each, by_channel) for each in (weight, bias))
    return (
        _scaled(xp.reshape(normal, shape), weight, bias),
        xp.reshape(mean, (count, groups)),
        xp.reshape(scale, (count, groups)),
    )


def _batch_norm(
    xp: Any, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, training: bool, _: float, eps: float
) -> tuple[Any, Any, Any]:
    by_channel = (1, -1, *(1,) * (len(x.shape) - 2))
    weight, bias, mean, variance = (
        each if each is None else xp.reshape(each, by_channel) for each in (weight, bias, mean, variance)
    )
    if training:
        axes = tuple(axis for axis in range(len(x.shape)) if axis != 1)
        normal, mean, scale = _normalised(xp, x, axes, eps)
    else:
        scale = 1 / xp.sqrt(variance + eps)
        normal = (x - mean) * scale
    return _scaled(normal, weight, bias), xp.reshape(mean, (-1,)), xp.reshape(scale, (-1,))


def _batch_norm_in_evaluation(
    xp: Any, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> tuple[Any, Any, Any]:
    return _batch_norm(xp, x, weight, bias, mean, variance, False, momentum, eps)


def _batch_norm_without_statistics(
    xp: Any, x: Any, weight: Any, bias: Any, training: bool, momentum: float, eps: float
) -> tuple[Any, Any, Any]:
    return _batch_norm(xp, x, weight, bias, None, None, training, momentum, eps)


def _batch_norm_functional(
    xp: Any,
    x: Any,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    training: bool,
    momentum: float,
    eps: float,
) -> tuple[Any, ...]:
    # What the running statistics become is no part of the loss.
    return (*_batch_norm(xp, x, weight, bias, mean, variance, training, momentum, eps), mean, variance)


def _batch_norm_with_update(
    xp: Any, x: Any, weight: Any, bias: Any, mean: Any, variance: Any, momentum: float, eps: float
) -> tuple[Any, ...]:
    found = _batch_norm(xp, x, weight, bias, mean, variance, True, momentum, eps)
    return (*found, None, mean, variance)


def _rms_norm(xp: Any, x: Any, shape: Sequence[int], weight: Any, eps: float | None) -> tuple[Any, Any]:
    axes = tuple(range(-len(shape), 0))
    least = float(np.finfo(np.float64).eps) if eps is None else eps
    scale = 1 / xp.sqrt(xp.mean(x**2, axis=axes, keepdims=True) + least)
    return _scaled(x * scale, weight, None), scale


def _gelu(xp: Any, x: Any, *, approximate: str = "none") -> Any:
    return xp.nn.gelu(x, approximate=approximate)


def _convolution(xp: Any, x: Any, weight: Any, bias: Any, *numbers: Any) -> Any:
    *lengths, transposed, output_padding, groups = numbers
    axes = len(x.shape) - 2
    names = ("stride", "padding", "dilation")
    options: Any = {name: _each(each, axes) for name, each in zip(names, lengths, strict=True)}
    if transposed:
        options["output_padding"] = _each(output_padding, axes)
    function = xp.nn.transposed_convolution if transposed else xp.nn.convolution
    return function(x, weight, bias, groups=groups, **options)


def _max_pool(axes: int) -> Entry:
    def entry(
        xp: Any,
        x: Any,
        window: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        dilation: Sequence[int] = (1,),
        ceil_mode: bool = False,
    ) -> tuple[Any, Any]:
        window = _each(window, axes)
        options = {"padding": _each(padding, axes), "dilation": _each(dilation, axes), "ceil_mode": ceil_mode}
        return xp.nn.max_pool(x, window=window, stride=_each(stride or window, axes), **options), None

    return entry


def _average_pool(axes: int) -> Entry:
    def entry(
        xp: Any,
        x: Any,
        window: Sequence[int],
        stride: Sequence[int] = (),
        padding: Sequence[int] = (0,),
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> Any:
        window = _each(window, axes)
        return xp.nn.average_pool(
            x,
            window=window,
            stride=_each(stride or window, axes),
            padding=_each(padding, axes),
            ceil_mode=ceil_mode,
            count_padding=count_include_pad,
            divisor=divisor_override,
        )

    return entry


def _each(lengths: Sequence[int], axes: int) -> tuple[int, ...]:
    return tuple(lengths) * axes if len(lengths) == 1 else tuple(lengths)


def _elu(xp: Any, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    return xp.nn.elu(x, alpha=alpha, scale=scale, input_scale=input_scale)


def _softplus(xp: Any, x: Any, beta: float = 1, threshold: float = 20) -> Any:
    # beyond the threshold PyTorch's is the line, in the value and in the derivative
    return xp.where(x * beta > threshold, x, xp.nn.softplus(x * beta) / beta)


def _log_sigmoid(xp: Any, x: Any) -> tuple[Any, Any]:
    return -xp.nn.softplus(-x), xp.exp(-xp.abs(x))


def _logits_loss(
    xp: Any, x: Any, target: Any, weight: Any = None, pos_weight: Any = None, reduction: int = 1
) -> Any:
    if pos_weight is None:
        losses = xp.nn.binary_cross_entropy_with_logits(x, target, reduction="none")
    else:
        losses = (1 - target) * xp.nn.softplus(x) + pos_weight * target * xp.nn.softplus(-x)
    losses = losses if weight is None else losses * weight
    return losses if reduction == 0 else xp.mean(losses) if reduction == 1 else xp.sum(losses)


def _attention(
    xp: Any,
    q: Any,
    k: Any,
    v: Any,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    *,
    attn_mask: Any = None,
    scale: float | None = None,
) -> tuple[Any, Any]:
    del dropout_p  # other than 0 it draws random numbers, which are an operation of their own
    attention = xp.nn.scaled_dot_product_attention
    mask = held(xp, attn_mask, q)
    return attention(q, k, v, mask, is_causal=is_causal, scale=scale), None


# -------------------------------------------------------------------- the table


def _neural(name: str) -> Entry:
    return lambda xp, *operands, **options: getattr(xp.nn, name)(*operands, **options)


def _along(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: int, _: bool = False, *, dtype: Any = None) -> Any:
        del dtype
        function = getattr(xp.nn, name)
        return function(x, axis=dim) if rank(x) else function(xp.reshape(x, (1,)), axis=0)[0]

    return entry


NETWORKS: dict[str, Entry] = {
    **{f"aten.{name}": _neural(name) for name in ("relu", "sigmoid", "silu")},
    **{f"aten.max_pool{axes}d_with_indices": _max_pool(axes) for axes in (2, 3)},
    **{f"aten.avg_pool{axes}d": _average_pool(axes) for axes in (1, 2, 3)},
    **{
        f"aten._adaptive_avg_pool{axes}d": lambda xp, x, size: xp.nn.adaptive_average_pool(x, output=size)
        for axes in (2, 3)
    },
    **{
        f"aten.adaptive_max_pool{axes}d": lambda xp, x, size: (xp.nn.adaptive_max_pool(x, output=size), None)
        for axes in (2, 3)
    },
    "aten.convolution": _convolution,
    "aten._softmax": _along("softmax"),
    "aten._log_softmax": _along("log_softmax"),
    "aten._safe_softmax": _along("softmax"),
    "aten._scaled_dot_product_flash_attention_for_cpu": _attention,
    "aten.native_layer_norm": _layer_norm,
    "aten.native_group_norm": _group_norm,
    "aten.native_batch_norm": _batch_norm,
    "aten._native_batch_norm_legit.default": _batch_norm,
    "aten._native_batch_norm_legit.no_stats": _batch_norm_without_statistics,
    "aten._native_batch_norm_legit_no_training": _batch_norm_in_evaluation,
    "aten._native_batch_norm_legit_functional": _batch_norm_functional,
    "aten._batch_norm_with_update_functional": _batch_norm_with_update,
    "aten._fused_rms_norm": _rms_norm,
    "aten.gelu": _gelu,
    "aten.elu": _elu,
    "aten.leaky_relu": lambda xp, x, slope=0.01: xp.nn.leaky_relu(x, negative_slope=slope),
    "aten.hardtanh": lambda xp, x, least=-1, most=1: clamp(xp, x, least, most),
    "aten.softplus": _softplus,
    "aten.log_sigmoid_forward": _log_sigmoid,
    "aten.binary_cross_entropy_with_logits": _logits_loss,
}
"""By ATen's name of an operation, with the overload where others differ: what it computes."""
