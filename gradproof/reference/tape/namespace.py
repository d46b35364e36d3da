"""The array namespace `xp` that a loss is written with."""
# ruff: noqa: ARG002 - the standard's `device` is taken, and means nothing here

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.numbers import Integers, Mask
from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import (
    Shape,
    Value,
    condition_of,
    contraction,
    holds_computed,
    integers_of,
    is_discrete,
    one_axis,
    rank_of,
    shape_of,
)
from gradproof.reference.tape.comparing import Comparing
from gradproof.reference.tape.data_types import DataTypes, DType
from gradproof.reference.tape.linear_algebra import LinearAlgebra
from gradproof.reference.tape.neural_functions import NeuralFunctions
from gradproof.reference.tape.node import Recorder, Tensor
from gradproof.reference.tape.operations import IN_NAMESPACE
from gradproof.reference.tape.operations.choosing import CHOOSE
from gradproof.reference.tape.operations.entrywise import CLIP, DIVIDE, MAXIMUM, MINIMUM, WHERE
from gradproof.reference.tape.operations.moving import ASTYPE, GATHER
from gradproof.reference.tape.rearranging import Rearranging
from gradproof.reference.tape.searching import Searching
from gradproof.reference.tape.special_functions import SpecialFunctions


class Namespace(
    Comparing,
    Searching,
    Rearranging,
    DataTypes,
    prefix="xp.",
    operations=IN_NAMESPACE[""],
):
    """The functions of the array API standard that losses are written with, and `nn`.

    Those of the table are made of it; here are those that are made of several operations, or of none.

    Attributes:
        nn: Activations and losses that frameworks have natively; see `NeuralFunctions`.
        special: Special functions; see `SpecialFunctions`.
        linalg: Linear algebra; see `LinearAlgebra`.

    Source: Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/
    """

    def __init__(self, tape: Recorder) -> None:
        """Bind all functions to the tape that they record on."""
        super().__init__(tape)
        self.nn = NeuralFunctions(tape, self)
        self.special = SpecialFunctions(tape, self)
        self.linalg = LinearAlgebra(tape, self)

    @property
    def held_in(self) -> str:
        """The floating-point format of all numbers whose own is not known; empty for exact ones."""
        return self._tape.kind.held_in

    @property
    def has_formats(self) -> bool:
        """Whether the arrays of the loss are held each in a format of its own."""
        return self._tape.kind.has_formats

    # ---------------------------------------------------------------- entry by entry

    def positive(self, x: Value, /) -> Value:
        """The number itself."""
        return x

    def real(self, x: Value, /) -> Value:
        """The number itself, which is real."""
        return x

    def conj(self, x: Value, /) -> Value:
        """The number itself, which is real."""
        return x

    def reciprocal(self, x: Value, /) -> Tensor:
        """1/x."""
        return self._apply(DIVIDE, 1, x)

    def arctan(self, x: Value, /) -> Value:
        """The arc tangent, by the name that NumPy, PyTorch and JAX also have."""
        return self.atan(x)

    def pow(self, x1: Value, x2: Value, /) -> Value:
        """The power; a whole Python number as exponent is taken for any base."""
        return np.power(x1, x2) if is_discrete(x1, x2) else self._tensor(x1) ** x2

    def clip(self, x: Value, /, min: Value | None = None, max: Value | None = None) -> Value:  # noqa: A002 - the standard's names
        """The number, or the bound that it goes beyond."""
        if is_discrete(x, *(bound for bound in (min, max) if bound is not None)):
            return np.clip(x, min, max)
        if min is None and max is None:
            return self._tensor(x)
        if min is None:
            return self._apply(MINIMUM, x, max)
        if max is None:
            return self._apply(MAXIMUM, x, min)
        return self._apply(CLIP, x, min, max)

    def where(self, condition: Value, x1: Value, x2: Value, /) -> Value:
        """`x1` where the condition holds, `x2` elsewhere; the hull of both where it is undecided."""
        if is_discrete(condition, x1, x2):
            return np.where(condition, x1, x2)
        return self._apply(WHERE, x1, x2, condition=condition_of(condition))

    # ---------------------------------------------------------------- products

    def tensordot(self, x1: Value, x2: Value, /, *, axes: Any = 2) -> Value:
        """The sum of products along pairs of axes: a matrix product of reordered arrays."""
        if is_discrete(x1, x2):
            return np.tensordot(x1, x2, axes=axes)
        left, right = self._tensor(x1), self._tensor(x2)
        rows, columns, inner, shape = contraction(left.shape, right.shape, axes)
        return self.reshape(
            self._ordered(left, rows, (-1, inner)) @ self._ordered(right, columns, (inner, -1)), shape
        )

    def _ordered(self, x: Tensor, order: list[int], shape: tuple[int, int]) -> Value:
        """A matrix of an array's entries, its axes brought into an order first."""
        ordered = self.permute_dims(x, tuple(order)) if order != sorted(order) else x
        return self.reshape(ordered, shape)

    # ---------------------------------------------------------------- moving entries

    def moveaxis(
        self, x: Value, source: int | tuple[int, ...], destination: int | tuple[int, ...], /
    ) -> Value:
        """Axes at other places."""
        ndim = rank_of(x)
        pairs = [each if isinstance(each, tuple | list) else (each,) for each in (source, destination)]
        sources, places = ([one_axis(axis, ndim) + ndim for axis in axes] for axes in pairs)
        order = [axis for axis in range(ndim) if axis not in sources]
        for place, axis in sorted(zip(places, sources, strict=True)):
            order.insert(place, axis)
        return self.permute_dims(x, tuple(order))

    def broadcast_arrays(self, *arrays: Value) -> list[Value]:
        """The arrays, all repeated to one shape."""
        shape = np.broadcast_shapes(*(shape_of(array) for array in arrays))
        return [self.broadcast_to(array, shape) for array in arrays]

    def stack(self, arrays: Sequence[Value], /, *, axis: int = 0) -> Value:
        """Arrays along a new axis."""
        parts = tuple(arrays)
        if is_discrete(*parts):
            return np.stack(parts, axis=axis)
        if len(shapes := {shape_of(part) for part in parts}) != 1:
            raise ValueError(f"there must be arrays, all of one shape, and not {sorted(shapes)}")
        place = one_axis(axis, rank_of(parts[0]) + 1)
        return self.concat([self.expand_dims(self._tensor(part), axis=place) for part in parts], axis=place)

    def take(self, x: Value, indices: Value, /, *, axis: int | None = None) -> Value:
        """The entries at indices along an axis."""
        if is_discrete(x, indices):
            return np.take(x, indices, axis=axis)
        tensor = self._tensor(x)
        if axis is None and tensor.ndim != 1:
            raise ValueError(f"it needs an axis for an array with {tensor.ndim} axes")
        place = one_axis(-1 if axis is None else axis, tensor.ndim)
        if isinstance(indices, Integers) and indices.common() is None:
            return self._taken(tensor, indices, tensor.ndim + place)
        return tensor[(*(slice(None),) * (tensor.ndim + place), integers_of(indices))]

    def _taken(self, x: Tensor, indices: Integers, axis: int) -> Value:
        """The entries at computed places along an axis."""
        flat = indices.gathered(np.arange(indices.size))
        chosen = self._apply(CHOOSE, self.moveaxis(x, axis, -1), places=flat)
        shape = (*x.shape[:axis], *indices.shape, *x.shape[axis + 1 :])
        return self.reshape(self.moveaxis(chosen, -1, axis), shape)

    def take_along_axis(self, x: Value, indices: Value, /, *, axis: int = -1) -> Value:
        """Along an axis, for each row its own entries."""
        if is_discrete(x, indices):
            return np.take_along_axis(x, indices, axis)
        tensor = self._tensor(x)
        if isinstance(indices, Integers) and indices.common() is None:
            place = one_axis(axis, tensor.ndim)
            chosen = self._apply(CHOOSE, self._swapped(tensor, place), places=indices.swapped(place))
            return self._swapped(chosen, place)
        places = np.arange(tensor.size).reshape(tensor.shape)
        return self._apply(GATHER, tensor, positions=np.take_along_axis(places, integers_of(indices), axis))

    def _swapped(self, x: Tensor, axis: int) -> Value:
        """An axis, counted from the right, and the last one swapped."""
        order = [*range(x.ndim)]
        order[axis], order[-1] = order[-1], order[axis]
        return self.permute_dims(x, tuple(order))

    def tril(self, x: Value, /, *, k: int = 0) -> Value:
        """The entries on and below a diagonal; zeros above."""
        return np.tril(x, k=k) if is_discrete(x) else self._kept(x, np.tril, k)

    def triu(self, x: Value, /, *, k: int = 0) -> Value:
        """The entries on and above a diagonal; zeros below."""
        return np.triu(x, k=k) if is_discrete(x) else self._kept(x, np.triu, k)

    def _kept(self, x: Value, triangle: Callable[..., Any], k: int) -> Tensor:
        entries = triangle(np.ones(shape_of(x)[-2:], dtype=bool), k=k)
        return self._apply(WHERE, x, 0, condition=Mask.lift(entries))

    def astype(self, x: Value, dtype: Any, /, *, copy: Any = True, device: object = None) -> Value:
        """Another data type.

        To a floating-point type, exact numbers stay what they are. Noisy ones are rounded to it, unless it is
        a finer one than the arrays of the loss are held in: not all programs have that.
        """
        target = np.dtype(dtype)
        name = (target.metadata or {}).get("format", target.name)
        if name in FORMATS:
            tensor = self._tensor(x)
            return self._apply(ASTYPE, tensor, dtype=tensor.value.kind.at_most(name))
        if is_discrete(x):
            return np.asarray(x).astype(target, copy=copy)
        if target.kind == "b":
            return condition_of(x)
        if isinstance(x, Mask):
            return Integers.counted(x, ())
        if isinstance(x, Integers):
            return x
        raise UnsupportedError(
            f"astype at {caller()} turns computed numbers into {target}, which has no gradient. "
            "Compute integers from the batch's integers, or compare and use xp.where."
        )

    # ---------------------------------------------------------------- making arrays

    # Integers and booleans become NumPy arrays, because a loss uses them as indices and labels; floats become
    # constants of the tape, so that what is computed from them is as exact as all else.

    def _made(self, values: NDArray[Any]) -> Value:
        return self._tensor(values) if values.dtype.kind == "f" else values

    def asarray(
        self, obj: Value, /, *, dtype: DType = None, device: object = None, copy: Any = None
    ) -> Value:
        """An array of a value; arrays stay what they are."""
        if isinstance(obj, Computed):
            return obj if dtype is None else self.astype(obj, dtype)
        if holds_computed(obj):
            raise UnsupportedError(
                f"xp.asarray at {caller()} is given a list of computed arrays. "
                "Join them with xp.stack(list), or with xp.concat(list) along an axis that they have."
            )
        return self._made(np.asarray(obj, dtype=dtype))

    def zeros(self, shape: Shape, *, dtype: DType = None, device: object = None) -> Value:
        """Zeros."""
        return self._made(np.zeros(shape, dtype=dtype))

    def ones(self, shape: Shape, *, dtype: DType = None, device: object = None) -> Value:
        """Ones."""
        return self._made(np.ones(shape, dtype=dtype))

    def full(self, shape: Shape, fill_value: Value, *, dtype: DType = None, device: object = None) -> Value:
        """One value in all places."""
        if isinstance(fill_value, Computed):
            return self.broadcast_to(fill_value, shape)
        return self._made(np.full(shape, fill_value, dtype=dtype))

    def arange(
        self,
        start: float,
        /,
        stop: float | None = None,
        step: float = 1,
        *,
        dtype: DType = None,
        device: object = None,
    ) -> Value:
        """Evenly spaced values; integers if all bounds are."""
        first, last = (0, start) if stop is None else (start, stop)
        return self._made(np.arange(first, last, step, dtype=dtype))

    def linspace(
        self,
        start: float,
        stop: float,
        /,
        num: int,
        *,
        dtype: DType = None,
        device: object = None,
        endpoint: Any = True,
    ) -> Value:
        """Evenly spaced floats, both ends included."""
        if holds_computed([start, stop]):
            return start + (stop - start) * self.linspace(0.0, 1.0, num, endpoint=endpoint)
        return self._made(np.linspace(start, stop, num, dtype=dtype, endpoint=endpoint))

    def eye(
        self,
        n_rows: int,
        n_cols: int | None = None,
        /,
        *,
        k: int = 0,
        dtype: DType = None,
        device: object = None,
    ) -> Value:
        """Ones on a diagonal."""
        return self._made(np.eye(n_rows, n_cols, k=k, dtype=dtype or np.float64))

    def zeros_like(self, x: Value, /, *, dtype: DType = None, device: object = None) -> Value:
        """Zeros in the shape and type of an array."""
        return self.full_like(x, 0, dtype=dtype)

    def ones_like(self, x: Value, /, *, dtype: DType = None, device: object = None) -> Value:
        """Ones in the shape and type of an array."""
        return self.full_like(x, 1, dtype=dtype)

    def full_like(
        self, x: Value, /, fill_value: Value, *, dtype: DType = None, device: object = None
    ) -> Value:
        """One value in all places of the shape of an array."""
        if dtype is None:
            dtype = np.asarray(x).dtype if is_discrete(x) else np.float64
        return self.full(shape_of(x), fill_value, dtype=dtype)
