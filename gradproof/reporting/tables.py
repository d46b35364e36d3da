"""A report's frames as CSV and as Parquet, and back, without a bit lost.

Numbers are written with as many digits as bring the same number back; a missing number is empty (CSV) or
null (Parquet), infinities are `inf` and `-inf`. Text is always there (`""` at the least) and, in CSV, always
quoted. Categories come back as the texts that occur, sorted, as `make_frames` makes them.

pyarrow writes and reads both where it is installed; without it pandas writes the CSV and Python's csv module
reads it, more slowly, and there is no Parquet.
"""

import csv
import io
from collections.abc import Callable, Iterable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from gradproof.errors import InputError
from gradproof.reporting.columns import COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

TABLE_FORMATS = ("parquet", "csv")
"""The endings of a table's files; reading prefers the first."""


def has_pyarrow() -> bool:
    """Tell whether pyarrow is installed, without importing it."""
    return find_spec("pyarrow") is not None


def encode_frame(name: str, frame: pd.DataFrame, formats: Iterable[str]) -> dict[str, bytes]:
    """Encode a frame in some of `TABLE_FORMATS`.

    Args:
        name: a key of `COLUMNS`.
        frame: with its columns and dtypes.
        formats: Parquet needs pyarrow.

    Returns:
        per format the bytes of the file.

    Raises:
        InputError: the frame has other columns or dtypes, or text is missing in it.

    >>> from gradproof.reporting.frames import as_frame
    >>> row = {"scenario": "a", "parameter": "w", "step": 0, "digits": np.inf}
    >>> frame = as_frame("formulas", [row | {"verdict": "EQUAL", "reason": "", "cause": "", "where": ""}])
    >>> print(encode_frame("formulas", frame, ["csv"])["csv"].decode())
    "scenario","parameter","step","digits","verdict","reason","cause","where"
    "a","w",0,inf,"EQUAL","","",""
    <BLANKLINE>
    """
    _check(name, frame)
    if not has_pyarrow():
        return {ending: _plain_csv(frame) for ending in formats}
    table = _arrow_table(name, frame)
    encoders = {"csv": _arrow_csv, "parquet": _arrow_parquet}
    return {ending: encoders[ending](table) for ending in formats}


def decode_frame(name: str, data: bytes, ending: str) -> pd.DataFrame:
    """Decode a frame from the bytes of its file.

    Args:
        name: a key of `COLUMNS`.
        data: the bytes.
        ending: one of `TABLE_FORMATS`; Parquet needs pyarrow.

    Raises:
        InputError: the bytes are no table with the columns of the frame.
    """
    if not has_pyarrow():
        return _decoded(name, _columns_of_csv, data, (csv.Error, ValueError, OverflowError))
    import pyarrow as pa  # noqa: PLC0415 - an extra

    decoder = {"csv": _columns_of_arrow_csv, "parquet": _columns_of_parquet}[ending]
    return _decoded(name, decoder, data, (pa.ArrowException, ValueError, TypeError, OSError, LookupError))


def _decoded(
    name: str,
    decoder: Callable[[str, bytes], dict[str, Any]],
    data: bytes,
    errors: tuple[type[Exception], ...],
) -> pd.DataFrame:
    try:
        return pd.DataFrame(decoder(name, data), columns=list(COLUMNS[name]))
    except errors as error:
        reason = str(error).partition("\n")[0]
        raise InputError(
            f"The table {name!r} cannot be read ({type(error).__name__}: {reason}). Write the report again."
        ) from error


def _check(name: str, frame: pd.DataFrame) -> None:
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


# With pyarrow.


def _arrow_type(dtype: str) -> "pa.DataType":
    import pyarrow as pa  # noqa: PLC0415 - an extra

    return {
        "category": pa.dictionary(pa.int32(), pa.string()),
        "object": pa.string(),
        "int64": pa.int64(),
        "float64": pa.float64(),
        "bool": pa.bool_(),
    }[dtype]


def _arrow_table(name: str, frame: pd.DataFrame) -> "pa.Table":
    import pyarrow as pa  # noqa: PLC0415 - an extra

    arrays = []
    for column, dtype in COLUMNS[name].items():
        if dtype == "category":
            categories = pa.array(frame[column].cat.categories.to_list(), pa.string())
            codes = frame[column].cat.codes.to_numpy().astype(np.int32)
            arrays.append(pa.DictionaryArray.from_arrays(codes, categories))
        else:
            # NaN becomes null, which CSV writes as nothing.
            arrays.append(pa.array(frame[column].to_numpy(), _arrow_type(dtype), from_pandas=True))
    return pa.Table.from_arrays(arrays, names=list(COLUMNS[name]))


