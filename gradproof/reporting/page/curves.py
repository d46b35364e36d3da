"""The data of the plots along the steps: losses, errors and drift.

A plot's data is a mapping that JSON can hold:

- `axis`: what the vertical axis measures, per value of the control `measure`, or one text;
- `limits`: per measure a value that is drawn as a line, if there is one;
- `controls`: the names of the controls above the plot, in the order of the parts of a view's key;
- `nested`: whether curves that lie on each other are told apart by their widths;
- `views`: per key (the controls' values joined by `|`) the list of curves, each with `run` (a position in
  the page's list of runs), `step` and `value`; `entry`, positions in `parameters`, where a curve mixes
  several; and `same`, the runs whose curves lie on this one, where some are folded into it.

Values have four digits; what is not finite is the text "NaN", "inf" or "-inf".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gradproof.reporting.findings import QUANTITIES
from gradproof.reporting.names import RUN
from gradproof.verdicts.tolerances import SPREADS

BINS = 160
"""At most so many bins along the steps."""

FEWEST_BINS = 40
"""However many curves there are, each keeps so many bins."""

POINTS = 48_000
"""About how many points all curves of one measure may have in a page, before bins are made wider."""

MEASURES = ("spreads", "ulps")
WORST = "worst"
"""The key of the view that shows of each bin the worst of all parameters."""

COINCIDE = 1e-3
"""Losses that differ by at most this share of themselves lie on each other: by less than a line's width."""

_CURVE = [*RUN, "parameter"]

Runs = Mapping[tuple[str, ...], int]
"""The positions of runs in the page's list of them."""

Curves = dict[tuple[str, str], list[dict[str, Any]]]
"""By scenario and parameter (or `WORST`) the curve of each run."""


@dataclass(frozen=True)
class Thinned:
    """The curves of all scenarios; every view is thinned from all rows.

    Attributes:
        errors: per quantity and measure.
        losses: the highest and the lowest losses; their parameter is empty.
        drift: per measure.
        bins: how many bins the steps of a scenario are cut into at most.
    """

    errors: Mapping[tuple[str, ...], Curves]
    losses: Curves
    drift: Mapping[tuple[str, ...], Curves]
    bins: int


def thin_all(frames: Mapping[str, pd.DataFrame], runs: Runs) -> Thinned:
    """Thin the frames of what was judged step by step, and `steps`, of a report for its plots."""
    curves = sum(len(frames[name][_CURVE].drop_duplicates()) for name in QUANTITIES.values())
    bins = bins_for(curves)
    errors: dict[tuple[str, ...], Curves] = {}
    for quantity in QUANTITIES.values():
        frame = frames[quantity]
        own, run = (frame.groupby(keys, observed=True, sort=False).ngroup() for keys in (_CURVE, RUN))
        where = bins_of(frame, bins)
        for measure in MEASURES:
            value = frame[measure].to_numpy()
            each, worst = (frame.iloc[thin(codes.to_numpy(), where, value)] for codes in (own, run))
            errors[quantity, measure] = _curves(each, measure, runs) | _curves(
                worst, measure, runs, mixed=True
            )
    return Thinned(errors, _losses(frames["steps"], bins, runs), _drift(frames["trajectories"], runs), bins)


def _losses(steps: pd.DataFrame, bins: int, runs: Runs) -> Curves:
    """Keep of a loss its highs and its lows: a curve of the highs alone would hide how much it jumps."""
    steps, same = _folded(steps, runs)
    curve = steps.groupby(RUN, observed=True, sort=False).ngroup().to_numpy()
    where, loss = bins_of(steps, bins), steps["loss"].to_numpy()
    kept = np.union1d(thin(curve, where, loss), thin(curve, where, -loss))
    curves = _curves(steps.iloc[kept].assign(parameter=""), "loss", runs)
    return {
        key: [{**curve, "same": same.get(curve["run"], [])} for curve in own] for key, own in curves.items()
    }


