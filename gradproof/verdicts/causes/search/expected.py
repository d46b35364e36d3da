"""The numbers that one would expect as a factor: small ones, and those that the arrays' lengths give."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from math import isclose, log10, sqrt
from typing import Any

import numpy as np

from gradproof.verdicts import tolerances
from gradproof.verdicts.causes.mistakes.constants import counts
from gradproof.verdicts.causes.phrases import number


class ExpectedFactors:
    """What factors mean.

    Attributes:
        meanings: numbers that a factor may come from, with their names.
    """

    def __init__(
        self, params: Mapping[str, Any], batch: Mapping[str, Any], learning_rate: float | None
    ) -> None:
        """Collect the lengths of all axes, and their products."""
        self.meanings: dict[float, str] = {learning_rate: "the learning rate"} if learning_rate else {}
        for name, array in (*batch.items(), *params.items()):
            shape = np.shape(array)
            for axis, length in enumerate(shape):
                self._add(length, f"the length of axis {axis} of {name}")
            for count in counts(shape) if len(shape) < 6 else []:
                self._add(count, f"a number of entries of {name}")

    def _add(self, value: int, meaning: str) -> None:
        if value > 1:
            self.meanings.setdefault(float(value), meaning)

    def meaning(self, factor: float, near: float) -> str | None:
        """Say what a factor is; "" for a small fraction that needs no words, None for an odd number."""
        if factor == 0 or not np.isfinite(factor):
            return None
        size = abs(factor)
        for candidate, said in self._candidates():
            if candidate not in {2, 0.5} and isclose(size, candidate, rel_tol=near):
                return f"minus {said}" if factor < 0 else said
        fraction = Fraction(factor).limit_denominator(16)
        if isclose(float(fraction), factor, rel_tol=near) and abs(fraction.numerator) <= 16:
            return ""
        for value, text in self.meanings.items():
            for other, second in self.meanings.items():
                if isclose(size, value / other, rel_tol=near):
                    return f"{text} over {second}"
        return None

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

    def _candidates(self) -> Iterator[tuple[float, str]]:
        for value, text in self.meanings.items():
            root = sqrt(abs(value))
            yield value, text
            yield 1 / value, f"1 over {text}"
            yield root, f"the root of {text}"
            yield 1 / root, f"1 over the root of {text}"


def agreement(share: float) -> str:
    """Say how many digits are right of what is off by a share of itself, which is not 0.

    >>> agreement(-8.5e-07)
    'right to 6 digits'
    """
    return f"right to {int(-log10(abs(share)))} digits"
