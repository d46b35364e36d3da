"""A pytree of JAX's as a flat mapping from dotted names to arrays, and back."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from gradproof.errors import InputError
from gradproof.models.jaxprs import is_float

Array = NDArray[Any]


@dataclass(frozen=True)
class Slot:
    """The place of an array in a pytree.

    Attributes:
        number: which of the arrays it is.
    """

    number: int


@dataclass(frozen=True, eq=False)
class Layout:
    """How the arrays of a pytree are laid out: names that are its paths, and the way back.

    Attributes:
        names: the dotted names of the arrays.
        skeleton: the pytree with slots in the place of the arrays, and all else as it is.
    """

    names: tuple[str, ...]
    skeleton: Any

    @classmethod
    def of(cls, tree: Any, what: str, is_array: Callable[[Any], bool]) -> "tuple[Layout, dict[str, Array]]":
        """Take the arrays out of a pytree.

        Args:
            tree: any pytree of JAX's.
            what: how it is called where it is an array itself.
            is_array: whether a leaf is taken out; others stay in their place.
        """
        leaves, structure = jax.tree_util.tree_flatten_with_path(tree)
        arrays: dict[str, Array] = {}
        kept: list[Any] = []
        for path, leaf in leaves:
            if not is_array(leaf):
                kept.append(leaf)
                continue
            kept.append(Slot(len(arrays)))
            arrays[jax.tree_util.keystr(path, simple=True, separator=".") or what] = _as_numpy(leaf)
        return cls(tuple(arrays), jax.tree.unflatten(structure, kept)), arrays

    def nest(self, flat: Mapping[str, Any]) -> Any:
        """Put arrays by dotted name into the pytree."""
        leaves, structure = jax.tree.flatten(self.skeleton)
        arrays = [flat[self.names[leaf.number]] if isinstance(leaf, Slot) else leaf for leaf in leaves]
        return jax.tree.unflatten(structure, arrays)


def _as_numpy(leaf: Any) -> Array:
    """Give an array in its own dtype; that of bfloat16 and the like is of ml_dtypes."""
    return np.asarray(leaf)


def _dtype_of(leaf: Any) -> str:
    """The name of an array's dtype; empty for what is no array and no float."""
    if isinstance(leaf, float):
        return "float64"
    return str(leaf.dtype) if isinstance(leaf, np.ndarray | np.generic | jax.Array) else ""


def is_parameter(leaf: Any) -> bool:
    """Tell whether a leaf is a parameter; what is no array stays as it is.

    Raises:
        InputError: it is an array of other numbers than floats.
    """
    dtype = _dtype_of(leaf)
    if "complex" in dtype or "int" in dtype:
        raise InputError(
            f"The parameters hold an array of {dtype}, which cannot be stepped by a gradient. Give "
            "floating-point numbers, and integers in the batch."
        )
    return is_float(dtype)


def is_data(leaf: Any) -> bool:
    """Tell whether a leaf is an array of data, or a float; a key of a random generator is none."""
    dtype = _dtype_of(leaf)
    return bool(dtype) and not dtype.startswith("key<")