def _folded(steps: pd.DataFrame, runs: Runs) -> tuple[pd.DataFrame, dict[int, list[int]]]:
    """Leave out the runs whose losses lie on those of another one, and tell by its position which they are.

    A run that was held to fewer steps lies on a longer one as far as it goes.
    """
    if steps.empty:
        return steps, {}
    groups = steps.groupby(RUN, observed=True, sort=False)
    losses = {tuple(map(str, key)): group["loss"].to_numpy() for key, group in groups}
    kept: dict[tuple[str, ...], list[int]] = {}
    for key in sorted(losses, key=lambda key: (-len(losses[key]), runs[key])):
        own = losses[key]
        onto = next(
            (other for other in kept if other[0] == key[0] and _coincide(own, losses[other][: len(own)])),
            None,
        )
        if onto is None:
            kept[key] = []
        else:
            kept[onto].append(runs[key])
    names = pd.MultiIndex.from_frame(steps[RUN].astype(object))
    return steps[names.isin(list(kept))], {runs[key]: sorted(same) for key, same in kept.items()}


def _coincide(one: NDArray[np.float64], other: NDArray[np.float64]) -> bool:
    """Tell whether two curves are one line in a picture; what is not finite lies on its like alone."""
    with np.errstate(invalid="ignore"):
        near = np.abs(one - other) <= COINCIDE * np.abs(other)
    return bool((near | (one == other) | (np.isnan(one) & np.isnan(other))).all())


def _drift(trajectories: pd.DataFrame, runs: Runs) -> dict[tuple[str, ...], Curves]:
    curves: dict[tuple[str, ...], Curves] = {}
    for measure in ("relative_drift", "drift"):
        largest = trajectories[measure].fillna(np.inf).sort_values(ascending=False, kind="stable")
        worst = trajectories.loc[largest.index].drop_duplicates([*RUN, "step"]).sort_index()
        curves[measure,] = _curves(trajectories, measure, runs) | _curves(worst, measure, runs, mixed=True)
    return curves


def _curves(rows: pd.DataFrame, measure: str, runs: Runs, *, mixed: bool = False) -> Curves:
    """Collect points into curves; of a mixed one each point tells whose it is."""
    curves: dict[tuple[str, str], dict[int, dict[str, Any]]] = {}
    points = zip(*(rows[name].tolist() for name in (*_CURVE, "step", measure)), strict=True)
    for *run, parameter, step, value in points:
        position = runs[tuple(run)]
        own = curves.setdefault((run[0], WORST if mixed else parameter), {})
        if position not in own:
            own[position] = {"run": position, "step": [], "value": [], **({"entry": []} if mixed else {})}
        curve = own[position]
        curve["step"].append(step)
        curve["value"].append(number(value))
        if mixed:
            curve["entry"].append(parameter)
    return {key: [own[position] for position in sorted(own)] for key, own in curves.items()}


