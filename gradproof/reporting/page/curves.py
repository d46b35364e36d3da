"""The data of the plots along the steps: losses, errors and drift.

A plot's data is a mapping that JSON can hold:

- `axis`: what the vertical axis measures, per value of the control `measure`, or one text;
- `limits`: per measure a value that is drawn as a line, if there is one;
- `controls`: the names of the controls above the plot, in the order of the parts of a view's key;
- `nested`: whether curves that lie on each other are told apart by their widths;
- `views`: per key (the controls' values joined by `|`) the list of curves, each with `run` (a position in
  the page's list of runs), `step` and `value`; and `entry`, positions in `parameters`, where a curve mixes
  several.

Values have four digits; what is not finite is the text "NaN", "inf" or "-inf".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.findings import QUANTITIES
from gradproof.reporting.names import RUN
from gradproof.reporting.page.thinning import bins_for, bins_of, thin
from gradproof.verdicts.tolerances import SPREADS

MEASURES = ("spreads", "ulps")
WORST = "worst"
"""The key of the view that shows of each bin the worst of all parameters."""

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

    errors: Mapping[tuple[str, str], Curves]
    losses: Curves
    drift: Mapping[str, Curves]
    bins: int


def thin_all(frames: Mapping[str, pd.DataFrame], runs: Runs) -> Thinned:
    """Thin the frames `gradients`, `updates` and `steps` of a report for its plots."""
    curves = sum(len(frames[name][_CURVE].drop_duplicates()) for name in QUANTITIES.values())
    bins = bins_for(curves)
    errors = {}
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
    curve = steps.groupby(RUN, observed=True, sort=False).ngroup().to_numpy()
    where, loss = bins_of(steps, bins), steps["loss"].to_numpy()
    kept = np.union1d(thin(curve, where, loss), thin(curve, where, -loss))
    return _curves(steps.iloc[kept].assign(parameter=""), "loss", runs)


def _drift(trajectories: pd.DataFrame, runs: Runs) -> dict[str, Curves]:
    curves = {}
    for measure in ("relative_drift", "drift"):
        largest = trajectories[measure].fillna(np.inf).sort_values(ascending=False, kind="stable")
        worst = trajectories.loc[largest.index].drop_duplicates([*RUN, "step"]).sort_index()
        curves[measure] = _curves(trajectories, measure, runs) | _curves(worst, measure, runs, mixed=True)
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


def error_plot(thinned: Thinned, scenario: str, parameters: Sequence[str]) -> dict[str, Any]:
    """Make the data of the plot of errors along the steps."""
    views: dict[str, Any] = {}
    for (quantity, measure), curves in thinned.errors.items():
        views |= _views(curves, scenario, parameters, f"{quantity}|{measure}|")
    return {
        "axis": {
            "spreads": "error in spreads of the noise",
            "ulps": "error in ulps",
        },
        "limits": {"spreads": SPREADS},
        "controls": ["quantity", "measure", "parameter"],
        "views": views,
    }


def loss_plot(thinned: Thinned, scenario: str) -> dict[str, Any]:
    """Make the data of the plot of the losses."""
    return {
        "axis": "loss before the step",
        "nested": True,
        "limits": {},
        "controls": [],
        "views": {"": thinned.losses.get((scenario, ""), [])},
    }


def drift_plot(thinned: Thinned, scenario: str, parameters: Sequence[str]) -> dict[str, Any]:
    """Make the data of the plot of the drift from the reference."""
    views: dict[str, Any] = {}
    for measure, curves in thinned.drift.items():
        views |= _views(curves, scenario, parameters, f"{measure}|")
    return {
        "axis": {
            "relative_drift": "difference ÷ largest weight",
            "drift": "difference of weights",
        },
        "limits": {},
        "controls": ["measure", "parameter"],
        "views": views,
    }


def _views(curves: Curves, scenario: str, parameters: Sequence[str], start: str) -> dict[str, Any]:
    """Make the view of each parameter, and of the worst of several; its key is `start` and the position."""
    own = {name: curves[scenario, name] for name in (*parameters, WORST) if (scenario, name) in curves}
    if not own:
        return {}
    views: dict[str, Any] = {
        f"{start}{position}": own.get(name, []) for position, name in enumerate(parameters)
    }
    if len(parameters) > 1:
        worst = [
            {**curve, "entry": [parameters.index(name) for name in curve["entry"]]} for curve in own[WORST]
        ]
        views = {f"{start}{WORST}": worst, **views}
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
