"""The least tolerances that would let values pass, for those who must write some elsewhere.

numpy.testing.assert_allclose, torch.testing.assert_close and their like let a value pass where
|value - exact| ≤ atol + rtol · |exact| in each entry. No verdict goes by these numbers: a tolerance forgives
a wrong formula of its size, and what rounding may explain differs from entry to entry.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.judging.floats import Assessment
from gradproof.verdicts.numerals import rounded_up
from gradproof.verdicts.verdict import CODE, Verdict

Array = NDArray[Any]

USUAL_RTOL = {"float64": 1e-7, "float32": 1.3e-6, "float16": 1e-3, "bfloat16": 1.6e-2}
"""What torch.testing.assert_close takes for rtol where none is given; for other formats twice the unit
roundoff stands in its place."""


def usual_rtol(dtype: str) -> float:
    """Give the relative tolerance that is usual for a dtype.

    >>> usual_rtol("float32"), usual_rtol("float8_e5m2")
    (1.3e-06, 0.25)
    """
    return USUAL_RTOL.get(dtype, 2 * FORMATS[dtype].unit_roundoff)


def needed_tolerances(assessed: Assessment, dtype: str) -> Array:
    """Give the least tolerances of each step, of shape (T, 3), in the order of `NEEDED`.

    They are of every entry but those at a kink, where the exact value is an interval. An entry whose exact
    value is not told from 0 needs an infinite rtol unless it is 0 itself, and one that is not finite needs
    infinite ones.

    Args:
        assessed: what the rule says of every entry at T steps.
        dtype: what the values are held in.
    """
    counts = assessed.verdict != CODE[Verdict.KINK]
    with np.errstate(all="ignore"):
        # |exact| is at least this: an error that is known to be E and E / |exact| at most.
        exact = np.where(assessed.error == 0, 0.0, assessed.error / assessed.relative_error)
        beside = np.maximum(assessed.error - usual_rtol(dtype) * exact, 0.0)
    columns = (assessed.relative_error, assessed.error, beside)
    needed = np.stack([np.max(np.where(counts, each, 0.0), axis=1, initial=0.0) for each in columns], axis=1)
    return rounded_up(np.where(np.isnan(needed), np.inf, needed))
