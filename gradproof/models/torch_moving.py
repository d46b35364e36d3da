"""ATen's operations that move entries or gather them in groups: PyTorch itself tells where each one goes."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradproof.models.aten_numbers import numbers
from gradproof.models.replay import Entry, is_plain
from gradproof.models.torch_model import as_numpy

Places = NDArray[np.intp]


def operation_of(name: str) -> Any:
    """Give PyTorch's operation of a name such as `aten.flip.default`."""
    found: Any = torch.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def in_torch(value: Any) -> Any:
    """Give what an operation of PyTorch's takes in the place of what a graph holds."""
    if isinstance(value, np.dtype):
        return getattr(torch, value.name)
    if isinstance(value, np.ndarray | np.generic):
        return torch.from_numpy(np.array(value))
    if isinstance(value, tuple | list):
        return [in_torch(part) for part in value]
    return value


def in_numpy(value: Any) -> Any:
    """Give what an operation of PyTorch's answers as a graph holds it."""
    if isinstance(value, tuple | list):
        return tuple(in_numpy(part) for part in value)
    return as_numpy(value) if isinstance(value, torch.Tensor) else value


# -------------------------------------------------------------------- entries at other places


def _array(xp: Any, x: Any) -> Any:
    if not hasattr(x, "shape"):
        return np.asarray(float(x))
    return x if is_plain(x) else numbers(xp, x)


def moved(xp: Any, operation: Callable[..., Any], arrays: Sequence[Any], *rest: Any, **options: Any) -> Any:
    """Move entries of arrays as an operation of PyTorch's moves them: it is given the entries' numbers.

    Args:
        xp: the namespace.
        operation: called with an integer tensor for each array, and the rest.
        arrays: what is moved.
        rest: the operation's other arguments.
        options: those by name.
    """
    arrays = [_array(xp, each) for each in arrays]
    start, places = 0, []
    for each in arrays:
        size = int(np.prod(each.shape))
        places.append(torch.arange(start, start + size).reshape(tuple(each.shape)))
        start += size
    by_name = {name: in_torch(option) for name, option in options.items()}
    found = in_numpy(operation(*places, *in_torch(rest), **by_name))
    flat = [xp.reshape(each, (-1,)) for each in arrays]
    entries = flat[0] if len(flat) == 1 else xp.concat(flat)
    return tuple(entries[each] for each in found) if isinstance(found, tuple) else entries[found]


def _moving(name: str, count: int = 1) -> Entry:
    """The entry of an operation that moves entries of its first operands, so many of them."""

    def entry(xp: Any, *inputs: Any, **options: Any) -> Any:
        operation = getattr(torch.ops.aten, name)
        return moved(xp, operation, inputs[:count], *inputs[count:], **options)

    return entry


def _padded(xp: Any, x: Any, pad: Sequence[int], value: float = 0) -> Any:
    def padding(places: Any, filling: Any) -> Any:
        return torch.ops.aten.constant_pad_nd(places, list(pad), filling.item())

    return moved(xp, padding, (x, value))


def _masked_select(xp: Any, x: Any, mask: Any) -> Any:
    return moved(xp, torch.masked_select, (x,), mask)


def _masked_scatter(xp: Any, x: Any, mask: Any, source: Any) -> Any:
    return moved(xp, lambda x, source, mask: torch.masked_scatter(x, mask, source), (x, source), mask)


def _put_at(xp: Any, x: Any, indices: Any, values: Any, accumulate: bool = False, *_unsafe: Any) -> Any:
    places = _places(x)
    targets = places[tuple(slice(None) if each is None else each for each in indices)]
    return _put(xp, x, targets, values, accumulate=accumulate)


def _put_flat(xp: Any, x: Any, index: Any, source: Any, accumulate: bool = False) -> Any:
    return _put(xp, x, np.take(_places(x).ravel(), index), source, accumulate=accumulate)


def _put(xp: Any, x: Any, targets: Places, values: Any, *, accumulate: bool) -> Any:
    values = _array(xp, values)
    source = np.broadcast_to(_places(values), targets.shape)
    if accumulate:
        return _combined(xp, x, xp.reshape(values, (-1,))[source.ravel()], targets, "sum")
    put = _places(x).ravel()
    put[targets.ravel()] = source.ravel() + put.size
    entries = xp.concat([xp.reshape(_array(xp, x), (-1,)), xp.reshape(values, (-1,))])
    return entries[put.reshape(tuple(x.shape))]


