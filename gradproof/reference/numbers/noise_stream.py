"""The random numbers of a noisy run, and what is known of it while it runs."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass
class Inside:
    """What is known inside an operation that is computed as one.

    Attributes:
        rounds: whether something would be rounded.
        vanished: whether something was 0 by underflow alone.
    """

    rounds: bool = False
    vanished: bool = False


class Stream:
    """The random numbers of a run, which all kinds of its numbers share.

    Attributes:
        depth: how many contexts of the run are entered.
        inside: what is known inside of an operation that is computed as one; None outside of such.
        kinds: the related kinds of the run, by format.
        convolves: whether products are those of a convolution.
        near_ties: in which lanes rounding may decide a branch.
        is_mixed: whether an operation joined several formats.
        generator: the random numbers.
    """

    def __init__(self, seed: int) -> None:
        """Begin a run."""
        self.depth = 0
        self.inside: Inside | None = None
        self.kinds: dict[tuple[str, str, bool], Any] = {}
        self.convolves = False
        self.restart(seed)

    def restart(self, seed: int) -> None:
        """Begin the random numbers anew, and forget what was known of the run."""
        self.near_ties = np.zeros(1, dtype=bool)
        self.is_mixed = False
        self.generator = np.random.Generator(np.random.SFC64(seed))

    @contextmanager
    def run(self, seed: int) -> Iterator[None]:
        """Restart at a run's beginning; what runs inside it goes on with the same numbers."""
        if self.depth == 0:
            self.restart(seed)
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1
