"""The kinds of number that the tape can run on: plain float64, noisy floats, certified balls.

In come arrays of floats; out come arrays of one kind (`Numbers`) that the table of operations computes
with, and masks for what is compared. Read in this order: `payload` (what is stored: samples, lanes,
entries, and moving them), `float_payloads` and `arithmetic` (what a kind must be able to do), `plain`,
`balls` with `bounds` (what balls are proven to be, in float64), `noise_stream`, `noise_model` and `noisy`
with `repeats` and `branches`. `elementary` holds the functions of single numbers, once for all kinds and
for NumPy code on balls; `formats` the floating-point formats; `mask` Kleene's logic; `integers` and
`orders` places and orders; `matrix_functions` the functions of matrices, with `certified_matrices` for
balls.

A function is added in `elementary`; a format in `formats`; a kind as a class with its payload's methods.
"""

from gradproof.reference.numbers.arithmetic import Kind, Numbers
from gradproof.reference.numbers.balls import BallNumbers, Balls, Difference
from gradproof.reference.numbers.integers import Integers
from gradproof.reference.numbers.mask import Mask
from gradproof.reference.numbers.noisy import Noisy, NoisyNumbers
from gradproof.reference.numbers.plain import Plain, PlainNumbers

__all__ = [
    "BallNumbers",
    "Balls",
    "Difference",
    "Integers",
    "Kind",
    "Mask",
    "Noisy",
    "NoisyNumbers",
    "Numbers",
    "Plain",
    "PlainNumbers",
]
