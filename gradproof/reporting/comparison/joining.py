"""The join of two reports' findings: which verdicts and errors changed, and what is for the worse."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.reporting.columns import records, typed
from gradproof.reporting.comparison.changes import (
    ABSENT,
    BETTER,
    CHANGES,
    GONE,
    NEW,
    NOT_COMPARED,
    OTHER,
    WORSE,
    Changes,
)
from gradproof.reporting.comparison.run_changes import bit_rows, ratios, run_pairs, timing_frame, total_frame
from gradproof.reporting.comparison.surroundings import CHANGED, Surroundings, scenario_states
from gradproof.reporting.findings import FAILED, NOT_RUN, QUANTITIES, judged
from gradproof.reporting.names import RUN, implementation
from gradproof.reporting.report import Report
from gradproof.verdicts.verdict import Verdict

Row = Mapping[str, Any]

_KEYS = ["kind", *RUN, "name"]
_TOLD = ["verdict", "rank", "fails", "spreads", "cause", "reason", "repeat"]
_ORDER = (WORSE, BETTER, OTHER, NEW, GONE, NOT_COMPARED)
_WHICH = ("before", "after")
_RIGHT = [str(verdict) for verdict in Verdict if verdict.accepted(strict=True)]


def compare(before: Report, after: Report) -> Changes:
    """Tell what changed from one report to another: verdicts, errors, bits, times and the environment.

    Runs are matched by scenario, backend, variant and dtype. Scenarios of one name whose parameters, data,
    training or code differ are compared all the same, and every table says that the scenario changed.

    Raises:
        InputError: what is given is no report.
    """
    for report in (before, after):
        if not isinstance(report, Report):
            raise InputError(
                f"compare takes two reports, but {report!r} is of type {type(report).__name__}. Read a "
                "report that was written with `gradproof.read_report(folder)`."
            )
    states = scenario_states((before.runs, after.runs), (before.environment, after.environment))
    changed = {name for name, state in states.items() if state == CHANGED}
    pairs = run_pairs(before, after)
    counts: Counter[str] = Counter({"ran twice": len(pairs)})
    surroundings = Surroundings((before.environment, after.environment), pairs)
    return Changes(
        verdicts=_frame("verdicts", [*_verdict_rows(before.findings, after.findings, counts)], changed),
        errors=_frame("errors", _errors(before.findings, after.findings, pairs), changed),
        bits=_frame("bits", [*bit_rows(before, after, pairs, states, surroundings)]),
        timings=_frame("timings", timing_frame(pairs), changed),
        totals=_frame("totals", total_frame(pairs, changed)),
        environment=_frame("environment", surroundings.of_all()),
        scenarios=states,
        counts=dict(counts),
    )


def _frame(
    name: str, rows: pd.DataFrame | list[dict[str, Any]], changed: set[str] | None = None
) -> pd.DataFrame:
    columns = CHANGES[name]
    whole = rows if isinstance(rows, pd.DataFrame) else pd.DataFrame(rows, columns=list(columns))
    if changed is not None:
        whole = whole.assign(scenario_changed=whole["scenario"].isin(changed))
    return typed(whole[list(columns)].reset_index(drop=True), columns)


# Verdicts.


def _verdict_rows(
    before: pd.DataFrame, after: pd.DataFrame, counts: "Counter[str]"
) -> Iterator[dict[str, Any]]:
    """Give a row for each run, formula, claim and check whose verdict is not as it was, the worse first.

    Counted up is what is in both (`run`), as it was (`run as before`), fails in both (`run failing`), and was
    made in neither (`run not run`); likewise of the other kinds.
    """
    first, second = _told(before), _told(after)
    both = _stand_in(first, second).merge(
        _stand_in(second, first), on=_KEYS, how="outer", suffixes=("_before", "_after"), indicator=True
    )
    rows = [(row, _change(row, first, second, counts)) for row in records(both)]
    changed = [(*change, row) for row, change in rows if change is not None]
    for told, reason, row in sorted(changed, key=lambda each: _ORDER.index(each[0])):
        there = {"both": _WHICH, "left_only": _WHICH[:1], "right_only": _WHICH[1:]}[row["_merge"]]
        yield {
            **{key: row[key] for key in _KEYS},
            **{which: row[f"verdict_{which}"] if which in there else ABSENT for which in _WHICH},
            **{f"spreads_{which}": row[f"spreads_{which}"] for which in _WHICH},
            "change": told,
            "reason": reason,
            **{name: row[f"{name}_after"] if "after" in there else "" for name in ("cause", "repeat")},
        }


def _told(findings: pd.DataFrame) -> pd.DataFrame:
    """Give one row for each run, formula, claim and test: its worst verdict, and what explains it best."""
    rows = sorted(map(_told_row, records(findings)), key=lambda row: row["order"])
    return pd.DataFrame(rows, columns=[*_KEYS, *_TOLD], dtype=object).drop_duplicates(_KEYS)


def _told_row(row: Row) -> dict[str, Any]:
    kind = "run" if row["kind"] in QUANTITIES else row["kind"]
    fails = row["counts"] and not row["passes"]
    rank = 0 if row["passes"] else row["severity"] + 1
    spreads = row["spreads"] if kind == "run" else np.nan
    # All may be well with a check but for what was found beside its verdict.
    beside = ", a finding fails" if kind == "check" and fails and row["verdict"] in _RIGHT else ""
    # A verdict on gradients says more than the one on the updates that follow from them.
    follows = fails and row["kind"] == "update"
    return {
        **row,
        "kind": kind,
        "dtype": "" if kind == "check" else row["dtype"],  # several checks of a test are one
        "name": row["parameter"] if kind == "formula" else row["name"],
        "verdict": row["verdict"] + beside,
        "rank": rank,
        "fails": fails,
        "spreads": spreads,
        "order": (-rank, -row["severity"], follows, -np.inf if np.isnan(row["spreads"]) else -row["spreads"]),
    }


def _stand_in(own: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Put a row for each variant where a backend that could not be loaded has one row without a variant."""
    backend = ["kind", "scenario", "backend", "dtype"]
    whole = own[(own["kind"] == "run") & (own["variant"] == "") & own["verdict"].isin([NOT_RUN, *FAILED])]
    variants = other.loc[other["variant"] != "", [*backend, "variant"]]
    each = whole.drop(columns="variant").merge(variants, on=backend)
    kept = own.merge(other[_KEYS], on=_KEYS, how="left", indicator=True)["_merge"].to_numpy() == "both"
    stands = own.index.isin(whole.index) & _in(own, each, backend) & ~kept
    found: pd.DataFrame = pd.concat([own[~stands], each[own.columns]]).drop_duplicates(_KEYS)
    return found


