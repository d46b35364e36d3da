"""The root causes of what fails: findings that are told the same cause, or that follow from one, as one.

Where one mistake is in a program, many findings fail: each run, dtype and parameter, and each update that is
made from a wrong gradient. Here they are one thing again, with who, since when and how often. What is grouped
is told the same cause; that there is one fault behind it is not proven, and where no cause was found, none is
named.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from gradproof.reporting.cause_texts import CauseText
from gradproof.reporting.columns import records
from gradproof.reporting.findings import QUANTITIES, failing
from gradproof.reporting.names import RUN, count, implementation, run_key

Row: TypeAlias = Mapping[str, Any]
_Key: TypeAlias = tuple[str, ...]

PERIOD_SEEN = 3
"""So many failing steps of a run must lie equally far apart before they are told to come in a period."""

_FOLLOWS = re.compile(
    r"the \S+(?: \S+)? of .+? follows (?:its gradient, which is wrong|its gradient, in which .+|"
    r"the clipped gradients, of which (?:that|those) of (?P<names>.+) (?:is|are) wrong)",
    re.DOTALL,
)
_AFTER_NO_NUMBERS = re.compile(
    r"the .+ of .+ follows weights or a state with NaN or infinities since step \d+"
)
_NUMBERS = re.compile(r"\b\d[\d.,]*(?:e[+-]?\d+)?\b")


@dataclass(frozen=True)
class RootCause:
    """What fails for one reason, as far as it is told.

    Attributes:
        mistake: what is wrong, in words without names; empty where no cause was found.
        findings: what fails, as rows of `Report.findings`, the worst first; of what is judged step by step a
            row for each parameter of each run.
        following: how many of them merely follow: updates made from a wrong gradient, say.
        lines: the lines of code that the causes name, or the operations there.
        runs: the runs that are concerned, by scenario, backend, variant and dtype.
        judged_steps: how many steps of these runs were judged.
        failing_steps: in how many of them something fails.
        starts: the first one, of the run in which it is earliest and of that in which it is latest; empty
            where nothing was judged step by step.
        period: every how many steps it fails, where that is so in all runs; 1 for every step from the first
            one on; 0 where the steps have no such order or are too few.
    """

    mistake: str
    findings: tuple[Row, ...]
    following: int
    lines: tuple[str, ...]
    runs: tuple[tuple[str, ...], ...]
    judged_steps: int
    failing_steps: int
    starts: tuple[int, ...]
    period: int

    @property
    def worst(self) -> Row:
        """The finding to look at first: of a formula and the runs that use it a run, which has numbers."""
        roots = self.findings[: len(self.findings) - self.following] or self.findings
        return next((row for row in roots if row["kind"] in QUANTITIES), roots[0])

    @property
    def verdict(self) -> str:
        """The worst verdict."""
        return str(self.worst["verdict"])

    @property
    def cause(self) -> str:
        """The cause of the worst finding, in full; empty where none was found."""
        return str(self.worst["cause"])

    @property
    def implementations(self) -> tuple[str, ...]:
        """The implementations, `torch/eager`, say, in the order of the findings."""
        return tuple(dict.fromkeys(implementation(backend, variant) for _, backend, variant, _ in self.runs))

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The scenarios of the runs."""
        return tuple(dict.fromkeys(scenario for scenario, *_ in self.runs))

    @property
    def dtypes(self) -> tuple[str, ...]:
        """The dtypes of the runs."""
        return tuple(dict.fromkeys(dtype for *_, dtype in self.runs))

    @property
    def parameters(self) -> tuple[str, ...]:
        """The parameters (or their states) in which it is seen."""
        return tuple(dict.fromkeys(str(row["parameter"]) for row in self.findings if row["parameter"]))

    @property
    def tests(self) -> tuple[str, ...]:
        """The tests whose checks are concerned."""
        return tuple(dict.fromkeys(str(row["name"]) for row in self.findings if row["kind"] == "check"))

    @property
    def repeats(self) -> tuple[str, ...]:
        """The commands that make the runs again."""
        return tuple(dict.fromkeys(str(row["repeat"]) for row in self.findings if row["repeat"]))

    @property
    def rows(self) -> int:
        """How many rows of the frames of gradients, updates and states do not pass."""
        return sum(row["failing"] for row in self.findings if row["kind"] in QUANTITIES)

    @property
    def what(self) -> str:
        """What is wrong, or the verdict or reason where no cause was found."""
        if self.mistake:
            return self.mistake
        if self.worst["kind"] == "run":
            return f"{self.verdict}: {str(self.worst['reason']).removesuffix('.')}"
        return f"{self.verdict}, no cause found"

    @property
    def since(self) -> str:
        """Tell the steps: "from step 0", "every 7th step from step 3", "in 2 of 9 steps, first in step 9"."""
        if not self.starts:
            return ""
        if self.judged_steps == len(self.runs):
            return "in the one step" if len(self.runs) == 1 else "in the one step of each"
        earliest, latest = self.starts
        first = f"step {earliest:,}" + (
            f" (in one run from step {latest:,} only)" if latest > earliest else ""
        )
        if self.period > 1:
            return f"every {_ordinal(self.period)} step from {first}"
        if self.period == 1:
            return f"from {first}"
        return f"in {self.failing_steps:,} of {count(self.judged_steps, 'step')}, first in {first}"

    @property
    def where_seen(self) -> str:
        """Tell in how many runs and checks it is seen."""
        seen = [count(len(self.runs), "run")] if self.runs else []
        seen += [count(len(self.tests), "check")] if self.tests else []
        seen = seen or [count(len(self.findings), "formula")]
        return " and ".join(seen)

    def __str__(self) -> str:
        """Say it in one line: what, in how many runs, since which step."""
        return ", ".join(filter(None, (self.what, f"in {self.where_seen}", self.since)))


