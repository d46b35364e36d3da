"""Is the floating-point result of a gradient, at one point, as good as its dtype allows?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers.formats import FORMATS
from gradproof.reference.truth import Truth
from gradproof.verdicts.checking.subject import Place, Subject
from gradproof.verdicts.evidence import Values, gather
from gradproof.verdicts.rule import Evidence, assess, explain
from gradproof.verdicts.verdict import SEVERITY, SPREADS, Verdict, worst

Array = NDArray[Any]


@dataclass(frozen=True)
class Floating:
    """What is said of a floating-point result.

    Attributes:
        verdict: the worst of all entries, as `judge` gives it.
        dtype: what it was judged by.
        values: what was judged, by parameter, as float64.
        evidence: exact values, errors and rounding noise.
        spreads: the largest error, in spreads of the rounding noise.
        reason: why the verdict is not AGREES; empty if it is.
    """

    verdict: Verdict
    dtype: str
    values: Mapping[str, Array]
    evidence: Mapping[str, Evidence]
    spreads: float
    reason: str

    @property
    def loses_digits(self) -> bool:
        """Whether the result is worse than its dtype allows."""
        return self.verdict in {Verdict.DISAGREES, Verdict.NOT_FINITE}

    @property
    def loses_half(self) -> bool:
        """Whether it is, and more than half of the dtype's digits are gone in some entry."""
        if not self.loses_digits:
            return False
        half = np.sqrt(FORMATS[self.dtype].unit_roundoff)
        for name, value in self.values.items():
            evidence = self.evidence[name]
            assessed = assess(value[np.newaxis], evidence, self.dtype)
            lost = ~(evidence.relative_error.reshape(1, -1) <= half)
            beyond = assessed.verdict >= SEVERITY.index(Verdict.DISAGREES)
            if np.any(lost & beyond):
                return True
        return False

    @property
    def text(self) -> str:
        """Tell in words what was found."""
        if self.verdict is Verdict.NOT_FINITE:
            return f"In {self.dtype} it gives NaN or an infinity."
        return (
            f"In {self.dtype} its largest error is {self.spreads:.3g} spreads of the rounding noise (at most "
            f"{SPREADS:g} are rounding)."
        )


def rounded(place: Place, dtype: str) -> Place:
    """Round the floating-point arrays of a place to a dtype."""
    to_dtype = FORMATS[dtype].rounded
    return Place(
        {name: to_dtype(array.astype(np.float64)) for name, array in place.params.items()},
        {
            name: to_dtype(array.astype(np.float64)) if array.dtype.kind == "f" else array
            for name, array in place.batch.items()
        },
    )


def judge_floating(
    subject: Subject, place: Place, values: Mapping[str, Array], dtype: str, truth: Truth | None = None
) -> Floating:
    """Judge what a gradient gave at a point, by the rounding noise measured there.

    Args:
        subject: whose gradient.
        place: where it was computed, rounded to the dtype.
        values: by parameter; those that are missing are not judged.
        dtype: what it was computed in.
        truth: the true gradient there, if it is known.
    """
    laned = {name: value[np.newaxis] for name, value in values.items()}
    # Parameters whose gradient is missing stay part of the loss.
    full = {name: laned.get(name, np.zeros((1, *array.shape))) for name, array in place.params.items()}
    evidence = gather(
        subject.scenario,
        {name: array[np.newaxis] for name, array in place.params.items()},
        {name: array[np.newaxis] for name, array in place.batch.items()},
        dtype,
        Values(full, {}),
        truth,
    ).gradients
    verdict, spreads, reason = Verdict.AGREES, 0.0, ""
    for name, value in laned.items():
        assessed = assess(value, evidence[name], dtype)
        spreads = max(spreads, float(np.max(np.nan_to_num(assessed.spreads, nan=np.inf))))
        code = assessed.verdict.max(axis=1)
        if worst([verdict, SEVERITY[int(code[0])]]) is not verdict:
            verdict = SEVERITY[int(code[0])]
            reason = str(explain(code, evidence[name].reasons, dtype)[0])
    return Floating(verdict, dtype, values, evidence, spreads, reason)