def _arrow_csv(table: "pa.Table") -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.csv  # noqa: PLC0415

    plain = [pa.string() if pa.types.is_dictionary(field.type) else field.type for field in table.schema]
    sink = pa.BufferOutputStream()
    pyarrow.csv.write_csv(table.cast(pa.schema(zip(table.column_names, plain, strict=True))), sink)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return] # pyarrow has no types


def _arrow_parquet(table: "pa.Table") -> bytes:
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet  # noqa: PLC0415

    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="zstd")
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return] # pyarrow has no types


def _columns_of_arrow_csv(name: str, data: bytes) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.csv  # noqa: PLC0415

    table = pyarrow.csv.read_csv(
        pa.BufferReader(data),
        # A row must lie within a block, and names may be long.
        read_options=pyarrow.csv.ReadOptions(block_size=min(len(data) + 1, 2**31 - 1)),
        parse_options=pyarrow.csv.ParseOptions(newlines_in_values=True),
        convert_options=pyarrow.csv.ConvertOptions(
            column_types={column: _arrow_type(dtype) for column, dtype in COLUMNS[name].items()},
            null_values=[""],
            strings_can_be_null=False,
        ),
    )
    return _columns_of_arrow(name, table)


def _columns_of_parquet(name: str, data: bytes) -> dict[str, Any]:
    import pyarrow as pa  # noqa: PLC0415 - an extra
    import pyarrow.parquet  # noqa: PLC0415

    table = pyarrow.parquet.read_table(pa.BufferReader(data))
    table.validate(full=True)  # the codes of categories, too, which a damaged file may have out of range
    return _columns_of_arrow(name, table)


def _columns_of_arrow(name: str, table: "pa.Table") -> dict[str, Any]:
    _check_header(name, table.column_names)
    columns: dict[str, Any] = {}
    for column, dtype in COLUMNS[name].items():
        values = table[column].cast(_arrow_type(dtype))
        if dtype != "float64" and values.null_count:
            raise ValueError(f"a value of {column} is missing")
        if dtype == "category":
            values = values.unify_dictionaries()
            texts = values.chunk(0).dictionary.to_pylist() if values.num_chunks else []
            codes = [chunk.indices.to_numpy() for chunk in values.chunks]
            columns[column] = _categorical(np.concatenate(codes) if codes else np.zeros(0, np.int32), texts)
        else:
            columns[column] = pd.Series(values.to_numpy(), dtype=dtype)
    return columns


def _categorical(codes: np.ndarray[Any, Any], texts: Sequence[str]) -> pd.Categorical:
    """Sort the texts that occur, as pandas does when it makes categories of a column."""
    occurring = sorted({texts[code] for code in np.unique(codes)})
    place = {text: position for position, text in enumerate(occurring)}
    moved = np.array([place.get(text, -1) for text in texts], dtype=np.int64)
    return pd.Categorical.from_codes(moved[codes], categories=pd.Index(occurring, dtype="str"))


# Without it.


def _plain_csv(frame: pd.DataFrame) -> bytes:
    text: str = frame.to_csv(index=False, lineterminator="\n", quoting=csv.QUOTE_NONNUMERIC)
    return text.encode()


def _columns_of_csv(name: str, data: bytes) -> dict[str, Any]:
    limit = csv.field_size_limit(max(len(data), 1))
    try:
        header, *rows = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    finally:
        csv.field_size_limit(limit)
    _check_header(name, header)
    columns = list(zip(*rows, strict=True)) or [()] * len(header)
    return {
        column: _parsed(texts, dtype)
        for (column, dtype), texts in zip(COLUMNS[name].items(), columns, strict=True)
    }


def _parsed(texts: Sequence[str], dtype: str) -> Any:
    if dtype == "category":
        occurring = sorted(set(texts))
        return pd.Categorical(list(texts), categories=pd.Index(occurring, dtype="str"))
    if dtype == "float64":
        return np.array([float(text) if text else np.nan for text in texts], dtype=np.float64)
    if dtype == "int64":
        return np.array([int(text) for text in texts], dtype=np.int64)
    if dtype == "bool":
        known = {"true": True, "false": False}
        if not {text.lower() for text in texts} <= known.keys():
            raise ValueError("a truth value is neither true nor false")
        return np.array([known[text.lower()] for text in texts], dtype=np.bool_)
    return pd.Series(list(texts), dtype="object")


def _check_header(name: str, found: Sequence[str]) -> None:
    if list(found) != list(COLUMNS[name]):
        raise ValueError(f"the columns are {', '.join(found)}")
