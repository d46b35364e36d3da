"""The table of operations: each with its derivative, traits, signature, domain, kinks and source.

`entry` says what an entry holds. The entries stand in the other files of this folder (those of `neural`
are the namespace `xp.nn`), and are found there by themselves.
"""

from collections.abc import Mapping
from types import MappingProxyType

from gradproof.reference.tape.operations import (
    along_axes,
    choosing,
    circular,
    entrywise,
    jumps,
    logarithms,
    matrix_products,
    moving,
    neural,
)
from gradproof.reference.tape.operations.entry import Array, Operation, Rule, Trait

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {
        entry.name: entry
        for module in (
            *(entrywise, circular, logarithms, jumps, along_axes, choosing),
            *(matrix_products, moving, neural),
        )
        for entry in vars(module).values()
        if isinstance(entry, Operation)
    }
)
"""All operations by name."""

__all__ = ["OPERATIONS", "Array", "Operation", "Rule", "Trait"]
