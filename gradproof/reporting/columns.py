"""The columns of a report's frames and their dtypes, and what makes frames of rows and rows of frames."""

import re
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.texts import encodable, shortened

_MOST_SAID = 600

_NAMES = {
    "category": """
        kind scenario backend variant dtype held_in document parameter index quantity verdict status
        change machine
    """,
    "object": """
        name exact cause where reason origin repeat digest fingerprint test points findings failing_point
        claim text place stated before after key explanation
    """,
    "int64": """
        seed step severity steps failing first_failing_step row column block_rows block_columns
        reference_step planned_steps first_step differing compared runs
    """,
    "bool": """
        passes counts stopped ok expected_to_fail scenario_changed nondeterministic
    """,
    "float64": """
        value error relative_error ulps spreads most_spreads rtol atol atol_with_rtol digits loss drift
        relative_drift reference_loss reference final_loss compiling_seconds training_seconds
        seconds_per_step judging_seconds solution distance ratio compiling training per_step judging
    """,
}
_DTYPES = {name: dtype for dtype, names in _NAMES.items() for name in names.split()}


def dtyped(names: str, **others: str) -> dict[str, str]:
    """Give columns their dtypes: a word has one everywhere, but for the others that are told here.

    Before, after and their ratio are of the dtype of what changed.

    >>> dtyped("scenario step_before loss")
    {'scenario': 'category', 'step_before': 'int64', 'loss': 'float64'}
    """
    dtypes = _DTYPES | others
    return {name: dtypes[re.sub("_(before|after|ratio)$", "", name)] for name in names.split()}


JUDGED = dtyped(
    """
    scenario backend variant dtype step parameter held_in index value exact error relative_error ulps
    spreads verdict reason cause
    """,
    reason="category",  # of so many rows few are different
    cause="category",
)

COLUMNS = {
    "findings": dtyped(
        """
        kind scenario backend variant dtype document name seed parameter held_in index step verdict passes
        counts
        severity steps failing first_failing_step value exact error relative_error ulps spreads most_spreads
        rtol atol atol_with_rtol digits cause where reason origin repeat
        """
    ),
    "gradients": JUDGED,
    "updates": JUDGED,
    "states": JUDGED,
    "entries": dtyped(
        """
        scenario backend variant dtype quantity step parameter row column block_rows block_columns index
        value exact error ulps spreads verdict
        """
    ),
    "steps": dtyped("scenario backend variant dtype step loss digest"),
    "trajectories": dtyped(
        """
        scenario backend variant dtype step reference_step parameter index drift relative_drift loss
        reference_loss
        """
    ),
    "predictions": dtyped("scenario backend variant dtype index value reference"),
    "runs": dtyped(
        """
        scenario backend variant dtype status verdict steps planned_steps stopped final_loss
        compiling_seconds training_seconds seconds_per_step judging_seconds reason origin repeat fingerprint
        machine
        """
    ),
    "solutions": dtyped("scenario backend variant dtype parameter index value solution distance"),
    "formulas": dtyped("scenario parameter step digits verdict reason cause where"),
    "provenance": dtyped("scenario value kind reason", value="object"),
    "checks": dtyped(
        """
        test verdict ok digits dtype seed points cause where reason findings failing_point expected_to_fail
        """
    ),
    "claims": dtyped("document scenario claim text place verdict stated exact digits cause reason"),
}
"""Per frame its columns and their dtypes, in order."""

SCHEMA = 6
"""The version of the columns and of the files that hold them; counted up when a reader would notice."""


MOST_BYTES = 2**31
"""The most bytes that a file of a report may have, and a table may take in memory: one of a few bytes can
say that it has billions of rows."""


def as_frame(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a frame of the columns and dtypes of `COLUMNS[name]` from rows."""
    texts = [{key: encodable(v) if isinstance(v, str) else v for key, v in row.items()} for row in rows]
    return of_columns(
        {column: [row.get(column, np.nan) for row in texts] for column in COLUMNS[name]}, COLUMNS[name]
    )


def of_columns(columns: Mapping[str, Any], dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Make a frame of columns of these dtypes, each at once: to guess dtypes first takes twice as long."""
    if not all(map(len, columns.values())):
        return _empty(tuple(dtypes.items())).copy()
    return pd.DataFrame({name: _column(columns[name], dtype) for name, dtype in dtypes.items()})


def _column(values: Any, dtype: str) -> Any:
    if dtype == "category":
        return pd.Categorical(np.array(values, dtype=object))
    return pd.Series(np.array(values, dtype=dtype), dtype=dtype)


def typed(frame: pd.DataFrame, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Give a frame these dtypes; categories are texts, also where there are none."""
    return _empty(tuple(dtypes.items())).copy() if frame.empty else frame.astype(dtypes)


@cache
def _empty(dtypes: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    """Make a frame without rows, which takes longer than one with some; most of a report have none."""
    frame = pd.DataFrame(columns=[name for name, _ in dtypes])
    # Else the categories, of which there are none, would be numbers or objects.
    texts = {name: "str" for name, dtype in dtypes if dtype == "category"}
    return frame.astype(texts).astype(dict(dtypes))


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Give the rows of a frame as dictionaries of plain Python values.

    >>> records(pd.DataFrame({"steps": pd.Series([2]), "verdict": pd.Series(["AGREES"], dtype="category")}))
    [{'steps': 2, 'verdict': 'AGREES'}]
    """
    rows = frame.astype(object).to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in rows]


def check_frame(name: str, frame: pd.DataFrame) -> None:
    """Raise InputError unless a frame has the columns, the dtypes and the texts that can be written."""
    found = {column: str(dtype) for column, dtype in frame.dtypes.items()}
    if list(found.items()) != list(COLUMNS[name].items()):
        raise InputError(
            f"The frame {name!r} has the columns {found}, which are not a report's. "
            f"Make the report with gradproof.verify, or give it the columns and dtypes of COLUMNS[{name!r}]."
        )
    for column, dtype in COLUMNS[name].items():
        values = frame[column]
        if dtype not in {"category", "object"}:
            continue
        texts = values.cat.categories if dtype == "category" else values
        if values.hasnans or not all(isinstance(text, str) for text in texts):
            raise InputError(
                f"The column {column!r} of the frame {name!r} holds something that is no text. "
                f"Write '' where there is none."
            )


def check_size(frame: str, rows: int, texts: int = 0) -> None:
    """Raise InputError if a table of so many rows, and so many bytes of text, is too large to be read."""
    needed = 8 * rows * len(COLUMNS[frame]) + texts
    if needed > MOST_BYTES:
        raise InputError(
            f"The table {frame!r} has {rows:,} rows and takes {needed:,} bytes; at most {MOST_BYTES:,} are "
            "read. Write a report of fewer scenarios or backends at once."
        )


def unreadable(name: str, error: Exception) -> InputError:
    """Tell that the bytes of a table are none with the columns of the frame."""
    reason = shortened(str(error).partition("\n")[0], _MOST_SAID)
    return InputError(
        f"The table {name!r} cannot be read ({type(error).__name__}: {reason}). Write the report again."
    )
