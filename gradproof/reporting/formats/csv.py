"""Each frame as comma-separated values, and back, without a bit lost: pandas' own writer and reader.

Numbers are written with as many digits as bring the same number back; a missing number is an empty field,
infinities are `inf` and `-inf`. Text is always there (`""` at the least) and always quoted. Text that a
spreadsheet would take for a formula (`=cmd|...`) has an apostrophe before it, which `parse` takes away; a
decimal number has none, also where it is negative.
"""

import re
from collections.abc import Callable, Mapping
from csv import QUOTE_NONNUMERIC
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.reporting.columns import COLUMNS, check_frame, check_size, typed, unreadable
from gradproof.reporting.frames import table_files
from gradproof.reporting.report import Report

name = "csv"
files = ("*.csv",)
needs = ()
left_to = {"parquet": ("gradients.csv", "updates.csv", "states.csv", "entries.csv", "steps.csv")}

# From pandas 3.1 on every number is read exactly, and the argument that asks for it is deprecated.
_OLD = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
# A text with a NUL ends at it before pandas 3, so one is read as a sign of private use.
_NUL = "\U00100000".encode()
# What a spreadsheet takes for the beginning of a formula, in some languages full-width signs, too.
_FORMULA = re.compile("'*[=+\\-@\t\r\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?|[+-]?(inf|nan)", re.IGNORECASE | re.ASCII)
_EXACT: dict[str, Any] = {"float_precision": "round_trip"} if _OLD else {}


def render(report: Report) -> Mapping[str, Callable[[], bytes]]:
    """Give what makes the file of each frame, the longest first."""
    return table_files(report.frames, "csv", encode)


def encode(frame: str, rows: pd.DataFrame) -> bytes:
    """Write a frame.

    Args:
        frame: a key of `COLUMNS`.
        rows: with its columns and dtypes.

    Raises:
        InputError: the frame has other columns or dtypes, or text is missing in it.

    >>> from gradproof.reporting.columns import as_frame
    >>> row = {"scenario": "a", "value": "the rate", "kind": "given", "reason": ""}
    >>> print(encode("provenance", as_frame("provenance", [row])).decode())
    "scenario","value","kind","reason"
    "a","the rate","given",""
    <BLANKLINE>
    """
    check_frame(frame, rows)
    text: str = _on_texts(rows, frame, _guarded).to_csv(
        index=False, lineterminator="\n", quoting=QUOTE_NONNUMERIC
    )
    return text.encode()


def parse(frame: str, data: bytes) -> pd.DataFrame:
    """Read a frame from the bytes of its file.

    Args:
        frame: a key of `COLUMNS`.
        data: the bytes.

    Raises:
        InputError: they are no table with the columns of the frame.
    """
    columns = COLUMNS[frame]
    missing = {column: [""] for column, dtype in columns.items() if dtype == "float64"}
    try:
        check_size(frame, _check_rows(data, len(columns)))
        rows = pd.read_csv(
            BytesIO(data.replace(b"\0", _NUL)),
            dtype={column: "str" if dtype == "category" else dtype for column, dtype in columns.items()},
            keep_default_na=False,
            na_values=missing,
            **_EXACT,
        )
        if list(rows.columns) != list(columns):
            raise ValueError(f"the columns are {', '.join(rows.columns)}")  # noqa: TRY301 - told as the others
        rows = rows.replace(_NUL.decode(), "\0", regex=True) if b"\0" in data else rows
        return typed(_on_texts(rows, frame, _bare) if b"\"'" in data else rows, columns)
    except InputError:
        raise
    except (ValueError, OverflowError) as error:
        raise unreadable(frame, error) from error


def _on_texts(rows: pd.DataFrame, frame: str, change: Callable[[str], str]) -> pd.DataFrame:
    """Change the texts of a frame."""
    changed = {}
    for column, dtype in COLUMNS[frame].items():
        if dtype in {"category", "object"}:
            values = rows[column].astype(object)
            new = {text: change(text) for text in values.unique()}
            if any(text != told for text, told in new.items()):
                changed[column] = values.map(new)
    return rows.assign(**changed)


def _guarded(text: str) -> str:
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def _bare(text: str) -> str:
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def _check_rows(data: bytes, columns: int) -> int:
    """Count the rows, and raise ValueError unless each has all values: pandas fills what is lacking."""
    signs = np.frombuffer(data, dtype=np.uint8)
    outside = ~np.logical_xor.accumulate(signs == ord('"'))
    rows, commas = (int(np.count_nonzero((signs == ord(sign)) & outside)) for sign in "\n,")
    if commas != rows * (columns - 1):
        raise ValueError("a row lacks a value, or has one too many")
    return rows