def root_causes(findings: pd.DataFrame, failures: pd.DataFrame | None = None) -> tuple[RootCause, ...]:
    """Group what fails by what it is told to be caused by, in the order in which a reader is told of it.

    Args:
        findings: a report's.
        failures: `Report.failures`, the rows of every step that do not pass; None where nothing was judged
            step by step.
    """
    rows = records(failing(findings))
    steps = {} if failures is None or failures.empty else _failing_steps(failures)
    keys = _keys(rows)
    groups: dict[_Key, list[Row]] = {}
    for row, (key, _) in zip(rows, keys, strict=True):
        groups.setdefault(key, []).append(row)
    following = {id(row) for row, (_, follows) in zip(rows, keys, strict=True) if follows}
    return tuple(_group(own, following, steps) for own in groups.values())


def in_words(causes: Sequence[RootCause]) -> str:
    """Count the causes, and what fails without one that was found; empty where nothing fails.

    >>> in_words([])
    ''
    """
    found = sum(bool(each.mistake) for each in causes)
    not_made = sum(each.worst["kind"] == "run" for each in causes)
    unknown = len(causes) - found - not_made
    parts = [count(found, "cause")] if found else []
    parts += [f"{count(unknown, 'group')} of failures without a cause that was found"] if unknown else []
    parts += [f"{count(not_made, 'reason')} why runs could not be made"] if not_made else []
    return ", ".join(parts)


def failing_rows_in_words(causes: Iterable[RootCause]) -> str:
    """Count the rows that do not pass, with what they are rows of; empty where there are none."""
    rows = [row for each in causes for row in each.findings if row["kind"] in QUANTITIES]
    number = sum(row["failing"] for row in rows)
    if not number:
        return ""
    named = [name for kind, name in QUANTITIES.items() if any(row["kind"] == kind for row in rows)]
    of = " and ".join(filter(None, (", ".join(named[:-1]), named[-1])))
    return (
        f"{number:,} {'row of' if number == 1 else 'rows of'} {of} {'does' if number == 1 else 'do'} not pass"
    )


# ------------------------------------------------------------------------ what belongs together


def _keys(rows: Sequence[Row]) -> list[tuple[_Key, bool]]:
    """Give each row what groups it, and whether it merely follows from another row of its run."""
    own = [_own_key(row) for row in rows]
    split = _written_several_times(own, rows)
    own = [
        (*key, *CauseText.read(row["cause"]).places) if key in split else key
        for key, row in zip(own, rows, strict=True)
    ]
    formulas = {
        (row["scenario"], row["parameter"]): key
        for row, key in zip(rows, own, strict=True)
        if row["kind"] == "formula"
    }
    # The reference runs the very formula: what is said of its gradient is said of that.
    own = [
        formulas.get((row["scenario"], row["parameter"]), key)
        if row["kind"] == "gradient" and row["backend"] == "reference"
        else key
        for row, key in zip(rows, own, strict=True)
    ]
    leading = _leading(rows, own)
    led = [next((leading[each] for each in _led_by(row) if each in leading), None) for row in rows]
    return [(key, False) if other is None else (other, True) for key, other in zip(own, led, strict=True)]


def _own_key(row: Row) -> _Key:
    if row["kind"] == "run":
        return ("run", row["verdict"], _NUMBERS.sub("…", row["reason"]))
    if row["cause"]:
        return ("cause", CauseText.read(row["cause"]).key)
    who = row["name"] if row["kind"] == "check" else implementation(row["backend"], row["variant"])
    return ("unknown", row["verdict"], who)


def _written_several_times(keys: Sequence[_Key], rows: Sequence[Row]) -> set[_Key]:
    """Give the mistakes that one scenario has at several lines: there each line is a mistake of its own."""
    lines: dict[tuple[_Key, str], set[tuple[str, ...]]] = {}
    for key, row in zip(keys, rows, strict=True):
        if key[0] == "cause":
            found = CauseText.read(row["cause"]).places
            lines.setdefault((key, row["scenario"] or row["name"]), set()).add(found)
    return {key for (key, _), found in lines.items() if len(found) > 1}


