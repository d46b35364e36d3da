"""JAX's operations that move entries, with `xp`: axes, slices, and what indices choose."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.models.lax_positions import NOWHERE, Positions, places, slices, spread_out, taken
from gradproof.models.replay import Entry
from gradproof.reference.numbers.integers import Integers
from gradproof.reference.tape.arguments import integers_of, shape_of


def _reshaped(xp: Any, x: Any, *, new_sizes: Sequence[int], dimensions: Any = None, **_: Any) -> Any:
    if dimensions is not None:
        x = xp.permute_dims(x, tuple(dimensions))
    return xp.reshape(x, tuple(new_sizes))


def _transposed(xp: Any, x: Any, *, permutation: Sequence[int], **_: Any) -> Any:
    return xp.permute_dims(x, tuple(int(axis) for axis in permutation))


def _squeezed(xp: Any, x: Any, *, dimensions: Sequence[int], **_: Any) -> Any:
    shape = [length for axis, length in enumerate(shape_of(x)) if axis not in dimensions]
    return xp.reshape(x, tuple(shape))


def _broadcast(
    xp: Any, x: Any, *, shape: Sequence[int], broadcast_dimensions: Sequence[int], **_: Any
) -> Any:
    own = [1] * len(shape)
    for axis, length in zip(broadcast_dimensions, shape_of(x), strict=True):
        own[axis] = length
    placed = x if tuple(own) == shape_of(x) else xp.reshape(x, tuple(own))
    return placed if tuple(own) == tuple(shape) else xp.broadcast_to(placed, tuple(shape))


def _reversed(xp: Any, x: Any, *, dimensions: Sequence[int], **_: Any) -> Any:
    return xp.flip(x, axis=tuple(dimensions))


def _concatenated(xp: Any, *xs: Any, dimension: int, **_: Any) -> Any:
    return xp.concat(list(xs), axis=dimension)


def _stacked(xp: Any, *xs: Any, axis: int, **_: Any) -> Any:
    return xp.stack(list(xs), axis=axis)


def _unstacked(xp: Any, x: Any, *, axis: int, **_: Any) -> tuple[Any, ...]:
    parts = np.moveaxis(places(shape_of(x)), axis, 0)
    return tuple(taken(xp, x, part) for part in parts)


def _slice(
    xp: Any, x: Any, *, start_indices: Sequence[int], limit_indices: Sequence[int], strides: Any, **_: Any
) -> Any:
    chosen = map(slice, start_indices, limit_indices, strides or [None] * len(start_indices))
    return taken(xp, x, places(shape_of(x))[tuple(chosen)])


def _split(xp: Any, x: Any, *, sizes: Sequence[int], axis: int, **_: Any) -> tuple[Any, ...]:
    parts = np.split(places(shape_of(x)), np.cumsum(sizes)[:-1], axis=axis)
    return tuple(taken(xp, x, part) for part in parts)


def _padded(xp: Any, x: Any, fill: Any, *, padding_config: Sequence[tuple[int, int, int]], **_: Any) -> Any:
    positions = places(shape_of(x))
    for axis, (low, high, interior) in enumerate(padding_config):
        positions = spread_out(positions, low, high, interior, axis)
    return taken(xp, x, positions, fill)


def _counted(xp: Any, *, dtype: Any, shape: Sequence[int], dimension: int, **_: Any) -> Any:
    along = np.arange(shape[dimension]).reshape(-1, *(1,) * (len(shape) - dimension - 1))
    counted = np.array(np.broadcast_to(along, shape))
    return xp.asarray(counted.astype(np.float64)) if "float" in str(dtype) else counted.astype(dtype)


def _tiled(xp: Any, x: Any, *, reps: Sequence[int], **_: Any) -> Any:
    return taken(xp, x, np.tile(places(shape_of(x)), reps))


def _window(shape: Sequence[int], starts: Sequence[Any], sizes: Sequence[int]) -> tuple[slice, ...]:
    """A slice of an array, moved into it where it goes beyond."""
    first = [
        min(max(int(integers_of(start)), 0), length - size)
        for start, length, size in zip(starts, shape, sizes, strict=True)
    ]
    return tuple(slice(begin, begin + size) for begin, size in zip(first, sizes, strict=True))


def _dynamic_slice(xp: Any, x: Any, *starts: Any, slice_sizes: Sequence[int], **_: Any) -> Any:
    shape = shape_of(x)
    return taken(xp, x, places(shape)[_window(shape, starts, slice_sizes)])


def _dynamic_update(xp: Any, x: Any, update: Any, *starts: Any, **_: Any) -> Any:
    shape, size = shape_of(x), shape_of(update)
    return _replaced(xp, x, update, places(shape)[_window(shape, starts, size)])


def _replaced(xp: Any, x: Any, updates: Any, positions: Positions) -> Any:
    """An array with updates in the place of its entries at positions; of several for one, the last."""
    shape, inside = shape_of(x), positions != NOWHERE
    source = places(shape).reshape(-1)
    count = source.size
    source[positions[inside]] = count + places(positions.shape)[inside]
    both = xp.concat([xp.reshape(x, (-1,)), xp.reshape(updates, (-1,))])
    return taken(xp, both, source.reshape(shape))


# -------------------------------------------------------------------- gather and scatter


def _clips(mode: Any, *, writes: bool = False) -> bool:
    # What is promised to be inside, and is not, XLA moves into the array to read it, and does not write.
    return "CLIP" in str(mode) or ("PROMISE" in str(mode) and not writes)


def _gathered(
    xp: Any,
    x: Any,
    starts: Any,
    *,
    dimension_numbers: Any,
    slice_sizes: Sequence[int],
    mode: Any,
    fill_value: Any = None,
    **_: Any,
) -> Any:
    d = dimension_numbers
    positions = slices(
        shape_of(x),
        integers_of(starts),
        slice_sizes,
        d.offset_dims,
        d.collapsed_slice_dims,
        d.start_index_map,
        d.operand_batching_dims,
        d.start_indices_batching_dims,
        clips=_clips(mode),
    )
    return taken(xp, x, positions, np.nan if fill_value is None else fill_value)


def _written_at(x: Any, starts: Any, updates: Any, dimension_numbers: Any, mode: Any) -> Positions:
    """The positions that the entries of updates are written to."""
    d, shape = dimension_numbers, shape_of(x)
    single = {*d.inserted_window_dims, *d.operand_batching_dims}
    lengths = iter(shape_of(updates)[axis] for axis in d.update_window_dims)
    sizes = [1 if axis in single else next(lengths) for axis in range(len(shape))]
    return slices(
        shape,
        integers_of(starts),
        sizes,
        d.update_window_dims,
        d.inserted_window_dims,
        d.scatter_dims_to_operand_dims,
        d.operand_batching_dims,
        d.scatter_indices_batching_dims,
        clips=_clips(mode, writes=True),
    )


def _scattered(
    xp: Any, x: Any, starts: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **_: Any
) -> Any:
    return _replaced(xp, x, updates, _written_at(x, starts, updates, dimension_numbers, mode))


def _scattering(function: str) -> Entry:
    """A scatter that joins entries and updates by a function: those for one entry come in turn."""

    def entry(
        xp: Any, x: Any, starts: Any, updates: Any, *, dimension_numbers: Any, mode: Any, **_: Any
    ) -> Any:
        positions = _written_at(x, starts, updates, dimension_numbers, mode).reshape(-1)
        join = getattr(xp, function)
        result, flat = xp.reshape(x, (-1,)), xp.reshape(updates, (-1,))
        for turn in _turns(positions):
            # the entries that are met in this turn, joined, in the place of what they were
            met = join(taken(xp, result, positions[turn]), taken(xp, flat, turn))
            result = _replaced(xp, result, met, positions[turn])
        return xp.reshape(result, shape_of(x))

    return entry


def _turns(positions: Positions) -> list[NDArray[np.intp]]:
    """Group the places of positions, so that none is twice in a group; those that are nowhere are left out.

    >>> [turn.tolist() for turn in _turns(np.array([4, 5, 4, -1]))]
    [[0, 1], [2]]
    """
    order = np.argsort(positions, kind="stable")
    order = order[positions[order] != NOWHERE]
    ordered = positions[order]
    is_first = np.ones(ordered.size, dtype=bool)
    is_first[1:] = ordered[1:] != ordered[:-1]
    number = np.arange(ordered.size)
    turn = number - np.maximum.accumulate(np.where(is_first, number, 0))
    return [np.sort(order[turn == each]) for each in range(int(turn.max(initial=-1)) + 1)]


# -------------------------------------------------------------------- orders


def _settled(integers: Any) -> Any:
    """Computed integers as those of NumPy, where they are decided, and the same in all that runs together."""
    common = integers.common() if isinstance(integers, Integers) else None
    return integers if common is None else common


def _order(xp: Any, x: Any, axis: int) -> Any:
    return _settled(xp.argsort(x, axis=axis, stable=True))


def _sorted(xp: Any, *xs: Any, dimension: int, num_keys: int, **_: Any) -> tuple[Any, ...]:
    order = _order(xp, xs[num_keys - 1], dimension)
    for key in reversed(xs[: num_keys - 1]):
        within = _order(xp, xp.take_along_axis(key, order, axis=dimension), dimension)
        order = xp.take_along_axis(order, within, axis=dimension)
    return tuple(xp.take_along_axis(x, order, axis=dimension) for x in xs)


def _greatest_few(xp: Any, x: Any, *, k: int, **options: Any) -> tuple[Any, Any]:
    axis = options.get("axis", -1)
    first = xp.take(_order(xp, xp.negative(x), axis), np.arange(k), axis=axis)
    return xp.take_along_axis(x, first, axis=axis), first


def _nearly_greatest(
    xp: Any, x: Any, *, k: int, reduction_dimension: int, is_max_k: bool, **_: Any
) -> tuple[Any, Any]:
    """The greatest few, or the least, of which JAX finds all where it does not approximate, as on a CPU."""
    found, first = _greatest_few(xp, x if is_max_k else xp.negative(x), k=k, axis=reduction_dimension)
    return (found if is_max_k else xp.negative(found)), first


def _extreme(name: str) -> Entry:
    def entry(xp: Any, x: Any, *, axes: Sequence[int], **_: Any) -> Any:
        return _settled(getattr(xp, name)(x, axis=int(axes[0])))

    return entry


MOVING: dict[str, Entry] = {
    "reshape": _reshaped,
    "transpose": _transposed,
    "squeeze": _squeezed,
    "expand_dims": _reshaped,
    "broadcast_in_dim": _broadcast,
    "rev": _reversed,
    "concatenate": _concatenated,
    "stack": _stacked,
    "unstack": _unstacked,
    "slice": _slice,
    "split": _split,
    "pad": _padded,
    "tile": _tiled,
    "iota": _counted,
    "dynamic_slice": _dynamic_slice,
    "dynamic_update_slice": _dynamic_update,
    "gather": _gathered,
    "scatter": _scattered,
    "scatter-add": _scattering("add"),
    "scatter_add": _scattering("add"),
    "scatter_sub": _scattering("subtract"),
    "scatter-sub": _scattering("subtract"),
    "scatter_mul": _scattering("multiply"),
    "scatter-mul": _scattering("multiply"),
    "scatter_min": _scattering("minimum"),
    "scatter-min": _scattering("minimum"),
    "scatter_max": _scattering("maximum"),
    "scatter-max": _scattering("maximum"),
    "sort": _sorted,
    "top_k": _greatest_few,
    "approx_top_k": _nearly_greatest,
    "argmax": _extreme("argmax"),
    "argmin": _extreme("argmin"),
}
