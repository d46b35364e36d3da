"""The words that causes have in common: lists of names, the sentence itself, numbers and what they mean."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import isclose, isfinite, log10, prod, sqrt
from typing import Any

import numpy as np

from gradproof.verdicts import tolerances


def listed(names: Sequence[str], most: int = 4) -> str:
    """Join names: `W1, b1 and W2`.

    >>> listed(["W1", "b1", "W2"])
    'W1, b1 and W2'
    """
    shown = list(names)
    if len(shown) > most:
        shown = [*shown[: most - 1], f"{len(shown) - most + 1} others"]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def sentence(phrase: str, parameters: Sequence[str], *, alone: bool = False) -> str:
    """Say which gradients are which mutant.

    >>> sentence("a 2 left out", ["w"])
    'your gradient of w is the true one with a 2 left out'
    """
    noun, verb, ones, these = ("gradient", "is", "one", "this gradient")
    if len(parameters) > 1:
        noun, verb, ones, these = ("gradients", "are", "ones", "these gradients")
    only = f" (in {these} alone)" if alone else ""
    return f"your {noun} of {listed(parameters)} {verb} the true {ones} with {phrase}{only}"


# ------------------------------------------------------------------------ numbers


def number(value: float) -> str:
    """Write a factor: whole numbers and fractions as such, and never as 1 what is not 1.

    >>> number(0.2), number(-1.0), number(0.125), number(0.123456)
    ('1/5', '-1', '1/8', '0.123456')
    >>> number(1 - 8.5e-07), number(1 + 2e-11)
    ('1 - 8.5e-07', '1 + 2e-11')
    """
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    inverse = 1 / value
    if abs(inverse - round(inverse)) < 1e-9 * abs(inverse) and 1 < abs(round(inverse)) < 1e6:
        whole = round(inverse)
        return f"{'-' if whole < 0 else ''}1/{abs(whole)}"
    near = abs(value - 1) < 1e-5  # six digits would show little of the difference, or none
    return f"1 {'-' if value < 1 else '+'} {abs(value - 1):.2g}" if near else f"{value:.6g}"


def agreement(share: float) -> str:
    """Say how many digits are right of what is off by a share of itself, which is not 0.

    >>> agreement(-8.5e-07)
    'right to 6 digits'
    """
    return f"right to {int(-log10(abs(share)))} digits"


def counts(shape: tuple[int, ...]) -> list[int]:
    """Give the numbers of entries along any choice of axes.

    >>> counts((2, 3))
    [2, 3, 6]
    """
    return sorted({prod(chosen) for k in range(1, len(shape) + 1) for chosen in combinations(shape, k)})


class ExpectedFactors:
    """The numbers that one would expect as a factor: small ones, and those that the arrays' lengths give."""

    def __init__(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], learning_rate: float | None
    ) -> None:
        """Collect the lengths of all axes, and their products."""
        meanings = {learning_rate: "the learning rate"} if learning_rate else {}
        for name, array in (*batch.items(), *params.items()):
            shape = np.shape(array)
            known = [(length, f"the length of axis {axis} of {name}") for axis, length in enumerate(shape)]
            known += [(n, f"a number of entries of {name}") for n in counts(shape)] if len(shape) < 6 else []
            for value, said in known:
                if value > 1:
                    meanings.setdefault(float(value), said)
        self._single: list[tuple[float, str]] = []
        for value, said in meanings.items():
            root = sqrt(abs(value))
            self._single += [(value, said), (1 / value, f"1 over {said}")]
            self._single += [(root, f"the root of {said}"), (1 / root, f"1 over the root of {said}")]
        self._ratios = [
            (value / other, f"{said} over {second}")
            for value, said in meanings.items()
            for other, second in meanings.items()
        ]

    def meaning(self, factor: float, near: float) -> str | None:
        """Say what a factor is; "" for a small fraction that needs no words, None for an odd number."""
        if factor == 0 or not isfinite(factor):
            return None

        def among(known: list[tuple[float, str]]) -> str | None:
            return next((said for value, said in known if isclose(abs(factor), value, rel_tol=near)), None)

        said = among([each for each in self._single if each[0] not in {2, 0.5}])
        if said is not None:
            return f"minus {said}" if factor < 0 else said
        fraction = Fraction(factor).limit_denominator(16)
        if isclose(float(fraction), factor, rel_tol=near) and abs(fraction.numerator) <= 16:
            return ""
        return among(self._ratios)

    def said(self, factor: float, near: float) -> str:
        """Write a factor with what it means, where words are needed.

        >>> ExpectedFactors({}, {"x": np.ones(7)}, None).said(7.0, 1e-9)
        '7 (the length of axis 0 of x)'
        >>> ExpectedFactors({}, {}, None).said(1 - 8.5e-07, 1e-11)
        '1 - 8.5e-07 (right to 6 digits, as a rounded constant is)'
        """
        meaning = self.meaning(factor, near)
        if meaning is None and abs(factor - 1) < tolerances.ROUNDED_CONSTANT:
            meaning = f"{agreement(factor - 1)}, as a rounded constant is"
        return f"{number(factor)} ({meaning})" if meaning else number(factor)
