"""Reports of two small scenarios, altered by hand into what a comparison must tell of."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

import gradproof as gp
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.comparison.changes import CHANGES, Changes
from gradproof.reporting.comparison.joining import compare
from gradproof.reporting.findings import SEVERITIES, in_order, make_findings, passing
from gradproof.reporting.report import Report
from gradproof.scenarios import Scenario
from gradproof.verdicts.records import NotRun, RunStatus, Subject

RUN = ["scenario", "backend", "variant", "dtype"]
LINE = ("line", "torch", "eager", "float64")

# From best to worst; what stands in one group is equally good.
GROUPS = (
    ("EQUAL", "AGREES", "KINK", "ILL_CONDITIONED", "INACCURATE"),
    ("UNDECIDED",),
    ("DISAGREES",),
    ("NOT_FINITE",),
    ("WRONG",),
    ("FAILED",),
)
PASSING = GROUPS[0]
RAN = [verdict for group in GROUPS for verdict in group]


def expected(before: str, after: str) -> str:
    """What is said of a run that is in both reports, told apart from the code: by the table above."""
    if after == "NOT RUN":
        return "other" if before == "FAILED" else "worse"
    if before == "NOT RUN":
        return "better" if after in PASSING else "worse"
    (old,) = (number for number, group in enumerate(GROUPS) if before in group)
    (new,) = (number for number, group in enumerate(GROUPS) if after in group)
    return "other" if old == new else "worse" if new > old else "better"


def scenario(name: str) -> Scenario:
    return gp.Scenario(
        name=name,
        loss=lambda xp, params, batch: xp.sum((params["w"] * batch["x"] + params["c"] - batch["y"]) ** 2),
        gradient=lambda params, batch: {
            "w": np.sum(2 * (params["w"] * batch["x"] + params["c"] - batch["y"]) * batch["x"]),
            "c": np.sum(2 * (params["w"] * batch["x"] + params["c"] - batch["y"])),
        },
        params={"w": np.array(0.75), "c": np.array(0.1)},
        batch={"x": np.array([1.0, 2.0]), "y": np.array([0.5, 0.25])},
        training=gp.GradientDescent(learning_rate=0.05, steps=3),
    )


@cache
def _base() -> Report:
    """Two scenarios, each run on the reference and on PyTorch in two ways, in two dtypes: twelve runs."""
    return gp.verify([scenario("line"), scenario("curve")], backends=["reference", "torch"], limits=None)


def base() -> Report:
    """A copy, so that a test may change it."""
    made = _base()
    environment = {**made.environment, "packages": dict(made.environment["packages"])}
    return Report({name: frame.copy() for name, frame in made.frames.items()}, environment)


def of(frame: pd.DataFrame, run: tuple[str, ...]) -> "pd.Series[bool]":
    return (frame[RUN].astype(object) == list(run)).all(axis=1)


def altered(report: Report, name: str, where: "pd.Series[bool]", **values: Any) -> Report:
    frame = report.frames[name].astype(object)
    if name == "findings" and "verdict" in values:
        verdict = values["verdict"]
        values |= {"passes": verdict in passing(), "severity": SEVERITIES[verdict]}
    for column, value in values.items():
        frame.loc[where, column] = value
    frame = frame.astype(COLUMNS[name])
    report.frames[name] = in_order(frame) if name == "findings" else frame
    return report


def finding(
    report: Report, kind: str, run: tuple[str, ...] = LINE, parameter: str = "w", **values: Any
) -> Report:
    """Alter what is said of a parameter in a run."""
    found = report.findings
    where = of(found, run) & (found["kind"] == kind) & (found["parameter"] == parameter)
    return altered(report, "findings", where, **values)


def said_too(report: Report, **records: Any) -> Report:
    """Add findings made of records: `not_run`, `claims` or `checks`."""
    nothing: dict[str, Any] = dict.fromkeys(("outcomes", "not_run", "formulas", "claims", "checks"), ())
    added = make_findings({}, **{**nothing, **records})
    whole = pd.concat([report.findings.astype(object), added.astype(object)], ignore_index=True)
    report.frames["findings"] = in_order(whole.astype(COLUMNS["findings"]))
    return report


def without(report: Report, run: tuple[str, ...], names: tuple[str, ...] = tuple(COLUMNS)) -> Report:
    for name in names:
        if "backend" in report.frames[name]:
            report.frames[name] = report.frames[name][~of(report.frames[name], run)].reset_index(drop=True)
    return report


def state(report: Report, run: tuple[str, ...], verdict: str) -> Report:
    """Put a run into a state: a verdict, FAILED, NOT RUN, or absent."""
    if verdict == "":
        return without(report, run)
    if verdict in {"FAILED", "NOT RUN"}:
        status = {"FAILED": "failed", "NOT RUN": "not run"}[verdict]
        judged = tuple(name for name in COLUMNS if name != "runs")
        changed = {"status": status, "verdict": "NOT_CHECKED", "reason": "it raised"}
        not_run = NotRun(
            Subject(*run), "it raised", RunStatus.FAILED if verdict == "FAILED" else RunStatus.NOT_RUN
        )
        said_too(without(report, run, judged), not_run=[not_run])
        return altered(report, "runs", of(report.runs, run), **changed)
    altered(report, "findings", of(report.findings, run), verdict=verdict)
    return altered(report, "runs", of(report.runs, run), verdict=verdict)


def bits(report: Report, *steps: int) -> Report:
    where = of(report.steps, LINE) & report.steps["step"].isin(steps)
    return altered(report, "steps", where, digest="0123456789abcdef")


def only(frame: pd.DataFrame) -> Mapping[Any, Any]:
    (row,) = frame.astype(object).to_dict("records")
    return row


def one_verdict(before: str, after: str) -> Mapping[Any, Any]:
    return only(compare(state(base(), LINE, before), state(base(), LINE, after)).verdicts)


def check_columns(changes: Changes) -> None:
    for name, columns in CHANGES.items():
        frame = getattr(changes, name)
        assert {column: str(dtype) for column, dtype in frame.dtypes.items()} == columns
        assert list(frame.columns) == list(columns)
        assert frame.index.equals(pd.RangeIndex(len(frame)))
