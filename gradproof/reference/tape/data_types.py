"""Constants and data types, and what is asked of them."""

from typing import Any, TypeAlias

import numpy as np

from gradproof.reference.numbers import Mask
from gradproof.reference.tape.arguments import Value
from gradproof.reference.tape.functions import Functions

DType: TypeAlias = Any
"""Whatever NumPy takes as a data type, and None for the default."""


def _type_of(value: Value) -> Value:
    """The data type of a computed array; anything else as it is."""
    if isinstance(value, Mask):
        return np.dtype(bool)
    return value.dtype if hasattr(value, "dtype") and not isinstance(value, type) else value


class DataTypes(Functions):
    """The constants and the data types of the array API standard, which are NumPy's."""

    pi, e, inf, nan, newaxis = np.pi, np.e, np.inf, np.nan, None
    float64, float32 = np.float64, np.float32
    int64, int32, int16, int8 = np.int64, np.int32, np.int16, np.int8
    uint64, uint32, uint16, uint8 = np.uint64, np.uint32, np.uint16, np.uint8
    bool = np.bool_

    __array_api_version__ = "2024.12"

    def finfo(self, type: DType, /) -> Any:  # noqa: A002 - the standard's name
        """The limits of a floating-point type, or of an array's."""
        return np.finfo(_type_of(type))

    def iinfo(self, type: DType, /) -> Any:  # noqa: A002 - the standard's name
        """The limits of a type of integers, or of an array's."""
        return np.iinfo(_type_of(type))

    def isdtype(self, dtype: DType, kind: Any) -> Any:
        """Whether a type is of a kind: "bool", "integral", "real floating", "numeric", or one of several."""
        return np.isdtype(np.dtype(dtype), kind)

    def can_cast(self, from_: Value, to: DType, /) -> Any:
        """Whether a type, or an array's, goes into another one by the standard's promotion."""
        return np.can_cast(_type_of(from_), to)

    def result_type(self, *arrays_and_dtypes: Value) -> Any:
        """The type that arrays, numbers and types are promoted to."""
        return np.result_type(*(_type_of(each) for each in arrays_and_dtypes))
