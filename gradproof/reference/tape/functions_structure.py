"""Functions that move, repeat or choose entries, and those that make arrays."""

from collections.abc import Sequence
from operator import index
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.numbers import Mask
from gradproof.reference.tape.arguments import (
    Axis,
    Value,
    all_axes,
    is_discrete,
    one_axis,
    shape_of,
)
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import entrywise
from gradproof.reference.tape.operations import moving as table
from gradproof.reference.tape.source import caller

Shape = int | Sequence[int]


def _lengths(shape: Shape) -> tuple[int, ...]:
    """A shape as a tuple, whether one length or several were passed."""
    if isinstance(shape, tuple | list):
        return tuple(index(length) for length in shape)
    return (index(shape),)  # type: ignore[arg-type] # a Sequence that is no tuple and no list


class StructureFunctions(Functions):
    """Functions that move, repeat or choose entries; integers and booleans stay NumPy's."""

    def reshape(self, x: Value, /, shape: Shape, *, copy: bool | None = None) -> Value:  # noqa: ARG002 - nothing is ever changed in place
        """The entries in the same order in another shape."""
        if is_discrete(x):
            return np.reshape(x, _lengths(shape))
        return self._apply(table.RESHAPE, x, shape=_lengths(shape))

    def permute_dims(self, x: Value, /, axes: tuple[int, ...]) -> Value:
        """The axes in another order."""
        if is_discrete(x):
            return np.transpose(x, axes)
        tensor = self._tensor(x)
        places = tuple(one_axis(axis, tensor.ndim) for axis in axes)
        return self._apply(table.PERMUTE_DIMS, tensor, axes=places)

    def matrix_transpose(self, x: Value, /) -> Value:
        """The last two axes swapped."""
        return np.matrix_transpose(x) if is_discrete(x) else self._tensor(x).mT

    def moveaxis(self, x: Value, source: int, destination: int, /) -> Value:
        """One axis at another place."""
        ndim = len(shape_of(x))
        order = [axis for axis in range(ndim) if axis != source % ndim]
        order.insert(destination % ndim, source % ndim)
        return self.permute_dims(x, tuple(order))

    def broadcast_to(self, x: Value, /, shape: Shape) -> Value:
        """The entries repeated along new axes and axes of length 1."""
        if is_discrete(x):
            return np.broadcast_to(x, _lengths(shape))
        return self._apply(table.BROADCAST_TO, x, shape=_lengths(shape))

    def broadcast_arrays(self, *arrays: Value) -> list[Value]:
        """The arrays, all repeated to one shape."""
        shape = np.broadcast_shapes(*(shape_of(array) for array in arrays))
        return [self.broadcast_to(array, shape) for array in arrays]

    def expand_dims(self, x: Value, /, *, axis: int = 0) -> Value:
        """A new axis of length 1."""
        if is_discrete(x):
            return np.expand_dims(x, axis)
        tensor = self._tensor(x)
        place = one_axis(axis, tensor.ndim + 1)
        return self._apply(table.EXPAND_DIMS, tensor, axis=place)

    def squeeze(self, x: Value, /, axis: int | tuple[int, ...]) -> Value:
        """Takes away axes of length 1."""
        if is_discrete(x):
            return np.squeeze(x, axis)
        tensor = self._tensor(x)
        return self._apply(table.SQUEEZE, tensor, axes=all_axes(axis, tensor.ndim))

    def flip(self, x: Value, /, *, axis: Axis = None) -> Value:
        """The entries along axes in reverse order."""
        if is_discrete(x):
            return np.flip(x, axis)
        tensor = self._tensor(x)
        return self._apply(table.FLIP, tensor, axes=all_axes(axis, tensor.ndim))

    def concat(self, arrays: Sequence[Value], /, *, axis: int | None = 0) -> Value:
        """Arrays one after the other along an axis; None flattens them first."""
        if is_discrete(*arrays):
            return np.concatenate(arrays, axis=axis)
        tensors = [self._tensor(array) for array in arrays]
        if axis is None:
            tensors = [self.reshape(tensor, (-1,)) for tensor in tensors]
        place = one_axis(axis or 0, tensors[0].ndim)
        return self._apply(table.CONCAT, *tensors, axis=place)

    def stack(self, arrays: Sequence[Value], /, *, axis: int = 0) -> Value:
        """Arrays along a new axis."""
        if is_discrete(*arrays):
            return np.stack(arrays, axis=axis)
        place = one_axis(axis, len(shape_of(arrays[0])) + 1)
        return self.concat([self.expand_dims(array, axis=place) for array in arrays], axis=place)

    def take(self, x: Value, indices: Value, /, *, axis: int | None = None) -> Value:
        """The entries at indices along an axis."""
        if is_discrete(x, indices):
            return np.take(x, indices, axis=axis)
        tensor = self._tensor(x)
        if axis is None and tensor.ndim != 1:
            raise UnsupportedError(
                f"take at {caller()} lacks an axis, and the shape is {tensor.shape}. Pass axis=..."
            )
        place = one_axis(-1 if axis is None else axis, tensor.ndim)
        key = (slice(None),) * (tensor.ndim + place)
        return tensor[(*key, _integers(indices))]

    def take_along_axis(self, x: Value, indices: Value, /, *, axis: int = -1) -> Value:
        """Along an axis, for each row its own entries."""
        if is_discrete(x, indices):
            return np.take_along_axis(x, indices, axis)
        tensor = self._tensor(x)
        places = np.arange(tensor.size).reshape(tensor.shape)
        positions = np.take_along_axis(places, _integers(indices), axis)
        return self._apply(table.GATHER, tensor, positions=positions)

    def tril(self, x: Value, /, *, k: int = 0) -> Value:
        """The entries on and below a diagonal; zeros above."""
        if is_discrete(x):
            return np.tril(x, k=k)
        return self._triangle(x, lower=True, k=k)

    def triu(self, x: Value, /, *, k: int = 0) -> Value:
        """The entries on and above a diagonal; zeros below."""
        if is_discrete(x):
            return np.triu(x, k=k)
        return self._triangle(x, lower=False, k=k)

    def _triangle(self, x: Value, *, lower: bool, k: int) -> Tensor:
        tensor = self._tensor(x)
        ones = np.ones(tensor.shape[-2:], dtype=bool)
        condition = Mask.lift(np.tril(ones, k=k) if lower else np.triu(ones, k=k))
        return self._apply(entrywise.WHERE, tensor, 0, condition=condition)

    def astype(self, x: Value, dtype: Any, /, *, copy: bool = True) -> Value:
        """Another data type.

        To a floating-point type, numbers stay what they are: the kind of number decides how exact
        they are, and a loss that casts on the way is judged as if it did not.
        """
        target = np.dtype(dtype)
        if target.kind == "f":
            return self._apply(table.ASTYPE, x)
        if is_discrete(x):
            return np.asarray(x).astype(target, copy=copy)
        if target.kind == "b" and isinstance(x, Mask):
            return x
        raise UnsupportedError(
            f"astype at {caller()} turns computed numbers into {target}, which has no gradient. "
            "Compute integers from the batch's integers, or compare and use xp.where."
        )


def _integers(indices: Value) -> NDArray[np.intp]:
    if not is_discrete(indices):
        raise UnsupportedError(f"The indices at {caller()} are computed numbers. Use integers of the batch.")
    return np.asarray(indices, dtype=np.intp)
