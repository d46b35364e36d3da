"""How a claim can be asked for again: at a second point, at any other one, or line by line."""

from collections.abc import Callable
from typing import NamedTuple

from gradproof.reference.lifted import Trace
from gradproof.verdicts.causes.search.discrepancy import Arrays


def _nothing() -> None:
    """Give nothing."""


class SecondPoint(NamedTuple):
    """Another point at which the same gradient was computed: arguments as for `search_cause`.

    Attributes:
        params: the parameters there.
        batch: the data there.
        claimed: the gradient there.
        traced: gives what the gradient's code computes on the way there; None where there is none.
    """

    params: Arrays
    batch: Arrays
    claimed: Arrays
    traced: Callable[[], Trace | None] = _nothing


class Again(NamedTuple):
    """How a claim can be asked for again; of numbers that are only given, in no way.

    Attributes:
        second: gives a second point; a cause that is none there is not named.
        at: gives what is claimed with other parameters and data, where a formula can be run; None where
            that gives no numbers.
        traced: gives what the gradient's code computes on the way at the first point.
    """

    second: Callable[[], SecondPoint | None] = _nothing
    at: Callable[[Arrays, Arrays], Arrays | None] | None = None
    traced: Callable[[], Trace | None] = _nothing


NOT_AGAIN = Again()
"""Of numbers alone."""
