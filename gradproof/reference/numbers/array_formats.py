"""The formats that a loss's arrays are held in, and how formats are joined."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gradproof.errors import InputError
from gradproof.reference.numbers.formats import FORMATS, format_of

OWN = "own"
"""What is said in the place of a dtype where each array is held in its own."""


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
class ArrayFormats:
    """The formats of a loss's arrays: one for all, or each array's own.

    Attributes:
        dtype: the format of all; `OWN` where each array has its own.
        params: by dotted name, the parameters' own; empty where one is for all.
        batch: likewise, of the data that are floats.

    >>> ArrayFormats.of("float32").of_param("w")
    'float32'
    >>> ArrayFormats(OWN, {"w": "bfloat16", "b": "float32"}).finest
    'float32'
    """

    dtype: str
    params: Mapping[str, str] = field(default_factory=dict)
    batch: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look at the names.

        Raises:
            InputError: there is no such format.
        """
        for dtype in self.own or (self.dtype,):
            format_of(dtype)

    @classmethod
    def of(cls, given: "str | ArrayFormats") -> "ArrayFormats":
        """Take the name of one format for all, or formats as they are."""
        return given if isinstance(given, ArrayFormats) else cls(given)

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
        """The format of the fewest digits."""
        return coarser(*(self.own or (self.dtype,)))

    def of_param(self, name: str) -> str:
        """Give the format that a parameter is held in."""
        return self.params.get(name, self.finest)

    def of_data(self, name: str) -> str:
        """Give the format that data are held in."""
        return self.batch.get(name, self.finest)


def check_dtype(dtype: str, known: tuple[str, ...]) -> None:
    """Raise InputError unless a dtype is one of those known, or `OWN`."""
    if dtype not in (*known, OWN):
        raise InputError(
            f"There is no dtype called {dtype!r} here. Choose from {', '.join(known)}, or {OWN} for each "
            "array's own."
        )
