"""Frames written as CSV and Parquet come back without a bit lost, with pyarrow and without."""

import csv
import io
import math
import pickle
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gradproof.errors import InputError
from gradproof.reporting.columns import COLUMNS, as_frame
from gradproof.reporting.formats import csv as csv_format
from gradproof.reporting.formats import parquet, report_formats

EXTREME = [math.nan, math.inf, -math.inf, 0.0, -0.0, 5e-324, -2.2250738585072014e-308, 1.7976931348623157e308]
ODD = [
    "",
    " ",
    "NA",
    "nan",
    "null",
    "None",
    "inf",
    "1e5",
    "-0",
    "true",
    '"',
    '""',
    "a,b",
    "a\nb",
    "a\r\nb",
    "a\rb",
    "\n",
    "NUL",
    # Before pandas 3 the categories "" and NUL are one.
    *(("a\0b", "\0") if pd.__version__ >= "3" else ()),
    "<script>alert(1)</script>",
    "../../x",
    "a/b",
    "|",
    "=1+1",
    "#",
    "\ufeffx",
    "ünïcode 漢字 🙂",
    "\u2028",
    "\x85",
    "x" * 200_000,
]

FLOATS = st.floats() | st.sampled_from(EXTREME)
TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(ODD)
VALUES = {
    "category": TEXTS,
    "object": TEXTS,
    "float64": FLOATS,
    "int64": st.integers(-(2**63), 2**63 - 1),
    "bool": st.booleans(),
}
BOTH = pytest.mark.parametrize("ending", ["csv", "parquet"])


def encode_frame(name: str, frame: pd.DataFrame, endings: list[str]) -> dict[str, bytes]:
    return {ending: {"csv": csv_format, "parquet": parquet}[ending].encode(name, frame) for ending in endings}


def decode_frame(name: str, data: bytes, ending: str) -> pd.DataFrame:
    return report_formats()[ending].parse(name, data)


