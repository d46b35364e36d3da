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
from gradproof.reporting.page.thinning import bins_for, thin
from gradproof.verdicts.tolerances import SPREADS

MEASURES = ("spreads", "ulps")
WORST = "worst"
"""The key of the view that shows of each bin the worst of all parameters."""

Runs = Mapping[tuple[str, ...], int]
"""The positions of runs in the page's list of them."""


@dataclass(frozen=True)
class Thinned:
    """The curves of all scenarios, thinned once.

    Attributes:
        errors: per quantity and measure the kept rows, per scenario.
        losses: the kept rows per scenario.
        drift: all rows per scenario.
        bins: how many bins the steps were cut into at most.
    """

    errors: Mapping[tuple[str, str], Mapping[str, pd.DataFrame]]
    losses: Mapping[str, pd.DataFrame]
    drift: Mapping[str, pd.DataFrame]
    bins: int


def thin_all(frames: Mapping[str, pd.DataFrame]) -> Thinned:
    """Thin the frames `gradients`, `updates` and `steps` of a report for its plots."""
    keys = [*RUN, "parameter"]
    curves = sum(len(frames[name][keys].drop_duplicates()) for name in QUANTITIES.values())
    bins = bins_for(curves)
    errors = {
        (quantity, measure): by_scenario(thin(frames[quantity], keys, measure, bins))
        for quantity in QUANTITIES.values()
        for measure in MEASURES
    }
    # Of a loss its highs and its lows: a curve of the highs alone would hide how much it jumps.
    steps = frames["steps"]
    lows = thin(steps.assign(loss=-steps["loss"]), RUN, "loss", bins)
    kept = steps.index.isin(thin(steps, RUN, "loss", bins).index.union(lows.index))
    return Thinned(errors, by_scenario(steps[kept]), by_scenario(frames["trajectories"]), bins)


def by_scenario(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """Divide a frame into one for each scenario, with plain columns for the names."""
    return {str(name): group for name, group in plain(frame).groupby("scenario", sort=False)}


def plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Give a frame without categories."""
    return frame.astype({name: object for name in frame.columns if frame[name].dtype == "category"})


def error_plot(thinned: Thinned, scenario: str, parameters: Sequence[str], runs: Runs) -> dict[str, Any]:
    """Make the data of the plot of errors along the steps."""
    views: dict[str, list[dict[str, Any]]] = {}
    for (quantity, measure), groups in thinned.errors.items():
        rows = groups.get(scenario)
        if rows is None:
            continue
        start = f"{quantity}|{measure}|"
        if len(parameters) > 1:
            worst = thin(rows, RUN, measure, thinned.bins)
            worst = worst.assign(parameter=rows.loc[worst.index, "parameter"])
            views[start + WORST] = _curves(worst, measure, runs, parameters)
        views |= _by_parameter(rows, measure, runs, parameters, start)
    return {
        "axis": {
            "spreads": "error in spreads of the noise",
            "ulps": "error in ulps",
        },
        "limits": {"spreads": SPREADS},
        "controls": ["quantity", "measure", "parameter"],
        "views": views,
    }


def loss_plot(thinned: Thinned, scenario: str, runs: Runs) -> dict[str, Any]:
    """Make the data of the plot of the losses."""
    rows = thinned.losses.get(scenario)
    return {
        "axis": "loss before the step",
        "nested": True,
        "limits": {},
        "controls": [],
        "views": {"": [] if rows is None else _curves(rows, "loss", runs)},
    }


def drift_plot(thinned: Thinned, scenario: str, parameters: Sequence[str], runs: Runs) -> dict[str, Any]:
    """Make the data of the plot of the drift from the reference."""
    views: dict[str, list[dict[str, Any]]] = {}
    rows = thinned.drift.get(scenario)
    if rows is not None:
        for measure in ("relative_drift", "drift"):
            if len(parameters) > 1:
                order = np.lexsort((-rows[measure].fillna(np.inf).to_numpy(), rows["step"].to_numpy()))
                worst = rows.iloc[order].drop_duplicates([*RUN, "step"])
                views[f"{measure}|{WORST}"] = _curves(worst, measure, runs, parameters)
            views |= _by_parameter(rows, measure, runs, parameters, f"{measure}|")
    return {
        "axis": {
            "relative_drift": "difference ÷ largest weight",
            "drift": "difference of weights",
        },
        "limits": {},
        "controls": ["measure", "parameter"],
        "views": views,
    }


def _by_parameter(
    rows: pd.DataFrame, measure: str, runs: Runs, parameters: Sequence[str], start: str
) -> dict[str, list[dict[str, Any]]]:
    """Make the view of each parameter; its key is `start` and the parameter's position."""
    own = dict(iter(rows.groupby("parameter", sort=False)))
    return {
        f"{start}{position}": _curves(own[name], measure, runs) if name in own else []
        for position, name in enumerate(parameters)
    }


def _curves(
    rows: pd.DataFrame, measure: str, runs: Runs, parameters: Sequence[str] = ()
) -> list[dict[str, Any]]:
    """Make a curve of each run; given the parameters, one that tells of each point whose it is."""
    curves: dict[int, dict[str, Any]] = {}
    positions = {name: position for position, name in enumerate(parameters)}
    subjects = zip(*(rows[name].tolist() for name in RUN), strict=True)
    values = rows[measure].tolist()
    mixed = rows["parameter"].tolist() if parameters else values
    for subject, step, value, parameter in zip(subjects, rows["step"].tolist(), values, mixed, strict=True):
        run = runs[subject]
        if run not in curves:
            curves[run] = {"run": run, "step": [], "value": [], **({"entry": []} if parameters else {})}
        curve = curves[run]
        curve["step"].append(step)
        curve["value"].append(number(value))
        if parameters:
            curve["entry"].append(positions[parameter])
    return sorted(curves.values(), key=lambda curve: int(curve["run"]))


def number(value: float) -> float | str:
    """Give a number as JSON can hold it, with four digits.

    >>> number(1.23456e-17), number(float("nan")), number(float("-inf"))
    (1.235e-17, 'NaN', '-inf')
    """
    text = f"{value:.4g}"
    return "NaN" if text == "nan" else text if text.endswith("inf") else float(text)
