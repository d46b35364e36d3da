"""The findings: one frame of all that is said, which everything that tells of verdicts starts from.

A finding is a parameter's gradient, update or state in one run (its worst step), a hand-derived formula's
derivative (its worst point), a run that was not made, a check of a test's own, or a claim of a document. The
rows stand in the order in which a reader is told of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import COLUMNS, as_frame
from gradproof.reporting.names import repeat_command
from gradproof.verdicts.numerals import index_text
from gradproof.verdicts.records import (
    NEEDED,
    CheckRecord,
    ClaimRecord,
    FormulaRecord,
    NotRun,
    Outcome,
    ParameterRecord,
    RunStatus,
)
from gradproof.verdicts.verdict import SEVERITY, Verdict

KINDS = ("run", "formula", "gradient", "update", "state", "check", "claim")
"""What a finding may be, in the order in which a reader is told of them: what explains others comes first."""

QUANTITIES = {"gradient": "gradients", "update": "updates", "state": "states"}
"""The kinds that are judged step by step, and the frames that hold every step."""

NOT_RUN = RunStatus.NOT_RUN.word
"""What stands in the place of a verdict where a run was not made."""

FAILED = tuple(status.word for status in RunStatus if status not in {RunStatus.RUN, RunStatus.NOT_RUN})
"""What stands there where it raised, crashed, or took more time or memory than it may."""

SEVERITIES = {
    **{str(verdict): rank for rank, verdict in enumerate(SEVERITY)},
    "CONFIRMED": 0,
    "REFUTED": len(SEVERITY),
    **dict.fromkeys(FAILED, len(SEVERITY)),
    # Nothing was decided.
    NOT_RUN: -1,
    "NOT CHECKABLE": -1,
}
"""All that may stand as a verdict, by severity: the worst has the greatest number."""

_MISSING = {"object": "", "category": "", "int64": -1, "float64": np.nan, "bool": True}
_BLANK = {name: _MISSING[dtype] for name, dtype in COLUMNS["findings"].items()} | {"steps": 0, "failing": 0}


@cache
def passing(*, strict: bool = False) -> frozenset[str]:
    """Give the verdicts that pass, as texts: see `Verdict.accepted`."""
    return frozenset(str(verdict) for verdict in Verdict if verdict.accepted(strict=strict))


def make_findings(
    origins: Mapping[str, str],
    outcomes: Iterable[Outcome],
    not_run: Iterable[NotRun],
    formulas: Iterable[FormulaRecord],
    claims: Iterable[ClaimRecord],
    checks: Iterable[CheckRecord],
    *,
    strict: bool = False,
) -> pd.DataFrame:
    """Make the frame of what was judged, in order.

    Args:
        origins: by scenario, what the command line calls it.
        outcomes: runs.
        not_run: runs that were not made.
        formulas: hand-derived gradients at points.
        claims: of the scenarios' documents.
        checks: of tests' own.
        strict: as for `Verdict.accepted`, of runs and formulas; a check was told its own.
    """
    judged = [
        {
            "kind": kind,
            **_run(outcome.subject, origins),
            **_judged(record, strict=strict),
            "held_in": record.dtype or outcome.subject.dtype,
        }
        for outcome in outcomes
        for kind, frame in QUANTITIES.items()
        for record in getattr(outcome, frame)
    ]
    # The reference runs the very formula, so the cause of its wrong gradient is the formula's.
    explained = {
        (row["scenario"], row["parameter"]): row
        for row in judged
        if row["kind"] == "gradient" and row["backend"] == "reference" and row["cause"]
    }
    rows = [
        *({"kind": "run", **_run(each.subject, origins), **_not_made(each)} for each in not_run),
        *(_formula(points, explained, origins, strict=strict) for points in _by_parameter(formulas)),
        *judged,
        *map(_check, checks),
        *map(_claim, claims),
    ]
    return in_order(as_frame("findings", [_BLANK | row for row in rows]))


def in_order(findings: pd.DataFrame) -> pd.DataFrame:
    """Sort findings as a reader is told of them: the first is the one to look at first.

    What fails comes first, and of it what explains the rest: runs, formulas and gradients before the updates
    and states that follow from them. Then come the worst verdicts, those whose cause is known, and the most
    spreads, of which NaN is most.
    """
    keys = (
        -findings["spreads"].fillna(np.inf),
        findings["cause"] == "",
        -findings["severity"],
        findings["kind"].astype(object).map(KINDS.index),
        ~fails(findings),
    )
    order = np.lexsort([key.to_numpy(dtype=float) for key in keys])
    return findings.iloc[order].reset_index(drop=True)


def fails(findings: pd.DataFrame) -> "pd.Series[bool]":
    """Tell which findings keep a report from being ok."""
    return findings["counts"] & ~findings["passes"]


def failing(findings: pd.DataFrame) -> pd.DataFrame:
    """Give the findings that keep a report from being ok."""
    return findings[fails(findings)]


def judged(findings: pd.DataFrame) -> pd.DataFrame:
    """Give the findings of runs: gradients, updates and states."""
    return findings[findings["kind"].isin(list(QUANTITIES))]


def something_was_checked(findings: pd.DataFrame) -> bool:
    """Tell whether a run was made, or a test checked a gradient."""
    return bool(findings["kind"].isin([*QUANTITIES, "check"]).any())


def _run(subject: Any, origins: Mapping[str, str]) -> dict[str, Any]:
    origin = origins.get(subject.scenario, "")
    row = {**vars(subject), "origin": origin}
    return {**row, "repeat": repeat_command(origin, row)}


def _said(verdict: str, *, strict: bool = False) -> dict[str, Any]:
    passes = verdict in passing(strict=strict)
    return {"verdict": verdict, "passes": passes, "severity": SEVERITIES[verdict]}


def _judged(record: ParameterRecord, *, strict: bool) -> dict[str, Any]:
    step = record.worst_step()
    accepted = np.array([verdict.accepted(strict=strict) for verdict in SEVERITY])
    failing = np.flatnonzero(~accepted[record.verdict])
    # At a kink the distance is that from an interval of subgradients, and not of rounding.
    spreads = record.spreads[record.verdict != SEVERITY.index(Verdict.KINK)]
    relative = float(record.relative_error[step])
    numbers = {name: float(getattr(record, name)[step]) for name in ("value", "error", "ulps", "spreads")}
    return {
        "parameter": record.name,
        "index": index_text(record.entry(step)),
        "step": step,
        **_said(str(SEVERITY[record.verdict[step]]), strict=strict),
        "steps": len(record.verdict),
        "failing": len(failing),
        "first_failing_step": int(failing[0]) if len(failing) else -1,
        **numbers,
        "exact": str(record.exact[step]),
        "relative_error": relative,
        # A NaN is not hidden behind what is finite.
        "most_spreads": float(np.where(np.isnan(spreads), np.inf, spreads).max()) if len(spreads) else np.nan,
        **dict(zip(NEEDED, map(float, record.tolerances.max(axis=0, initial=0.0)), strict=True)),
        "digits": _digits(relative),
        "cause": record.cause,
        "where": record.where,
        "reason": str(record.reason[step]),
    }


def _digits(relative: float) -> float:
    with np.errstate(divide="ignore"):
        return float(np.maximum(-np.log10(relative), 0.0))


def _not_made(not_run: NotRun) -> dict[str, Any]:
    return {**_said(not_run.status.word), "counts": not_run.failure, "reason": not_run.reason}


def _by_parameter(formulas: Iterable[FormulaRecord]) -> Iterable[list[FormulaRecord]]:
    groups: dict[tuple[str, str], list[FormulaRecord]] = {}
    for record in formulas:
        groups.setdefault((record.scenario, record.parameter), []).append(record)
    return groups.values()


def _formula(
    points: Sequence[FormulaRecord],
    explained: Mapping[tuple[str, str], Mapping[str, Any]],
    origins: Mapping[str, str],
    *,
    strict: bool,
) -> dict[str, Any]:
    wrong = [point for point in points if point.verdict not in passing(strict=strict)]
    digits = np.array([point.digits for point in points])
    fewest = np.nan_to_num(digits, nan=-np.inf, posinf=np.inf, neginf=-np.inf)
    worst = points[np.lexsort([fewest, [-SEVERITIES[point.verdict] for point in points]])[0]]
    why: Mapping[str, Any] = vars(worst)
    if wrong and not worst.cause:
        why = explained.get((worst.scenario, worst.parameter), why)
    return {
        "kind": "formula",
        "scenario": worst.scenario,
        "parameter": worst.parameter,
        "step": worst.step,
        **_said(worst.verdict, strict=strict),
        "steps": len(points),
        "failing": len(wrong),
        "first_failing_step": wrong[0].step if wrong else -1,
        "digits": float(digits.min()),
        "cause": why["cause"],
        "where": why["where"],
        "reason": worst.reason,
        "origin": origins.get(worst.scenario, ""),
    }


def _check(record: CheckRecord) -> dict[str, Any]:
    # Where a verdict passes and the check does not, it is for what else was found.
    beside = not record.ok and record.verdict in passing()
    return {
        "kind": "check",
        "name": record.test,
        "dtype": record.dtype,
        "seed": record.seed,
        **_said(record.verdict),
        "passes": record.ok,
        "counts": not record.expected_to_fail,
        "digits": record.digits,
        "cause": record.cause,
        "where": record.where,
        "reason": record.findings if beside else record.reason,
        "origin": record.test.partition("::")[0],
    }


def _claim(record: ClaimRecord) -> dict[str, Any]:
    return {
        "kind": "claim",
        "document": record.document,
        "scenario": record.scenario,
        "name": record.claim,
        **_said(record.verdict),
        "passes": record.verdict == "CONFIRMED",
        "counts": False,
        "value": _number(record.stated),
        "exact": record.exact,
        "digits": record.digits,
        "cause": record.cause,
        "reason": record.reason,
    }


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return np.nan
