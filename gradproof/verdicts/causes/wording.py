"""The words of a cause."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from gradproof.reference.tape import Source
from gradproof.verdicts.causes.graph import Node


def place(source: Source) -> str:
    """Write a line of the loss, relative below the working folder."""
    return _written(source, Path.cwd())


@lru_cache(maxsize=4096)
def _written(source: Source, folder: Path) -> str:
    del folder  # what the text depends on beside the source
    return str(source)


def operation_at(node: Node) -> str:
    """Name an operation with its line: `sigmoid (my_gradient.py:12)`."""
    if node.operation is None:
        return f"the parameter {node.name}"
    return f"{node.name} ({place(node.tensor.source)})"


def where(node: Node) -> str:
    """Name an operation with its line: `sigmoid at my_gradient.py:12`; empty for a parameter."""
    return "" if node.operation is None else f"{node.name} at {place(node.tensor.source)}"


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
    verb = "is" if len(parameters) == 1 else "are"
    noun = "gradient" if len(parameters) == 1 else "gradients"
    only = " (in this gradient alone)" if alone and len(parameters) == 1 else ""
    only = " (in these gradients alone)" if alone and len(parameters) > 1 else only
    ones = "one" if len(parameters) == 1 else "ones"
    return f"your {noun} of {listed(parameters)} {verb} the true {ones} with {phrase}{only}"


def number(value: float) -> str:
    """Write a factor: whole numbers and fractions as such.

    >>> number(0.2), number(-1.0), number(0.125), number(0.123456)
    ('1/5', '-1', '1/8', '0.123456')
    """
    if float(value).is_integer() and abs(value) < 1e6:
        return str(int(value))
    inverse = 1 / value
    if abs(inverse - round(inverse)) < 1e-9 * abs(inverse) and 1 < abs(round(inverse)) < 1e6:
        whole = round(inverse)
        return f"{'-' if whole < 0 else ''}1/{abs(whole)}"
    return f"{value:.6g}"
