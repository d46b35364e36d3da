"""The page's tables and numbers: what stands in each cell, how it is written and what it is sorted by."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import records
from gradproof.reporting.environment import flattened
from gradproof.reporting.findings import QUANTITIES, SEVERITIES
from gradproof.reporting.names import implementation
from gradproof.reporting.run_costs import costs, duration
from gradproof.reporting.telling import why
from gradproof.verdicts.numerals import entry

TEXT, NUMBER, LONG, VERDICT, NAME, TEST = "text", "number", "number long", "verdict", "name", "test"
"""Kinds of column: prose, figures, figures with many digits, a verdict, a name that is not broken, a test's
name, which is long and may be."""

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what it is sorted by where that is not the text, and its tone."""

    text: str
    order: float | None = None
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its title, its kind, and what makes its cell of a row."""

    title: str
    kind: str
    cell: Callable[[Row], Cell]


@dataclass(frozen=True)
class Table:
    """A table with a caption that tells what a row is."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


# Numbers are written in one form for each kind, everywhere on the page.


def short(number: float) -> str:
    """Write an error: three digits, an exponent where the number is very large or very small.

    >>> [short(each) for each in (0.0, 4.0591, 31.96, 1234.5, 1.7e-17, 3.2e15, float("inf"), float("nan"))]
    ['0', '4.06', '32', '1,230', '1.7e-17', '3.2e+15', 'inf', 'NaN']
    """
    if math.isnan(number):
        return "NaN"
    rounded = float(f"{number:.3g}")
    if 1000 <= abs(rounded) < 100_000:
        return f"{rounded:,.0f}"
    return f"{rounded:.3g}"


def exact(number: float) -> str:
    """Write a value with all the digits that tell it from its neighbours.

    >>> exact(0.1), exact(2.0), exact(float("nan"))
    ('0.1', '2', 'NaN')
    """
    if math.isnan(number):
        return "NaN"
    return repr(float(number)).removesuffix(".0")


def digits(number: float) -> str:
    """Write how many digits are right.

    >>> digits(36.04), digits(float("inf")), digits(float("nan"))
    ('36.0', 'exactly', '')
    """
    if math.isnan(number):
        return ""
    return "exactly" if math.isinf(number) else f"{number:.1f}"


def number_of(text: str) -> float:
    """Give the number of a decimal text; NaN where no digit of it is known.

    >>> number_of("0.500000000000000000000000000000"), number_of("[+/- 3.1]")
    (0.5, nan)
    """
    try:
        return float(text)
    except ValueError:
        return math.nan


def orderable(number: Any) -> float:
    """Give a number to sort by: NaN above all, as the worst.

    >>> orderable(float("nan")) > orderable(1e300)
    True
    """
    value = float(number)
    return math.inf if math.isnan(value) else value


def table(caption: str, rows: Iterable[Row], columns: Sequence[Column]) -> Table:
    """Make a table of rows."""
    return Table(caption, columns, [[column.cell(row) for column in columns] for row in rows])


def tone(word: str) -> str:
    """Tell the tone of a verdict or a status, which the styles give a look.

    >>> tone("ILL_CONDITIONED"), tone("NOT CHECKABLE"), tone("failed")
    ('ill-conditioned', 'not-checkable', 'failed')
    """
    return word.lower().replace("_", "-").replace(" ", "-")


def verdict_cell(verdict: str) -> Cell:
    """Make a cell of a verdict; sorted from best to worst."""
    return Cell(verdict, SEVERITIES.get(verdict, -1), tone(verdict))


def cell(value: Any, write: Callable[[float], str] = exact) -> Cell:
    """Make a cell of any value; a number is sorted as such, and `write` writes a float."""
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no")
    if isinstance(value, int | np.integer):
        return Cell(f"{value:,}", int(value))
    return Cell(write(value), orderable(value)) if isinstance(value, float) else Cell(str(value))


def _named(title: str, text: Callable[[Row], str]) -> Column:
    return Column(title, NAME, lambda row: Cell(text(row)))


def _number(title: str, write: Callable[[float], str] = short, name: str = "") -> Column:
    return Column(title, NUMBER, lambda row: cell(row[name or title], write))


def _seconds(title: str, name: str = "") -> Column:
    return _number(title, duration, name or f"{title}_seconds")


