"""What stands above the scenarios: the verdict, the worst failure, the matrix, the cost, what was not run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.costs import costs, side_by_side
from gradproof.reporting.failures import failures_of
from gradproof.reporting.names import count, entry, implementation
from gradproof.reporting.overview import not_checked, remarks, verdict_matrix
from gradproof.reporting.page.numbers import exact, short
from gradproof.reporting.page.tables import (
    Table,
    costs_table,
    failing_table,
    run_costs_table,
    tone,
    unfinished_table,
)
from gradproof.reporting.report import Report
from gradproof.reporting.worst import QUANTITIES, RUN, most_urgent
from gradproof.verdicts.tolerances import SPREADS

_TONES = {
    "ok": "ok",
    "WRONG": "wrong",
    "FAILED": "wrong",
    "NaN/inf": "nan",
    "UNDECIDED": "undecided",
}


@dataclass(frozen=True)
class MatrixCell:
    """A cell of the matrix: its words and its tone."""

    word: str
    number: str
    tone: str


@dataclass(frozen=True)
class MatrixRow:
    """A row of the matrix; `scenario` is the scenario's position."""

    scenario: int
    name: str
    dtype: str
    span: int
    cells: Sequence[MatrixCell]


@dataclass(frozen=True)
class Failure:
    """The first failure: what does not pass and where, its numbers by name, and how to see it again."""

    verdict: str
    tone: str
    where: Sequence[tuple[str, str]]
    numbers: Sequence[tuple[str, str]]
    cause: str
    reason: str
    repeat: str
    scenario: int


@dataclass(frozen=True)
class Overview:
    """All that stands above the sections of the scenarios, and the lists that the page counts by."""

    ok: bool
    title: str
    who: str
    time: str
    versions: str
    figures: Sequence[tuple[str, str]]
    notes: Sequence[str]
    messages: Sequence[str]
    failure: Failure | None
    failing: Table | None
    repeats: Sequence[str]
    matrix_columns: Sequence[str]
    matrix: Sequence[MatrixRow]
    costs: Table | None
    run_costs: Table | None
    costs_plot: Mapping[str, Any]
    times: str
    unfinished: Table | None
    scenarios: Sequence[str]
    implementations: Sequence[str]
    dtypes: Sequence[str]
    run_names: Sequence[tuple[int, int]]


def overview(report: Report) -> Overview:
    """Collect what stands above the scenarios."""
    runs = report.runs.astype(object)
    subjects = list(runs[RUN].drop_duplicates().itertuples(index=False, name=None))
    scenarios = list(dict.fromkeys(str(subject[0]) for subject in subjects))
    names = [implementation(str(backend), str(variant)) for _, backend, variant, _ in subjects]
    implementations = list(dict.fromkeys(names))
    dtypes = list(dict.fromkeys(str(subject[3]) for subject in subjects))
    columns, matrix = _matrix(report.frames, scenarios)
    failing = report.worst[report.worst["failing"] > 0]
    ran = bool((runs["status"] == "run").any())
    return Overview(
        ok=report.ok,
        title=_title(ok=report.ok, something=ran or len(report.checks) > 0),
        who="" if report.ok or not ran else _who(runs, failing),
        time=str(report.environment.get("time", "")),
        versions=_versions(report.environment),
        figures=_figures(report),
        notes=[*remarks(report.frames), *not_checked(runs)],
        messages=[each.headline for each in failures_of(report) if each.kind not in QUANTITIES],
        failure=_first_failure(failing, runs, scenarios) if len(failing) else None,
        failing=failing_table(failing) if len(failing) else None,
        repeats=_repeats(failing, runs),
        matrix_columns=columns,
        matrix=matrix,
        costs=costs_table(runs) if ran else None,
        run_costs=run_costs_table(runs) if ran else None,
        costs_plot=_costs_plot(runs),
        times=side_by_side(int(report.environment.get("processes", 1))),
        unfinished=unfinished_table(runs) if (runs["reason"] != "").any() else None,
        scenarios=scenarios,
        implementations=implementations,
        dtypes=dtypes,
        run_names=[
            (implementations.index(name), dtypes.index(str(subject[3])))
            for name, subject in zip(names, subjects, strict=True)
        ],
    )


def _title(*, ok: bool, something: bool) -> str:
    if not something:
        return "Nothing was checked."
    return "Everything that was checked agrees." if ok else "Not everything agrees."


def _who(runs: pd.DataFrame, failing: pd.DataFrame) -> str:
    """Tell in a sentence which implementations are off, and which are not."""
    names = pd.Series(
        [implementation(*each) for each in zip(runs["backend"], runs["variant"], strict=True)],
        index=runs.index,
    )
    keys = set(failing[RUN].itertuples(index=False, name=None))
    off = runs["status"].eq("failed").to_numpy() | np.array(
        [run in keys for run in runs[RUN].itertuples(index=False, name=None)]
    )
    made = (runs["status"] != "not run").to_numpy()
    parts = []
    right = []
    for name in names[made].drop_duplicates():
        own = (names == name).to_numpy() & made
        if off[own].any():
            parts.append(f"{name} in {int(off[own].sum())} of {count(int(own.sum()), 'run')}")
        else:
            right.append(str(name))
    sentences = [f"Off: {', '.join(parts)}."] if parts else []
    if right:
        sentences.append(f"All runs of {', '.join(right)} agree.")
    return " ".join(sentences)


