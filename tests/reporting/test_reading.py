"""A report is read back whole, or it is told what is wrong with it."""

import json
import pickle
import shutil
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from whole_reports import whole

import gradproof as gp
from gradproof.errors import InputError
from gradproof.reporting.columns import SCHEMA
from gradproof.reporting.formats import ReportFormat
from gradproof.reporting.frames import make_frames
from gradproof.reporting.manifest import parse_manifest

Change = Callable[[Path], object]

TABLES = ("csv", "parquet", "markdown")  # the page takes the longest to make, and is not read back


def assert_same(found: gp.Report, expected: gp.Report) -> None:
    for name, frame in expected.frames.items():
        pd.testing.assert_frame_equal(
            found.frames[name], frame, check_exact=True, check_categorical=True, obj=name
        )
    assert found.environment == expected.environment


@pytest.fixture
def report() -> gp.Report:
    return whole()


@pytest.fixture
def folder(report: gp.Report, tmp_path: Path) -> Path:
    return report.write(tmp_path / "latest", TABLES)


@pytest.mark.parametrize("format_", [None, "csv", "parquet"])
def test_a_report_comes_back_as_it_was(report: gp.Report, folder: Path, format_: str | None) -> None:
    for path in (folder, str(folder), folder / "report.json"):
        assert_same(gp.read_report(path, format=format_), report)


def test_a_report_of_nothing_comes_back(tmp_path: Path) -> None:
    nothing = gp.Report(make_frames([], [], [], []), {})
    assert_same(gp.read_report(nothing.write(tmp_path / "latest", TABLES)), nothing)


def test_a_real_report_comes_back(tmp_path: Path) -> None:
    from gradproof.scenarios import line_fit

    report = gp.verify([line_fit()], ["reference"], ["float32"], limits=None)
    folder = report.write(tmp_path / "latest", TABLES)
    for format_ in ("csv", "parquet"):
        read = gp.read_report(folder, format=format_)
        assert_same(read, report)
        assert read.ok


def test_the_manifest_lists_every_file_and_only_them(folder: Path) -> None:
    described = json.loads((folder / "report.json").read_text("utf-8"))
    assert described["schema"] == 6
    assert described["gradproof"] == gp.__version__
    assert described["not_written"] == {}
    assert {*described["files"], "report.json"} == {path.name for path in folder.iterdir()}
    assert described["files"].keys() >= {"environment.json", "summary.md", "runs.csv", "runs.parquet"}