_SCENARIO = _named("scenario", lambda row: row["scenario"])
_IMPLEMENTATION = _named("implementation", lambda row: implementation(row["backend"], row["variant"]))
_DTYPE = _named("dtype", lambda row: row["dtype"])
_VERDICT = Column("verdict", VERDICT, lambda row: verdict_cell(row["verdict"]))
_ENTRY = _named("worst entry", lambda row: entry(row["parameter"], row["index"]))
_WHY = Column("cause or reason", TEXT, lambda row: Cell(why(row)))
_QUANTITY = _named("quantity", lambda row: QUANTITIES[row["kind"]])
_FAILING_STEPS = Column(
    "failing steps", NUMBER, lambda row: Cell(f"{row['failing']:,} of {row['steps']:,}", row["failing"])
)
# What is off and why stands in front: in a usual window nobody has to scroll sideways to it.
_WORST = (
    *(_VERDICT, _IMPLEMENTATION, _DTYPE, _QUANTITY, _ENTRY, _WHY),
    *(_FAILING_STEPS, _number("step"), _number("spreads"), _number("ulps")),
    Column("value", LONG, lambda row: cell(row["value"])),
    Column("exact", LONG, lambda row: Cell(row["exact"], orderable(number_of(row["exact"])))),
)
_CHECKED = (
    _VERDICT,
    Column("test", TEST, lambda row: Cell(row["test"])),
    Column("passes", NAME, lambda row: cell(row["ok"])),
    Column("cause or reason", TEXT, lambda row: Cell(row["cause"] or row["reason"] or row["findings"])),
    Column("digits", NUMBER, lambda row: Cell(digits(row["digits"]), orderable(row["digits"]))),
    *(_DTYPE, _number("seed")),
    *(_named("points", lambda row: row["points"]), _named("where", lambda row: row["where"])),
    Column("what else was found", TEXT, lambda row: Cell(row["findings"])),
    Column("expected to fail", NAME, lambda row: cell(row["expected_to_fail"])),
)
_COSTS = (
    *(_number("steps"), _seconds("compiling"), _seconds("training")),
    *(_seconds("a step", "seconds_per_step"), _seconds("judging")),
)


def worst_table(findings: pd.DataFrame) -> Table:
    """Make the table of the worst step of each run, quantity and parameter."""
    return table("The worst step of each run, quantity and parameter", records(findings), _WORST)


def checks_table(checks: pd.DataFrame) -> Table:
    """Make the table of what tests checked, those in front that do not pass."""
    rows = sorted(records(checks), key=lambda row: bool(row["ok"]))
    return table("A gradient that a test checked", rows, _CHECKED)


def finding_table(rows: Sequence[Row], roots: Collection[int]) -> Table:
    """Make the table of what one cause is seen in, where each is worst.

    Args:
        rows: findings of gradients, updates and states.
        roots: the identities of those that do not merely follow from others.
    """
    columns = [
        *(_VERDICT, _SCENARIO, _IMPLEMENTATION, _DTYPE, _QUANTITY, _ENTRY),
        *(_number("step"), _number("spreads"), _FAILING_STEPS),
        _named("", lambda row: "" if id(row) in roots else "follows"),
    ]
    return table("Where one cause is seen", rows, columns)


def costs_table(runs: pd.DataFrame) -> Table:
    """Make the table of what each backend and variant cost; a step is the median of its runs."""
    columns = [_IMPLEMENTATION, _number("runs"), *_COSTS]
    return table("What all runs of an implementation cost", records(costs(runs)), columns)


def run_costs_table(runs: pd.DataFrame) -> Table:
    """Make the table of what each run cost."""
    columns = [_SCENARIO, _IMPLEMENTATION, _DTYPE, *_COSTS]
    return table("What each run cost", records(runs[runs["status"] == "run"]), columns)


def unfinished_table(runs: pd.DataFrame) -> Table:
    """Make the table of the runs that did not take place or did not go to the end, with the reasons."""
    columns = [
        Column("status", VERDICT, lambda row: Cell(_how_far(row), None, tone(row["status"]))),
        *(_SCENARIO, _IMPLEMENTATION, _DTYPE),
        Column("steps", NUMBER, lambda row: Cell(_steps_of(row), row["steps"])),
        Column("reason", TEXT, lambda row: Cell(row["reason"])),
    ]
    rows = records(runs[runs["reason"].astype(object) != ""])
    return table("Runs that did not take place, or not to the end", rows, columns)


def _steps_of(row: Row) -> str:
    return f"{row['steps']:,} of {row['planned_steps']:,}" if row["planned_steps"] else "-"


def _how_far(row: Row) -> str:
    if row["status"] != "run":
        return str(row["status"])
    return "stopped" if row["stopped"] else "cut short"


def frame_table(
    caption: str, frame: pd.DataFrame, kinds: Mapping[str, str] | None = None, *, brief: bool = False
) -> Table:
    """Make a table of a frame as it is.

    Args:
        caption: what a row is.
        frame: its columns become columns; `_` in their names becomes a space.
        kinds: the kinds of columns where they are not told by what is in them.
        brief: whether floats are written with three digits; otherwise with all.
    """
    rows = records(frame)
    columns = []
    for name in map(str, frame.columns):
        kind = (kinds or {}).get(name) or _kind_of(frame[name])
        columns.append(
            Column(name.replace("_", " "), kind, partial(_frame_cell, name, kind, short if brief else exact))
        )
    return table(caption, rows, columns)


def _frame_cell(name: str, kind: str, write: Callable[[float], str], row: Row) -> Cell:
    return verdict_cell(row[name]) if kind == VERDICT else cell(row[name], write)


def _kind_of(values: "pd.Series[Any]") -> str:
    """Tell whether values are numbers, names (short texts, which are not broken) or prose."""
    if pd.api.types.is_numeric_dtype(values):
        return NUMBER
    return NAME if all(len(str(text)) <= 24 for text in values) else TEXT


def environment_table(environment: Mapping[str, Any]) -> Table:
    """Make the table of versions, platform, processor and flags."""
    rows = [{"what": name, "value": str(value)} for name, value in flattened(environment, ": ")]
    columns = [_named("what", lambda row: row["what"]), Column("value", TEXT, lambda row: Cell(row["value"]))]
    return table("Environment", rows, columns)