def _versions(environment: Mapping[str, Any]) -> str:
    packages = environment.get("packages", {})
    versions = environment.get("backends", {})
    shown = [("gradproof", packages.get("gradproof", ""))]
    shown += [(name, versions[name]) for name in ("numpy", "torch", "jax") if name in versions]
    shown.append(("Python", environment.get("python", "")))
    return " · ".join(f"{name} {version}" for name, version in shown if version)


def _figures(report: Report) -> list[tuple[str, str]]:
    status = report.runs["status"]
    figures = [
        (f"{len(report.gradients):,}", "gradients judged"),
        (f"{len(report.updates):,}", "updates judged"),
        (f"{int((status == 'run').sum()):,}", "runs"),
        (f"{len(report.failures):,}", "do not pass"),
    ]
    if len(report.checks):
        figures.append((f"{len(report.checks):,}", "gradients checked by tests"))
    left_out = int((status != "run").sum())
    return [*figures, (f"{left_out:,}", "runs not made")] if left_out else figures


def _first_failure(failing: pd.DataFrame, runs: pd.DataFrame, scenarios: Sequence[str]) -> Failure:
    row = most_urgent(failing)
    same = (runs[RUN] == pd.Series(row)[RUN]).all(axis=1)
    quantity = "gradient" if row["quantity"] == "gradients" else "updated weight"
    return Failure(
        verdict=row["verdict"],
        tone=tone(row["verdict"]),
        where=[
            ("scenario", row["scenario"]),
            ("implementation", implementation(row["backend"], row["variant"])),
            ("dtype", row["dtype"]),
            ("step", f"{row['step']:,}"),
            (quantity, entry(row["parameter"], row["index"])),
        ],
        numbers=[
            ("value", exact(row["value"])),
            ("exact", row["exact"]),
            ("absolute error", short(row["error"])),
            ("relative error", short(row["relative_error"])),
            ("in ulps", short(row["ulps"])),
            ("in spreads", f"{short(row['spreads'])} (at most {SPREADS:g} are rounding)"),
        ],
        cause=row["cause"],
        reason=row["reason"],
        repeat=str(runs.loc[same, "repeat"].iloc[0]),
        scenario=scenarios.index(row["scenario"]),
    )


def _repeats(failing: pd.DataFrame, runs: pd.DataFrame) -> list[str]:
    """List the commands that repeat the runs that do not pass."""
    keys = set(failing[RUN].itertuples(index=False, name=None))
    subjects = runs[RUN].itertuples(index=False, name=None)
    commands = [str(each) for subject, each in zip(subjects, runs["repeat"], strict=True) if subject in keys]
    return [each for each in dict.fromkeys(commands) if each]


def _matrix(
    frames: Mapping[str, pd.DataFrame], scenarios: Sequence[str]
) -> tuple[list[str], list[MatrixRow]]:
    if frames["runs"].empty:
        return [], []
    table = verdict_matrix(frames["runs"], frames["gradients"], frames["updates"])
    spans = pd.Series([name for name, _ in table.index]).value_counts()
    # The rows of a scenario stand together, whatever the order of the runs.
    keys = sorted(range(len(table)), key=lambda position: scenarios.index(table.index[position][0]))
    rows: list[MatrixRow] = []
    for position in keys:
        name, dtype = table.index[position]
        first = not rows or rows[-1].name != name
        cells = [_matrix_cell(text) for text in table.iloc[position]]
        rows.append(MatrixRow(scenarios.index(name), name, dtype, int(spans[name]) if first else 0, cells))
    return [str(name) for name in table.columns], rows


def _matrix_cell(text: str) -> MatrixCell:
    word, _, number = text.partition(" ")
    if word == "-":
        return MatrixCell("not run", "", "none")
    return MatrixCell(word, number, _TONES.get(word, "wrong"))


def _costs_plot(runs: pd.DataFrame) -> dict[str, Any]:
    table = costs(runs)
    return {
        "names": [implementation(row["backend"], row["variant"]) for row in table.to_dict("records")],
        "parts": {
            name: [_length(each) for each in table[f"{name}_seconds"]]
            for name in ("compiling", "training", "judging")
        },
        "step": [_length(each * 1e6) for each in table["seconds_per_step"]],
    }


def _length(number: float) -> float | None:
    """Give the length of a bar to six digits; none for a time that a backend did not tell."""
    return float(f"{number:.6g}") if np.isfinite(number) else None
