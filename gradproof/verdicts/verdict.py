"""The verdicts, and the one constant that separates rounding from a defect."""

from enum import StrEnum

SPREADS = 32.0
"""How many spreads of the measured rounding noise an error may be and still count as rounding.

The spread is the root mean square of the noise of an entry. Correct programs in PyTorch and JAX were
measured at 0.3 to 2 spreads in root mean square and at most 12 at the very worst entry; errors in a
formula are thousands of spreads and more.
"""


class Verdict(StrEnum):
    """What is said of a gradient or an update of one parameter at one step; the worst entry decides."""

    AGREES = "AGREES"
    """The error is within what rounding explains."""

    DISAGREES = "DISAGREES"
    """The error is above what rounding explains."""

    INACCURATE = "INACCURATE"
    """Rounding explains the error, yet more than half of the dtype's digits are gone: the formula is badly
    conditioned at these weights."""

    KINK = "KINK"
    """The loss has a kink here, and the value is one of its subgradients."""

    NOT_FINITE = "NOT_FINITE"
    """The value is NaN or infinite."""

    UNDECIDED = "UNDECIDED"
    """No verdict could be reached, for the reason given."""

    @property
    def passes(self) -> bool:
        """Whether an implementation with this verdict does what its dtype allows."""
        return self in {Verdict.AGREES, Verdict.INACCURATE, Verdict.KINK}


# From best to worst: of several entries, steps or parameters the worst is told.
SEVERITY = (
    Verdict.AGREES,
    Verdict.KINK,
    Verdict.INACCURATE,
    Verdict.UNDECIDED,
    Verdict.DISAGREES,
    Verdict.NOT_FINITE,
)


def worst(verdicts: "set[Verdict] | list[Verdict]") -> Verdict:
    """Tell the worst of some verdicts.

    >>> worst([Verdict.AGREES, Verdict.DISAGREES, Verdict.KINK])
    <Verdict.DISAGREES: 'DISAGREES'>
    """
    return max(verdicts, key=SEVERITY.index)
