"""Each frame as comma-separated values, and back, without a bit lost: pandas' own writer and reader.

Numbers are written with as many digits as bring the same number back; a missing number is an empty field,
infinities are `inf` and `-inf`. Text is always there (`""` at the least) and always quoted.
"""

from collections.abc import Callable, Mapping
from csv import QUOTE_NONNUMERIC
from io import BytesIO
from typing import Any

import numpy as np
import pandas as pd

from gradproof.reporting.columns import COLUMNS, check_frame, typed, unreadable
from gradproof.reporting.frames import table_files
from gradproof.reporting.report import Report

name = "csv"
files = ("*.csv",)
needs = ()
left_to = {"parquet": ("gradients.csv", "updates.csv", "entries.csv", "steps.csv")}

# From pandas 3.1 on every number is read exactly, and the argument that asks for it is deprecated.
_OLD = tuple(int(part) for part in pd.__version__.split(".")[:2]) < (3, 1)
# A text with a NUL ends at it before pandas 3, so one is read as a sign of private use.
_NUL = "\U00100000".encode()
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
    text: str = rows.to_csv(index=False, lineterminator="\n", quoting=QUOTE_NONNUMERIC)
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
        _check_rows(data, len(columns))
        rows = pd.read_csv(
            BytesIO(data.replace(b"\0", _NUL)),
            dtype={column: "str" if dtype == "category" else dtype for column, dtype in columns.items()},
            keep_default_na=False,
            na_values=missing,
            **_EXACT,
        )
        if list(rows.columns) != list(columns):
            raise ValueError(f"the columns are {', '.join(rows.columns)}")  # noqa: TRY301 - told as the others
        return typed(rows.replace(_NUL.decode(), "\0", regex=True) if b"\0" in data else rows, columns)
    except (ValueError, OverflowError) as error:
        raise unreadable(frame, error) from error


def _check_rows(data: bytes, columns: int) -> None:
    """Raise ValueError unless there is a value for each column of each row: pandas fills what is lacking."""
    signs = np.frombuffer(data, dtype=np.uint8)
    outside = ~np.logical_xor.accumulate(signs == ord('"'))
    rows, commas = (int(np.count_nonzero((signs == ord(sign)) & outside)) for sign in "\n,")
    if commas != rows * (columns - 1):
        raise ValueError("a row lacks a value, or has one too many")
