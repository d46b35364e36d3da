"""Plain NumPy code, unchanged, on certified balls: every result is proven, or it is told why it is not."""

from gradproof.reference.lifted.array import LiftedArray, from_arbs, lift, to_arbs
from gradproof.reference.lifted.ball import Ball
from gradproof.reference.lifted.notes import Lifting, noting
from gradproof.reference.lifted.running import LiftedRun, lifted_inputs, run_lifted

__all__ = [
    "Ball",
    "LiftedArray",
    "LiftedRun",
    "Lifting",
    "from_arbs",
    "lift",
    "lifted_inputs",
    "noting",
    "run_lifted",
    "to_arbs",
]
