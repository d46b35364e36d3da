"""ATen's operations in terms of `xp`: a line each where it can be.

Arguments have ATen's order and names; what says where a tensor lies is left out. Integers, booleans and
constants come as NumPy arrays. Source of the meanings: PyTorch's native_functions.yaml and its documentation.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from gradproof.models.replay import Entry, is_plain

Axes = Sequence[int] | int | None


def _axes(dim: Axes) -> Any:
    """The axes of a reduction as `xp` has them; none are all."""
    if dim is None or (not isinstance(dim, int) and not len(dim)):
        return None
    return dim if isinstance(dim, int) else tuple(dim)


def numbers(xp: Any, x: Any) -> Any:
    """Give truth values as 0 and 1, which a sum counts; numbers as they are."""
    dtype = getattr(x, "dtype", None)
    is_bool = dtype is None or "bool" in str(dtype)
    return xp.where(x, 1.0, 0.0) if is_bool and not isinstance(x, int | float) else x


def _is_float(dtype: Any) -> bool:
    return dtype is not None and np.dtype(dtype).kind == "f"


# -------------------------------------------------------------------- arithmetic


def _add(xp: Any, x: Any, y: Any, *, alpha: float = 1) -> Any:
    x, y = numbers(xp, x), numbers(xp, y)
    return x + (y if alpha == 1 else alpha * y)


def _subtract(xp: Any, x: Any, y: Any, *, alpha: float = 1) -> Any:
    return numbers(xp, x) - (numbers(xp, y) if alpha == 1 else alpha * y)


def _divide(xp: Any, x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    x, y = numbers(xp, x), numbers(xp, y)
    if rounding_mode == "floor":
        return x // y
    quotient = x / y
    return xp.trunc(quotient) if rounding_mode == "trunc" else quotient


def _multiply(xp: Any, x: Any, y: Any) -> Any:
    return numbers(xp, x) * numbers(xp, y)


def _clamp(xp: Any, x: Any, min: Any = None, max: Any = None) -> Any:  # noqa: A002 - ATen's names
    x = x if min is None else xp.maximum(x, min)
    return x if max is None else xp.minimum(x, max)


def _fmod(xp: Any, x: Any, y: Any) -> Any:
    return x - xp.trunc(x / y) * y


def _addmm(_: Any, b: Any, x: Any, y: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    product = x @ y if alpha == 1 else alpha * (x @ y)
    return product if beta == 0 else product + (b if beta == 1 else beta * b)


# -------------------------------------------------------------------- reductions


def _sum(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    del dtype
    return xp.sum(numbers(xp, x), axis=_axes(dim), keepdims=keepdim)


def _mean(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    del dtype
    return xp.mean(numbers(xp, x), axis=_axes(dim), keepdims=keepdim)


def _product(xp: Any, x: Any, dim: int | None = None, keepdim: bool = False, *, dtype: Any = None) -> Any:
    del dtype
    return xp.prod(x, axis=dim, keepdims=keepdim)


def _variance(
    xp: Any, x: Any, dim: Axes = None, *, correction: float | None = 1, keepdim: bool = False
) -> Any:
    return xp.var(x, axis=_axes(dim), correction=1 if correction is None else correction, keepdims=keepdim)


def _variance_and_mean(
    xp: Any, x: Any, dim: Axes = None, *, correction: float | None = 1, keepdim: bool = False
) -> tuple[Any, Any]:
    return _variance(xp, x, dim, correction=correction, keepdim=keepdim), _mean(xp, x, dim, keepdim)


def _cumulative(xp: Any, x: Any, dim: int, *, dtype: Any = None) -> Any:
    del dtype
    return xp.cumulative_sum(numbers(xp, x), axis=dim) if len(x.shape) else x


def _extreme(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: Axes = (), keepdim: bool = False) -> Any:
        return getattr(xp, name)(x, axis=_axes(dim), keepdims=keepdim)

    return entry


def _vector_norm(
    xp: Any,
    x: Any,
    ord: float = 2,  # noqa: A002 - ATen's name
    dim: Axes = None,
    keepdim: bool = False,
    *,
    dtype: Any = None,
) -> Any:
    del dtype
    axes = _axes(dim)
    size, options = xp.abs(x), {"axis": axes, "keepdims": keepdim}
    if ord == math.inf:
        return xp.max(size, **options)
    if ord == -math.inf:
        return xp.min(size, **options)
    if ord == 0:
        return xp.sum(xp.where(x != 0, 1.0, 0.0), **options)
    if ord == 1:
        return xp.sum(size, **options)
    if ord == 2:
        return xp.sqrt(xp.sum(x**2, **options))
    return xp.sum(size**ord, **options) ** (1 / ord)


# -------------------------------------------------------------------- shapes


def _expand(xp: Any, x: Any, sizes: Sequence[int], *, implicit: bool = False) -> Any:
    del implicit
    new = len(sizes) - len(x.shape)
    shape = tuple(x.shape[place - new] if size == -1 else size for place, size in enumerate(sizes))
    return x if shape == tuple(x.shape) else xp.broadcast_to(x, shape)


def _squeeze(xp: Any, x: Any, dim: Axes = None) -> Any:
    count = len(x.shape)
    axes = range(count) if dim is None else (dim,) if isinstance(dim, int) else dim
    chosen = tuple(axis for axis in sorted({axis % max(count, 1) for axis in axes}) if x.shape[axis] == 1)
    return xp.squeeze(x, axis=chosen) if chosen else x


def _slice(
    _: Any, x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    return x[(*_whole(x, dim), slice(start, end, step))]


def _select(_: Any, x: Any, dim: int, index: int) -> Any:
    return x[(*_whole(x, dim), index)]


def _whole(x: Any, dim: int) -> tuple[slice, ...]:
    return (slice(None),) * (dim % len(x.shape))


def _split(_: Any, x: Any, sizes: Sequence[int], dim: int = 0) -> tuple[Any, ...]:
    ends = np.cumsum(sizes).tolist()
    return tuple(x[(*_whole(x, dim), slice(end - size, end))] for size, end in zip(sizes, ends, strict=True))


def _unbind(_: Any, x: Any, dim: int = 0) -> tuple[Any, ...]:
    return tuple(x[(*_whole(x, dim), place)] for place in range(x.shape[dim]))


def _concatenate(xp: Any, parts: Sequence[Any], dim: int = 0) -> Any:
    # Empty ones without other axes are passed over, as PyTorch has it from its beginnings.
    parts = [numbers(xp, part) if not is_plain(part) else part for part in parts if tuple(part.shape) != (0,)]
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=dim)


def _index(_: Any, x: Any, indices: Sequence[Any]) -> Any:
    return x[tuple(slice(None) if each is None else each for each in indices)]


def _embedding(_: Any, weight: Any, indices: Any, *_options: Any, **_named: Any) -> Any:
    return weight[indices]


def _full_like(_: Any, x: Any, value: Any, *, dtype: Any = None) -> Any:
    return np.full(x.shape, value, dtype or np.float64)


def _copied(xp: Any, x: Any, source: Any, *_options: Any) -> Any:
    source = source if hasattr(source, "shape") else np.asarray(source)
    return source if tuple(source.shape) == tuple(x.shape) else xp.broadcast_to(source, tuple(x.shape))


def _converted(xp: Any, x: Any, *, dtype: Any = None) -> Any:
    if _is_float(dtype):
        return numbers(xp, x)
    return x if dtype is None else xp.astype(x, np.dtype(dtype))


def _same(_: Any, x: Any, *_options: Any, **_named: Any) -> Any:
    return x


# -------------------------------------------------------------------- networks


def _normalised(xp: Any, x: Any, axes: tuple[int, ...], eps: float) -> tuple[Any, Any, Any]:
    """(x - mean) / sqrt(variance + eps), the mean, and 1 / sqrt(variance + eps)."""
    mean = xp.mean(x, axis=axes, keepdims=True)
    centred = x - mean
    root = xp.sqrt(xp.mean(centred**2, axis=axes, keepdims=True) + eps)
    return centred / root, mean, 1 / root


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


def _rms_norm(xp: Any, x: Any, shape: Sequence[int], weight: Any, eps: float | None) -> tuple[Any, Any]:
    axes = tuple(range(-len(shape), 0))
    least = float(np.finfo(np.float64).eps) if eps is None else eps
    scale = 1 / xp.sqrt(xp.mean(x**2, axis=axes, keepdims=True) + least)
    return _scaled(x * scale, weight, None), scale


def _gelu(xp: Any, x: Any, *, approximate: str = "none") -> Any:
    return xp.nn.gelu(x, approximate=approximate)


def _elu(xp: Any, x: Any, alpha: float = 1, scale: float = 1, input_scale: float = 1) -> Any:
    return scale * xp.where(x > 0, x, alpha * xp.expm1(input_scale * x))


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


def _distances(xp: Any, x: Any, y: Any, p: float, _: Any = None) -> Any:
    difference = xp.expand_dims(x, axis=-2) - xp.expand_dims(y, axis=-3)
    return _vector_norm(xp, difference, p, -1)


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
    scores = q @ xp.matrix_transpose(k)
    scores = scores / xp.sqrt(xp.asarray(float(q.shape[-1]))) if scale is None else scores * scale
    if is_causal:
        attn_mask = np.tril(np.ones(tuple(scores.shape)[-2:], dtype=bool))
    if attn_mask is None:
        return xp.nn.softmax(scores, axis=-1) @ v, None
    if "bool" not in str(getattr(attn_mask, "dtype", "bool")):
        return xp.nn.softmax(scores + attn_mask, axis=-1) @ v, None
    return xp.nn.softmax(xp.where(attn_mask, scores, -math.inf), axis=-1) @ v, None


def _any(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    return xp.max(numbers(xp, x), axis=_axes(dim), keepdims=keepdim) != 0


def _all(xp: Any, x: Any, dim: Axes = None, keepdim: bool = False) -> Any:
    return xp.min(xp.abs(numbers(xp, x)), axis=_axes(dim), keepdims=keepdim) != 0


# -------------------------------------------------------------------- the table


def _named(name: str) -> Entry:
    def entry(xp: Any, *operands: Any) -> Any:
        return getattr(xp, name)(*operands)

    return entry


def _of_numbers(name: str) -> Entry:
    def entry(xp: Any, *operands: Any) -> Any:
        return getattr(xp, name)(*(numbers(xp, each) for each in operands))

    return entry


def _neural(name: str) -> Entry:
    def entry(xp: Any, *operands: Any, **options: Any) -> Any:
        return getattr(xp.nn, name)(*operands, **options)

    return entry


def _along(name: str) -> Entry:
    def entry(xp: Any, x: Any, dim: int, _: bool = False, *, dtype: Any = None) -> Any:
        del dtype
        return getattr(xp.nn, name)(x, axis=dim) if len(x.shape) else getattr(xp.nn, name)(x[None], axis=0)[0]

    return entry


def _compared(name: str) -> Entry:
    def entry(xp: Any, x: Any, y: Any) -> Any:
        return getattr(xp, name)(numbers(xp, x) if not is_plain(x) else x, y)

    return entry


def _function(function: Callable[..., Any]) -> Entry:
    """An entry of a function of arrays alone."""
    return lambda _, *operands: function(*operands)


_SAME_NAME = "abs ceil cos exp expm1 floor log log1p maximum minimum sign sin sqrt tanh trunc"
_SAME = "alias clone contiguous detach lift_fresh_copy lift_fresh view_as_real _conj resolve_conj resolve_neg"

ENTRIES: dict[str, Entry] = {
    **{f"aten.{name}": _of_numbers(name) for name in _SAME_NAME.split()},
    **{f"aten.{name}": _same for name in _SAME.split()},
    **{f"aten.{name}": _neural(name) for name in ("relu", "sigmoid", "silu")},
    **{
        f"aten.{name}": _compared(full)
        for name, full in {
            "eq": "equal",
            "ne": "not_equal",
            "lt": "less",
            "le": "less_equal",
            "gt": "greater",
            "ge": "greater_equal",
        }.items()
    },
    **{
        f"aten.{kind}_{name}": _named(f"logical_{name}")
        for kind in ("logical", "bitwise")
        for name in ("and", "or", "xor", "not")
    },
    "aten.__and__": _named("logical_and"),
    "aten.__or__": _named("logical_or"),
    "aten.__xor__": _named("logical_xor"),
    # arithmetic
    "aten.add": _add,
    "aten.sub": _subtract,
    "aten.rsub": lambda xp, x, y, alpha=1: _subtract(xp, y, x, alpha=alpha),
    "aten.mul": _multiply,
    "aten.div": _divide,
    "aten.neg": lambda _, x: -x,
    "aten.pow": lambda xp, x, y: xp.asarray(x) ** y if isinstance(x, int | float) else x**y,
    "aten.square": lambda _, x: x**2,
    "aten.reciprocal": lambda _, x: 1 / x,
    "aten.rsqrt": lambda xp, x: 1 / xp.sqrt(x),
    "aten.remainder": lambda _, x, y: x % y,
    "aten.fmod": _fmod,
    "aten.clamp": _clamp,
    "aten.clamp_min": lambda xp, x, least: xp.maximum(x, least),
    "aten.clamp_max": lambda xp, x, most: xp.minimum(x, most),
    "aten.fmax": lambda xp, x, y: xp.maximum(x, y),
    "aten.fmin": lambda xp, x, y: xp.minimum(x, y),
    "aten.round": lambda xp, x, decimals=0: (
        xp.round(x) if not decimals else xp.round(x * 10.0**decimals) / 10.0**decimals
    ),
    "aten.exp2": lambda xp, x: xp.exp(x * xp.log(xp.asarray(2.0))),
    "aten.log2": lambda xp, x: xp.log(x) / xp.log(xp.asarray(2.0)),
    "aten.log10": lambda xp, x: xp.log(x) / xp.log(xp.asarray(10.0)),
    "aten.tan": lambda xp, x: xp.sin(x) / xp.cos(x),
    "aten.atan": _named("atan"),
    "aten.isnan": lambda _, x: x != x,  # noqa: PLR0124 - what it means
    "aten.isinf": lambda xp, x: xp.abs(x) == math.inf,
    # products
    "aten.mm": _function(lambda x, y: x @ y),
    "aten.bmm": _function(lambda x, y: x @ y),
    "aten.mv": _function(lambda x, y: x @ y),
    "aten.dot": _function(lambda x, y: x @ y),
    "aten.addmm": _addmm,
    "aten.baddbmm": _addmm,
    # reductions
    "aten.sum": _sum,
    "aten.mean": _mean,
    "aten.prod": _product,
    "aten.var": _variance,
    "aten.var_mean": _variance_and_mean,
    "aten.amax": _extreme("max"),
    "aten.amin": _extreme("min"),
    "aten.max.default": lambda xp, x: xp.max(x),
    "aten.min.default": lambda xp, x: xp.min(x),
    "aten.max.other": lambda xp, x, y: xp.maximum(x, y),
    "aten.min.other": lambda xp, x, y: xp.minimum(x, y),
    "aten.cumsum": _cumulative,
    "aten.any": _any,
    "aten.all": _all,
    "aten.linalg_vector_norm": _vector_norm,
    "aten.logsumexp": lambda xp, x, dim, keepdim=False: xp.nn.logsumexp(x, axis=_axes(dim), keepdims=keepdim),
    # shapes
    "aten.view.default": lambda xp, x, shape: xp.reshape(x, shape),
    "aten.reshape": lambda xp, x, shape: xp.reshape(x, shape),
    "aten._unsafe_view": lambda xp, x, shape: xp.reshape(x, shape),
    "aten.permute": lambda xp, x, dims: xp.permute_dims(x, tuple(axis % len(dims) for axis in dims)),
    "aten.expand": _expand,
    "aten.unsqueeze": lambda xp, x, dim: xp.expand_dims(x, axis=dim),
    "aten.squeeze": _squeeze,
    "aten.slice.Tensor": _slice,
    "aten.select.int": _select,
    "aten.split_with_sizes": _split,
    "aten.unbind": _unbind,
    "aten.cat": _concatenate,
    "aten.index.Tensor": _index,
    "aten._unsafe_index": _index,
    "aten.index_select": lambda _, x, dim, index: x[(*_whole(x, dim), index)],
    "aten.embedding": _embedding,
    "aten.where.self": lambda xp, condition, x, y: xp.where(condition, x, y),
    "aten.full_like": _full_like,
    "aten.copy": _copied,
    "aten._to_copy": _converted,
    # networks
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
    "aten._fused_rms_norm": _rms_norm,
    "aten.gelu": _gelu,
    "aten.elu": _elu,
    "aten.leaky_relu": lambda xp, x, slope=0.01: xp.where(x > 0, x, slope * x),
    "aten.hardtanh": lambda xp, x, least=-1, most=1: _clamp(xp, x, least, most),
    "aten.softplus": _softplus,
    "aten.log_sigmoid_forward": _log_sigmoid,
    "aten.binary_cross_entropy_with_logits": _logits_loss,
    "aten._cdist_forward": _distances,
}
"""By ATen's name of an operation, with the overload where others differ: what it computes."""
