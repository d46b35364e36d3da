"""Functions that take several entries together, and the products of matrices."""

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from gradproof.reference.tape.arguments import Axis, Value, all_axes, is_discrete, one_axis
from gradproof.reference.tape.functions import Functions, binary
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import Operation, matrix_products
from gradproof.reference.tape.operations import along_axes as table
from gradproof.reference.tape.operations.moving import CONCAT, PERMUTE_DIMS, RESHAPE, SQUEEZE

Reduction = Callable[..., Value]


def _reduction(operation: Operation, on_integers: Reduction | None) -> Reduction:
    def function(
        self: Functions,
        x: Value,
        /,
        *,
        axis: Axis = None,
        dtype: Any = None,  # noqa: ARG001 - taken and ignored, as astype does
        keepdims: bool = False,
    ) -> Value:
        if on_integers is not None and is_discrete(x):
            return on_integers(x, axis=axis, keepdims=keepdims)
        tensor = self._tape.lift(x)
        axes = all_axes(axis, tensor.ndim)
        return self._tape.apply(operation, tensor, axes=axes, keepdims=keepdims)

    function.__name__ = function.__qualname__ = operation.name
    function.__doc__ = f"{operation.name} along axes; None means all."
    return function


class ReductionFunctions(Functions):
    """Functions that take several entries together."""

    sum = _reduction(table.SUM, np.sum)
    mean = _reduction(table.MEAN, None)
    max = _reduction(table.MAX, np.max)
    min = _reduction(table.MIN, np.min)

    def prod(self, x: Value, /, *, axis: Axis = None, keepdims: bool = False) -> Value:
        """The product along an axis; None means all."""
        if is_discrete(x):
            return np.prod(x, axis=axis, keepdims=keepdims)
        tensor = self._tensor(x)
        axes = all_axes(axis, tensor.ndim)
        for each in axes:
            tensor = self._apply(table.PROD, tensor, axis=each, keepdims=True)
        return tensor if keepdims or not axes else self._apply(SQUEEZE, tensor, axes=axes)

    def var(
        self, x: Value, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
    ) -> Tensor:
        """The mean square deviation from the mean; the divisor is the count less `correction`."""
        return self._spread(table.VAR, x, axis, correction, keepdims=keepdims)

    def std(
        self, x: Value, /, *, axis: Axis = None, correction: float = 0.0, keepdims: bool = False
    ) -> Tensor:
        """The square root of the variance."""
        return self._spread(table.STD, x, axis, correction, keepdims=keepdims)

    def _spread(
        self, operation: Operation, x: Value, axis: Axis, correction: float, *, keepdims: bool
    ) -> Tensor:
        tensor = self._tensor(x)
        return self._apply(
            operation,
            tensor,
            axes=all_axes(axis, tensor.ndim),
            correction=correction,
            keepdims=keepdims,
        )

    def cumulative_sum(self, x: Value, /, *, axis: int | None = None, include_initial: bool = False) -> Value:
        """The running sums along an axis; `include_initial` puts a zero before them."""
        if is_discrete(x):
            return np.cumulative_sum(x, axis=axis, include_initial=include_initial)
        tensor = self._tensor(x)
        place = one_axis(-1 if axis is None else axis, tensor.ndim)
        if include_initial:
            first = [1 if i - tensor.ndim == place else n for i, n in enumerate(tensor.shape)]
            tensor = self._apply(CONCAT, np.zeros(first), tensor, axis=place)
        return self._apply(table.CUMULATIVE_SUM, tensor, axis=place)


class ProductFunctions(Functions):
    """Products of matrices, vectors and arrays of more axes."""

    matmul = binary(matrix_products.MATMUL, np.matmul)

    def vecdot(self, a: Value, b: Value, /, *, axis: int = -1) -> Value:
        """The sum of products along an axis."""
        if is_discrete(a, b):
            return np.vecdot(np.moveaxis(a, axis, -1), np.moveaxis(b, axis, -1))
        left, right = (self._last(self._tensor(x), axis) for x in (a, b))
        return self._apply(matrix_products.VECDOT, left, right)

    def outer(self, a: Value, b: Value, /) -> Value:
        """All products of two vectors' entries."""
        return np.outer(a, b) if is_discrete(a, b) else self._apply(matrix_products.OUTER, a, b)

    def tensordot(self, a: Value, b: Value, /, *, axes: Any = 2) -> Value:
        """The sum of products along pairs of axes: a matrix product of reordered arrays."""
        if is_discrete(a, b):
            return np.tensordot(a, b, axes=axes)
        left, right = self._tensor(a), self._tensor(b)
        if isinstance(axes, int):
            axes = (range(left.ndim - axes, left.ndim), range(axes))
        inner_left = [axis % left.ndim for axis in axes[0]]
        inner_right = [axis % right.ndim for axis in axes[1]]
        outer_left = [axis for axis in range(left.ndim) if axis not in inner_left]
        outer_right = [axis for axis in range(right.ndim) if axis not in inner_right]
        shape = [left.shape[axis] for axis in outer_left]
        shape += [right.shape[axis] for axis in outer_right]
        inner = prod(left.shape[axis] for axis in inner_left)
        rows = self._ordered(left, outer_left + inner_left, (-1, inner))
        columns = self._ordered(right, inner_right + outer_right, (inner, -1))
        return self._apply(RESHAPE, rows @ columns, shape=tuple(shape))

    def _ordered(self, x: Tensor, order: list[int], shape: tuple[int, int]) -> Tensor:
        """A matrix of an array's entries, its axes brought into an order first."""
        axes = tuple(axis - x.ndim for axis in order)
        ordered = self._apply(PERMUTE_DIMS, x, axes=axes) if order != sorted(order) else x
        return self._apply(RESHAPE, ordered, shape=shape)

    def _last(self, x: Tensor, axis: int) -> Tensor:
        """An array with an axis moved to the end."""
        place = one_axis(axis, x.ndim)
        if place == -1:
            return x
        others = [each for each in range(-x.ndim, 0) if each != place]
        return self._apply(PERMUTE_DIMS, x, axes=(*others, place))