def _in(rows: pd.DataFrame, others: pd.DataFrame, keys: list[str]) -> Any:
    return pd.MultiIndex.from_frame(rows[keys]).isin(pd.MultiIndex.from_frame(others[keys]))


def _change(
    row: Row, before: pd.DataFrame, after: pd.DataFrame, counts: "Counter[str]"
) -> tuple[str, str] | None:
    """Tell how a verdict changed and why; None where it is as it was."""
    kind = row["kind"]
    if row["_merge"] == "both":
        counts[kind] += 1
        counts[f"{kind} failing"] += bool(row["fails_before"] and row["fails_after"])
        if row["verdict_before"] != row["verdict_after"]:
            return _direction(row), row["reason_after"]
        counts[f"{kind} as before"] += 1
        counts[f"{kind} not run"] += row["verdict_after"] == NOT_RUN
        return None
    new = row["_merge"] == "right_only"
    if new and row["fails_after"]:
        return WORSE, row["reason_after"]
    lacking = before if new else after
    return _one_sided(row, lacking[lacking["kind"] == kind], NEW if new else GONE)


def _direction(row: Row) -> str:
    """Tell whether a change of a verdict is WORSE, BETTER or neither (OTHER).

    Among verdicts that pass there is no worse: rounding alone can move a number across the line between
    them. Among those that do not, the order is that of their severity, and a run that raised is the worst.
    What is no longer run is worse whatever it was, because it is no longer shown to be right. Of claims all
    that are not confirmed are findings as good as each other, and one that can only be read off a picture
    says nothing at all.
    """
    old, new = row["rank_before"], row["rank_after"]
    verdicts = row["verdict_before"], row["verdict_after"]
    if row["kind"] == "claim":
        if "NOT CHECKABLE" in verdicts:
            return OTHER
        old, new = min(old, 1), min(new, 1)
    elif verdicts[1] == NOT_RUN:
        return OTHER if verdicts[0] in FAILED else WORSE
    elif verdicts[0] == NOT_RUN:
        return WORSE if new else BETTER
    if old == new:
        return OTHER
    return WORSE if new > old else BETTER


def _one_sided(row: Row, lacking: pd.DataFrame, change: str) -> tuple[str, str]:
    """Tell whether what one report lacks could have been compared, and if not, why."""
    which = "before" if change == NEW else "after"
    if row["kind"] != "run":
        known = bool((lacking["scenario"] == row["scenario"]).any())
        return change if known else NOT_COMPARED, f"this {row['kind']} is not in the report {which}"
    implementations = {
        implementation(backend, variant if row["variant"] else "")
        for backend, variant in zip(lacking["backend"], lacking["variant"], strict=True)
    }
    chosen = {
        row["scenario"]: {*lacking["scenario"]},
        implementation(row["backend"], row["variant"]): implementations,
        row["dtype"]: {*lacking["dtype"]},
    }
    for name, names in chosen.items():
        if name not in names:
            return NOT_COMPARED, f"{name} is not in the report {which}"
    return change, f"this run is not in the report {which}"


# Errors.


def _errors(before: pd.DataFrame, after: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Give the worst errors of each parameter in runs of both reports that are not exactly what they were.

    A parameter that one of the reports does not have (its scenario changed) has no verdict there, NaN for
    its errors and step -1.
    """
    keys, measured = [*RUN, "quantity", "parameter"], ["spreads", "ulps", "step", "verdict"]
    first, second = (
        judged(findings)
        .astype(object)
        .assign(quantity=lambda rows: rows["kind"].map(QUANTITIES))[[*keys, *measured]]
        .merge(pairs[RUN], on=RUN)
        for findings in (before, after)
    )
    both = first.merge(second, on=keys, how="outer", suffixes=("_before", "_after"))
    as_it_was = np.ones(len(both), dtype=bool)
    for name in measured:
        old, new = (both[f"{name}_{which}"] for which in _WHICH)
        as_it_was &= ((old == new) | (old.isna() & new.isna())).to_numpy(dtype=bool)
    there = both[["step_before", "step_after"]].notna().all(axis=1)
    # NaN is the worst that an error can be; only where there is no parameter there is nothing to divide.
    worst = [both[f"spreads_{which}"].astype("float64").fillna(np.inf).to_numpy() for which in _WHICH]
    filled = {
        f"{name}_{which}": both[f"{name}_{which}"].where(both[f"{name}_{which}"].notna(), missing)
        for name, missing in (("step", -1), ("verdict", ABSENT))
        for which in _WHICH
    }
    return both.assign(**filled, ratio=np.where(there, ratios(*worst), np.nan))[~as_it_was]
