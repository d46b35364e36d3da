"""An operation of JAX's and its backward pass, with several upstream gradients."""

from collections.abc import Mapping
from typing import Any

import jax
import numpy as np
from numpy.typing import NDArray

from gradproof.models.upstream import LEAST_AXES, Operation, OperationCall, upstream_of
from gradproof.reference.numbers.formats import numpy_dtype, widened

Array = NDArray[Any]


def call_with_jax(
    operation: Operation, arrays: Mapping[str, Any], dtype: str, layout: str, seed: int
) -> OperationCall | None:
    """Call an operation of JAX's, whose arrays have no strides; None for a layout that is one of strides."""
    if layout in {"transposed", "cut"}:
        return None
    with jax.enable_x64(dtype == "float64"):
        given = {name: jax.numpy.asarray(array) for name, array in arrays.items()}
        floats = {
            name: array.astype(numpy_dtype(dtype))
            for name, array in given.items()
            if jax.numpy.issubdtype(array.dtype, jax.numpy.floating)
        }
        outputs, pull = jax.vjp(lambda floats: operation({**given, **floats}), floats)
        several = isinstance(outputs, tuple | list)
        listed = list(outputs) if several else [outputs]
        values = {f"output{n}": _of_jax(output) for n, output in enumerate(listed)}
        if max(value.ndim for value in values.values()) < LEAST_AXES[layout]:
            return None
        upstream = upstream_of({name: value.shape for name, value in values.items()}, dtype, layout, seed)
        weights = [
            jax.numpy.asarray(each).astype(output.dtype)
            for each, output in zip(upstream.values(), listed, strict=True)
        ]
        (gradients,) = pull(type(outputs)(weights) if several else weights[0])
        return OperationCall(values | {name: _of_jax(each) for name, each in gradients.items()}, upstream)


def _of_jax(array: Any) -> Array:
    return widened(np.asarray(array)).astype(np.float64)
