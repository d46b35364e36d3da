"""Report folders that somebody damaged who could also write the hashes: every field, every file."""

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import planted_reports
import pyarrow as pa
import pyarrow.parquet
from hostile_files import BAD_FILES, ESCAPE, Case, put
from whole_reports import FAILED, LEFT_OUT, whole

from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.environment import environment
from gradproof.reporting.formats import report_formats
from gradproof.reporting.manifest import ENVIRONMENT, MANIFEST, record_of
from gradproof.reporting.reading import read_report
from gradproof.reporting.report import Report
from gradproof.verdicts.verdict import Verdict

FORMATS = ("csv", "parquet")


@cache
def good() -> Report:
    """A report that has rows in every frame; one gradient does not pass."""
    accused = planted_reports.judged(Verdict.DISAGREES, cause="a factor 2", where="mean at mine.py:3")
    other = planted_reports.check(ok=False, test="test_other.py::test_it")
    report = whole("line", accused, not_run=(FAILED, LEFT_OUT), checks=(other,))
    return Report(report.frames, environment())


def written(folder: Path) -> Path:
    """Write the good report; it is made once and copied."""
    kept = _kept(folder.parents[1])
    shutil.copytree(kept, folder)
    return folder


@cache
def _kept(parent: Path) -> Path:
    return good().write(parent / "kept", FORMATS)


def confirm(folder: Path, *names: str) -> None:
    """Write the hashes of files into the manifest as if they had been written so."""
    described = json.loads((folder / MANIFEST).read_text("utf-8"))
    for name in names:
        described["files"][name] = vars(record_of((folder / name).read_bytes()))
    (folder / MANIFEST).write_text(json.dumps(described), encoding="utf-8")


Change = Callable[[Path], Any]


def _case(name: str, change: Change, *, refused: bool = True) -> Case:
    def make(folder: Path) -> list[str]:
        before, after = written(folder / "good"), written(folder / "bad")
        change(after)
        return ["compare", str(before), str(after)]

    return Case(name, make, refused)


# -------------------------------------------------------------------- the tables' cells

ENUMERATED = {"kind", "verdict", "status", "quantity"}
"""Columns that hold one of some words."""

BAD: Mapping[str, tuple[Any, ...]] = {
    "category": ("", ESCAPE, "x" * 100_000, "AGREES"),
    "object": ("", ESCAPE, "x" * 100_000, "=cmd|' /C calc'!A0", "a\0b"),
    "int64": (-1, -(2**63), 2**63 - 1),
    "float64": (np.nan, np.inf, -np.inf, -1e308),
    "bool": (True, False),
}
"""Values per dtype that a reader may not expect."""


def _replaced(frame: str, change: Callable[[pd.DataFrame], pd.DataFrame], ending: str, folder: Path) -> None:
    rows = change(good().frames[frame].copy())
    name = f"{frame}.{ending}"
    (folder / name).write_bytes(_encoded(rows, ending))
    if ending == "csv":  # else Parquet is read
        for other in COLUMNS:
            (folder / f"{other}.parquet").unlink()
        described = json.loads((folder / MANIFEST).read_text("utf-8"))
        described["files"] = {n: r for n, r in described["files"].items() if not n.endswith(".parquet")}
        (folder / MANIFEST).write_text(json.dumps(described), encoding="utf-8")
    confirm(folder, name)


def _encoded(rows: pd.DataFrame, ending: str) -> bytes:
    """Encode any frame, also one that is no report's."""
    if ending == "csv":
        text = rows.to_csv(index=False, lineterminator="\n", quoting=2)
        return text.encode("utf-8", "surrogatepass")
    sink = pa.BufferOutputStream()
    pyarrow.parquet.write_table(pa.Table.from_pandas(rows, preserve_index=False), sink)
    return bytes(sink.getvalue().to_pybytes())


def _with(column: str, value: Any, row: int) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        dtype = rows[column].dtype
        whole = rows.astype({column: object})
        whole.loc[row if row < len(rows) else 0, column] = value
        return whole.astype({column: dtype})

    return change


def cells() -> Iterator[Case]:
    """Give a case for each column and each value of its dtype; Parquet and CSV take turns."""
    for frame, columns in COLUMNS.items():
        for at, (column, dtype) in enumerate(columns.items()):
            unknown = ("MAYBE", "agrees") if column in ENUMERATED else ()
            for number, value in enumerate((*unknown, *BAD[dtype])):
                ending = FORMATS[(at + number) % 2]
                change = partial(_replaced, frame, _with(column, value, number), ending)
                shown = f"{value!r:.20}"
                refused = value in unknown
                yield _case(f"{frame}.{ending} {column} is {shown}", change, refused=refused)


