"""Writing a report: which formats there are, what makes each, and what each needs."""

import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from gradproof.errors import InputError
from gradproof.reporting.folders import replacing
from gradproof.reporting.manifest import (
    ENVIRONMENT,
    MANIFEST,
    FileRecord,
    Manifest,
    read_manifest,
    record_of,
)
from gradproof.reporting.tables import encode_frame

if TYPE_CHECKING:
    from gradproof.reporting.report import Report


@dataclass(frozen=True)
class Format:
    """A format that a report is written in.

    Attributes:
        files: the name of its file, or `*.csv` for a file of each frame.
        producer: `module:function`, which makes the file's text of a report; empty for tables. It is imported
            only when it is used.
        needs: the packages that it imports beside gradproof's own dependencies.
    """

    files: str
    producer: str = ""
    needs: tuple[str, ...] = ()


# Here, and nowhere else, a format is added; its file's name also belongs into `manifest.KNOWN_FILES`.
FORMATS: Mapping[str, Format] = {
    "html": Format(
        "index.html", "gradproof.reporting.page:build_page", needs=("itables", "jinja2", "plotly")
    ),
    "csv": Format("*.csv"),
    "parquet": Format("*.parquet", needs=("pyarrow",)),
    "markdown": Format("summary.md", "gradproof.reporting.formats.markdown:markdown_summary"),
    "junit": Format("junit.xml", "gradproof.reporting.formats.junit:junit_xml", needs=("junitparser",)),
    "jsonl": Format("verdicts.jsonl", "gradproof.reporting.formats.lines:verdict_lines"),
}
"""All formats by the names that `--formats` knows."""


_TABLE_NAMES = {".csv": "CSV", ".parquet": "Parquet"}


def check_formats(formats: Iterable[str] | None) -> dict[str, str]:
    """Tell what cannot be written for something that is not installed: per files' name the reason.

    Args:
        formats: names of formats; None for all.

    Raises:
        InputError: there is no name, one is unknown, or what a format needs is not installed although the
            format was named.
    """
    if formats is not None and not (formats := list(formats)):
        raise InputError(f"No report format was chosen. Choose from {', '.join(FORMATS)}.")
    missing = {name: _missing(format_) for name, format_ in FORMATS.items()}
    for name in () if formats is None else formats:
        if name not in FORMATS:
            raise InputError(f"There is no report format called {name!r}. Choose from {', '.join(FORMATS)}.")
        if missing[name]:
            raise InputError(f"The report format {name!r} {missing[name]}")
    if formats is not None:
        return {}
    return {FORMATS[name].files: reason for name, reason in missing.items() if reason}


def _missing(format_: Format) -> str:
    missing = [package for package in format_.needs if find_spec(package) is None]
    if not missing:
        return ""
    are = "which are" if len(missing) > 1 else "which is"
    listed = " and ".join(filter(None, [", ".join(missing[:-1]), missing[-1]]))
    return f"needs {listed}, {are} not installed. Install what it needs with: pip install 'gradproof[report]'"


def write_report(report: "Report", folder: str | Path, formats: Sequence[str] | None = None) -> Path:
    """Write a report to a folder: all of it, or nothing. See `Report.write`."""
    not_written = check_formats(formats)
    chosen = [
        name
        for name, format_ in FORMATS.items()
        if format_.files not in not_written and (formats is None or name in formats)
    ]
    try:
        with replacing(Path(folder)) as temporary:
            files = _write_files(report, temporary, chosen)
            manifest = Manifest.of(files, not_written, ok=report.ok)
            write_file(temporary / MANIFEST, manifest.text().encode())
    except UnicodeEncodeError as error:
        raise InputError(
            f"The report holds {error.object[error.start : error.end]!r}, which is no character. "
            f"Rename the scenario, parameter or file that has it in its name."
        ) from error
    return Path(folder)


def describe_written(folder: Path) -> list[str]:
    """Tell what a report's folder holds, best read first, and then what was not written and why.

    `reports/latest/summary.md (and beside it tables as CSV and Parquet)`, say.

    Raises:
        InputError: the folder holds no report.
    """
    manifest = read_manifest(folder)
    texts = sorted(
        (format_.files for format_ in FORMATS.values() if format_.files in manifest.files),
        key=lambda name: (name != "index.html", name != "summary.md"),
    )
    tables = [
        name for ending, name in _TABLE_NAMES.items() if any(file.endswith(ending) for file in manifest.files)
    ]
    beside = [*texts[1:], *([f"tables as {' and '.join(tables)}"] if tables else [])]
    line = f"{folder / texts[0] if texts else folder}"
    if beside:
        line += f" ({'and beside it ' if texts else ''}{', '.join(beside)})"
    return [line, *(f"not written: {name} {reason}" for name, reason in manifest.not_written.items())]


def _write_files(report: "Report", folder: Path, formats: Sequence[str]) -> dict[str, FileRecord]:
    # Encoding and hashing leave the interpreter free, so tables are made beside texts. Most of the threads
    # wait for the disk, which takes many files at once in little more time than one.
    executor = ThreadPoolExecutor(max_workers=32)

    def written(name: str, data: bytes) -> tuple[str, Future[FileRecord]]:
        return name, executor.submit(write_file, folder / name, data)

    def tables_written(name: str, frame: pd.DataFrame) -> list[tuple[str, Future[FileRecord]]]:
        encoded = encode_frame(name, frame, [name for name in formats if not FORMATS[name].producer])
        return [written(f"{name}.{ending}", data) for ending, data in encoded.items()]

    try:
        longest_first = sorted(report.frames.items(), key=lambda item: -len(item[1]))
        tables = [executor.submit(tables_written, *item) for item in longest_first]
        environment = json.dumps(report.environment, indent=2) + "\n"
        files = [written(ENVIRONMENT, environment.encode())]
        for name in formats:
            if FORMATS[name].producer:
                text = _producer(FORMATS[name])(report)
                files.append(written(FORMATS[name].files, text.encode()))
        for table in tables:
            files += table.result()
        return {name: record.result() for name, record in files}
    finally:
        executor.shutdown(cancel_futures=True)


def _producer(format_: Format) -> "Callable[[Report], str]":
    module, _, function = format_.producer.partition(":")
    producer: Callable[[Report], str] = getattr(import_module(module), function)
    return producer


def write_file(path: Path, data: bytes) -> FileRecord:
    """Write a file onto the disk, and give its size and hash."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return record_of(data)
