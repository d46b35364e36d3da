"""Which formats a report is written in, and what is told of it."""

import sys
from pathlib import Path
from types import ModuleType

import pytest

import gradproof as gp
from gradproof.errors import InputError
from gradproof.reporting import formats as found
from gradproof.reporting import writing
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.formats import ReportFormat, check_formats, report_formats
from gradproof.reporting.frames import make_frames
from gradproof.reporting.manifest import known_files, read_manifest
from gradproof.reporting.writing import describe_written

FORMATS = report_formats()
LEFT = {"gradients.csv", "updates.csv", "states.csv", "entries.csv", "steps.csv"}


@pytest.fixture
def report() -> gp.Report:
    return gp.Report(make_frames([], [], [], []), {"python": "3"})


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def replaced(monkeypatch: pytest.MonkeyPatch, *changed: ReportFormat) -> None:
    """As if these formats were in the folder of formats."""
    made = {**FORMATS, **{each.name: each for each in changed}}
    for module in (found, writing):
        monkeypatch.setattr(module, "report_formats", lambda: made)


def files_of(*names: str) -> set[str]:
    return {file.replace("*", frame) for name in names for file in FORMATS[name].files for frame in COLUMNS}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_alone_gives_its_files(name: str, report: gp.Report, tmp_path: Path) -> None:
    folder = report.write(tmp_path / "latest", formats=[name])
    assert names(folder) == {"environment.json", "report.json", *files_of(name)}
    assert names(folder) <= known_files(), "a report of it without a manifest would not be replaced"


def test_all_formats_that_are_named_give_all_files(report: gp.Report, tmp_path: Path) -> None:
    folder = report.write(tmp_path / "latest", FORMATS)
    assert names(folder) == {"environment.json", "report.json", *files_of(*FORMATS)}
    assert read_manifest(folder).not_written == {}


def test_large_tables_are_left_to_parquet_unless_csv_is_asked_for(
    report: gp.Report, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = report.write(tmp_path / "latest")
    assert names(folder) == {"environment.json", "report.json", *files_of(*FORMATS)} - LEFT
    told = read_manifest(folder).not_written
    assert told.keys() == LEFT
    assert set(told.values()) == {
        "is large, and its table is written as parquet. Ask for it with --formats csv,parquet"
    }
    # Nothing is lost by it, so it is not told where the report is.
    (line,) = describe_written(folder)
    assert line.endswith("tables as Parquet, the small ones as CSV, too)")
    with monkeypatch.context() as patched:
        patched.setitem(sys.modules, "pyarrow", None)
        folder = report.write(tmp_path / "latest")
        assert names(folder) >= files_of("csv")


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
        (
            ["xls"],
            r"no report format called 'xls'\. Choose from csv, html, jsonl, junit, markdown, parquet\.",
        ),
        (["csv", "CSV"], r"no report format called 'CSV'"),
        ([], r"No report format was chosen\. Choose from csv, html, jsonl"),
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
    page = ReportFormat("nowhere", "html", ("index.html",), needs=("no_such_a", "json", "no_such_b"))
    replaced(monkeypatch, page)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    folder = report.write(tmp_path / "latest")
    needs = "Install what it needs with: pip install 'gradproof[report]'"
    assert read_manifest(folder).not_written == {
        "*.parquet": f"needs pyarrow, which is not installed. {needs}",
        "index.html": f"needs no_such_a and no_such_b, which are not installed. {needs}",
    }
    assert describe_written(folder) == [
        f"{folder}/summary.md (and beside it verdicts.jsonl, junit.xml, tables as CSV)",
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
    replaced(monkeypatch, ReportFormat("gradproof.no_such_module", "html", ("index.html",)))
    with pytest.raises(ModuleNotFoundError, match="no_such_module"):
        report.write(folder)
    replaced(monkeypatch, ReportFormat("planted_module", "html", ("index.html",)))
    monkeypatch.setitem(sys.modules, "planted_module", ModuleType("planted_module"))
    monkeypatch.setattr(sys.modules["planted_module"], "render", fails, raising=False)
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
    monkeypatch.setitem(sys.modules, "planted_module", ModuleType("planted_module"))
    monkeypatch.setattr(sys.modules["planted_module"], "render", repr, raising=False)
    replaced(monkeypatch, ReportFormat("planted_module", "html", ("index.html",)))
    report.write(folder, formats=[*formats, "html"])
    (line,) = describe_written(folder)
    assert line.startswith(f"{folder}/index.html (and beside it ")
