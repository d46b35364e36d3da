"""Functions that make arrays, and the names of data types.

Integers and booleans become NumPy arrays, because a loss uses them as indices and labels; floats
become constants of the tape, so that what is computed from them is as exact as all else.
"""

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.arguments import Value, is_discrete, shape_of
from gradproof.reference.tape.functions import Functions
from gradproof.reference.tape.functions_structure import Shape
from gradproof.reference.tape.node import Tensor

DType: TypeAlias = Any
"""Whatever NumPy takes as a data type, and None for the default."""


class CreationFunctions(Functions):
    """Functions that make arrays; `device` is taken and means nothing here."""

    pi, e, inf, nan, newaxis = np.pi, np.e, np.inf, np.nan, None
    float64, float32 = np.dtype(np.float64), np.dtype(np.float32)
    int64, int32, int16, int8 = (np.dtype(f"int{bits}") for bits in (64, 32, 16, 8))
    uint64, uint32, uint16, uint8 = (np.dtype(f"uint{bits}") for bits in (64, 32, 16, 8))
    bool = np.dtype(np.bool_)

    def _made(self, values: NDArray[Any]) -> Value:
        return self._tensor(values) if values.dtype.kind == "f" else values

    def asarray(self, x: Value, /, *, dtype: DType = None, **_options: Any) -> Value:
        """An array of a value; arrays stay what they are."""
        if isinstance(x, Tensor | Mask):
            return x
        return self._made(np.asarray(x, dtype=dtype))

    def zeros(self, shape: Shape, *, dtype: DType = None, device: object = None) -> Value:  # noqa: ARG002
        """Zeros."""
        return self._made(np.zeros(shape, dtype=dtype))

    def ones(self, shape: Shape, *, dtype: DType = None, device: object = None) -> Value:  # noqa: ARG002
        """Ones."""
        return self._made(np.ones(shape, dtype=dtype))

    def full(
        self,
        shape: Shape,
        fill_value: float,
        *,
        dtype: DType = None,
        device: object = None,  # noqa: ARG002
    ) -> Value:
        """One value in all places."""
        return self._made(np.full(shape, fill_value, dtype=dtype))

    def arange(
        self,
        start: float,
        /,
        stop: float | None = None,
        step: float = 1,
        *,
        dtype: DType = None,
        device: object = None,  # noqa: ARG002
    ) -> Value:
        """Evenly spaced values; integers if all bounds are."""
        first, last = (0, start) if stop is None else (start, stop)
        return self._made(np.arange(first, last, step, dtype=dtype))

    def linspace(self, start: float, stop: float, /, num: int, *, endpoint: Any = True) -> Value:
        """Evenly spaced floats, both ends included."""
        return self._made(np.linspace(start, stop, num, endpoint=endpoint))

    def eye(
        self,
        n_rows: int,
        n_cols: int | None = None,
        /,
        *,
        k: int = 0,
        dtype: DType = None,
        device: object = None,  # noqa: ARG002
    ) -> Value:
        """Ones on a diagonal."""
        return self._made(np.eye(n_rows, n_cols, k=k, dtype=dtype or np.float64))

    def zeros_like(self, x: Value, /, *, dtype: DType = None, device: object = None) -> Value:  # noqa: ARG002
        """Zeros in the shape and type of an array."""
        return self._made(np.zeros(shape_of(x), dtype=_type_like(x, dtype)))

    def ones_like(self, x: Value, /, *, dtype: DType = None, device: object = None) -> Value:  # noqa: ARG002
        """Ones in the shape and type of an array."""
        return self._made(np.ones(shape_of(x), dtype=_type_like(x, dtype)))

    def full_like(
        self,
        x: Value,
        /,
        fill_value: float,
        *,
        dtype: DType = None,
        device: object = None,  # noqa: ARG002
    ) -> Value:
        """One value in all places of the shape of an array."""
        return self._made(np.full(shape_of(x), fill_value, dtype=_type_like(x, dtype)))

    def finfo(self, dtype: DType, /) -> Any:
        """The limits of a floating-point type."""
        return np.finfo(dtype)


def _type_like(x: Value, dtype: DType) -> DType:
    if dtype is not None:
        return dtype
    return np.asarray(x).dtype if is_discrete(x) else np.float64
