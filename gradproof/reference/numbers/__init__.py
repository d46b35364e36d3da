"""The kinds of number that the tape can run on: plain float64, noisy floats, certified balls."""

from gradproof.reference.numbers.arithmetic import Kind, Numbers
from gradproof.reference.numbers.balls import BallNumbers, Balls, Difference
from gradproof.reference.numbers.mask import Mask
from gradproof.reference.numbers.noisy import Noisy, NoisyNumbers
from gradproof.reference.numbers.plain import Plain, PlainNumbers

__all__ = [
    "BallNumbers",
    "Balls",
    "Difference",
    "Kind",
    "Mask",
    "Noisy",
    "NoisyNumbers",
    "Numbers",
    "Plain",
    "PlainNumbers",
]
