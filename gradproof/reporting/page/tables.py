"""The page's tables: what stands in each cell, how it is written and what it is sorted by."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.costs import costs
from gradproof.reporting.environment import flattened
from gradproof.reporting.names import entry, implementation
from gradproof.reporting.page.numbers import exact, microseconds, number_of, orderable, seconds, short
from gradproof.reporting.worst import PASSING, RANKS, RUN, most_urgent, records
from gradproof.verdicts.verdict import SEVERITY

TEXT, NUMBER, LONG, VERDICT, NAME = "text", "number", "number long", "verdict", "name"
"""Kinds of column: prose, figures, figures with many digits, a verdict, a name that is not broken."""

_RANKS = RANKS | {
    "NOT CHECKABLE": 1,
    "CONFIRMED": 0,
    "REFUTED": len(SEVERITY),
}
_TONES = {
    **dict.fromkeys((*PASSING, "CONFIRMED"), "ok"),
    "DISAGREES": "wrong",
    "WRONG": "wrong",
    "REFUTED": "wrong",
    "failed": "wrong",
    "NOT_FINITE": "nan",
    "UNDECIDED": "undecided",
}


@dataclass(frozen=True)
class Cell:
    """A cell: its text, what it is sorted by where that is not the text, and its tone."""

    text: str
    order: float | None = None
    tone: str = ""


@dataclass(frozen=True)
class Column:
    """A column: its title and its kind."""

    title: str
    kind: str = TEXT


@dataclass(frozen=True)
class Table:
    """A table with a caption that tells what a row is."""

    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


def tone(verdict: str) -> str:
    """Tell the tone of a verdict or a status: ok, wrong, nan, undecided or none.

    >>> tone("AGREES"), tone("REFUTED"), tone("NOT CHECKABLE")
    ('ok', 'wrong', 'none')
    """
    return _TONES.get(verdict, "none")


def verdict_cell(verdict: str) -> Cell:
    """Make a cell of a verdict; sorted from best to worst."""
    return Cell(verdict, _RANKS.get(verdict, -1), tone(verdict))


def error_cell(number: float) -> Cell:
    """Make a cell of an error."""
    return Cell(short(number), orderable(number))


def value_cell(number: float) -> Cell:
    """Make a cell of a value, with all its digits."""
    return Cell(exact(number), orderable(number))


def count_cell(number: int) -> Cell:
    """Make a cell of a count."""
    return Cell(f"{number:,}", number)


_RUN_COLUMNS = (Column("scenario", NAME), Column("implementation", NAME), Column("dtype", NAME))


def _run_cells(row: Mapping[str, Any]) -> list[Cell]:
    return [
        Cell(row["scenario"]),
        Cell(implementation(row["backend"], row["variant"])),
        Cell(row["dtype"]),
    ]


def _cost_columns(step: str) -> list[Column]:
    return [Column(title, NUMBER) for title in ("steps", "compiling, s", "training, s", step, "judging, s")]


def _cost_cells(row: Mapping[str, Any]) -> list[Cell]:
    return [
        count_cell(row["steps"]),
        Cell(seconds(row["compiling_seconds"]), row["compiling_seconds"]),
        Cell(seconds(row["training_seconds"]), row["training_seconds"]),
        Cell(microseconds(row["seconds_per_step"]), orderable(row["seconds_per_step"])),
        Cell(seconds(row["judging_seconds"]), row["judging_seconds"]),
    ]


def worst_table(rows: pd.DataFrame) -> Table:
    """Make the table of the worst step of each run, quantity and parameter; from what `worst_rows` gives."""
    columns = [
        Column("verdict", VERDICT),
        Column("implementation", NAME),
        Column("dtype", NAME),
        Column("quantity", NAME),
        Column("worst entry", NAME),
        Column("step", NUMBER),
        Column("spreads", NUMBER),
        Column("ulps", NUMBER),
        Column("failing steps", NUMBER),
        Column("cause or reason"),
        Column("value", LONG),
        Column("exact", LONG),
    ]
    cells = [
        [
            verdict_cell(row["verdict"]),
            Cell(implementation(row["backend"], row["variant"])),
            Cell(row["dtype"]),
            Cell(row["quantity"]),
            Cell(entry(row["parameter"], row["index"])),
            count_cell(row["step"]),
            error_cell(row["spreads"]),
            error_cell(row["ulps"]),
            Cell(f"{row['failing']:,} of {row['steps']:,}", row["failing"]),
            Cell(row["cause"] or row["reason"]),
            value_cell(row["value"]),
            Cell(row["exact"], orderable(number_of(row["exact"]))),
        ]
        for row in rows.to_dict("records")
    ]
    return Table("The worst step of each run, quantity and parameter", columns, cells)


def failing_table(failing: pd.DataFrame) -> Table:
    """Make the table of the runs that do not pass, where each is worst, and why; from rows that do not."""
    cells = []
    for _, group in failing.groupby(RUN, sort=False):
        row = most_urgent(group)
        cells.append(
            [
                verdict_cell(row["verdict"]),
                *_run_cells(row),
                count_cell(int(group["failing"].sum())),
                Cell(entry(row["parameter"], row["index"])),
                count_cell(row["step"]),
                error_cell(row["spreads"]),
                Cell(row["cause"] or row["reason"]),
            ]
        )
    columns = [
        Column("verdict", VERDICT),
        *_RUN_COLUMNS,
        Column("failing", NUMBER),
        Column("worst entry", NAME),
        Column("step", NUMBER),
        Column("spreads", NUMBER),
        Column("cause or reason"),
    ]
    return Table("The runs that do not pass", columns, cells)


def costs_table(runs: pd.DataFrame) -> Table:
    """Make the table of what each backend and variant cost."""
    table = costs(runs)
    cells = [
        [
            Cell(implementation(row["backend"], row["variant"])),
            count_cell(row["runs"]),
            *_cost_cells(row),
        ]
        for row in records(table)
    ]
    columns = [
        Column("implementation", NAME),
        Column("runs", NUMBER),
        *_cost_columns("a step, µs (median)"),
    ]
    return Table("What all runs of an implementation cost", columns, cells)


def run_costs_table(runs: pd.DataFrame) -> Table:
    """Make the table of what each run cost."""
    ran = runs[runs["status"] == "run"]
    cells = [
        [
            *_run_cells(row),
            *_cost_cells(row),
        ]
        for row in records(ran)
    ]
    columns = [
        *_RUN_COLUMNS,
        *_cost_columns("a step, µs"),
    ]
    return Table("What each run cost", columns, cells)


def unfinished_table(runs: pd.DataFrame) -> Table:
    """Make the table of the runs that did not take place or did not go to the end, with the reasons."""
    rows = records(runs[runs["reason"].astype(object) != ""])
    cells = [
        [
            Cell(_how_far(row), None, tone(row["status"])),
            *_run_cells(row),
            Cell(
                f"{row['steps']:,} of {row['planned_steps']:,}" if row["planned_steps"] else "-", row["steps"]
            ),
            Cell(row["reason"]),
        ]
        for row in rows
    ]
    columns = [
        Column("status", VERDICT),
        *_RUN_COLUMNS,
        Column("steps", NUMBER),
        Column("reason"),
    ]
    return Table("Runs that did not take place, or not to the end", columns, cells)


def _how_far(row: Mapping[str, Any]) -> str:
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
    kinds = kinds or {}
    plain = frame.astype(object)
    numeric = {name for name in frame.columns if pd.api.types.is_numeric_dtype(frame[name])}
    columns = [
        Column(
            str(name).replace("_", " "),
            kinds.get(str(name), NUMBER if name in numeric else _text_kind(plain[name])),
        )
        for name in plain.columns
    ]
    plain_cell = _brief_cell if brief else _frame_cell
    makers = [verdict_cell if column.kind == VERDICT else plain_cell for column in columns]
    rows = [
        [make(value) for make, value in zip(makers, row, strict=True)]
        for row in plain.itertuples(index=False, name=None)
    ]
    return Table(caption, columns, rows)


def _text_kind(texts: pd.Series) -> str:
    """Tell whether texts are names, which are short and not broken, or prose."""
    return NAME if all(len(str(text)) <= 24 for text in texts) else TEXT


def _brief_cell(value: Any) -> Cell:
    return error_cell(value) if isinstance(value, float) else _frame_cell(value)


def environment_table(environment: Mapping[str, Any]) -> Table:
    """Make the table of versions, platform, processor and flags."""
    rows = [[Cell(name), Cell(str(value))] for name, value in flattened(environment, ": ")]
    return Table("Environment", [Column("what", NAME), Column("value")], rows)


def _frame_cell(value: Any) -> Cell:
    if isinstance(value, bool | np.bool_):
        return Cell("yes" if value else "no")
    if isinstance(value, float):
        return value_cell(value)
    if isinstance(value, int | np.integer):
        return count_cell(int(value))
    return Cell(str(value))
