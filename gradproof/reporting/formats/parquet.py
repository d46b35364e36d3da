"""Each frame as a Parquet file, and back, without a bit lost. A missing number is null."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from gradproof.errors import InputError
from gradproof.reporting.columns import COLUMNS, check_frame, check_size, unreadable
from gradproof.reporting.frames import table_files
from gradproof.reporting.report import Report

name = "parquet"
files = ("*.parquet",)
needs = ("pyarrow",)

_TYPES = {
    "category": pa.dictionary(pa.int32(), pa.string()),
    "object": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "bool": pa.bool_(),
}

_TEXTS = {
    name: [column for column, dtype in columns.items() if dtype in {"category", "object"}]
    for name, columns in COLUMNS.items()
}


def render(report: Report) -> Mapping[str, Callable[[], bytes]]:
    """Give what makes the file of each frame, the longest first."""
    return table_files(report.frames, "parquet", encode)


def encode(frame: str, rows: pd.DataFrame) -> bytes:
    """Write a frame.

    Args:
        frame: a key of `COLUMNS`.
        rows: with its columns and dtypes.

    Raises:
        InputError: the frame has other columns or dtypes, or text is missing in it.
    """
    check_frame(frame, rows)
    columns = {}
    for column, dtype in COLUMNS[frame].items():
        if dtype == "category":
            texts = pa.array(rows[column].cat.categories.to_list(), pa.string())
            codes = rows[column].cat.codes.to_numpy().astype(np.int32)
            columns[column] = pa.DictionaryArray.from_arrays(codes, texts)
        else:
            columns[column] = pa.array(rows[column].to_numpy(), _TYPES[dtype], from_pandas=True)
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.table(columns), sink, compression="zstd")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return] # pyarrow has no types


def parse(frame: str, data: bytes) -> pd.DataFrame:
    """Read a frame from the bytes of its file.

    Args:
        frame: a key of `COLUMNS`.
        data: the bytes.

    Raises:
        InputError: they are no table with the columns of the frame.
    """
    try:
        described = pyarrow.parquet.read_metadata(pa.BufferReader(data))
        check_size(frame, described.num_rows, _decoded_bytes(described))
        # Texts stay in dictionaries, so that one that is long and repeated is there once.
        table = pyarrow.parquet.read_table(pa.BufferReader(data), read_dictionary=_TEXTS[frame])
        table.validate(full=True)  # the codes of categories, too, which a damaged file may have out of range
        if table.column_names != list(COLUMNS[frame]):
            raise ValueError(f"the columns are {', '.join(table.column_names)}")  # noqa: TRY301 - as the others
        columns = {column: _column(table[column], dtype) for column, dtype in COLUMNS[frame].items()}
        return pd.DataFrame(columns)
    except InputError:
        raise
    except (pa.ArrowException, ValueError, TypeError, OSError, LookupError) as error:
        raise unreadable(frame, error) from error


def _decoded_bytes(described: Any) -> int:
    """Add up how many bytes the groups of rows have when they are no longer compressed.

    What a file says of single columns cannot be asked for: pyarrow ends the process where it is damaged.
    """
    groups = range(described.num_row_groups)
    return sum(described.row_group(number).total_byte_size for number in groups)


def _column(values: Any, dtype: str) -> Any:
    values = values.cast(_TYPES["category" if dtype == "object" else dtype])
    if dtype != "float64" and values.null_count:
        raise ValueError("a value is missing")
    if dtype not in {"category", "object"}:
        return pd.Series(values.to_numpy(), dtype=dtype)
    values = values.unify_dictionaries()
    texts = values.chunk(0).dictionary.to_pylist() if values.num_chunks else []
    codes = [chunk.indices.to_numpy() for chunk in values.chunks]
    joined = np.concatenate(codes) if codes else np.zeros(0, np.int32)
    if dtype == "object":
        return pd.Series(np.array([*texts, ""], dtype=object)[joined], dtype=object)
    return _categorical(joined, texts)


def _categorical(codes: np.ndarray[Any, Any], texts: Sequence[str]) -> pd.Categorical:
    """Sort the texts that occur, as pandas does when it makes categories of a column."""
    occurring = sorted({texts[code] for code in np.unique(codes)})
    place = {text: position for position, text in enumerate(occurring)}
    moved = np.array([place.get(text, -1) for text in texts], dtype=np.int64)
    return pd.Categorical.from_codes(moved[codes], categories=pd.Index(occurring, dtype="str"))