def curve_plots(thinned: Thinned, scenario: str, parameters: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Make the data of the plots of the losses, of the errors, and of the drift from the reference."""
    return {
        "losses": {
            "axis": "loss before the step",
            "nested": True,
            "limits": {},
            "controls": [],
            "views": {"": thinned.losses.get((scenario, ""), [])},
        },
        "errors": {
            "axis": {"spreads": "error in spreads of the noise", "ulps": "error in ulps"},
            "limits": {"spreads": SPREADS},
            "controls": ["quantity", "measure", "parameter"],
            "views": _views(thinned.errors, scenario, parameters),
        },
        "drift": {
            "axis": {"relative_drift": "difference ÷ largest weight", "drift": "difference of weights"},
            "limits": {},
            "controls": ["measure", "parameter"],
            "views": _views(thinned.drift, scenario, parameters),
        },
    }


def _views(
    drawn: Mapping[tuple[str, ...], Curves], scenario: str, parameters: Sequence[str]
) -> dict[str, Any]:
    """Make the views of each parameter, and of the worst of several, by the controls' values."""
    views: dict[str, Any] = {}
    for chosen, curves in drawn.items():
        own = {name: curves[scenario, name] for name in (*parameters, WORST) if (scenario, name) in curves}
        start = "".join(f"{value}|" for value in chosen)
        if own and len(parameters) > 1:
            views[f"{start}{WORST}"] = [
                {**curve, "entry": [parameters.index(name) for name in curve["entry"]]}
                for curve in own[WORST]
            ]
        if own:
            views |= {f"{start}{position}": own.get(name, []) for position, name in enumerate(parameters)}
    return views


def number(value: float) -> float | str:
    """Give a number as JSON can hold it, with four digits.

    >>> number(1.23456e-17), number(float("nan")), number(float("-inf"))
    (1.235e-17, 'NaN', '-inf')
    """
    text = f"{value:.4g}"
    return "NaN" if text == "nan" else text if text.endswith("inf") else float(text)


def by_scenario(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Divide a frame into one for each scenario."""
    return {str(name): rows for name, rows in frame.groupby("scenario", sort=False, observed=True)}


# Long curves are thinned to what a picture can show, without losing what is worst in them.


def bins_for(curves: int) -> int:
    """Tell how many bins the steps are cut into, so that a page with many curves stays small.

    >>> bins_for(70), bins_for(1500), bins_for(100_000)
    (160, 40, 40)
    """
    return int(np.clip(POINTS // max(curves, 1), FEWEST_BINS, BINS))


def bin_starts(steps: int, bins: int) -> NDArray[np.int64]:
    """Cut the steps 0 … steps - 1 into bins that are about equally wide on a logarithmic axis of step + 1.

    Args:
        steps: how many steps there are.
        bins: how many bins there may be at most.

    Returns:
        the first step of each bin, increasing, 0 first.

    >>> bin_starts(1000, 8).tolist()
    [0, 1, 4, 12, 30, 74, 176, 421]
    """
    if steps <= bins:
        return np.arange(max(steps, 1), dtype=np.int64)
    edges = np.geomspace(1.0, steps + 1.0, bins + 1)[:-1]
    return np.unique(np.floor(edges).astype(np.int64) - 1)


def bins_of(frame: pd.DataFrame, bins: int) -> NDArray[np.int64]:
    """Tell in which bin of its scenario's steps each row of a frame is; a scenario has `bins` at most."""
    step = frame["step"].to_numpy()
    numbers = np.zeros(len(frame), dtype=np.int64)
    for rows in frame.groupby("scenario", observed=True, sort=False).indices.values():
        starts = bin_starts(int(step[rows].max()) + 1, bins)
        numbers[rows] = np.searchsorted(starts, step[rows], side="right") - 1
    return numbers


def thin(
    curve: NDArray[np.integer[Any]], bin_number: NDArray[np.int64], value: NDArray[np.float64]
) -> NDArray[np.intp]:
    """Keep of each curve and each bin of steps the point with the largest value.

    Args:
        curve: of each point the number of its curve.
        bin_number: of each point the number of its bin.
        value: NaN counts as larger than all numbers, so that it is never lost. Of several that are equal the
            first one is kept.

    Returns:
        the positions of the kept points, curve by curve, each in the order of its bins.
    """
    if not len(value):
        return np.zeros(0, dtype=np.intp)
    cell = curve * (int(bin_number.max()) + 1) + bin_number
    order = np.argsort(cell, kind="stable")
    cell, value = cell[order], value[order]
    begins = np.flatnonzero(np.diff(cell, prepend=-1))
    # NumPy's maximum of NaN and a number is NaN.
    largest = np.repeat(np.maximum.reduceat(value, begins), np.diff(begins, append=len(cell)))
    kept = np.flatnonzero((value == largest) | (np.isnan(value) & np.isnan(largest)))
    first: NDArray[np.intp] = order[kept[np.diff(cell[kept], prepend=-1) != 0]]
    return first
