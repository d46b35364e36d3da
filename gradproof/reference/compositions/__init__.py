"""Functions of networks that are made of the array API standard's: written once, for every namespace.

The tape's `xp.nn`, NumPy's and that of a library without a function of its own all take them from here
(`NeuralCompositions`), each with its own namespace; so what a composition computes is certified as any other
loss is. What the tape has in its table is composed for the others (`AllCompositions`). `composition` says
what they have in common, `windows` what convolutions and poolings see.

A function is added to the class of its family, as the array API standard has them: arrays first and by
place, everything else by name.
"""

from gradproof.reference.compositions.attentions import Attentions
from gradproof.reference.compositions.convolutions import Convolutions
from gradproof.reference.compositions.interpolations import Interpolations
from gradproof.reference.compositions.neural_activations import NeuralActivations
from gradproof.reference.compositions.neural_losses import NeuralLosses
from gradproof.reference.compositions.normalisations import Normalisations
from gradproof.reference.compositions.poolings import Poolings
from gradproof.reference.compositions.table_compositions import TableCompositions


class NeuralCompositions(
    Convolutions, Poolings, Normalisations, NeuralActivations, Attentions, Interpolations, NeuralLosses
):
    """All functions of `xp.nn` that are compositions everywhere."""


class AllCompositions(NeuralCompositions, TableCompositions):
    """And those that the tape has in its table."""


__all__ = ["AllCompositions", "NeuralCompositions"]
