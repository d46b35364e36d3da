"""The table of operations: each with its derivative, domain, kinks and source."""

from collections.abc import Mapping
from types import MappingProxyType

from gradproof.reference.tape.operations.elementwise import ELEMENTWISE
from gradproof.reference.tape.operations.entry import Array, Operation, Rule
from gradproof.reference.tape.operations.nn import NEURAL
from gradproof.reference.tape.operations.products import PRODUCTS
from gradproof.reference.tape.operations.reductions import REDUCTIONS
from gradproof.reference.tape.operations.structure import STRUCTURE

OPERATIONS: Mapping[str, Operation] = MappingProxyType(
    {operation.name: operation for operation in (*ELEMENTWISE, *REDUCTIONS, *PRODUCTS, *STRUCTURE, *NEURAL)}
)
"""All operations by name."""

__all__ = ["OPERATIONS", "Array", "Operation", "Rule"]
