"""Optimizers: the rules by which trainings update weights, a file each, written once for every arithmetic."""

from gradproof.reference.optimizers.adadelta import Adadelta
from gradproof.reference.optimizers.adagrad import Adagrad
from gradproof.reference.optimizers.adam import Adam, AdamW
from gradproof.reference.optimizers.adamax import Adamax
from gradproof.reference.optimizers.lamb import LAMB
from gradproof.reference.optimizers.lion import Lion
from gradproof.reference.optimizers.muon import Muon
from gradproof.reference.optimizers.nadam import NAdam
from gradproof.reference.optimizers.optimizer import At, Optimizer, State
from gradproof.reference.optimizers.radam import RAdam
from gradproof.reference.optimizers.rmsprop import RMSprop
from gradproof.reference.optimizers.sgd import SGD

__all__ = [
    "LAMB",
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "At",
    "Lion",
    "Muon",
    "NAdam",
    "Optimizer",
    "RAdam",
    "RMSprop",
    "State",
]
