"""Floating-point formats: how finely they resolve numbers, and where they end."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.payload import Payload


@dataclass(frozen=True, kw_only=True)
class Format:
    """A binary floating-point format.

    Attributes:
        name: As data types are named.
        significand_bits: The significand's length, the leading bit included.
        smallest_normal: Below it, numbers lose digits.
        smallest_subnormal: The least positive number.
        dtype: The nearest NumPy type, in which arrays of the format are shown to a loss.

    Source: IEEE 754-2019, table 3.5; bfloat16 and TF32: the vendors' definitions.
    """

    name: str
    significand_bits: int
    smallest_normal: float
    smallest_subnormal: float
    dtype: np.dtype[Any]

    @property
    def unit_roundoff(self) -> float:
        """The greatest relative error of rounding to nearest."""
        return 2.0**-self.significand_bits

    @property
    def greatest(self) -> float:
        """The greatest finite number."""
        # All bits of the significand set; the exponents of a format are symmetric about its bias.
        return (2.0 - 2.0 ** (1 - self.significand_bits)) * 2.0 / self.smallest_normal

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
        """The nearest numbers of the format, as float64; infinity beyond the greatest one.

        >>> FORMATS["bfloat16"].rounded(np.array([1.001, 3.4e38, 1e39])).tolist()
        [1.0, inf, inf]
        """
        if self.name == "float64":
            return values
        with np.errstate(over="ignore"):
            if self.name == "float16":
                return values.astype(np.float16).astype(np.float64)
            single = values.astype(np.float32)
        if self.significand_bits < FLOAT32_BITS:
            single = _shortened(single, FLOAT32_BITS - self.significand_bits)
        return single.astype(np.float64)

    def holds(self, values: Payload) -> NDArray[np.bool_]:
        """Whether the format represents each value exactly."""
        same: NDArray[np.bool_] = self.rounded(values) == values
        return same


FLOAT32_BITS = 24


def _shortened(values: NDArray[np.float32], dropped: int) -> NDArray[np.float32]:
    """float32 numbers rounded to nearest, ties to even, with fewer bits of significand."""
    bits = values.view(np.uint32)
    odd = (bits >> np.uint32(dropped)) & np.uint32(1)
    half = np.uint32((1 << (dropped - 1)) - 1)
    rounded = (bits + half + odd) & np.uint32(0xFFFFFFFF << dropped & 0xFFFFFFFF)
    return np.where(np.isfinite(values), rounded.view(np.float32), values)


_ALL = (
    Format(
        name="float64",
        significand_bits=53,
        smallest_normal=2.0**-1022,
        smallest_subnormal=2.0**-1074,
        dtype=np.dtype(np.float64),
    ),
    Format(
        name="float32",
        significand_bits=FLOAT32_BITS,
        smallest_normal=2.0**-126,
        smallest_subnormal=2.0**-149,
        dtype=np.dtype(np.float32),
    ),
    Format(
        name="float16",
        significand_bits=11,
        smallest_normal=2.0**-14,
        smallest_subnormal=2.0**-24,
        dtype=np.dtype(np.float16),
    ),
    Format(
        name="bfloat16",
        significand_bits=8,
        smallest_normal=2.0**-126,
        smallest_subnormal=2.0**-133,
        dtype=np.dtype(np.float32),
    ),
    Format(
        name="tf32",
        significand_bits=11,
        smallest_normal=2.0**-126,
        smallest_subnormal=2.0**-136,
        dtype=np.dtype(np.float32),
    ),
)

FORMATS: Mapping[str, Format] = MappingProxyType({each.name: each for each in _ALL})
"""All formats by name."""
