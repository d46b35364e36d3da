"""Which formats a report is written in, and what is told of it."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

import gradproof as gp
from gradproof.errors import InputError
from gradproof.reporting import writing
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.frames import make_frames
from gradproof.reporting.manifest import KNOWN_FILES, read_manifest
from gradproof.reporting.writing import FORMATS, Format, check_formats, describe_written


@pytest.fixture
def report() -> gp.Report:
    return gp.Report(make_frames([], [], [], []), {"python": "3"})


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_alone_gives_its_files(name: str, report: gp.Report, tmp_path: Path) -> None:
    folder = report.write(tmp_path / "latest", formats=[name])
    files = {FORMATS[name].files.replace("*", frame) for frame in COLUMNS}
    assert names(folder) == {"environment.json", "report.json", *files}
    assert names(folder) <= KNOWN_FILES, "a report of it without a manifest would not be replaced"


def test_all_formats_give_all_files(report: gp.Report, tmp_path: Path) -> None:
    folder = report.write(tmp_path / "latest")
    expected = {form.files.replace("*", frame) for form in FORMATS.values() for frame in COLUMNS}
    assert names(folder) == {"environment.json", "report.json", *expected}


def test_a_smaller_report_takes_the_place_of_a_larger_one(report: gp.Report, tmp_path: Path) -> None:
    report.write(tmp_path / "latest")
    folder = report.write(tmp_path / "latest", formats=["markdown"])
    assert names(folder) == {"environment.json", "report.json", "summary.md"}


def test_an_older_report_without_a_manifest_is_replaced(report: gp.Report, tmp_path: Path) -> None:
    for name in ("environment.json", "summary.md", *(f"{frame}.csv" for frame in COLUMNS)):
        (tmp_path / "latest").mkdir(exist_ok=True)
        (tmp_path / "latest" / name).write_text("older", encoding="utf-8")
    folder = report.write(tmp_path / "latest", formats=["markdown"])
    assert names(folder) == {"environment.json", "report.json", "summary.md"}


@pytest.mark.parametrize(
    ("formats", "message"),
    [
        (["xls"], r"no report format called 'xls'\. Choose from html, csv, parquet"),
        (["csv", "CSV"], r"no report format called 'CSV'"),
        ([], r"No report format was chosen\. Choose from html, csv, parquet"),
    ],
)
def test_formats_that_do_not_exist_are_refused(
    formats: list[str], message: str, report: gp.Report, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        check_formats(formats)
    with pytest.raises(InputError, match=message):
        report.write(tmp_path / "latest", formats=formats)
    assert names(tmp_path) == set()


def test_what_is_not_installed_stands_in_the_manifest(
    report: gp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = Format("index.html", "nowhere:build", needs=("no_such_a", "json", "no_such_b"))
    monkeypatch.setattr(writing, "FORMATS", {**FORMATS, "html": page})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    folder = report.write(tmp_path / "latest")
    needs = "Install what it needs with: pip install 'gradproof[report]'"
    assert read_manifest(folder).not_written == {
        "*.parquet": f"needs pyarrow, which is not installed. {needs}",
        "index.html": f"needs no_such_a and no_such_b, which are not installed. {needs}",
    }
    assert describe_written(folder) == [
        f"{folder}/summary.md (and beside it junit.xml, verdicts.jsonl, tables as CSV)",
        f"not written: index.html needs no_such_a and no_such_b, which are not installed. {needs}",
        f"not written: *.parquet needs pyarrow, which is not installed. {needs}",
    ]
    with pytest.raises(InputError, match="The report format 'html' needs no_such_a and no_such_b, which are"):
        report.write(tmp_path / "latest", formats=["csv", "html"])
    assert check_formats(["csv"]) == {}


def test_our_own_code_that_is_missing_or_fails_is_an_error(
    report: gp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not taken for something that is not installed; and the older report stays."""
    folder = report.write(tmp_path / "latest", formats=["csv"])
    before = names(folder)
    monkeypatch.setattr(writing, "FORMATS", {"html": Format("index.html", "gradproof.no_such_module:build")})
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        report.write(folder)
    monkeypatch.setattr(writing, "FORMATS", {**FORMATS, "html": Format("index.html", "planted_module:fails")})
    monkeypatch.setitem(sys.modules, "planted_module", ModuleType("planted_module"))
    monkeypatch.setattr(sys.modules["planted_module"], "fails", fails, raising=False)
    with pytest.raises(RuntimeError, match="planted"):
        report.write(folder)
    assert names(folder) == before
    assert names(tmp_path) == {"latest"}


def fails(_: gp.Report) -> str:
    raise RuntimeError("planted")


@pytest.mark.parametrize(
    ("formats", "told"),
    [
        (["csv"], "{} (tables as CSV)"),
        (["parquet", "csv"], "{} (tables as CSV and Parquet)"),
        (["markdown"], "{}/summary.md"),
        (["markdown", "parquet"], "{}/summary.md (and beside it tables as Parquet)"),
    ],
)
def test_what_was_written_is_told(
    formats: list[str], told: str, report: gp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = report.write(tmp_path / "latest", formats=formats)
    assert describe_written(folder) == [told.format(folder)]
    page = Format("index.html", "builtins:repr")
    monkeypatch.setattr(writing, "FORMATS", {**FORMATS, "html": page})
    report.write(folder, formats=[*formats, "html"])
    (line,) = describe_written(folder)
    assert line.startswith(f"{folder}/index.html (and beside it ")
