"""The plots of a scenario: what each shows, in words, and the controls above it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES
from gradproof.reporting.names import RUN, implementation, run_key
from gradproof.reporting.page.curves import WORST, Runs

SIDE_BY_SIDE = 6
"""Up to so many parameters' pictures of entries are shown side by side; of more, one at a time."""


@dataclass(frozen=True)
class Choice:
    """One value of a control."""

    value: str
    label: str
    chosen: bool = False


@dataclass(frozen=True)
class Control:
    """A control above a plot: a switch between a few values, or a list to select from."""

    name: str
    label: str
    choices: Sequence[Choice]


@dataclass(frozen=True)
class Plot:
    """A plot: what is drawn, its title and caption, the controls above it."""

    name: str
    kind: str
    title: str
    caption: str
    controls: Sequence[Control]


_MEASURE = Control("measure", "in", [Choice("spreads", "spreads", chosen=True), Choice("ulps", "ulps")])
_DRIFT = Control(
    "measure",
    "difference",
    [Choice("relative_drift", "relative", chosen=True), Choice("drift", "absolute")],
)


def plots_of(
    data: Mapping[str, Any], worst: pd.DataFrame, parameters: Sequence[str], runs: Runs, bins: int
) -> list[Plot]:
    """Tell which plots the section of a scenario shows.

    Args:
        data: the plots' data, by name.
        worst: the findings of this scenario's runs.
        parameters: the parameters' names, in the order of the data.
        runs: the positions of the runs.
        bins: how many bins the steps were cut into at most.
    """
    trained = any(key.startswith("updates|") for key in data["errors"]["views"])
    # What fails comes first: updates alone may.
    first = records(worst.head(1))[0]
    quantity = Control("quantity", "quantity", _quantities(first) if trained else _quantities(first)[:1])
    parameter = _worst_or_one(parameters)
    plots = [_losses(bins), _errors(bins, [quantity, _MEASURE, parameter])]
    if data["entries"]["views"]:
        controls = [
            _choose_run(worst, runs, first),
            quantity,
            _MEASURE,
            _all_or_one(parameters, first["parameter"]),
        ]
        plots.append(_entries(controls))
    if data["drift"]["views"]:
        plots.append(_drift([_DRIFT, parameter]))
    return plots


def _quantities(first: Mapping[str, Any]) -> list[Choice]:
    labels = {"gradients": "gradients", "updates": "updated weights"}
    chosen = QUANTITIES[first["kind"]]
    return [Choice(name, label, chosen=name == chosen) for name, label in labels.items()]


def _losses(bins: int) -> Plot:
    return Plot(
        "losses",
        "lines",
        "Loss",
        "Curves that agree lie on each other, the first ones drawn wider; a click on the legend hides one, a "
        f"double click all others. Of at most {bins} bins of steps the highest and the lowest loss are "
        "drawn.",
        [],
    )


def _errors(bins: int, controls: Sequence[Control]) -> Plot:
    return Plot(
        "errors",
        "lines",
        "Error along the steps",
        f"The largest error of a parameter's entries. Long runs are cut into at most {bins} bins of steps, "
        "and the worst of each is drawn at its true step. A triangle at the bottom is an error of exactly 0, "
        "a cross at the top one that is not finite.",
        controls,
    )


def _entries(controls: Sequence[Control]) -> Plot:
    return Plot(
        "entries",
        "entries",
        "Every entry at the worst step",
        "Each parameter as a matrix, its last axis along the columns, at its worst step in this run. A dot "
        "marks an entry that does not pass, a cross one that is not finite.",
        controls,
    )


def _drift(controls: Sequence[Control]) -> Plot:
    return Plot(
        "drift",
        "lines",
        "Drift from the reference",
        "How far the weights of free-running trainings are from the reference's of the same dtype: a fact, "
        "not a verdict. A triangle at the bottom is no drift at all.",
        controls,
    )


def _worst_or_one(parameters: Sequence[str]) -> Control:
    choices = [Choice(str(position), name) for position, name in enumerate(parameters)]
    if len(parameters) > 1:
        choices = [Choice(WORST, "the worst of each step", chosen=True), *choices]
    return Control("parameter", "parameter", choices)


def _all_or_one(parameters: Sequence[str], first: str) -> Control:
    """Let a reader choose a parameter; where there are too many for one picture, start with one of them."""
    few = len(parameters) <= SIDE_BY_SIDE
    choices = [
        Choice(str(position), name, chosen=not few and name == first)
        for position, name in enumerate(parameters)
    ]
    if few and len(parameters) > 1:
        choices = [Choice(WORST, "all", chosen=True), *choices]
    return Control("parameter", "parameter", choices)


def _choose_run(worst: pd.DataFrame, runs: Runs, first: Mapping[str, Any]) -> Control:
    """Let a reader choose a run; start with the one of this row."""
    chosen = run_key(first)
    choices = []
    for run in worst[RUN].drop_duplicates().itertuples(index=False, name=None):
        key = tuple(map(str, run))
        label = f"{implementation(key[1], key[2])} {key[3]}"
        choices.append(Choice(str(runs[key]), label, chosen=key == chosen))
    return Control("run", "implementation", choices)
