"""Functions that make arrays, and the names of data types.

Integers and booleans become NumPy arrays, because a loss uses them as indices and labels; floats
become constants of the tape, so that what is computed from them is as exact as all else.
"""
# ruff: noqa: ARG002 - the standard's `device` is taken, and means nothing here

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.errors import UnsupportedError
from gradproof.reference.advice import Computed
from gradproof.reference.source import caller
from gradproof.reference.tape.arguments import Shape, Value, holds_computed, is_discrete, shape_of
from gradproof.reference.tape.functions import Functions

DType: TypeAlias = Any
"""Whatever NumPy takes as a data type, and None for the default."""


class CreationFunctions(Functions):
    """Functions that make arrays."""

    pi, e, inf, nan, newaxis = np.pi, np.e, np.inf, np.nan, None
    float64, float32 = np.float64, np.float32
    int64, int32, int16, int8 = np.int64, np.int32, np.int16, np.int8
    uint64, uint32, uint16, uint8 = np.uint64, np.uint32, np.uint16, np.uint8
    bool = np.bool_

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

    def finfo(self, type: DType, /) -> Any:  # noqa: A002 - the standard's name
        """The limits of a floating-point type."""
        return np.finfo(type)
