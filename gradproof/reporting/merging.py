"""The parts of a verification, made into one report."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.inputs import check_inputs, instance_of, sequence_of
from gradproof.reporting.columns import COLUMNS, typed
from gradproof.reporting.findings import KINDS, QUANTITIES, in_order
from gradproof.reporting.machines import MACHINES, environment_of
from gradproof.reporting.names import RUN
from gradproof.reporting.report import Report
from gradproof.reporting.shard import SHARD, Shard
from gradproof.verdicts.records import Subject

_OF_A_PROCESS = ("threads", "backends")
"""What is known of a machine only once something was run there."""

_OF_A_REPORT = ("time", "processes", "strict", MACHINES, SHARD)
"""What is no part of a machine's description."""


def merge(parts: Sequence[Report]) -> Report:
    """Make one report of all parts of a verification: the one that it would have given in one piece.

    Args:
        parts: the reports of `verify(..., shard="1/2")` and so on, in any order.

    Raises:
        InputError: a part is missing, is given twice, or belongs to another verification.

    >>> from gradproof.verification import verify
    >>> parts = [verify("line_fit", "reference", shard=f"{part}/2") for part in (1, 2)]
    >>> merge(parts).runs["dtype"].tolist()
    ['float64', 'float32']
    """
    check_inputs(
        "the merge", parts=(parts, sequence_of(instance_of(Report, "a gradproof.Report"), "reports"))
    )
    shards = [_shard(report) for report in parts]
    if not shards:
        raise InputError("There is no part to merge. Give the reports of all parts.")
    first = shards[0]
    for report, shard in zip(parts, shards, strict=True):
        _check_same(first, parts[0], shard, report)
    counted = Counter(shard.part for shard in shards)
    repeated = [part for part in sorted(counted) if counted[part] > 1]
    missing = [part for part in range(1, first.parts + 1) if part not in counted]
    if repeated:
        raise InputError(f"{_named(repeated)} of {first.parts} is given twice. Give each part once.")
    if missing:
        raise InputError(
            f"{_named(missing)} of {first.parts} is missing. Give the reports of all parts: without them "
            "nothing is said of the whole."
        )
    _check_runs(first, parts)
    machines = _MergedMachines(parts)
    frames = {name: _merged(name, parts, first, machines) for name in COLUMNS}
    return Report(frames, machines.environment())


def _shard(report: Report) -> Shard:
    try:
        shard = Shard.of(report.environment)
    except ValueError:
        shard = None
    if shard is None:
        raise InputError(
            "A report is of a whole verification, and no part of one. Give reports that `gradproof verify "
            "--shard` wrote."
        )
    return shard


def _check_same(first: Shard, one: Report, shard: Shard, other: Report) -> None:
    """Refuse a part of another verification."""
    versions = [report.environment.get("packages", {}).get("gradproof") for report in (one, other)]
    what = ""
    if versions[0] != versions[1]:
        what = f"was made by gradproof {versions[1]}, and part {first.part} by {versions[0]}"
    elif shard.parts != first.parts:
        what = f"is one of {shard.parts}, and part {first.part} one of {first.parts}"
    elif bool(one.environment.get("strict")) != bool(other.environment.get("strict")):
        what = f"was made with another --strict than part {first.part}"
    elif shard.scenarios != first.scenarios:
        names = [*dict.fromkeys([*first.scenarios, *shard.scenarios])]
        differing = next(n for n in names if first.scenarios.get(n) != shard.scenarios.get(n))
        what = f"has another scenario {differing!r} than part {first.part}: its data or its code differ"
    elif shard.rows != first.rows:
        differing = next(iter(sorted({*first.rows} ^ {*shard.rows})), "their order")
        what = f"was asked for other runs than part {first.part}: {differing}, say"
    if what:
        raise InputError(
            f"Part {shard.part} {what}. Make all parts of one verification: with the same arguments, and the "
            "same installed."
        )


def _check_runs(first: Shard, parts: Sequence[Report]) -> None:
    """Refuse parts whose runs are not those of the whole."""
    found = Counter(chain.from_iterable(map(_run_names, parts)))
    wrong = [name for name in dict.fromkeys([*first.rows, *found]) if found[name] != first.rows.count(name)]
    if wrong:
        raise InputError(
            f"The parts hold the run {wrong[0]} {found[wrong[0]]} times, and the verification "
            f"{first.rows.count(wrong[0])} times. Make the parts again."
        )


