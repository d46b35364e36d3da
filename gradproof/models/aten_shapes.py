"""ATen's operations that arrange entries, in terms of `xp`.

Arguments have ATen's order and names; what says where a tensor lies is left out. Integers, booleans and
constants come as NumPy arrays. Source of the meanings: PyTorch's native_functions.yaml and its documentation.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from gradproof.models.aten_axes import Axes
from gradproof.models.aten_numbers import named, numbers, rank
from gradproof.models.replay import Entry, held, is_plain


def _expand(xp: Any, x: Any, sizes: Sequence[int], *, implicit: bool = False) -> Any:
    del implicit
    new = len(sizes) - len(x.shape)
    shape = tuple(x.shape[place - new] if size == -1 else size for place, size in enumerate(sizes))
    return x if shape == tuple(x.shape) else xp.broadcast_to(x, shape)


def _squeeze(xp: Any, x: Any, dim: Axes = None) -> Any:
    count = len(x.shape)
    axes = range(count) if dim is None else (dim,) if isinstance(dim, int) else dim
    places = sorted({axis % max(count, 1) for axis in axes})
    chosen = tuple(axis for axis in places if x.shape[axis : axis + 1] == (1,))
    return xp.squeeze(x, axis=chosen) if chosen else x


def _permute(xp: Any, x: Any, dims: Sequence[int]) -> Any:
    return xp.permute_dims(x, tuple(axis % len(dims) for axis in dims)) if dims else x


def _slice(
    _: Any, x: Any, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1
) -> Any:
    return x[(*_whole(x, dim), slice(start, end, step))]


def _narrow(_: Any, x: Any, dim: int, start: int, length: int) -> Any:
    first = start % x.shape[dim] if start < 0 else start
    return x[(*_whole(x, dim), slice(first, first + length))]


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
    parts = [part if is_plain(part) else numbers(xp, part) for part in parts if tuple(part.shape) != (0,)]
    return parts[0] if len(parts) == 1 else xp.concat(parts, axis=dim)


def _index(_: Any, x: Any, indices: Sequence[Any]) -> Any:
    return x[tuple(slice(None) if each is None else each for each in indices)]


def _index_select(_: Any, x: Any, dim: int, index: Any) -> Any:
    return x[(*_whole(x, dim), index)] if rank(x) else x


def _embedding(
    xp: Any,
    weight: Any,
    indices: Any,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    del sparse
    rows = weight[indices]
    # By its definition the row of the padding has no derivative, and that of others may be divided by how
    # often they are taken: the part beside that is a constant.
    share = np.where(indices == padding_idx, 0.0, 1.0) if padding_idx >= 0 else np.ones(np.shape(indices))
    if scale_grad_by_freq:
        _, places, counts = np.unique(indices, return_inverse=True, return_counts=True)
        share = share / counts[places].reshape(share.shape)
    if np.all(share == 1):
        return rows
    passed = rows * share[..., np.newaxis]
    return passed + xp.nn.stop_gradient(rows - passed)


def _filled(xp: Any, x: Any, value: Any, *, dtype: Any = None) -> Any:
    return held(xp, np.full(tuple(x.shape), value, dtype or np.float64), x)


def _copied(xp: Any, x: Any, source: Any, *_options: Any) -> Any:
    source = source if hasattr(source, "shape") else np.asarray(source)
    return source if tuple(source.shape) == tuple(x.shape) else xp.broadcast_to(source, tuple(x.shape))


def _converted(xp: Any, x: Any, *, dtype: Any = None) -> Any:
    """Another dtype; to one of floating point, numbers stay what they are."""
    if dtype is None:
        return x
    if np.dtype(dtype).kind != "f":
        return xp.astype(x, np.dtype(dtype))
    if not is_plain(x):
        return numbers(xp, x)
    # In float32 where that holds them, so that they raise no other array's dtype.
    wide, narrow = np.asarray(x, dtype=np.float64), np.asarray(x, dtype=np.float32)
    return xp.asarray(narrow if np.array_equal(wide, narrow) else wide)


def _same(_: Any, x: Any, *_options: Any, **_named: Any) -> Any:
    return x


_SAME = "alias clone contiguous detach lift_fresh_copy lift_fresh resolve_conj resolve_neg view_as"

_VIEWS: dict[str, Entry] = {
    "aten.view": lambda xp, x, shape: xp.reshape(x, shape),
    "aten.permute": _permute,
    "aten.expand": _expand,
    "aten.unsqueeze": lambda xp, x, dim: xp.expand_dims(x, axis=dim),
    "aten.squeeze": _squeeze,
    "aten.slice": _slice,
    "aten.select": _select,
    "aten.unbind": _unbind,
    "aten.split_with_sizes": _split,
}

SHAPES: dict[str, Entry] = {
    **_VIEWS,
    **{f"{name}_copy": entry for name, entry in _VIEWS.items()},  # the twins that give no view
    **{f"aten.{name}": _same for name in _SAME.split()},
    "aten.reshape": lambda xp, x, shape: xp.reshape(x, shape),
    "aten._unsafe_view": lambda xp, x, shape: xp.reshape(x, shape),
    "aten.narrow_copy": _narrow,
    "aten.cat": _concatenate,
    "aten.index.Tensor": _index,
    "aten._unsafe_index": _index,
    "aten.index_select": _index_select,
    "aten.embedding": _embedding,
    "aten.where.self": named("where"),
    "aten.full_like": _filled,
    "aten.copy": _copied,
    "aten._to_copy": _converted,
}
"""By ATen's name of an operation: where its entries come from."""