def _places(x: Any) -> Places:
    return np.arange(int(np.prod(x.shape)), dtype=np.intp).reshape(tuple(x.shape))


# -------------------------------------------------------------------- entries in groups

_NEUTRAL = {"sum": 0.0, "mean": 0.0, "prod": 1.0, "amax": -np.inf, "amin": np.inf}


def _combined(xp: Any, x: Any, source: Any, targets: Places, how: str, *, with_own: bool = True) -> Any:
    """Combine entries that go to the same place.

    Args:
        xp: the namespace.
        x: where they go to.
        source: what goes there.
        targets: for each of its entries, the flat place.
        how: `sum`, `mean`, `prod`, `amax` or `amin`.
        with_own: whether what stands at the place is combined with it.
    """
    size = int(np.prod(x.shape))
    flat = xp.reshape(_array(xp, source), (-1,))
    members: list[list[int]] = [[place] if with_own else [] for place in range(size)]
    for each, target in enumerate(targets.ravel().tolist()):
        members[target].append(size + each)
    count = np.array([len(each) for each in members])
    width = max(1, int(count.max(initial=0)))
    nothing = size + int(np.prod(flat.shape))
    table = np.full((size, width), nothing)
    for place, group in enumerate(members):
        table[place, : len(group)] = group
    own = xp.reshape(_array(xp, x), (-1,))
    entries = xp.concat([own, flat, xp.asarray(np.array([_NEUTRAL[how]]))])[table]
    name = {"mean": "sum", "amax": "max", "amin": "min"}.get(how, how)
    result = getattr(xp, name)(entries, axis=-1)
    result = result / np.maximum(count, 1) if how == "mean" else result
    return xp.reshape(xp.where(count > 0, result, own), tuple(x.shape))


def _scatter_add(xp: Any, x: Any, dim: int, index: Any, source: Any) -> Any:
    return _scatter_reduce(xp, x, dim, index, source, "sum")


def _scatter_reduce(
    xp: Any, x: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    targets = _at(x, dim, index)
    return _combined(xp, x, _like(source, index), targets, reduce, with_own=include_self)


def _at(x: Any, dim: int, index: Any) -> Places:
    """The flat places that `gather` takes along an axis."""
    found: Places = torch.gather(torch.from_numpy(_places(x)), dim, in_torch(index)).numpy()
    return found


def _scatter(xp: Any, x: Any, dim: int, index: Any, source: Any) -> Any:
    return _put(xp, x, _at(x, dim, index), _like(source, index), accumulate=False)


def _like(source: Any, index: Any) -> Any:
    """The part of a source that an index has an entry for."""
    shape = getattr(source, "shape", ())
    return source[tuple(slice(0, length) for length in index.shape)] if len(shape) else source


def _index_reduce(
    xp: Any, x: Any, dim: int, index: Any, source: Any, reduce: str, *, include_self: bool = True
) -> Any:
    places = _places(x)
    targets = (
        np.moveaxis(np.moveaxis(places, dim, 0)[index], 0, dim)
        if places.ndim
        else np.broadcast_to(places, index.shape)
    )
    return _combined(xp, x, source, targets, reduce, with_own=include_self)


_ONE = "as_strided as_strided_copy diagonal diagonal_copy flip gather repeat roll take unfold unfold_copy"
_TWO = "as_strided_scatter diagonal_scatter slice_scatter select_scatter"

MOVING: dict[str, Entry] = {
    **{f"aten.{name}": _moving(name) for name in _ONE.split()},
    **{f"aten.{name}": _moving(name, 2) for name in _TWO.split()},
    "aten.constant_pad_nd": _padded,
    "aten.masked_select": _masked_select,
    "aten.masked_scatter": _masked_scatter,
    "aten.index_put": _put_at,
    "aten._unsafe_index_put": _put_at,
    "aten.put": _put_flat,
    "aten.scatter": _scatter,
    "aten.scatter_add": _scatter_add,
    "aten.scatter_reduce.two": _scatter_reduce,
    "aten.index_reduce": _index_reduce,
}
"""By ATen's name of an operation: where its entries come from."""


def native_of(operation: str, inputs: Sequence[Any], options: Mapping[str, Any]) -> Any:
    """Let PyTorch compute an operation on NumPy arrays and Python numbers."""
    by_name = {name: in_torch(option) for name, option in options.items()}
    return in_numpy(operation_of(operation)(*in_torch(tuple(inputs)), **by_name))