def _run_names(report: Report) -> list[str]:
    return [str(Subject(*row)) for row in report.runs[RUN].astype(str).itertuples(index=False, name=None)]


def _named(parts: Sequence[int]) -> str:
    return f"{'Part' if len(parts) == 1 else 'Each of parts'} {', '.join(map(str, parts))}"


# -------------------------------------------------------------------- frames


def _merged(name: str, parts: Sequence[Report], shard: Shard, machines: "_MergedMachines") -> pd.DataFrame:
    """Stack a frame of all parts in the order of the whole."""
    frames = [report.frames[name].astype(object) for report in parts]
    if name == "runs":
        frames = [
            frame.assign(machine=[machines.name(report, machine) for machine in frame["machine"]])
            for report, frame in zip(parts, frames, strict=True)
        ]
    whole = pd.concat([frame for frame in frames if len(frame)] or frames[:1], ignore_index=True)
    if name == "provenance":  # of a scenario, which several parts may have
        whole = whole.drop_duplicates(ignore_index=True)
    order = np.lexsort([*_keys(name, whole, shard)][::-1])
    frame = typed(whole.iloc[order].reset_index(drop=True), COLUMNS[name])
    return in_order(frame) if name == "findings" else frame


def _keys(name: str, frame: pd.DataFrame, shard: Shard) -> Iterator[Sequence[Any]]:
    """Give what a frame is sorted by; rows that are equal in all of it stand as they stood in their part."""
    if name == "findings":
        # Gradients, updates and states of one run stand together.
        yield [KINDS.index("gradient" if kind in QUANTITIES else kind) for kind in frame["kind"]]
    if name == "runs":
        yield [status != "run" for status in frame["status"]]
    scenarios = {each: place for place, each in enumerate(shard.scenarios)}
    if {*RUN} <= {*frame.columns}:
        rows = {each: place for place, each in enumerate(shard.rows)}
        runs = frame[RUN].astype(str).itertuples(index=False, name=None)
        yield [rows.get(str(Subject(*run)), scenarios.get(run[0], 0)) for run in runs]
    elif "scenario" in frame.columns:
        yield [scenarios.get(each, 0) for each in frame["scenario"]]
    yield range(len(frame))


# -------------------------------------------------------------------- machines


class _MergedMachines:
    """The machines of all parts; what one part calls its own may be another one to the whole."""

    def __init__(self, parts: Sequence[Report]) -> None:
        self._parts = parts
        self._names: dict[str, str] = {}
        self._described: dict[str, dict[str, Any]] = {}
        for report in parts:
            for machine in dict.fromkeys(["", *report.runs["machine"].astype(str)]):
                described = _machine(report, machine)
                name = f"machine {len(self._names)}" if self._names else ""
                name = self._names.setdefault(_key(described), name)
                told = self._described.setdefault(name, described)
                for each in _OF_A_PROCESS:
                    told[each] = {**described.get(each, {}), **told.get(each, {})}

    def name(self, report: Report, machine: str) -> str:
        """Give the name that the whole has for the machine of a part."""
        return self._names[_key(_machine(report, machine))]

    def environment(self) -> dict[str, Any]:
        """Give the environment of the whole."""
        environments = [report.environment for report in self._parts]
        others = {name: described for name, described in self._described.items() if name}
        return {
            "time": max(str(each.get("time", "")) for each in environments),
            "processes": max(int(each.get("processes", 1)) for each in environments),
            "strict": bool(environments[0].get("strict")),
            **self._described[""],
            **({MACHINES: others} if others else {}),
        }


def _machine(report: Report, machine: str) -> dict[str, Any]:
    described = environment_of(report.environment, machine)
    return {name: value for name, value in described.items() if name not in _OF_A_REPORT}


def _key(described: Mapping[str, Any]) -> str:
    return json.dumps({name: v for name, v in described.items() if name not in _OF_A_PROCESS}, sort_keys=True)
