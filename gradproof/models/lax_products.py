"""JAX's products, convolutions and windows, with `xp`."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np

from gradproof.models.lax_positions import places, spread_out, taken, windows
from gradproof.models.replay import Entry
from gradproof.reference.tape.arguments import shape_of


def _dot_general(xp: Any, left: Any, right: Any, *, dimension_numbers: Any, **_: Any) -> Any:
    """A product along some axes, for each place along others: a stack of products of matrices."""
    (inner_left, inner_right), (stack_left, stack_right) = dimension_numbers
    outer_left, outer_right = (
        [axis for axis in range(len(shape_of(x))) if axis not in {*inner, *stack}]
        for x, inner, stack in ((left, inner_left, stack_left), (right, inner_right, stack_right))
    )
    stack, rows = _lengths(left, stack_left), _lengths(left, outer_left)
    columns, inner = _lengths(right, outer_right), _lengths(left, inner_left)
    first = _matrices(xp, left, (*stack_left, *outer_left, *inner_left), (*stack, prod(rows), prod(inner)))
    second = _matrices(
        xp, right, (*stack_right, *inner_right, *outer_right), (*stack, prod(inner), prod(columns))
    )
    return xp.reshape(xp.matmul(first, second), (*stack, *rows, *columns))


def _lengths(x: Any, axes: Sequence[int]) -> tuple[int, ...]:
    return tuple(shape_of(x)[axis] for axis in axes)


def _matrices(xp: Any, x: Any, order: tuple[int, ...], shape: tuple[int, ...]) -> Any:
    ordered = _ordered(xp, x, order)
    return ordered if shape_of(ordered) == shape else xp.reshape(ordered, shape)


def _ordered(xp: Any, x: Any, order: tuple[int, ...]) -> Any:
    return x if order == tuple(sorted(order)) else xp.permute_dims(x, order)


# -------------------------------------------------------------------- convolution


def _convolution(  # noqa: PLR0913 - XLA's arguments
    xp: Any,
    x: Any,
    kernel: Any,
    *,
    window_strides: Sequence[int],
    padding: Sequence[tuple[int, int]],
    lhs_dilation: Sequence[int],
    rhs_dilation: Sequence[int],
    dimension_numbers: Any,
    feature_group_count: int,
    batch_group_count: int,
    **_: Any,
) -> Any:
    """A convolution of examples, features and the axes of space, in this order.

    Groups of examples are made groups of features first: what one group's weights see are its own examples.

    Source: XLA's operation semantics, Conv, https://openxla.org/xla/operation_semantics#conv_convolution
    """
    d = dimension_numbers
    x, kernel = _ordered(xp, x, tuple(d.lhs_spec)), _ordered(xp, kernel, tuple(d.rhs_spec))
    if batch_group_count > 1:
        examples, features, *space = shape_of(x)
        split = xp.reshape(x, (batch_group_count, examples // batch_group_count, features, *space))
        x = xp.reshape(
            xp.permute_dims(split, (1, 0, *range(2, 3 + len(space)))),
            (examples // batch_group_count, batch_group_count * features, *space),
        )
    y = xp.nn.convolution(
        x,
        kernel,
        stride=tuple(window_strides),
        padding=tuple(padding),
        dilation=tuple(rhs_dilation),
        groups=max(feature_group_count, batch_group_count),
        input_dilation=tuple(lhs_dilation),
    )
    return _ordered(xp, y, tuple(np.argsort(d.out_spec).tolist()))


# -------------------------------------------------------------------- windows


def _reduced_windows(name: str, neutral: float) -> Entry:
    def entry(
        xp: Any,
        x: Any,
        *,
        window_dimensions: Sequence[int],
        window_strides: Sequence[int],
        padding: Sequence[tuple[int, int]],
        base_dilation: Sequence[int],
        window_dilation: Sequence[int],
        **_: Any,
    ) -> Any:
        positions = places(shape_of(x))
        for axis, ((low, high), dilation) in enumerate(zip(padding, base_dilation, strict=True)):
            positions = spread_out(positions, low, high, dilation - 1, axis)
        found = windows(positions, 0, window_dimensions, window_strides, window_dilation)
        found = found.reshape(*found.shape[: len(window_dimensions)], -1)
        return getattr(xp, name)(taken(xp, x, found, neutral), axis=-1)

    return entry


# -------------------------------------------------------------------- running along an axis


def _running_sums(xp: Any, x: Any, *, axis: int, reverse: bool, **_: Any) -> Any:
    ordered = xp.flip(x, axis=axis) if reverse else x
    sums = xp.cumulative_sum(ordered, axis=axis)
    return xp.flip(sums, axis=axis) if reverse else sums


def _running_exponentials(xp: Any, x: Any, *, axis: int, reverse: bool, **_: Any) -> Any:
    ordered = xp.flip(x, axis=axis) if reverse else x
    sums = xp.nn.logcumsumexp(ordered, axis=axis)
    return xp.flip(sums, axis=axis) if reverse else sums


def _running(join: str) -> Entry:
    """Each entry joined with all before it along an axis, one after the other."""

    def entry(xp: Any, x: Any, *, axis: int, reverse: bool, **_: Any) -> Any:
        own = places(shape_of(x))
        parts = np.split(own, range(1, own.shape[axis]), axis=axis)
        results: list[Any] = []
        for part in reversed(parts) if reverse else parts:
            entries = taken(xp, x, part)
            results.append(_joined(xp, join, results[-1], entries) if results else entries)
        return xp.concat(results[::-1] if reverse else results, axis=axis)

    return entry


def _joined(xp: Any, join: str, before: Any, entries: Any) -> Any:
    return getattr(xp, join)(before, entries)


PRODUCTS: dict[str, Entry] = {
    "dot_general": _dot_general,
    "conv_general_dilated": _convolution,
    "reduce_window_sum": _reduced_windows("sum", 0.0),
    "reduce_window_max": _reduced_windows("max", -np.inf),
    "reduce_window_min": _reduced_windows("min", np.inf),
    "cumsum": _running_sums,
    "cumprod": _running("multiply"),
    "cummax": _running("maximum"),
    "cummin": _running("minimum"),
    "cumlogsumexp": _running_exponentials,
}
