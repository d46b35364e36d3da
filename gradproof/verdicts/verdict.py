"""The verdicts, their order, and which of them pass."""

from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray


class Verdict(StrEnum):
    """What is said of a gradient or an update; the worst entry decides.

    EQUAL and WRONG are said of a formula, by proof. AGREES, DISAGREES and NOT_FINITE are said of numbers
    that were computed in floating point, by their rounding noise. The others are said of both.
    """

    EQUAL = "EQUAL"
    """As a formula it is proven to agree with the exact gradient, to 15 digits and more."""

    AGREES = "AGREES"
    """The error is within what rounding explains: of operations that are as accurate as can be, or, where
    more than half of the dtype's digits are left, of the textbook's formulas."""

    DISAGREES = "DISAGREES"
    """The error is above what rounding explains."""

    ILL_CONDITIONED = "ILL_CONDITIONED"
    """Rounding explains the error, yet more than half of the dtype's digits are gone: the loss is badly
    conditioned at these weights, and leaves no more to operations that are as accurate as can be."""

    INACCURATE = "INACCURATE"
    """The formula is right, or may be, and its evaluation loses digits that an accurate one keeps: more than
    half of the dtype's, in floats that are judged alone."""

    KINK = "KINK"
    """The loss has a kink here, and the value is one of its subgradients."""

    NOT_FINITE = "NOT_FINITE"
    """The value is NaN or infinite."""

    WRONG = "WRONG"
    """It is proven to differ from the exact gradient, or it is no gradient of these parameters at all."""

    UNDECIDED = "UNDECIDED"
    """No verdict could be reached, for the reason given."""

    def accepted(self, *, strict: bool = False) -> bool:
        """Whether a gradient or an update with this verdict passes; there is no other place that says so.

        Args:
            strict: whether a right formula that gives wrong digits is refused, too.

        >>> Verdict.INACCURATE.accepted(), Verdict.INACCURATE.accepted(strict=True)
        (True, False)
        """
        return self in _PASSING or (self is Verdict.INACCURATE and not strict)

    @property
    def passes(self) -> bool:
        """Whether it passes where nothing stricter was asked for."""
        return self.accepted()


_PASSING = frozenset({Verdict.EQUAL, Verdict.AGREES, Verdict.KINK, Verdict.ILL_CONDITIONED})

SEVERITY = (
    Verdict.EQUAL,
    Verdict.AGREES,
    Verdict.KINK,
    Verdict.ILL_CONDITIONED,
    Verdict.INACCURATE,
    Verdict.UNDECIDED,
    Verdict.DISAGREES,
    Verdict.NOT_FINITE,
    Verdict.WRONG,
)
"""From best to worst: of several entries, steps or parameters the worst is told."""


Codes: TypeAlias = NDArray[np.int8]
"""Verdicts of many entries, as positions in `SEVERITY`: of two codes the greater is the worse."""

CODE = {verdict: np.int8(position) for position, verdict in enumerate(SEVERITY)}
"""The code of each verdict."""


def worst(verdicts: "set[Verdict] | list[Verdict]") -> Verdict:
    """Tell the worst of some verdicts.

    >>> worst([Verdict.AGREES, Verdict.DISAGREES, Verdict.KINK])
    <Verdict.DISAGREES: 'DISAGREES'>
    """
    return max(verdicts, key=SEVERITY.index)
