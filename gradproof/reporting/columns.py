"""The columns of a report's frames and their dtypes, and what makes frames of rows and rows of frames."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from gradproof.errors import InputError
from gradproof.verdicts.printing import encodable

SUBJECT = {"scenario": "category", "backend": "category", "variant": "category", "dtype": "category"}
_ENTRY = {"parameter": "category", "index": "category"}
JUDGED = {
    **SUBJECT,
    "step": "int64",
    **_ENTRY,
    "value": "float64",
    "exact": "object",
    "error": "float64",
    "relative_error": "float64",
    "ulps": "float64",
    "spreads": "float64",
    "verdict": "category",
    "reason": "category",
    "cause": "category",
}

COLUMNS: dict[str, dict[str, str]] = {
    "findings": {
        "kind": "category",
        **SUBJECT,
        "document": "category",
        "name": "object",
        "seed": "int64",
        **_ENTRY,
        "step": "int64",
        "verdict": "category",
        "passes": "bool",
        "counts": "bool",
        "severity": "int64",
        "steps": "int64",
        "failing": "int64",
        "first_failing_step": "int64",
        "value": "float64",
        "exact": "object",
        "error": "float64",
        "relative_error": "float64",
        "ulps": "float64",
        "spreads": "float64",
        "most_spreads": "float64",
        "digits": "float64",
        "cause": "object",
        "where": "object",
        "reason": "object",
        "origin": "object",
        "repeat": "object",
    },
    "gradients": JUDGED,
    "updates": JUDGED,
    "entries": {
        **SUBJECT,
        "quantity": "category",
        "step": "int64",
        "parameter": "category",
        "row": "int64",
        "column": "int64",
        "block_rows": "int64",
        "block_columns": "int64",
        "index": "category",
        "value": "float64",
        "exact": "object",
        "error": "float64",
        "ulps": "float64",
        "spreads": "float64",
        "verdict": "category",
    },
    "steps": {**SUBJECT, "step": "int64", "loss": "float64", "digest": "object"},
    "trajectories": {
        **SUBJECT,
        "step": "int64",
        "reference_step": "int64",
        **_ENTRY,
        "drift": "float64",
        "relative_drift": "float64",
        "loss": "float64",
        "reference_loss": "float64",
    },
    "predictions": {**SUBJECT, "index": "category", "value": "float64", "reference": "float64"},
    "runs": {
        **SUBJECT,
        "status": "category",
        "verdict": "category",
        "steps": "int64",
        "planned_steps": "int64",
        "stopped": "bool",
        "final_loss": "float64",
        "compiling_seconds": "float64",
        "training_seconds": "float64",
        "seconds_per_step": "float64",
        "judging_seconds": "float64",
        "reason": "object",
        "origin": "object",
        "repeat": "object",
        "fingerprint": "object",
    },
    "solutions": {
        **SUBJECT,
        **_ENTRY,
        "value": "float64",
        "solution": "float64",
        "distance": "float64",
    },
    "formulas": {
        "scenario": "category",
        "parameter": "category",
        "step": "int64",
        "digits": "float64",
        "verdict": "category",
        "reason": "object",
        "cause": "object",
        "where": "object",
    },
    "provenance": {"scenario": "category", "value": "object", "kind": "category", "reason": "object"},
    "checks": {
        "test": "object",
        "verdict": "category",
        "ok": "bool",
        "digits": "float64",
        "dtype": "category",
        "seed": "int64",
        "points": "object",
        "cause": "object",
        "where": "object",
        "reason": "object",
        "findings": "object",
        "failing_point": "object",
        "expected_to_fail": "bool",
    },
    "claims": {
        "document": "category",
        "scenario": "category",
        "claim": "object",
        "text": "object",
        "place": "object",
        "verdict": "category",
        "stated": "object",
        "exact": "object",
        "digits": "float64",
        "cause": "object",
        "reason": "object",
    },
}
"""Per frame its columns and their dtypes, in order."""

SCHEMA = 2
"""The version of the columns and of the files that hold them; counted up when a reader would notice."""


def as_frame(name: str, rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Make a frame of the columns and dtypes of `COLUMNS[name]` from rows."""
    texts = [{key: encodable(v) if isinstance(v, str) else v for key, v in row.items()} for row in rows]
    return typed(pd.DataFrame(texts, columns=list(COLUMNS[name])), COLUMNS[name])


def typed(frame: pd.DataFrame, dtypes: Mapping[str, str]) -> pd.DataFrame:
    """Give a frame these dtypes; categories are texts, also where there are none."""
    if frame.empty:
        # Else the categories, of which there are none, would be numbers or objects.
        frame = frame.astype({name: "str" for name, dtype in dtypes.items() if dtype == "category"})
    return frame.astype(dtypes)


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


def unreadable(name: str, error: Exception) -> InputError:
    """Tell that the bytes of a table are none with the columns of the frame."""
    reason = str(error).partition("\n")[0]
    return InputError(
        f"The table {name!r} cannot be read ({type(error).__name__}: {reason}). Write the report again."
    )
