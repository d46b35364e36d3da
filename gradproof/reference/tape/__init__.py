"""Reverse-mode differentiation from scratch, on any kind of number."""

from gradproof.reference.source import Source
from gradproof.reference.tape.differentiate import Differentiation, Loss, differentiate
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import OPERATIONS, Operation, Rule, Trait
from gradproof.reference.tape.tape import Edge, Tape

__all__ = [
    "OPERATIONS",
    "Differentiation",
    "Edge",
    "Loss",
    "Operation",
    "Rule",
    "Source",
    "Tape",
    "Tensor",
    "Trait",
    "differentiate",
]
