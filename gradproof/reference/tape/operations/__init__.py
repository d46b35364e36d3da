"""The table of operations: each with its derivative, traits, signature, domain, kinks and source.

`entry` says what an entry holds. The entries stand in the other files of this folder, and are found there by
themselves; `_FILES` says which of them make which namespace.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gradproof.reference.tape.operations import (
    activation_functions,
    along_axes,
    choosing,
    circular,
    convolution,
    decompositions,
    entrywise,
    jumps,
    linear_equations,
    logarithm_products,
    logarithms,
    matrix_products,
    moving,
    neural,
    running_exponentials,
    special,
)
from gradproof.reference.tape.operations.entry import Array, Operation, Rule, Trait

_FILES = {
    "": (entrywise, circular, logarithms, jumps, along_axes, choosing, matrix_products, moving),
    "linalg": (linear_equations, decompositions),
    "nn": (neural, convolution, activation_functions, running_exponentials),
    "special": (special, logarithm_products),
}

IN_NAMESPACE: Mapping[str, tuple[Operation, ...]] = MappingProxyType(
    {
        name: tuple(each for file in files for each in vars(file).values() if isinstance(each, Operation))
        for name, files in _FILES.items()
    }
)
"""The operations of `xp` itself, of `xp.linalg`, `xp.nn` and `xp.special`."""

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {entry.name: entry for entries in IN_NAMESPACE.values() for entry in entries}
)
"""All operations by name."""

__all__ = ["IN_NAMESPACE", "OPERATIONS", "Array", "Operation", "Rule", "Trait"]
