"""Functions of networks that are made of the array API standard's: written once, for every namespace.

The tape's `xp.nn`, NumPy's and that of a library without a function of its own all take them from here
(`NeuralCompositions`), each with its own namespace; so what a composition computes is certified as any other
loss is. `composition` says what they have in common, `windows` what convolutions and poolings see.

A function is added to the class of its family, as the array API standard has them: arrays first and by
place, everything else by name.
"""

from gradproof.reference.compositions.convolutions import Convolutions
from gradproof.reference.compositions.poolings import Poolings


class NeuralCompositions(Convolutions, Poolings):
    """All of them."""


__all__ = ["NeuralCompositions"]