@contextmanager
def without_pyarrow() -> Iterator[None]:
    """As if pyarrow were not installed; pandas, which has imported it, keeps it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(sys.modules, "pyarrow", None)
        yield


def rows_of(name: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    return st.lists(
        st.fixed_dictionaries({column: VALUES[dtype] for column, dtype in COLUMNS[name].items()}), max_size=5
    )


def assert_same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    """Equal as pandas has it, and the floats bit for bit: -0.0 is not 0.0."""
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_categorical=True)
    for column in expected.select_dtypes("float64"):
        assert bits(found[column]) == bits(expected[column])


def bits(values: pd.Series) -> list[bytes]:
    return [b"nan" if math.isnan(value) else struct.pack("d", value) for value in values]


@given(st.sampled_from(list(COLUMNS)).flatmap(lambda name: st.tuples(st.just(name), rows_of(name))))
def test_a_frame_comes_back_as_it_was(case: tuple[str, list[dict[str, Any]]]) -> None:
    name, rows = case
    frame = as_frame(name, rows)
    written = encode_frame(name, frame, ["csv", "parquet"])
    for ending, data in written.items():
        assert_same(decode_frame(name, data, ending), frame)
    with without_pyarrow():
        # Each reads what it wrote itself, and what the other one wrote.
        assert_same(decode_frame(name, written["csv"], "csv"), frame)
        assert encode_frame(name, frame, ["csv"]) == {"csv": written["csv"]}


@BOTH
@pytest.mark.parametrize("name", COLUMNS)
def test_an_empty_frame_comes_back(name: str, ending: str) -> None:
    frame = as_frame(name, [])
    assert_same(decode_frame(name, encode_frame(name, frame, [ending])[ending], ending), frame)


def provenance(*texts: str) -> pd.DataFrame:
    return as_frame(
        "provenance", [{"scenario": text, "value": text, "kind": text, "reason": text} for text in texts]
    )


def runs(final_loss: float) -> pd.DataFrame:
    row = {"category": "", "object": "", "int64": 0, "float64": 0.5, "bool": True}
    values = {column: row[dtype] for column, dtype in COLUMNS["runs"].items()}
    return as_frame("runs", [{**values, "final_loss": final_loss}])


@pytest.mark.parametrize("pyarrow", [True, False], ids=["pyarrow", "without"])
def test_pythons_own_reader_finds_what_was_written(pyarrow: bool) -> None:
    """An independent reader: the csv module, and float."""
    limit = csv.field_size_limit(10**6)
    for value in EXTREME:
        with without_pyarrow() if not pyarrow else pytest.MonkeyPatch.context():
            data = encode_frame("runs", runs(value), ["csv"])["csv"]
        (row,) = csv.DictReader(io.StringIO(data.decode(), newline=""))
        found = float(row["final_loss"] or "nan")
        assert struct.pack("d", found) == struct.pack("d", value) or math.isnan(found) is math.isnan(value)
    with without_pyarrow() if not pyarrow else pytest.MonkeyPatch.context():
        data = encode_frame("provenance", provenance(*ODD), ["csv"])["csv"]
    rows = list(csv.DictReader(io.StringIO(data.decode(), newline="")))
    # A spreadsheet would run the text that begins with a sign of equality.
    assert [row["scenario"].removeprefix("'") for row in rows] == ODD
    assert [row["reason"].removeprefix("'") for row in rows] == ODD
    csv.field_size_limit(limit)


def test_pandas_reads_the_files_as_anybody_would(tmp_path: Path) -> None:
    frame = runs(5e-324)
    for ending, data in encode_frame("runs", frame, ["csv", "parquet"]).items():
        (tmp_path / f"runs.{ending}").write_bytes(data)
    read = pd.read_csv(tmp_path / "runs.csv")
    assert read["final_loss"].tolist() == [5e-324]
    assert read["stopped"].tolist() == [True]
    assert pd.read_parquet(tmp_path / "runs.parquet")["final_loss"].tolist() == [5e-324]


def test_reading_without_pyarrow_leaves_pythons_limit_as_it_was() -> None:
    limit = csv.field_size_limit()
    with without_pyarrow():
        decode_frame("provenance", encode_frame("provenance", provenance(*ODD), ["csv"])["csv"], "csv")
        with pytest.raises(InputError):
            decode_frame("provenance", b'"scenario', "csv")
    assert csv.field_size_limit() == limit


class Planted:
    """What a pickle of it would execute."""

    done = False

    def __reduce__(self) -> tuple[Any, ...]:
        return (setattr, (Planted, "done", True))


HEADER = b",".join(f'"{column}"'.encode() for column in COLUMNS["formulas"])
RIGHT = HEADER + b'\n"a","w",0,1.5,"EQUAL","","",""\n'
DAMAGED = {
    "nothing": b"",
    "a pickle": pickle.dumps(Planted()),
    "a pickle after a magic number": b"PAR1" + pickle.dumps(Planted()) + b"PAR1",
    "not Unicode": RIGHT.replace(b"EQUAL", b"\xff\xfe"),
    "another column": RIGHT.replace(b"digits", b"digit"),
    "a column less": RIGHT.replace(b',"where"', b"").replace(b'"",""\n', b'""\n'),
    "a row cut off": RIGHT[:-13],
    "a quote left open": RIGHT.replace(b'EQUAL"', b"EQUAL"),
    "a text for a number": RIGHT.replace(b"1.5", b"x"),
    "a text for a step": RIGHT.replace(b",0,", b",x,"),
    "a step that is missing": RIGHT.replace(b",0,", b",,"),
    "a step that is too large": RIGHT.replace(b",0,", b",99999999999999999999,"),
}


@pytest.mark.parametrize("pyarrow", [True, False], ids=["pyarrow", "without"])
@pytest.mark.parametrize("data", DAMAGED.values(), ids=DAMAGED)
def test_what_is_no_table_is_told_and_not_executed(data: bytes, pyarrow: bool) -> None:
    with without_pyarrow() if not pyarrow else pytest.MonkeyPatch.context():
        assert len(decode_frame("formulas", RIGHT, "csv")) == 1
        for ending in ("csv", "parquet") if pyarrow else ("csv",):
            with pytest.raises(InputError, match=r"The table 'formulas' cannot be read .*Write the report"):
                decode_frame("formulas", data, ending)
    assert not Planted.done


@pytest.mark.parametrize("pyarrow", [True, False], ids=["pyarrow", "without"])
def test_a_truth_value_is_true_or_false(pyarrow: bool) -> None:
    data = encode_frame("runs", runs(1.0), ["csv"])["csv"].replace(b"True", b"maybe")
    with (
        without_pyarrow() if not pyarrow else pytest.MonkeyPatch.context(),
        pytest.raises(InputError, match="'runs' cannot be read"),
    ):
        decode_frame("runs", data, "csv")


@given(st.data())
def test_a_parquet_file_with_changed_bytes_never_raises_anything_else(data: st.DataObject) -> None:
    """Where the hash would not have told."""
    whole = encode_frame("formulas", decode_frame("formulas", RIGHT, "csv"), ["parquet"])["parquet"]
    changed = bytearray(whole)
    for position in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4)):
        changed[position] = data.draw(st.integers(0, 255))
    try:
        read = decode_frame("formulas", bytes(changed), "parquet")
    except InputError:
        return
    assert {column: str(dtype) for column, dtype in read.dtypes.items()} == COLUMNS["formulas"]


UNFIT = {
    "another dtype": provenance("a").astype({"value": "category"}),
    "another order": provenance("a")[["value", "scenario", "kind", "reason"]],
    "a column less": provenance("a").drop(columns="kind"),
    "a missing text": provenance("a").astype({"value": object}).assign(value=np.array([None], dtype=object)),
    "a missing category": provenance("a").assign(kind=pd.Categorical([None], categories=["a"])),
    "only missing categories": provenance("a").assign(kind=pd.Categorical([None], categories=[])),
    "a number for a text": provenance("a").assign(value=pd.Series([1], dtype=object)),
    "numbers for categories": provenance("a").assign(kind=pd.Categorical([1])),
}


@pytest.mark.parametrize("frame", UNFIT.values(), ids=UNFIT)
def test_a_frame_that_would_not_come_back_is_not_written(frame: pd.DataFrame) -> None:
    with pytest.raises(InputError, match=r"'provenance'.*(not a report's|no text)"):
        encode_frame("provenance", frame, ["csv"])


FORMULAS = (
    "=cmd|' /C calc'!A0",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'=1",
    "''@a",
    "\uff1d1",
    "--1",
    "=",
)
PLAIN = ("-0.5", "+1e-30", "-inf", "1.5", "'quoted'", "a=b", "", "'", "-1.234567890123456789012345e-12")


@pytest.mark.parametrize("text", [*FORMULAS, *PLAIN])
def test_no_text_of_a_csv_is_run_by_a_spreadsheet_and_each_comes_back(text: str) -> None:
    """Numbers stay numbers, also where they stand as text for all their digits."""
    frame = provenance(text).assign(reason=pd.Series([text], dtype=object))
    data = encode_frame("provenance", frame, ["csv"])["csv"]
    cells = list(csv.reader(io.StringIO(data.decode(), newline="")))[1]
    begins = {cell[:1] for cell in cells if text and text in cell}
    assert begins == ({"'"} if text in FORMULAS else {text[:1]} if text else set())
    pd.testing.assert_frame_equal(decode_frame("provenance", data, "csv"), frame)
