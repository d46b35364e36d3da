"""Which verdicts changed, and which of the changes are for the worse."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from gradproof.reporting.comparison.columns import (
    ABSENT,
    BETTER,
    FAILED,
    GONE,
    NEW,
    NOT_COMPARED,
    NOT_RUN,
    OTHER,
    WORSE,
)
from gradproof.reporting.comparison.surroundings import CHANGED
from gradproof.reporting.names import implementation
from gradproof.reporting.report import Report
from gradproof.reporting.worst import PASSING, RANKS, RUN, records, run_key
from gradproof.verdicts.verdict import SEVERITY

if TYPE_CHECKING:
    from collections import Counter

Key = tuple[str, ...]
Row = Mapping[Any, Any]

_OK_CHECKS = ("EQUAL", "AGREES", "KINK")
_FINDING = ", a finding fails"

_RANKS = {
    "run": {
        **{str(verdict): 0 if verdict.passes else rank for rank, verdict in enumerate(SEVERITY)},
        FAILED: len(SEVERITY),
    },
    "formula": {"EQUAL": 0, "UNDECIDED": 1, "WRONG": 2},
    # Unlike a run's, a check's formula must be accurate too; and all may be well but for a finding beside it.
    "check": {
        **RANKS,
        **dict.fromkeys(_OK_CHECKS, 0),
        **{f"{verdict}{_FINDING}": 1 for verdict in _OK_CHECKS},
    },
    # A refuted claim is a finding as good as one that could not be decided; what can only be read off a
    # picture says nothing at all.
    "claim": {"CONFIRMED": 0, "REFUTED": 1, "UNDECIDED": 1},
}


def verdict_rows(
    before: Report,
    after: Report,
    states: Mapping[str, str],
    counts: "Counter[str]",
) -> Iterator[dict[str, Any]]:
    """Give a row for each run, formula and claim whose verdict is not as it was, the worse first.

    Args:
        before: the report to compare with.
        after: the report that is compared.
        states: what `scenario_states` tells.
        counts: counted up: what is in both (`run`), as it was (`run as before`), does not pass in either
            (`run failing`), was not run in either (`run not run`); likewise for `formula` and `claim`.
    """
    rows = [
        *_run_rows(_runs(before), _runs(after), counts),
        *_other_rows("formula", _formulas(before), _formulas(after), counts),
        *_other_rows("claim", _claims(before), _claims(after), counts),
        *_other_rows("check", _checks(before), _checks(after), counts),
    ]
    order = (WORSE, BETTER, OTHER, NEW, GONE, NOT_COMPARED)
    for row in sorted(rows, key=lambda row: order.index(row["change"])):
        yield {**row, "scenario_changed": states.get(row["scenario"]) == CHANGED}


def change_of(kind: str, before: str, after: str) -> str:
    """Tell whether a change of a verdict is WORSE, BETTER or neither (OTHER).

    Among verdicts that pass there is no worse: rounding alone can move a number across the line between
    them. Among those that do not, the order is that of `SEVERITY`, and a run that raised is the worst. What
    is no longer run is worse whatever it was, because it is no longer shown to be right.

    >>> change_of("run", "AGREES", "DISAGREES"), change_of("run", "AGREES", "ILL_CONDITIONED")
    ('worse', 'other')
    >>> change_of("run", "WRONG", "UNDECIDED"), change_of("run", "DISAGREES", "NOT RUN")
    ('better', 'worse')
    """
    if kind == "run" and after == NOT_RUN:
        return OTHER if before == FAILED else WORSE
    if kind == "run" and before == NOT_RUN:
        return BETTER if after in PASSING else WORSE
    ranks = _RANKS[kind]
    if before not in ranks or after not in ranks or ranks[before] == ranks[after]:
        return OTHER
    return WORSE if ranks[after] > ranks[before] else BETTER


def _run_rows(
    before: Mapping[Key, Row], after: Mapping[Key, Row], counts: "Counter[str]"
) -> Iterator[dict[str, Any]]:
    for key in {**before, **after}:
        if _stands_for_variants(key, before, after) or _stands_for_variants(key, after, before):
            continue
        old, new = _found(key, before), _found(key, after)
        if old and new:
            counts["run"] += 1
            counts["run failing"] += not {old["verdict"], new["verdict"]} & (PASSING | {NOT_RUN})
        if old and new and old["verdict"] == new["verdict"]:
            counts["run as before"] += 1
            counts["run not run"] += new["verdict"] == NOT_RUN
            continue
        if old and new:
            change, reason = change_of("run", old["verdict"], new["verdict"]), new["reason"]
        elif new and new["verdict"] not in PASSING | {NOT_RUN}:
            change, reason = WORSE, new["reason"]
        else:
            change, reason = _one_sided(key, before if new else after, NEW if new else GONE)
        yield {
            "kind": "run",
            **dict(zip(RUN, key, strict=True)),
            **_row(old, new, change),
            "reason": reason,
        }


def _runs(report: Report) -> dict[Key, Row]:
    worst = report.worst
    severity = worst["verdict"].map(RANKS)
    # A verdict on gradients says more than the one on the updates that follow from them.
    failing_update = (worst["quantity"] == "updates") & ~worst["verdict"].isin(PASSING)
    ranked = worst.assign(
        severity=-severity.astype(int),
        later=failing_update,
        size=-worst["spreads"].astype(float).fillna(np.inf),
    )
    first = ranked.sort_values(["severity", "later", "size"], kind="stable").drop_duplicates(RUN)
    details = {run_key(row): row for row in records(first)}
    runs: dict[Key, Row] = {}
    columns = [*RUN, "status", "verdict", "reason", "repeat"]
    for row in records(report.runs[columns]):
        key = run_key(row)
        detail = details.get(key, {}) if row["status"] == "run" else row
        runs[key] = {
            "verdict": {"run": row["verdict"], "failed": FAILED, "not run": NOT_RUN}[row["status"]],
            "spreads": detail.get("spreads", np.nan),
            "cause": detail.get("cause", ""),
            "reason": detail.get("reason", ""),
            "repeat": row["repeat"],
        }
    return runs


def _found(key: Key, runs: Mapping[Key, Row]) -> Row:
    """Find a run; those of a backend that could not be loaded stand in one row without a variant."""
    scenario, backend, _, dtype = key
    whole = runs.get((scenario, backend, "", dtype), {})
    return runs.get(key) or (whole if whole.get("verdict") in {NOT_RUN, FAILED} else {})


def _stands_for_variants(key: Key, runs: Mapping[Key, Row], others: Mapping[Key, Row]) -> bool:
    """Whether this is such a row, and the other report has the variants that it stands for."""
    scenario, backend, variant, dtype = key
    return (
        not variant
        and key in runs
        and key not in others
        and any((other[0], other[1], other[3]) == (scenario, backend, dtype) for other in others)
    )


def _one_sided(key: Key, lacking: Mapping[Key, Row], change: str) -> tuple[str, str]:
    """Tell whether a run that one report lacks could have been compared, and if not, why."""
    scenario, backend, variant, dtype = key
    which = "before" if change == NEW else "after"
    chosen = {
        scenario: {other[0] for other in lacking},
        implementation(backend, variant): {
            implementation(other[1], other[2] if variant else "") for other in lacking
        },
        dtype: {other[3] for other in lacking},
    }
    for name, names in chosen.items():
        if name not in names:
            return NOT_COMPARED, f"{name} is not in the report {which}"
    return change, f"this run is not in the report {which}"


def _formulas(report: Report) -> dict[Key, Row]:
    frame = report.formulas
    rank = frame["verdict"].astype(object).map(_RANKS["formula"]).fillna(0)
    ranked = frame.astype(object).assign(rank=-rank.astype(int))
    ranked = ranked.sort_values(["rank", "digits"], kind="stable")
    worst = ranked.drop_duplicates(["scenario", "parameter"]).sort_index()
    return {
        (row["scenario"], row["parameter"]): {"verdict": row["verdict"], "reason": row["reason"]}
        for row in worst.to_dict("records")
    }


def _claims(report: Report) -> dict[Key, Row]:
    columns = ["scenario", "claim", "verdict", "cause", "reason"]
    return {
        (row["scenario"], row["claim"]): row
        for row in report.claims[columns].astype(object).to_dict("records")
    }


def _checks(report: Report) -> dict[Key, Row]:
    """Give the worst check of each test; one test may make several."""
    rows = report.checks[["test", "verdict", "ok", "cause", "reason"]].astype(object)
    severity = rows["verdict"].map({str(verdict): -rank for rank, verdict in enumerate(SEVERITY)})
    finding = ~rows["ok"].astype(bool) & rows["verdict"].isin(_OK_CHECKS)
    rows["verdict"] = rows["verdict"].where(~finding, rows["verdict"].astype(str) + _FINDING)
    rank = -rows["verdict"].map(_RANKS["check"]).astype(int)
    ranked = rows.assign(rank=rank, severity=severity.astype(int))
    worst = ranked.sort_values(["rank", "severity"], kind="stable").drop_duplicates("test").sort_index()
    return {("", row["test"]): row for row in worst.to_dict("records")}


def _other_rows(
    kind: str, before: Mapping[Key, Row], after: Mapping[Key, Row], counts: "Counter[str]"
) -> Iterator[dict[str, Any]]:
    for key in {**before, **after}:
        old, new = before.get(key, {}), after.get(key, {})
        if old and new:
            counts[kind] += 1
            counts[f"{kind} failing"] += _fails(kind, old) and _fails(kind, new)
            if old["verdict"] == new["verdict"]:
                counts[f"{kind} as before"] += 1
                continue
            change, reason = change_of(kind, old["verdict"], new["verdict"]), new["reason"]
        elif new and _fails(kind, new):
            change, reason = WORSE, new["reason"]
        else:
            which = "before" if new else "after"
            both = {other[0] for other in (before if new else after)}
            change = (NEW if new else GONE) if key[0] in both else NOT_COMPARED
            reason = f"this {kind} is not in the report {which}"
        yield {
            "kind": kind,
            **dict(zip(RUN, (key[0], "", "", ""), strict=True)),
            **_row(old, new, change),
            "name": key[1],
            "reason": reason,
        }


def _fails(kind: str, row: Row) -> bool:
    """Whether it counts against `Report.ok`; no claim does, which is the finding of a document."""
    if kind == "check":
        return not row["ok"]
    return kind == "formula" and bool(row["verdict"] == "WRONG")


def _row(old: Row, new: Row, change: str) -> dict[str, Any]:
    return {
        "name": "",
        "before": old.get("verdict", ABSENT),
        "after": new.get("verdict", ABSENT),
        "change": change,
        "spreads_before": old.get("spreads", np.nan),
        "spreads_after": new.get("spreads", np.nan),
        "cause": new.get("cause", ""),
        "repeat": new.get("repeat", ""),
    }