def _leading(rows: Sequence[Row], keys: Sequence[_Key]) -> dict[_Key, _Key]:
    """Give the key of each gradient that fails, by run and parameter, and of the first NaN of each run."""
    leading: dict[_Key, _Key] = {}
    for row, key in zip(rows, keys, strict=True):
        if row["kind"] == "gradient":
            leading[*run_key(row), row["parameter"]] = key
        if row["verdict"] == "NOT_FINITE" and not _led_by(row):
            leading.setdefault((*run_key(row), _NO_NUMBER), key)
    return leading


_NO_NUMBER = "NaN"


def _led_by(row: Row) -> list[_Key]:
    """Give what a row is told to follow, in the same run; empty where it is told nothing of the kind."""
    if row["kind"] not in {"update", "state"}:
        return []
    run = run_key(row)
    if _AFTER_NO_NUMBERS.fullmatch(row["cause"]):
        return [(*run, _NO_NUMBER)]
    found = _FOLLOWS.fullmatch(row["cause"])
    if found is None:
        return []
    if found["names"]:
        return [(*run, name) for name in re.split(", | and ", found["names"])]
    # of a state, `momentum of w`
    named = str(row["parameter"])
    return [(*run, named), (*run, named.partition(" of ")[2])]


# ------------------------------------------------------------------------ since when, and how often


_Steps: TypeAlias = Mapping[tuple[str, ...], NDArray[np.intp]]
"""By run, kind and parameter the steps that do not pass, ascending."""


def _failing_steps(failures: pd.DataFrame) -> _Steps:
    kinds = {frame: kind for kind, frame in QUANTITIES.items()}
    return {
        (*map(str, key[:-2]), kinds[str(key[-2])], str(key[-1])): np.sort(
            group["step"].to_numpy(dtype=np.intp)
        )
        for key, group in failures.groupby([*RUN, "quantity", "parameter"], sort=False)
    }


def _group(rows: Sequence[Row], following: set[int], steps: _Steps) -> RootCause:
    roots = [row for row in rows if id(row) not in following]
    runs: dict[_Key, list[NDArray[np.intp]]] = {}
    judged: dict[_Key, int] = {}
    for row in rows:
        if row["kind"] not in {*QUANTITIES, "run"}:
            continue
        found = (
            steps.get((*run_key(row), row["kind"], row["parameter"])) if id(row) not in following else None
        )
        runs.setdefault(run_key(row), []).extend([] if found is None else [found])
        judged[run_key(row)] = max(judged.get(run_key(row), 0), row["steps"])
    failed = {run: np.unique(np.concatenate(found)) for run, found in runs.items() if found}
    starts = [int(each[0]) for each in failed.values()]
    causes = [row for row in roots if row["cause"]]
    return RootCause(
        mistake=CauseText.read(causes[0]["cause"]).told() if causes else "",
        findings=tuple(sorted(rows, key=lambda row: id(row) in following)),
        following=sum(id(row) in following for row in rows),
        lines=tuple(_lines(roots)),
        runs=tuple(runs),
        judged_steps=sum(judged[run] for run in failed),
        failing_steps=sum(map(len, failed.values())),
        starts=(min(starts), max(starts)) if starts else (),
        period=_period([(each, judged[run]) for run, each in failed.items()]),
    )


def _lines(rows: Iterable[Row]) -> Iterator[str]:
    named = dict.fromkeys(line for row in rows for line in CauseText.read(row["cause"]).lines)
    wheres = dict.fromkeys(str(row["where"]) for row in rows if row["where"])
    yield from named
    yield from (where for where in wheres if not any(line in where for line in named))


def _period(failed: Sequence[tuple[NDArray[np.intp], int]]) -> int:
    """Give the distance between failing steps where it is the same in all runs, to their ends; else 0."""
    periods = set()
    for steps, judged in failed:
        between = np.diff(steps)
        if not len(between):
            # one step that fails, and the last one: it may be every one from there on
            periods.add(1 if judged == steps[0] + 1 else 0)
            continue
        period = int(between[0])
        is_even = bool((between == period).all()) and steps[-1] + period >= judged
        seen = len(steps) >= PERIOD_SEEN or period == 1
        periods.add(period if is_even and seen else 0)
    return periods.pop() if len(periods) == 1 else 0


def _ordinal(number: int) -> str:
    """Write 2 as `2nd`.

    >>> [_ordinal(each) for each in (2, 3, 7, 11, 21)]
    ['2nd', '3rd', '7th', '11th', '21st']
    """
    ending = "th" if number % 100 in {11, 12, 13} else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"
