"""What stands in the section of each scenario: its plots' data and its tables."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.findings import failing, judged
from gradproof.reporting.names import count, implementation
from gradproof.reporting.page.cells import (
    LONG,
    NAME,
    NUMBER,
    VERDICT,
    Table,
    frame_table,
    worst_table,
)
from gradproof.reporting.page.curves import (
    Runs,
    Thinned,
    by_scenario,
    drift_plot,
    error_plot,
    loss_plot,
    thin_all,
)
from gradproof.reporting.page.heatmaps import entries_by_scenario, entry_pictures
from gradproof.reporting.page.plots import Control, plots_of
from gradproof.verdicts.numerals import entry


@dataclass(frozen=True)
class Section:
    """The section of a scenario.

    Attributes:
        name: the scenario's.
        verdict: the worst of what does not pass, or that all agrees.
        facts: what there is to know of its runs, in short.
        parameters: their names.
        plots: the controls of each picture.
        data: the pictures' data.
        bins: how many bins of steps the curves have at most.
        reference_off: where the reference does not pass, a sentence that says so.
        worst: the table of the worst steps; None where nothing was judged.
        details: titles and tables of all else.
    """

    name: str
    verdict: str
    facts: Sequence[str]
    parameters: Sequence[str]
    plots: Mapping[str, Sequence[Control]]
    data: Mapping[str, Any]
    bins: int
    reference_off: str
    worst: Table | None
    details: Sequence[tuple[str, Table]]


_TABLES = (
    ("provenance", "Where the values come from", "A value and where it comes from"),
    ("claims", "What the document claims", "A claim of the document"),
    ("formulas", "Hand-derived formulas in certified arithmetic", "A parameter's derivative at a step"),
    ("solutions", "How near the ends are to the known solution", "A weight at the end of a run"),
    ("predictions", "Predictions at the end", "A prediction at the end of a run"),
)


def sections(frames: Mapping[str, pd.DataFrame], scenarios: Sequence[str], runs: Runs) -> list[Section]:
    """Make the section of each scenario.

    Args:
        frames: a report's.
        scenarios: the scenarios, in the order of the page.
        runs: the positions of the runs.
    """
    thinned = thin_all(frames, runs)
    groups = {
        "runs": by_scenario(frames["runs"]),
        "parameters": by_scenario(frames["gradients"][["scenario", "parameter"]].drop_duplicates()),
        "findings": by_scenario(judged(frames["findings"])),
        "entries": entries_by_scenario(frames["entries"]),
        **{name: by_scenario(frames[name]) for name, *_ in _TABLES},
    }
    return [
        _section(name, {key: group.get(name) for key, group in groups.items()}, thinned, runs)
        for name in scenarios
    ]


def _section(name: str, frames: Mapping[str, pd.DataFrame | None], thinned: Thinned, runs: Runs) -> Section:
    own, worst = frames["runs"], frames["findings"]
    assert own is not None, "a scenario of the page has a run"  # noqa: S101 - by construction
    ran = own[own["status"] == "run"]
    named = frames["parameters"]
    parameters = [] if named is None else named["parameter"].tolist()
    data = {
        "losses": loss_plot(thinned, name),
        "errors": error_plot(thinned, name, parameters),
        "entries": entry_pictures(frames["entries"], parameters, runs),
        "drift": drift_plot(thinned, name, parameters),
    }
    return Section(
        name=name,
        verdict=_verdict(own, worst),
        facts=_facts(own, ran, parameters, frames["claims"]),
        parameters=parameters,
        plots={} if worst is None else plots_of(data, worst, parameters, runs),
        data={} if worst is None else data,
        bins=thinned.bins,
        reference_off="" if worst is None else _reference_off(worst),
        worst=None if worst is None else worst_table(worst),
        details=[
            (title, _detail(key, caption, frame))
            for key, title, caption in _TABLES
            if (frame := frames[key]) is not None and len(frame)
        ],
    )


def _verdict(runs: pd.DataFrame, worst: pd.DataFrame | None) -> str:
    """Tell the worst of what does not pass; that all agrees; or that nothing was judged."""
    if worst is not None and len(failing(worst)):
        return str(worst["verdict"].iloc[0])
    if (runs["status"] == "failed").any():
        return "FAILED"
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
            f"{count(len(parameters), 'parameter')}: {', '.join(parameters[:8])}"
            + (", …" if len(parameters) > 8 else "")
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
        digits = [_digits(value) for value in shown["digits"]]
        kinds["digits"] = NUMBER
        shown = shown.assign(digits=digits)
    return frame_table(caption, shown, kinds)


def _digits(digits: float) -> str:
    if math.isnan(digits):
        return ""
    return "exactly" if math.isinf(digits) else f"{digits:.1f}"
