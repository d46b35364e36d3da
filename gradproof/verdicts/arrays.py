"""Arrays of whatever framework a user's gradient returns, as NumPy's."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


def framework_of(leaf: Any) -> str:
    """Tell whose array something is: `torch`, `jax`, or else `numpy`."""
    module = type(leaf).__module__.partition(".")[0]
    return {"torch": "torch", "jax": "jax", "jaxlib": "jax"}.get(module, "numpy")


def as_numpy(leaf: Any) -> Array:
    """Give an array of NumPy, PyTorch or JAX as one of NumPy, in its own dtype where NumPy has it."""
    if framework_of(leaf) == "torch":
        tensor = leaf.detach().cpu()
        # NumPy has no bfloat16; float64 holds all of its numbers.
        return np.asarray(tensor.double() if tensor.is_floating_point() else tensor)
    return np.asarray(leaf)


def as_float64(leaf: Any) -> Array | None:
    """Give an array of NumPy, PyTorch or JAX as float64, which holds all numbers of every dtype here.

    Returns:
        the array; None for what holds no real numbers (complex ones, texts, None).

    >>> as_float64([1, 2.5]), as_float64([1j]), as_float64("one")
    (array([1. , 2.5]), None, None)
    """
    try:
        array = as_numpy(leaf)
        if array.dtype.kind not in "fiub" and array.dtype.name != "bfloat16":
            return None
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return None
