"""Arrays of whatever framework a user's code takes and gives."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.backends.framework import Framework
from gradproof.backends.loading import frameworks, frameworks_in_use
from gradproof.reference.numbers.formats import widened
from gradproof.reference.trees import map_leaves

Array = NDArray[Any]

NUMPY = Framework()


def framework_of(value: Any) -> Framework:
    """Tell whose array something is; NumPy's where it is nobody's.

    >>> framework_of([1.0]).name
    'numpy'
    """
    if NUMPY.owns(value) or type(value).__module__ == "builtins":
        return NUMPY
    return next((each for each in frameworks() if each.owns(value)), NUMPY)


def as_numpy(value: Any) -> Array:
    """Give an array of any framework as one of NumPy, in its own dtype where NumPy or ml_dtypes has it."""
    return framework_of(value).to_numpy(value)


def tree_in_numpy(tree: Any) -> Any:
    """Give a tree of arrays with those of frameworks as NumPy's, whatever device or dtype they are of.

    >>> tree_in_numpy({"w": [1.0, 2.0]})
    {'w': [1.0, 2.0]}
    """
    return map_leaves(lambda leaf: leaf if framework_of(leaf) is NUMPY else as_numpy(leaf), tree)


def as_float64(value: Any) -> Array | None:
    """Give an array of any framework as float64, which holds all numbers of every dtype here.

    Returns:
        the array; None for what holds no real numbers (complex ones, texts, None).

    >>> as_float64([1, 2.5]), as_float64([1j]), as_float64("one")
    (array([1. , 2.5]), None, None)
    """
    try:
        array = widened(as_numpy(value))
        if array.dtype.kind not in "fiub":
            return None
        return array.astype(np.float64)
    except (TypeError, ValueError):
        return None


@contextmanager
def computing_in(dtype: str) -> Iterator[None]:
    """Let every framework that is in use compute in a dtype, for this while alone."""
    with ExitStack() as modes:
        for framework in frameworks_in_use():
            modes.enter_context(framework.mode(dtype))
        yield
