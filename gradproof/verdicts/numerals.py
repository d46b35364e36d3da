"""How numbers and places in arrays are written, wherever a verdict is told."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

DIGITS = 30
"""Decimal digits of the exact values that are shown; fewer where fewer are proven."""


def decimals(balls: NDArray[np.object_]) -> NDArray[np.str_]:
    """Write balls as decimals with the digits that are proven, `DIGITS` at most."""
    return np.array([ball.str(DIGITS, radius=False) for ball in balls], dtype=np.str_)


def rounded_up(bounds: NDArray[Any]) -> NDArray[Any]:
    """Round upper bounds up to four significant digits, which is all that a reader of them needs.

    >>> rounded_up(np.array([1.23411e-17, 0.0, np.inf]))
    array([1.235e-17, 0.000e+00,       inf])
    """
    rounded = bounds.copy()
    chosen = np.isfinite(bounds) & (bounds > np.finfo(np.float64).tiny)
    unit = 10.0 ** (np.floor(np.log10(bounds[chosen])) - 3)
    with np.errstate(over="ignore"):  # the greatest float64 is rounded up to infinity
        upper = np.ceil(bounds[chosen] / unit) * unit
    # The nearest float64 of the decimal, so that it is written with four digits.
    texts = [f"{number:.3e}" for number in upper.tolist()]
    rounded[chosen] = [float(text) for text in texts]
    return rounded


def index_texts(shape: tuple[int, ...]) -> NDArray[np.object_]:
    """Write every index into an array, in row-major order: `2,0`, or `()` for a scalar.

    >>> index_texts((2, 1)).tolist(), index_texts(()).tolist()
    (['0,0', '1,0'], ['()'])
    """
    return np.array([index_text(index) for index in np.ndindex(shape)], dtype=object)


def index_text(index: tuple[int, ...]) -> str:
    """Write an index into an array: `2,0`, or `()` for a scalar."""
    return ",".join(map(str, index)) or "()"


def entry(parameter: str, index: str) -> str:
    """Name an entry of a parameter.

    >>> entry("w", "2,0"), entry("bias", "()")
    ('w[2,0]', 'bias')
    """
    return parameter if index == "()" else f"{parameter}[{index}]"


def sentence(text: str) -> str:
    """Write a reason as a sentence; one that ends as such is one already.

    >>> sentence("the balls are wide"), sentence("")
    ('The balls are wide.', '')
    """
    text = text.strip()
    return text if not text or text.endswith((".", "!", "?")) else f"{text[:1].upper()}{text[1:]}."
