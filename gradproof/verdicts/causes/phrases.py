"""The words that causes have in common: lists of names, numbers, the sentence itself."""

from collections.abc import Sequence


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