# -------------------------------------------------------------------- the tables' rows and columns


def _dropped(column: str, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=column)


def _other_dtype(column: str, rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(**{column: [{"a": 1}] * len(rows)})


TABLES: Mapping[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "no rows": lambda rows: rows.iloc[:0],
    "half of its rows": lambda rows: rows.iloc[: len(rows) // 2],
    "its rows twice": lambda rows: pd.concat([rows, rows]),
    "no first column": lambda rows: rows.iloc[:, 1:],
    "its columns turned around": lambda rows: rows.iloc[:, ::-1],
    "a column twice as long in name": lambda rows: rows.rename(columns={rows.columns[0]: ESCAPE}),
    "one column more": lambda rows: rows.assign(more=1),
    "numbers for texts": lambda rows: rows.assign(**{rows.columns[0]: 1.5}),
    "texts for all": lambda rows: rows.astype(str),
    "no columns": lambda rows: rows.iloc[:, :0],
}
"""What a table may look like as a whole."""

RELATED = ("findings", "gradients", "updates", "entries", "steps", "runs", "formulas", "checks", "claims")
"""The frames that have a row where another one has: without it the report contradicts itself."""

_HARMLESS = {
    (frame, kind)
    for frame in COLUMNS
    for kind in ("no rows", "half of its rows", "its rows twice")
    if frame not in RELATED
}
# A frame of numbers, written as texts, is the same CSV but for the quotes.
_HARMLESS |= {(frame, kind) for frame in COLUMNS for kind in ("texts for all", "numbers for texts")}


def tables() -> Iterator[Case]:
    """Give a case for each frame and each thing that may be wrong with all of it."""
    for at, frame in enumerate(COLUMNS):
        for number, (kind, change) in enumerate(TABLES.items()):
            refused = (frame, kind) not in _HARMLESS
            ending = FORMATS[(at + number) % 2]
            replaced = partial(_replaced, frame, change, ending)
            yield _case(f"{frame}.{ending} has {kind}", replaced, refused=refused)


# -------------------------------------------------------------------- files


def _unread(name: str) -> bool:
    return name.endswith(".csv")  # beside Parquet


def files() -> Iterator[Case]:
    """Give a case for each file and each bad kind of file; the manifest confirms what can be hashed."""
    names = [MANIFEST, ENVIRONMENT, *(f"{frame}.parquet" for frame in COLUMNS)]
    for name in names:
        for kind in BAD_FILES:
            yield _case(f"{name} is {kind}", partial(_put, name, kind))
    for kind in BAD_FILES:
        yield Case(f"the folder is {kind}", partial(_put_folder, kind))


def paths() -> Iterator[Case]:
    """Give a case for each odd name of a folder."""
    for name in (
        "",
        ".",
        "..",
        "/",
        "a\nb",
        ESCAPE,
        "\udcff",
        "x" * 5_000,
        "good/",
        "good/report.json",
        "~",
        "-",
    ):
        yield Case(f"the folder is called {name!r:.20}", partial(_called, name))


def _called(name: str, folder: Path) -> list[str]:
    good = written(folder / "good")
    return ["compare", "--", str(good), f"{folder}/{name}" if name else ""]


def _put(name: str, kind: str, folder: Path) -> None:
    put(folder / name, kind)
    if name == MANIFEST:
        return
    if kind == "40 GB of holes":
        described = json.loads((folder / MANIFEST).read_text("utf-8"))
        described["files"][name]["bytes"] = 40 * 2**30
        (folder / MANIFEST).write_text(json.dumps(described), encoding="utf-8")
    elif (folder / name).is_file():
        confirm(folder, name)


def _put_folder(kind: str, folder: Path) -> list[str]:
    put(folder / "bad", kind)
    return ["compare", str(written(folder / "good")), str(folder / "bad")]


# -------------------------------------------------------------------- the manifest and the environment

JSON: tuple[Any, ...] = (None, True, 1, -1, 1.5, 10**400, "x", "", ESCAPE, "\ud83d", [], {}, [[1]], {"a": {}})


def _deep(levels: int) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for _ in range(levels):
        nested = {"a": nested}
    return nested


def _json(name: str, path: tuple[str, ...], value: Any, folder: Path) -> None:
    described = json.loads((folder / name).read_text("utf-8"))
    place = described
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    (folder / name).write_text(json.dumps(described), encoding="utf-8")
    if name != MANIFEST:
        confirm(folder, name)


MANIFEST_FIELDS: Mapping[tuple[str, ...], tuple[Any, ...]] = {
    ("schema",): (),
    ("gradproof",): ("x", "", ESCAPE, "\ud83d"),
    ("time",): ("x", "", ESCAPE, "\ud83d"),
    ("ok",): (),
    ("files",): (),
    ("not_written",): ({},),
    ("files", "runs.parquet"): (),
    ("files", "runs.parquet", "bytes"): (),
    ("files", "runs.parquet", "sha256"): (),
    ("files", "environment.json", "bytes"): (),
}
"""The fields of a manifest, and which values of `JSON` are as good as another."""


def manifests() -> Iterator[Case]:
    """Give a case for each field and each value; and files that are none of a report's."""
    for path, fine in MANIFEST_FIELDS.items():
        for value in JSON:
            refused = not any(value is each or value == each for each in fine)
            yield _case(
                f"{MANIFEST} {'.'.join(path)} is {value!r:.20}",
                partial(_json, MANIFEST, path, value),
                refused=refused,
            )
    for name in ("../good/report.json", "/etc/passwd", "", ".", "a\0b", "\ud83d", ESCAPE, "x" * 5000):
        record = {"bytes": 1, "sha256": "0" * 64}
        change = partial(_json, MANIFEST, ("files", name), record)
        yield _case(f"{MANIFEST} names {name!r:.20}", change, refused=False)
    yield _case(f"{MANIFEST} says ok", partial(_json, MANIFEST, ("ok",), True))


def environments() -> Iterator[Case]:
    """Give a case for each entry of an environment and each value."""
    for key in good().environment:
        for value in (*JSON, _deep(500), ["x"] * 10_000):
            yield _case(
                f"{ENVIRONMENT} {key} is {value!r:.20}",
                partial(_json, ENVIRONMENT, (key,), value),
                refused=False,
            )
    for key in (ESCAPE, "\ud83d", "", "x" * 100_000):
        yield _case(f"{ENVIRONMENT} has {key!r:.20}", partial(_json, ENVIRONMENT, (key,), "1"), refused=False)


def _parquet(make: Callable[[], pa.Table], folder: Path) -> None:
    pyarrow.parquet.write_table(make(), folder / "runs.parquet", compression="zstd")
    confirm(folder, "runs.parquet")


def _many_rows(rows: int) -> pa.Table:
    """Make a table of equal rows: its file is tiny, for each column repeats one value."""
    blank: Mapping[str, Any] = {
        "category": pa.scalar(""),
        "object": pa.scalar(""),
        "int64": pa.scalar(0),
        "float64": pa.scalar(0.0),
        "bool": pa.scalar(False),
    }
    columns = {
        name: pa.DictionaryArray.from_arrays(
            pa.array(np.zeros(rows, np.int8)), pa.array([blank[dtype].as_py()])
        )
        for name, dtype in COLUMNS["runs"].items()
    }
    return pa.table(columns)


def _flipped(seed: int, folder: Path) -> None:
    data = bytearray((folder / "runs.parquet").read_bytes())
    random = np.random.default_rng(seed)
    # What the file says of itself stands at its end.
    for place in random.integers(len(data) // 2, len(data), size=3):
        data[place] = random.integers(256)
    (folder / "runs.parquet").write_bytes(bytes(data))
    confirm(folder, "runs.parquet")


def sizes() -> Iterator[Case]:
    """Give cases that end the process of a careless reader, or are large in its memory and small on disk."""
    for seed in range(60):
        yield _case(f"runs.parquet is flipped {seed}", partial(_flipped, seed), refused=False)
    yield _case("runs.parquet has 60 million rows", partial(_parquet, partial(_many_rows, 60_000_000)))


def reports() -> Iterator[Case]:
    """Give all cases of reports."""
    for part in (cells, tables, files, manifests, environments, paths, sizes):
        yield from part()


def render_all(folder: str) -> None:
    """Read a report, and render it in each format that is a text, which must not raise."""
    report = read_report(folder)
    for render in planted_reports.TEXTS.values():
        render(report)
    for make in report_formats()["csv"].render(report).values():
        make()
