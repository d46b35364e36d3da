"""Reverse-mode differentiation from scratch, on any kind of number.

In come a loss, arrays and a kind of number; out come value, gradients and the record of the run
(`differentiate`). Read in this order: `operations/` (the table), `node` (the array that a loss computes
with), `tape` (recording, and going back with the table's rules or changed ones), `functions` (how the
namespace is made of the table), `namespace` (`xp`) and `neural_functions` (`xp.nn`), `differentiate`.
`arguments` reads what a loss passes.

An operation is added in a file of `operations/`, with all that is known of it; where it needs a function of
single numbers that there is not yet, in `numbers.elementary`, too.
"""

from gradproof.reference.source import Source
from gradproof.reference.tape.differentiate import Differentiation, Inputs, Loss, differentiate
from gradproof.reference.tape.namespace import Namespace
from gradproof.reference.tape.node import Tensor
from gradproof.reference.tape.operations import OPERATIONS, Operation, Rule, Trait
from gradproof.reference.tape.tape import Choice, Edge, Tape, always, never

__all__ = [
    "OPERATIONS",
    "Choice",
    "Differentiation",
    "Edge",
    "Inputs",
    "Loss",
    "Namespace",
    "Operation",
    "Rule",
    "Source",
    "Tape",
    "Tensor",
    "Trait",
    "always",
    "differentiate",
    "never",
]
