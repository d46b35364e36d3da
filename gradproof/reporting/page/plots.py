"""The controls above the pictures of a scenario: what a reader can choose, and what is chosen first.

The words are in the template `macros.html.j2`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES
from gradproof.reporting.names import implementation, run_key
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
    """A control above a picture: a switch between a few values, or a list to select from."""

    name: str
    label: str
    choices: Sequence[Choice]


_MEASURE = Control("measure", "in", [Choice("spreads", "spreads", chosen=True), Choice("ulps", "ulps")])
_DRIFT = Control(
    "measure",
    "difference",
    [Choice("relative_drift", "relative", chosen=True), Choice("drift", "absolute")],
)


def plots_of(
    data: Mapping[str, Any], findings: pd.DataFrame, parameters: Sequence[str], runs: Runs
) -> dict[str, list[Control]]:
    """Give the controls of each picture that the section of a scenario shows.

    What fails is shown first: its quantity, its run, and where they are too many its parameter.

    Args:
        data: the pictures' data, by name.
        findings: of this scenario's runs.
        parameters: the parameters' names, in the order of the data.
        runs: the positions of the runs.
    """
    first = records(findings.head(1))[0]
    labels = {"gradients": "gradients", "updates": "updated weights"}
    if not any(key.startswith("updates|") for key in data["errors"]["views"]):
        del labels["updates"]
    quantity = Control(
        "quantity",
        "quantity",
        [Choice(name, label, chosen=name == QUANTITIES[first["kind"]]) for name, label in labels.items()],
    )
    parameter = _choose_parameter(parameters, "the worst of each step", "")
    few = len(parameters) <= SIDE_BY_SIDE
    one_or_all = _choose_parameter(parameters, "all" if few else "", first["parameter"])
    controls = {
        "losses": [],
        "errors": [quantity, _MEASURE, parameter],
        "entries": [_choose_run(findings, runs, first), quantity, _MEASURE, one_or_all],
        "drift": [_DRIFT, parameter],
    }
    return {name: controls[name] for name in controls if data[name]["views"]}


def _choose_parameter(parameters: Sequence[str], together: str, first: str) -> Control:
    """Let a reader choose a parameter; all together are chosen first where that has a label."""
    several = together and len(parameters) > 1
    choices = [
        Choice(str(position), name, chosen=not several and name == first)
        for position, name in enumerate(parameters)
    ]
    if several:
        choices = [Choice(WORST, together, chosen=True), *choices]
    return Control("parameter", "parameter", choices)


def _choose_run(findings: pd.DataFrame, runs: Runs, first: Mapping[str, Any]) -> Control:
    """Let a reader choose a run; the first is the one of this row."""
    chosen = run_key(first)
    keys = sorted({run_key(row) for row in records(findings)}, key=lambda key: runs[key])
    choices = [
        Choice(str(runs[key]), f"{implementation(key[1], key[2])} {key[3]}", chosen=key == chosen)
        for key in keys
    ]
    return Control("run", "implementation", choices)
