"""The array namespace `xp` that a loss is written with."""

from gradproof.reference.tape.composed_functions import ComposedFunctions
from gradproof.reference.tape.creation_functions import CreationFunctions
from gradproof.reference.tape.neural_functions import NeuralFunctions
from gradproof.reference.tape.node import Recorder
from gradproof.reference.tape.operations import OPERATIONS, neural


class Namespace(
    ComposedFunctions,
    CreationFunctions,
    prefix="xp.",
    operations=[entry for entry in OPERATIONS.values() if entry not in vars(neural).values()],
):
    """The functions of the array API standard that losses are written with, and `nn`.

    Attributes:
        nn: Activations and losses that frameworks have natively; see `NeuralFunctions`.

    Source: Python array API standard, 2024.12, https://data-apis.org/array-api/2024.12/
    """

    def __init__(self, tape: Recorder) -> None:
        """Bind all functions to the tape that they record on."""
        super().__init__(tape)
        self.nn = NeuralFunctions(tape)
