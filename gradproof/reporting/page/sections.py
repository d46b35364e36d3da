"""What stands in the section of each scenario: its plots' data and its tables."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES, failing, judged
from gradproof.reporting.names import count, implementation, run_key
from gradproof.reporting.page.cause_cards import NAMED
from gradproof.reporting.page.cells import (
    LONG,
    NAME,
    NUMBER,
    VERDICT,
    Table,
    digits,
    frame_table,
    worst_table,
)
from gradproof.reporting.page.curves import (
    WORST,
    Runs,
    Thinned,
    by_scenario,
    curve_plots,
    thin_all,
)
from gradproof.reporting.page.heatmaps import entries_by_scenario, entry_pictures
from gradproof.verdicts.numerals import entry
from gradproof.verdicts.records import RunStatus

Section = Mapping[str, Any]
"""The section of a scenario: what stands in it, by the names that the templates have for it."""

SIDE_BY_SIDE = 6
"""Up to so many parameters' pictures of entries are shown side by side; of more, one at a time."""

FEWEST_STEPS = 2
"""Of fewer steps no curve is drawn."""


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


_TABLES = (
    ("provenance", "Where the values come from", "A value and where it comes from"),
    ("claims", "What the document claims", "A claim of the document"),
    ("formulas", "Hand-derived formulas in certified arithmetic", "A parameter's derivative at a step"),
    ("solutions", "How near the ends are to the known solution", "A weight at the end of a run"),
    ("predictions", "Predictions at the end", "A prediction at the end of a run"),
)


_NAMES = ["scenario", "parameter"]


def sections(
    frames: Mapping[str, pd.DataFrame], scenarios: Sequence[str], runs: Runs
) -> list[dict[str, Any]]:
    """Make the section of each scenario.

    Args:
        frames: a report's.
        scenarios: the scenarios, in the order of the page.
        runs: the positions of the runs.
    """
    thinned = thin_all(frames, runs)
    groups = {
        "runs": by_scenario(frames["runs"]),
        **{name: by_scenario(frames[name][_NAMES].drop_duplicates()) for name in ("gradients", "states")},
        "findings": by_scenario(judged(frames["findings"])),
        "entries": entries_by_scenario(frames["entries"]),
        **{name: by_scenario(frames[name]) for name, *_ in _TABLES},
    }
    return [
        _section(name, {key: group.get(name) for key, group in groups.items()}, thinned, runs)
        for name in scenarios
    ]


def _section(
    name: str, frames: Mapping[str, pd.DataFrame | None], thinned: Thinned, runs: Runs
) -> dict[str, Any]:
    """Make the section of a scenario, by the names that the templates have for its parts."""
    own, worst = frames["runs"], frames["findings"]
    assert own is not None, "a scenario of the page has a run"  # noqa: S101 - by construction
    ran = own[own["status"] == "run"]
    parameters, states = (_named(frames[each]) for each in ("gradients", "states"))
    names = [*parameters, *states]
    data = {
        **curve_plots(thinned, name, names),
        "entries": entry_pictures(frames["entries"], names, runs),
    }
    plots = {} if worst is None else plots_of(data, worst, names, runs)
    if len(ran) and int(ran["steps"].max()) < FEWEST_STEPS:
        # Of a curve of one point nothing is seen; the pictures of entries and the table have its numbers.
        data = {"entries": data["entries"]}
    return {
        "name": name,
        "verdict": _verdict(own, worst),
        "facts": _facts(own, ran, parameters, frames["claims"]),
        "parameters": names,
        "plots": {plot: controls for plot, controls in plots.items() if plot in data},
        "data": {} if worst is None else data,
        "bins": thinned.bins,
        "reference_off": "" if worst is None else _reference_off(worst),
        "worst": None if worst is None else worst_table(worst),
        "details": [
            (title, _detail(key, caption, frame))
            for key, title, caption in _TABLES
            if (frame := frames[key]) is not None and len(frame)
        ],
    }


def _named(frame: pd.DataFrame | None) -> list[str]:
    return [] if frame is None else list(frame["parameter"])


def _verdict(runs: pd.DataFrame, worst: pd.DataFrame | None) -> str:
    """Tell the worst of what does not pass; that all agrees; or that nothing was judged."""
    if worst is not None and len(failing(worst)):
        return str(worst["verdict"].iloc[0])
    failed = runs["status"][~runs["status"].isin(["run", "not run"])]
    if len(failed):
        return RunStatus(str(failed.iloc[0])).word
    return "NOT RUN" if worst is None else "agrees"


def _reference_off(worst: pd.DataFrame) -> str:
    """Say where the reference, which others are compared with, is itself not right."""
    off = failing(worst)
    rows = records(off[off["backend"] == "reference"].drop_duplicates("dtype"))
    if not rows:
        return ""
    where = " and ".join(
        f"in {row['dtype']} ({row['verdict']}, first at step {row['first_failing_step']:,})" for row in rows
    )
    return f"The reference itself does not pass {where}: the others are compared with a run that is wrong."


def _facts(
    own: pd.DataFrame, ran: pd.DataFrame, parameters: Sequence[str], claims: pd.DataFrame | None
) -> list[str]:
    facts = []
    if claims is not None and len(claims):
        facts.append("From: " + "; ".join(dict.fromkeys(map(str, claims["document"]))))
    facts.append(f"{len(ran)} of {count(len(own), 'run')} made")
    if len(ran):
        fewest, most = int(ran["steps"].min()), int(ran["steps"].max())
        facts.append(count(most, "step") if fewest == most else f"{fewest:,} to {most:,} steps")
        facts.append(
            f"{count(len(parameters), 'parameter')}: {', '.join(parameters[:NAMED])}"
            + (", …" if len(parameters) > NAMED else "")
        )
    return facts


def _detail(key: str, caption: str, frame: pd.DataFrame) -> Table:
    shown = frame.drop(columns="scenario")
    if "backend" in shown:
        names = [
            implementation(backend, variant)
            for backend, variant in zip(shown["backend"], shown["variant"], strict=True)
        ]
        shown = shown.drop(columns=["backend", "variant"])
        shown.insert(0, "implementation", pd.Series(names, index=shown.index, dtype=object))
    if {"parameter", "index"} <= set(shown.columns):
        entries = [entry(name, index) for name, index in zip(shown["parameter"], shown["index"], strict=True)]
        shown = shown.assign(parameter=entries).drop(columns="index")
    if key == "claims":
        front = ["verdict", "claim", "text", "stated", "exact", "digits", "cause", "reason", "place"]
        shown = shown[[*front, *(["document"] if len(shown["document"].unique()) > 1 else [])]]
    kinds = {"verdict": VERDICT, "implementation": NAME, "dtype": NAME, "parameter": NAME, "claim": NAME}
    if key == "claims":
        kinds |= {"stated": LONG, "exact": LONG}
    if "digits" in shown:
        told = [digits(value) for value in shown["digits"]]
        kinds["digits"] = NUMBER
        shown = shown.assign(digits=told)
    return frame_table(caption, shown, kinds)


# The controls above the pictures: what a reader can choose, and what is chosen first.

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
    known = {"gradients": "gradients", "updates": "updated weights", "states": "states"}
    shown = {key.partition("|")[0] for key in data["errors"]["views"]}
    labels = {name: label for name, label in known.items() if name == "gradients" or name in shown}
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
