"""Floating-point formats: how finely they resolve numbers, and where they end."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import ml_dtypes
import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.reference.numbers.payload import Payload


def numpy_dtype(dtype: str) -> np.dtype[Any]:
    """Give the data type of NumPy or of ml_dtypes in which arrays of a format are held.

    >>> numpy_dtype("bfloat16").itemsize, numpy_dtype("float64")
    (2, dtype('float64'))
    """
    return np.dtype(getattr(ml_dtypes, dtype, None) or dtype)


def is_registered(dtype: np.dtype[Any]) -> bool:
    """Tell whether a data type is not NumPy's own but one that a library (ml_dtypes) has registered.

    NumPy says 2 of these. Of its own it says 1, and 0 once an array has been sent to another process.

    >>> is_registered(np.dtype(ml_dtypes.bfloat16)), is_registered(np.dtype(np.float16))
    (True, False)
    """
    return dtype.isbuiltin == 2


@dataclass(frozen=True)
class Products:
    """The formats that hardware may round to within products of matrices, shorter than that of results.

    Attributes:
        product: The format that factors are rounded to, such as "tf32"; None for their own.
        convolution: The same of convolutions.
        partial: The format that a few partial sums are kept in; None for that of sums.
        accumulation: The format that sums are kept in; None for the usual one.

    >>> str(Products(product="tf32", convolution="tf32"))
    'factors in tf32, those of convolutions in tf32'
    >>> str(Products())
    ''
    """

    product: str | None = None
    convolution: str | None = None
    partial: str | None = None
    accumulation: str | None = None

    def __str__(self) -> str:
        """Say in words what is rounded; empty where nothing is."""
        told = {
            "factors in": self.product,
            "those of convolutions in": self.convolution,
            "partial sums in": self.partial,
            "sums in": self.accumulation,
        }
        return ", ".join(f"{words} {name}" for words, name in told.items() if name)

    @property
    def factors(self) -> tuple[str, ...]:
        """The formats that factors are rounded to, where those are shorter than their own."""
        return tuple(name for name in (self.product, self.convolution) if name)


@dataclass(frozen=True, kw_only=True)
class Format:
    """A binary floating-point format.

    Attributes:
        name: As data types are named.
        significand_bits: The significand's length, the leading bit included.
        greatest: The greatest finite number.
        smallest_normal: Below it, numbers lose digits.
        smallest_subnormal: The least positive number.
        overflow: What is beyond the greatest number: infinity, or NaN in formats that have no infinity.
        dtype: NumPy's own type that holds all its numbers, in which arrays of it are shown to a loss.

    Source: IEEE 754-2019, table 3.5; the others as ml_dtypes has them
    (https://github.com/jax-ml/ml_dtypes); TF32: the vendor's definition.
    """

    name: str
    significand_bits: int
    greatest: float
    smallest_normal: float
    smallest_subnormal: float
    overflow: float
    dtype: np.dtype[Any]

    @classmethod
    def of(cls, name: str) -> "Format":
        """The format of a data type of NumPy or of ml_dtypes, by its name."""
        dtype = numpy_dtype(name)
        limits = ml_dtypes.finfo(dtype)
        with np.errstate(invalid="ignore"):
            overflow = float(np.asarray(np.inf).astype(dtype))
        return cls(
            name=name,
            significand_bits=limits.nmant + 1,
            greatest=float(limits.max),
            smallest_normal=float(limits.smallest_normal),
            smallest_subnormal=float(limits.smallest_subnormal),
            overflow=overflow,
            dtype=np.dtype(np.float32) if is_registered(dtype) else dtype,
        )

    @property
    def unit_roundoff(self) -> float:
        """The greatest relative error of rounding to nearest."""
        return 2.0**-self.significand_bits

    def spacing(self, values: Payload) -> Payload:
        """The unit in the last place of each value: the distance to the next number away from 0.

        >>> FORMATS["float32"].spacing(np.array([1.0, 0.0])).tolist() == [2.0**-23, 2.0**-149]
        True
        """
        # A value is m · 2^e with 1/2 <= m < 1, and its last bit is worth 2^(e - bits).
        _, exponent = np.frexp(values)
        units = np.ldexp(1.0, exponent - self.significand_bits)
        spacing = np.where(np.equal(values, 0.0), 0.0, units)
        return np.where(np.isfinite(values), np.maximum(spacing, self.smallest_subnormal), np.nan)

    def rounded(self, values: Payload) -> Payload:
        """The nearest numbers of the format, ties to even, as float64; `overflow` beyond the greatest one.

        Rounded once, from float64: by way of float32, as the casts of ml_dtypes and PyTorch go, a number near
        the middle of two may go to the other one.

        >>> FORMATS["bfloat16"].rounded(np.array([1.001, 3.4e38, 1e39])).tolist()
        [1.0, inf, inf]
        >>> FORMATS["float8_e4m3fn"].rounded(np.array([0.3, 448.0, 500.0])).tolist()
        [0.3125, 448.0, nan]
        """
        if self.significand_bits == DOUBLE_BITS:
            return values
        with np.errstate(invalid="ignore"):
            unit = self.spacing(values)
            # Exact but for np.rint: units are powers of two, and far above the least number of float64.
            nearest = np.where(np.isfinite(values), np.rint(values / unit) * unit, values)
            beyond = np.abs(nearest) > self.greatest
            return np.where(beyond, np.copysign(self.overflow, values), nearest)

    def holds_all(self, other: "Format") -> bool:
        """Whether the format represents every number of another one.

        >>> (
        ...     FORMATS["float32"].holds_all(FORMATS["float16"]),
        ...     FORMATS["bfloat16"].holds_all(FORMATS["float16"]),
        ... )
        (True, False)
        """
        finer = self.significand_bits >= other.significand_bits
        return (
            finer and self.greatest >= other.greatest and self.smallest_subnormal <= other.smallest_subnormal
        )

    def holds(self, values: Payload) -> NDArray[np.bool_]:
        """Whether the format represents each value exactly."""
        same: NDArray[np.bool_] = self.rounded(values) == values
        return same


DOUBLE_BITS = 53

PLAIN_PRODUCTS = Products()
"""Products whose factors and sums are rounded as all else is."""

_OF_RESULTS = (
    *("float64", "float32", "float16", "bfloat16"),
    *("float8_e4m3fn", "float8_e5m2", "float8_e4m3", "float8_e3m4"),
    *("float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e4m3b11fnuz"),
)

FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        **{name: Format.of(name) for name in _OF_RESULTS},
        "tf32": replace(
            Format.of("float32"),
            name="tf32",
            significand_bits=11,
            greatest=(2.0 - 2.0**-10) * 2.0**127,
            smallest_subnormal=2.0**-136,
        ),
    }
)
"""All formats by name."""


def widened(array: NDArray[Any]) -> NDArray[Any]:
    """Give an array in a data type of NumPy's own: those of ml_dtypes as float32, which holds their numbers.

    >>> widened(np.ones(1, ml_dtypes.bfloat16)).dtype, widened(np.ones(1, np.float16)).dtype
    (dtype('float32'), dtype('float16'))
    """
    known = is_registered(array.dtype) and array.dtype.name in _OF_RESULTS
    return array.astype(np.float32) if known else array


def format_of(dtype: str) -> Format:
    """Give the format that results are kept in.

    Raises:
        InputError: there is none of that name, or it is of the factors of products alone.

    >>> format_of("float16").greatest
    65504.0
    """
    if dtype not in _OF_RESULTS:
        raise InputError(f"There is no dtype called {dtype!r} here. Give one of {', '.join(_OF_RESULTS)}.")
    return FORMATS[dtype]
