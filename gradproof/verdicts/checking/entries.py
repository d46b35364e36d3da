"""The table of a gradient's entries at one point."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from gradproof.reference.numbers import Balls
from gradproof.reference.numbers.formats import FORMATS
from gradproof.verdicts.checking.agreement import as_floats
from gradproof.verdicts.checking.examining import Examined
from gradproof.verdicts.rule import decimals, rounded_up

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("parameter", "index", "claimed", "true", "radius", "absolute", "relative", "ulps")


def entries_of(examined: Examined) -> "pd.DataFrame":
    """Make the table of all entries at a point, the one with the largest relative error first.

    A parameter whose claim is missing or of a wrong shape has no rows: there is nothing to compare.
    """
    import pandas as pd  # noqa: PLC0415 - only who looks at the table pays for it

    frames = [pd.DataFrame(columns=list(COLUMNS))]
    formula, floating = examined.formula, examined.floating
    if formula is not None and formula.agreement and not _floats_are_the_matter(examined):
        for name, each in formula.agreement.items():
            frames.append(_frame(name, each.claimed, each.true, examined.called.dtype))
    elif floating is not None:
        for name, value in dict(floating.values).items():
            finite = np.isfinite(value)
            balls = _balls(np.where(finite, value, 0.0))
            frame = _frame(name, balls, floating.evidence[name].exact[0, ...], floating.dtype)
            wrong = ~finite.ravel()
            frame.loc[wrong, "claimed"] = value.ravel()[wrong]
            frame.loc[wrong, ["absolute", "relative", "ulps"]] = np.inf
            frames.append(frame)
    full = [frame for frame in frames if len(frame)] or frames[:1]
    table = pd.concat(full, ignore_index=True)
    return table.sort_values(["relative", "absolute"], ascending=False, kind="stable", ignore_index=True)


def _floats_are_the_matter(examined: Examined) -> bool:
    floating = examined.floating
    return floating is not None and examined.verdict == "INACCURATE"


def _balls(values: NDArray[np.float64]) -> NDArray[np.object_]:
    with Balls(192).context():
        return Balls(192).lift(values[np.newaxis]).balls()[0, ...]


def _frame(name: str, claimed: NDArray[np.object_], true: NDArray[np.object_], dtype: str) -> "pd.DataFrame":
    import pandas as pd  # noqa: PLC0415 - see above

    with Balls(192).context():
        bounds = [_bounds(ours, theirs) for ours, theirs in zip(claimed.flat, true.flat, strict=True)]
    radius, absolute, relative = (np.array(column, dtype=np.float64) for column in zip(*bounds, strict=True))
    spacing = FORMATS[dtype].spacing(as_floats(true).ravel())
    with np.errstate(all="ignore"):
        ulps = absolute / spacing
    return pd.DataFrame(
        {
            "parameter": name,
            "index": [",".join(map(str, index)) or "()" for index in np.ndindex(true.shape)],
            "claimed": as_floats(claimed).ravel(),
            "true": decimals(true.ravel()),
            "radius": rounded_up(radius),
            "absolute": rounded_up(absolute),
            "relative": rounded_up(relative),
            "ulps": rounded_up(ulps),
        }
    )


def _bounds(claimed: Any, true: Any) -> tuple[float, float, float]:
    """Give the radius of a true value, and upper bounds of the claim's absolute and relative error."""
    distance = abs(claimed - true)
    if distance.is_zero():
        return float(true.rad()), 0.0, 0.0
    if not distance.is_finite():
        return float(true.rad()), np.inf, np.inf
    relative = distance / abs(true)
    upper = float(relative.upper()) if relative.is_finite() else np.inf
    return float(true.rad()), float(distance.upper()), upper
