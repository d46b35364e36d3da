"""Whether a report that was read agrees with itself: its words are known, and no frame contradicts another.

Its hashes say that nothing was changed by accident. Who edits a table and its hash, or writes tables with a
program of their own, must not get a report that says that all is well of runs that it does not hold.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.reporting.findings import FAILED, KINDS, NOT_RUN, QUANTITIES, SEVERITIES, passing
from gradproof.reporting.manifest import Manifest
from gradproof.reporting.names import RUN, run_name
from gradproof.reporting.report import Report
from gradproof.verdicts.records import CLAIM_VERDICTS, RunStatus
from gradproof.verdicts.verdict import Verdict

_VERDICTS = tuple(map(str, Verdict))
_NOT_CHECKED = "NOT_CHECKED"
_WORDS: Mapping[tuple[str, str], tuple[str, ...]] = {
    ("findings", "kind"): KINDS,
    ("findings", "verdict"): tuple(SEVERITIES),
    **{(name, "verdict"): _VERDICTS for name in (*QUANTITIES.values(), "entries", "formulas", "checks")},
    ("entries", "quantity"): tuple(QUANTITIES.values()),
    ("runs", "status"): tuple(map(str, RunStatus)),
    ("runs", "verdict"): (*_VERDICTS, _NOT_CHECKED),
    ("claims", "verdict"): CLAIM_VERDICTS,
    ("provenance", "kind"): ("given", "reconstructed"),
}
"""The columns that hold one of some words, and the words."""

_OF_KIND: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys((*QUANTITIES, "formula", "check"), _VERDICTS),
    "run": (*FAILED, NOT_RUN),
    "claim": CLAIM_VERDICTS,
}
"""What may be said of each kind of finding."""

_LEAST: Mapping[str, int] = {
    **dict.fromkeys(("step", "first_failing_step", "reference_step", "seed"), -1),
    **dict.fromkeys(("steps", "planned_steps", "failing", "row", "column"), 0),
    **dict.fromkeys(("block_rows", "block_columns"), 1),
}
"""The least that whole numbers may be, by their columns."""

_MADE = (*QUANTITIES.values(), "entries", "steps", "predictions", "solutions", "trajectories")
"""The frames that have rows of runs that were made, and of no others."""


def check_consistent(folder: Path, report: Report, manifest: Manifest) -> None:
    """Raise InputError unless what was read is what a report may say.

    Args:
        folder: where it was read, for the message.
        report: it.
        manifest: it says, too, whether all is ok.

    Raises:
        InputError: a word is none of those that may stand there, or two frames contradict one another.
    """
    for contradiction in _contradictions(report, manifest):
        raise InputError(
            f"The report in {folder} contradicts itself: {contradiction}. Write the report again."
        )


def _contradictions(report: Report, manifest: Manifest) -> Iterator[str]:
    yield from _words(report.frames)
    yield from _numbers(report.frames)
    yield from _findings(report.findings)
    yield from _runs(report)
    yield from _judged(report)
    yield from _formulas(report)
    yield from _listed(report)
    if manifest.ok != report.ok:
        said = "ok" if manifest.ok else "not ok"
        yield f"its manifest says that it is {said}, and its findings do not"


def _words(frames: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    for (name, column), known in _WORDS.items():
        unknown = {*frames[name][column].unique()}.difference(known)
        if unknown:
            words = ", ".join(known)
            yield f"{min(unknown)!r:.60} in column {column!r} of its table {name!r} is none of {words}"


def _numbers(frames: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    for name, frame in frames.items():
        for column in {*frame.columns} & {*_LEAST}:
            least = frame[column].min() if len(frame) else _LEAST[column]
            if least < _LEAST[column]:
                yield f"{least} in column {column!r} of its table {name!r} is less than {_LEAST[column]}"


def _findings(findings: pd.DataFrame) -> Iterator[str]:
    texts = findings[["kind", "verdict"]].astype(object)
    kinds, verdicts = texts["kind"], texts["verdict"]
    for kind, verdict in texts.drop_duplicates().itertuples(index=False, name=None):
        if verdict not in _OF_KIND[kind]:
            yield f"of a {kind} it finds {verdict}"
    counts, passes = findings["counts"], findings["passes"]
    judged = kinds.isin([*QUANTITIES, "formula"])
    must_count = judged | ((kinds == "run") & (verdicts != NOT_RUN))
    may_pass = verdicts.isin([*passing(), "CONFIRMED"]) & (kinds != "run")
    must_pass = (judged & verdicts.isin(passing(strict=True))) | (verdicts == "CONFIRMED")
    none_fails = (findings["failing"] == 0) & (findings["first_failing_step"] == -1)
    some_fail = (findings["failing"] > 0) & (findings["first_failing_step"] >= 0)
    rules = {
        "severity": findings["severity"] == verdicts.map(SEVERITIES),
        "counts": (counts | ~must_count) & ~(counts & (kinds == "claim")),
        "passes": (~passes | may_pass) & (passes | ~must_pass),
        "failing": (none_fails | some_fail) & (findings["failing"] <= findings["steps"]),
        "first_failing_step": ~judged | (some_fail == ~passes),
    }
    for column, holds in rules.items():
        if not holds.all():
            at = int(np.argmin(holds))
            yield (
                f"{findings[column].iloc[at]} in column {column!r} of its findings does not go with "
                f"{verdicts.iloc[at]} of a {kinds.iloc[at]}"
            )


Key = tuple[Any, ...]


def _rows(frame: pd.DataFrame, names: list[str]) -> Iterator[Key]:
    return zip(*(frame[name].tolist() for name in names), strict=True)


def _worst(frame: pd.DataFrame, names: list[str]) -> dict[Key, int]:
    """Give the greatest severity of the verdicts by the columns of these names."""
    greatest: dict[Key, int] = {}
    for *key, verdict in {*_rows(frame, [*names, "verdict"])}:
        greatest[*key,] = max(SEVERITIES[verdict], greatest.get((*key,), -1))
    return greatest


def _of(frame: pd.DataFrame, names: list[str]) -> dict[Key, int]:
    """Count the rows by the columns of these names."""
    return Counter(_rows(frame, names))


def _columns(frame: pd.DataFrame, keys: list[str], name: str) -> dict[Key, Any]:
    """Give a column by keys that are in one row each."""
    return dict(zip(_rows(frame, keys), frame[name].tolist(), strict=True))


def _runs(report: Report) -> Iterator[str]:
    runs, findings = report.runs, report.findings
    for run, number in _of(runs, RUN).items():
        if number > 1:
            yield f"it has {_named(run)} {number} times"
    status = _columns(runs, RUN, "status")
    made = {run for run in status if status[run] == RunStatus.RUN}
    if any(
        (verdict == _NOT_CHECKED) == (run in made) for run, verdict in _columns(runs, RUN, "verdict").items()
    ):
        yield "a run was made and not judged, or judged and not made"
    for name in _MADE:
        for run in _of(report.frames[name], RUN).keys() - made:
            yield f"its table {name!r} has {_named(run)}, and its runs were made without it"
    for run in made - _of(findings[findings["kind"] == "gradient"], RUN).keys():
        yield f"{_named(run)} was made, and no gradient of it was judged"
    told = _of(findings[findings["kind"] == "run"], [*RUN, "verdict"])
    if {*told} != {(*run, RunStatus(status[run]).word) for run in status.keys() - made}:
        yield "its runs and its findings disagree on which runs were not made"
    steps, counted = _of(report.steps, RUN), _columns(runs, RUN, "steps")
    for run in made:
        if counted[run] != steps.get(run, 0):
            yield f"{_named(run)} has {counted[run]} steps, and its table 'steps' has another number"


def _named(run: Key) -> str:
    return run_name(dict(zip(RUN, run, strict=True)))


def _judged(report: Report) -> Iterator[str]:
    """Compare what is found of each parameter with the steps that were judged."""
    keys = [*RUN, "parameter"]
    worst: dict[Key, int] = {}
    for kind, name in QUANTITIES.items():
        findings = report.findings[report.findings["kind"] == kind]
        yield from _disagreements(findings, report.frames[name], name, keys)
        for key, severity in _columns(findings, keys, "severity").items():
            worst[key[:-1]] = max(severity, worst.get(key[:-1], -1))
        entries = report.entries[report.entries["quantity"] == name]
        if _of(entries, keys).keys() != _of(findings, keys).keys():
            yield f"its findings and its table 'entries' are not of the same {name}"
    if max(_of(report.entries, [*keys, "quantity", "row", "column"]).values(), default=1) > 1:
        yield "its table 'entries' has an entry twice"
    made = report.runs[report.runs["status"] == RunStatus.RUN]
    for run, verdict in _columns(made, RUN, "verdict").items():
        if SEVERITIES[verdict] != worst.get(run):
            yield f"its findings do not say {verdict} of {_named(run)}"


def _disagreements(findings: pd.DataFrame, rows: pd.DataFrame, name: str, keys: list[str]) -> Iterator[str]:
    """Tell where the findings are not what the rows say that they sum up."""
    counts, of_each = _of(rows, keys), _of(findings, keys)
    if of_each.keys() != counts.keys() or max(of_each.values(), default=1) > 1:
        yield f"its findings and its table {name!r} are not of the same {name}"
    elif _columns(findings, keys, "steps") != counts:
        yield f"its findings and its table {name!r} are not of the same steps"
    elif _columns(findings, keys, "severity") != _worst(rows, keys):
        yield f"its findings and its table {name!r} do not have the same verdicts"


def _formulas(report: Report) -> Iterator[str]:
    findings = report.findings[report.findings["kind"] == "formula"]
    yield from _disagreements(findings, report.formulas, "formulas", ["scenario", "parameter"])


_LISTED: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "check": ("checks", {"test": "name", "verdict": "verdict", "ok": "passes", "seed": "seed"}),
    "claim": (
        "claims",
        {"document": "document", "scenario": "scenario", "claim": "name", "verdict": "verdict"},
    ),
}
"""The kinds of findings that have one row each in another frame: its name, and which columns are equal."""


def _listed(report: Report) -> Iterator[str]:
    for kind, (name, columns) in _LISTED.items():
        findings = report.findings[report.findings["kind"] == kind]
        if _of(findings, [*columns.values()]) != _of(report.frames[name], [*columns]):
            yield f"its findings and its table {name!r} are not of the same {name}"
