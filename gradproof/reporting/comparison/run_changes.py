"""Bits and times of the runs that both reports have, compared column by column."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gradproof.reporting.comparison.surroundings import (
    CHANGED,
    SAME,
    UNKNOWN,
    Surroundings,
    arithmetic_changes,
    change_texts,
    circumstances,
)
from gradproof.reporting.names import RUN
from gradproof.reporting.report import Report

_SECONDS = {
    "compiling": "compiling_seconds",
    "per_step": "seconds_per_step",
    "judging": "judging_seconds",
}


def run_pairs(before: Report, after: Report) -> pd.DataFrame:
    """Give a row for each run that took place in both reports: the columns of `runs` before and after."""
    first, second = (report.runs[report.runs["status"] == "run"].astype(object) for report in (before, after))
    return first.merge(second, on=RUN, suffixes=("_before", "_after"))


def ratios(before: NDArray[Any], after: NDArray[Any]) -> NDArray[Any]:
    """Divide after by before; equal numbers have the ratio 1, two zeros and two infinities too.

    >>> ratios(np.array([2.0, 0.0, 0.0]), np.array([3.0, 0.0, 1.0])).tolist()
    [1.5, 1.0, inf]
    """
    before, after = np.asarray(before, dtype=np.float64), np.asarray(after, dtype=np.float64)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(before == after, 1.0, after / before)


def bit_rows(
    before: Report,
    after: Report,
    pairs: pd.DataFrame,
    states: Mapping[str, str],
    surroundings: Surroundings,
) -> Iterator[dict[str, Any]]:
    """Give a row for each of these runs whose bits differ, or that took another number of steps.

    It is nondeterminism if the same scenario in the same environment gave other bits. A NaN is equal to
    itself if its bits are.
    """
    first, second = _digests(before), _digests(after)
    same_backends = _backends(before) == _backends(after)
    nothing = np.array([], dtype=np.int64), np.array([], dtype=object)
    for run in pairs[RUN].itertuples(index=False, name=None):
        (old_steps, old), (new_steps, new) = first.get(run, nothing), second.get(run, nothing)
        steps, at_old, at_new = np.intersect1d(old_steps, new_steps, return_indices=True)
        different = steps[old[at_old] != new[at_new]]
        if not different.size and len(old_steps) == len(new_steps):
            continue
        environment = surroundings.of_run(run)
        relevant = arithmetic_changes(environment, same_backends=same_backends)
        deterministic = _why(states.get(run[0], UNKNOWN), change_texts(relevant))
        yield {
            **dict(zip(RUN, run, strict=True)),
            # Bits that are equal as long as both ran differ where the shorter run ended.
            "first_step": int(different[0]) if different.size else len(steps),
            "differing": different.size,
            "compared": len(steps),
            "steps_before": len(old_steps),
            "steps_after": len(new_steps),
            "nondeterministic": not deterministic,
            "explanation": deterministic or _nondeterminism(run, environment),
        }


def _digests(report: Report) -> dict[Any, tuple[NDArray[Any], NDArray[Any]]]:
    steps = report.steps["step"].to_numpy()
    digests = report.steps["digest"].to_numpy(dtype=object)
    groups = report.steps.groupby(RUN, observed=True, sort=False).indices
    return {run: (steps[at], digests[at]) for run, at in groups.items()}


def _backends(report: Report) -> set[str]:
    return set(report.runs["backend"][report.runs["status"] == "run"])


def _why(state: str, changes: list[str]) -> str:
    """Tell what explains other bits; empty if nothing does."""
    if state == CHANGED:
        return "the scenario changed"
    if changes:
        more = f" and {len(changes) - 3} more" if len(changes) > 3 else ""
        return f"the environment changed: {', '.join(changes[:3])}{more}"
    if state != SAME:
        return "it is not known whether the scenario changed: a report lacks its fingerprint"
    return ""


def _nondeterminism(run: tuple[str, ...], environment: pd.DataFrame) -> str:
    processes = "".join(f" ({text})" for text in change_texts(circumstances(environment)))
    return (
        f"nondeterminism of {run[1]}/{run[2]}: the same scenario gave other bits in the same "
        f"environment{processes}"
    )


def timing_frame(pairs: pd.DataFrame) -> pd.DataFrame:
    """Give the seconds of each of these runs before and after, and their ratios."""
    columns = {name: pairs[name] for name in (*RUN, "steps_before", "steps_after")}
    for name, source in _SECONDS.items():
        columns.update(_timed(name, pairs[f"{source}_before"], pairs[f"{source}_after"]))
    return pd.DataFrame(columns)


def total_frame(pairs: pd.DataFrame, changed: set[str]) -> pd.DataFrame:
    """Give the seconds of each implementation, summed over the runs that did the same work both times."""
    same_work = (pairs["steps_before"] == pairs["steps_after"]) & ~pairs["scenario"].isin(changed)
    groups = pairs[same_work].groupby(["backend", "variant"], sort=False)
    names = ("compiling", "training", "judging")
    seconds = [f"{name}_seconds_{which}" for name in names for which in ("before", "after")]
    sums = groups[seconds].sum().astype("float64")
    columns: dict[str, Any] = {"runs": groups.size()}
    for name in names:
        columns.update(_timed(name, sums[f"{name}_seconds_before"], sums[f"{name}_seconds_after"]))
    return pd.DataFrame(columns).reset_index()


def _timed(name: str, before: "pd.Series[Any]", after: "pd.Series[Any]") -> dict[str, Any]:
    old, new = before.astype("float64"), after.astype("float64")
    return {
        f"{name}_before": old,
        f"{name}_after": new,
        f"{name}_ratio": ratios(old.to_numpy(), new.to_numpy()),
    }
