"""Losses of many fields, each with a right gradient and one slip in it, written as people write them.

`CASES` has them by name. The numbers are drawn one after the other, so the order of the modules counts.
"""

from varied_losses import attention, layers, likelihoods, physics, objectives  # isort: skip
from varied_losses.case import CASES

__all__ = ["CASES", "attention", "layers", "likelihoods", "objectives", "physics"]
