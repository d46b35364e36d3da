"""The formats that a run of a loss computes in, and how formats are joined."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from gradproof.reference.numbers.formats import FORMATS, PLAIN_PRODUCTS, Products, format_of

OWN = "own"
"""What is said in the place of a dtype where each array is held in its own ..."""

OWN_DTYPES = "the arrays' own dtypes"
"""... and what that is called."""


def coarser(*dtypes: str) -> str:
    """Give the one of some formats that rounds most.

    >>> coarser("float32", "bfloat16", "float64")
    'bfloat16'
    """
    return max(dtypes, key=lambda dtype: FORMATS[dtype].unit_roundoff)


def promoted(*dtypes: str) -> str:
    """Give the format that an operation on numbers of several formats computes in.

    It is the finest one; of two that are equally short and of different ranges it is float32, as PyTorch, JAX
    and ml_dtypes have it.

    >>> promoted("bfloat16", "float32"), promoted("float16", "bfloat16")
    ('float32', 'float32')
    """
    if {"float16", "bfloat16"} <= {*dtypes}:
        dtypes = (*dtypes, "float32")
    return min(dtypes, key=lambda dtype: FORMATS[dtype].unit_roundoff)


@dataclass(frozen=True)
class RunFormats:
    """The formats that a run of a loss computes in: one for all, or each array's own.

    Attributes:
        dtype: the format of all; `OWN` where each array has its own.
        params: by dotted name, the parameters' own; empty where one is for all.
        batch: likewise, of the data that are floats.
        loss: the loss, on flat mappings, with all casts of the run; None where it has them itself.
        products: what hardware may round within products of matrices.

    >>> RunFormats.of("float32").of_param("w")
    'float32'
    >>> RunFormats(OWN, {"w": "bfloat16", "b": "float32"}).finest
    'float32'
    """

    dtype: str
    params: Mapping[str, str] = field(default_factory=dict)
    batch: Mapping[str, str] = field(default_factory=dict)
    loss: Callable[..., Any] | None = None
    products: Products = PLAIN_PRODUCTS

    def __post_init__(self) -> None:
        """Look at the names.

        Raises:
            InputError: there is no such format.
        """
        for dtype in self.own or (self.dtype,):
            format_of(dtype)

    @classmethod
    def of(cls, given: "str | RunFormats") -> "RunFormats":
        """Take the name of one format for all, or formats as they are."""
        return given if isinstance(given, RunFormats) else cls(given)

    @classmethod
    def each_its_own(cls, params: Mapping[str, str], batch: Mapping[str, str]) -> "RunFormats":
        """Give each array its own format, and data none that is finer than all parameters' are.

        Frameworks round data to what they compute in; and where all have one format, that is one for all.

        >>> RunFormats.each_its_own({"w": "bfloat16", "b": "float32"}, {"x": "float64"}).of_data("x")
        'float32'
        """
        finest = cls(OWN, params).finest
        batch = {name: coarser(dtype, finest) for name, dtype in batch.items()}
        return cls(finest) if {*params.values(), *batch.values()} == {finest} else cls(OWN, params, batch)

    @property
    def own(self) -> tuple[str, ...]:
        """The different formats of the arrays, where each has its own."""
        return tuple(dict.fromkeys((*self.params.values(), *self.batch.values())))

    @property
    def finest(self) -> str:
        """The format of the most digits."""
        return min(self.own or (self.dtype,), key=lambda dtype: FORMATS[dtype].unit_roundoff)

    @property
    def coarsest(self) -> str:
        """The format of the fewest digits that an array is held in."""
        return coarser(*(self.own or (self.dtype,)))

    def given(self, dtypes: Mapping[str, str]) -> "RunFormats":
        """Give what a gradient is judged by that was asked for in these formats, and came in others.

        A coarser one is that of all that was computed, but where each array has its own.

        Args:
            dtypes: by parameter, what it came in.

        >>> RunFormats("float64").given({"w": "float32", "b": "float64"}).dtype
        'float32'
        """
        if self.own:
            held = {name: coarser(self.of_param(name), dtype) for name, dtype in dtypes.items()}
            return replace(self, params={**self.params, **held})
        return replace(self, dtype=coarser(self.dtype, *dtypes.values()))

    def of_param(self, name: str) -> str:
        """Give the format that a parameter is held in."""
        return self.params.get(name, self.finest)

    def of_data(self, name: str) -> str:
        """Give the format that data are held in."""
        return self.batch.get(name, self.finest)