def test_parquet_is_read_where_it_is_there_else_csv(
    report: gp.Report, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not read is not looked at."""
    for path in folder.glob("*.csv"):
        path.unlink()
    assert_same(gp.read_report(folder), report)
    with pytest.raises(InputError, match=r"\.csv cannot be read: No such file"):
        gp.read_report(folder, format="csv")
    report.write(folder, TABLES)
    for path in folder.glob("*.parquet"):
        path.unlink()
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "pyarrow", None)
        assert_same(gp.read_report(folder), report)
    report.write(folder, formats=["csv"])
    assert_same(gp.read_report(folder), report)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def change_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def put_a_pickle(path: Path) -> None:
    path.write_bytes(pickle.dumps(assert_same))


DAMAGE: Mapping[str, Change] = {
    "a byte too few": cut_off,
    "another bit": change_a_bit,
    "missing": Path.unlink,
    "a folder": make_a_folder,
    "empty": lambda path: path.write_bytes(b""),
    "a pickle": put_a_pickle,
}


@pytest.mark.parametrize("name", ["gradients.parquet", "steps.csv", "environment.json"])
@pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)
def test_a_file_that_was_changed_is_named(folder: Path, damage: Change, name: str) -> None:
    damage(folder / name)
    format_ = "csv" if name.endswith("csv") else None
    with pytest.raises(InputError) as caught:
        gp.read_report(folder, format=format_)
    assert str(folder / name) in str(caught.value)
    assert str(caught.value).endswith("Bring the file back, or write the report again.")


def test_a_change_that_the_manifest_confirms_is_seen_too(folder: Path) -> None:
    """Somebody who can write the folder can write the hash as well; then the bytes themselves must hold."""
    for name, data in (("runs.parquet", pickle.dumps(assert_same)), ("environment.json", b"[1]")):
        shutil.copytree(folder, folder.with_name(name))
        (folder.with_name(name) / name).write_bytes(data)
        confirm(folder.with_name(name), name)
        with pytest.raises(InputError, match=r"'runs' cannot be read|environment.json holds no environment"):
            gp.read_report(folder.with_name(name))


def confirm(folder: Path, name: str) -> None:
    from hashlib import sha256

    data = (folder / name).read_bytes()
    described = json.loads((folder / "report.json").read_text("utf-8"))
    described["files"][name] = {"bytes": len(data), "sha256": sha256(data).hexdigest()}
    (folder / "report.json").write_text(json.dumps(described), encoding="utf-8")


RECORD = {"bytes": 1, "sha256": "0" * 64}


def described(**changed: Any) -> bytes:
    right = {
        "schema": SCHEMA,
        "gradproof": "0",
        "time": "",
        "ok": True,
        "files": {"a": RECORD},
        "not_written": {},
    }
    return json.dumps({**right, **changed}).encode()


def test_a_manifest_is_parsed() -> None:
    assert parse_manifest(described(), Path("x")).files["a"].bytes == 1


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff",
        b"null",
        b"[]",
        b"{}",
        b"[" * 100_000,
        described(files=[]),
        described(files={"a": 1}),
        described(files={"a": {"bytes": "1", "sha256": ""}}),
        described(files={"a": {"bytes": 1}}),
        described(ok=1),
        described(time=None),
        described(not_written={"a": 1}),
        b'{"schema": 6}',
    ],
    ids=range(14),
)
def test_what_is_no_manifest_is_told(data: bytes, folder: Path) -> None:
    (folder / "report.json").write_bytes(data)
    with pytest.raises(InputError, match=r"report\.json is no manifest of a report\. Write"):
        gp.read_report(folder)


@pytest.mark.parametrize("schema", [0, 1, 2, 3, 4, 5, 7, "6", None])
def test_a_report_of_another_schema_is_refused(schema: object, folder: Path) -> None:
    (folder / "report.json").write_bytes(described(schema=schema))
    with pytest.raises(InputError, match=r"is of schema .*, and this gradproof reads schema 6\."):
        gp.read_report(folder)


def test_a_folder_that_is_no_report_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"There is no report at .*nowhere"):
        gp.read_report(tmp_path / "nowhere")
    (tmp_path / "summary.md").write_text("older", encoding="utf-8")
    with pytest.raises(InputError, match=r"holds no report\.json, so it is no report, or an older"):
        gp.read_report(tmp_path)
    with pytest.raises(InputError, match=r"no report\.json|There is no report"):
        gp.read_report(tmp_path / "summary.md")


def test_a_format_that_is_not_there_is_told(
    report: gp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"no table format called 'xls'\. Choose from csv, parquet"):
        gp.read_report(tmp_path, format="xls")
    folder = report.write(tmp_path / "csv", formats=["csv"])
    with pytest.raises(InputError, match=r"not hold all tables as parquet, but as csv\."):
        gp.read_report(folder, format="parquet")
    folder = report.write(tmp_path / "none", formats=["markdown"])
    with pytest.raises(InputError, match=r"not hold the tables of a report\. Write it with --formats csv"):
        gp.read_report(folder)
    folder = report.write(tmp_path / "parquet", formats=["parquet"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(InputError, match=r"is Parquet, which needs|are Parquet, which needs pyarrow"):
        gp.read_report(folder)
    with pytest.raises(InputError, match=r"are Parquet, which needs pyarrow"):
        gp.read_report(folder, format="parquet")


def test_a_report_that_is_replaced_while_it_is_read_is_read_again(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, parse = whole("b"), ReportFormat.parse
    done = []

    def replaced_meanwhile(self: ReportFormat, name: str, data: bytes) -> pd.DataFrame:
        if name == "updates" and not done:
            done.append(other.write(folder, TABLES))
        return parse(self, name, data)

    monkeypatch.setattr(ReportFormat, "parse", replaced_meanwhile)
    assert_same(gp.read_report(folder), other)
    assert done


def test_a_report_that_is_replaced_again_and_again_is_told(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parse, count = ReportFormat.parse, iter(range(100))

    def replaced_meanwhile(self: ReportFormat, name: str, data: bytes) -> pd.DataFrame:
        if name == "updates":
            whole(f"version {next(count)}").write(folder, TABLES)
        return parse(self, name, data)

    monkeypatch.setattr(ReportFormat, "parse", replaced_meanwhile)
    with pytest.raises(InputError, match="is written again and again"):
        gp.read_report(folder)


NAMES = [
    "<script>alert(1)</script>",
    "../../x",
    "a/b",
    "NUL",
    "n" * 5000,
    "two\nlines",
    "a|b",
    "'\"`",
    "a\0b",
    "",
]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_no_file_is_called_by_what_a_scenario_is_called(name: str, tmp_path: Path) -> None:
    usual = {path.name for path in whole().write(tmp_path / "usual", TABLES).iterdir()}
    odd = whole(name)
    folder = odd.write(tmp_path / "odd", TABLES)
    assert {path.name for path in folder.iterdir()} == usual
    assert sorted(path.name for path in tmp_path.iterdir()) == ["odd", "usual"]
    for format_ in ("csv", "parquet"):
        assert_same(gp.read_report(folder, format=format_), odd)


def test_what_is_no_character_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    report = whole()
    report.frames["runs"]["reason"] = pd.Series(["half \ud83d"] * len(report.runs), dtype=object)
    with pytest.raises(InputError, match=r"The report holds '\\ud83d', which is no character\. Rename"):
        report.write(tmp_path / "latest")
    assert list(tmp_path.iterdir()) == []
