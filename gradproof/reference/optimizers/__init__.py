"""Optimizers: the rules by which trainings update weights, a file each, written once for every arithmetic."""

from gradproof.reference.optimizers.adam import Adam, AdamW
from gradproof.reference.optimizers.optimizer import At, Optimizer, State
from gradproof.reference.optimizers.sgd import SGD

__all__ = ["SGD", "Adam", "AdamW", "At", "Optimizer", "State"]
