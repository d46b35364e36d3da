"""The array namespace `xp` that a loss is written with."""

from gradproof.reference.tape.functions_creation import CreationFunctions
from gradproof.reference.tape.functions_elementwise import ElementwiseFunctions
from gradproof.reference.tape.functions_reductions import ProductFunctions, ReductionFunctions
from gradproof.reference.tape.functions_structure import StructureFunctions
from gradproof.reference.tape.missing import missing
from gradproof.reference.tape.nn import NeuralFunctions
from gradproof.reference.tape.tape import Tape


class Namespace(
    ElementwiseFunctions,
    ReductionFunctions,
    ProductFunctions,
    StructureFunctions,
    CreationFunctions,
):
    """The functions of the array API standard that losses are written with, and `nn`.

    Attributes:
        nn: Activations and losses that frameworks have natively; see `NeuralFunctions`.

    Source: Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/
    """

    def __init__(self, tape: Tape) -> None:
        """Binds all functions to the tape that they record on."""
        super().__init__(tape)
        self.nn = NeuralFunctions(tape)

    def __getattr__(self, name: str) -> object:
        """Names a function that is lacking."""
        return missing(f"xp.{name}")
