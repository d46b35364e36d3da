"""What certified arithmetic cannot certify, noted with the line of the user's code where it happened."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from gradproof.reference.source import Source, caller


@dataclass
class Lifting:
    """One run of plain NumPy code on certified balls.

    Attributes:
        share: how far the numbers may be, relative to it, that a constant of the code stands for.
        comparisons: lines at which a comparison was not decided by the balls, and how often.
        casts: lines at which a ball was rounded to a float or cut to an integer, and how often.
    """

    share: float = 0.0
    comparisons: Counter[Source] = field(default_factory=Counter)
    casts: Counter[Source] = field(default_factory=Counter)

    @property
    def certified(self) -> bool:
        """Whether the results are proven: no comparison was guessed, and nothing was rounded."""
        return not self.comparisons and not self.casts


_CURRENT: ContextVar[Lifting | None] = ContextVar("lifting", default=None)


@contextmanager
def noting(lifting: Lifting) -> Iterator[Lifting]:
    """Collect into `lifting` what happens in the block."""
    token = _CURRENT.set(lifting)
    try:
        yield lifting
    finally:
        _CURRENT.reset(token)


def share_of_constants() -> float:
    """How far the numbers may be, relative to it, that a constant stands for in the current run."""
    lifting = _CURRENT.get()
    return 0.0 if lifting is None else lifting.share


def note_comparison() -> None:
    """Note that a comparison was not decided, at the nearest line of the user's code."""
    lifting = _CURRENT.get()
    if lifting is not None:
        lifting.comparisons[caller()] += 1


def note_cast() -> None:
    """Note that a ball was rounded, at the nearest line of the user's code."""
    lifting = _CURRENT.get()
    if lifting is not None:
        lifting.casts[caller()] += 1
