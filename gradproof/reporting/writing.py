"""Writing a report: each chosen format renders it, and the folder is replaced as a whole."""

import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from gradproof.errors import InputError
from gradproof.reporting.folders import replacing
from gradproof.reporting.formats import ReportFormat, check_formats, report_formats
from gradproof.reporting.manifest import (
    ENVIRONMENT,
    MANIFEST,
    FileRecord,
    Manifest,
    read_manifest,
    record_of,
)

_TABLE_NAMES = {".csv": "CSV", ".parquet": "Parquet"}
_READ_FIRST = ("index.html", "summary.md")


def write_report(
    report: Any,
    environment: Mapping[str, Any],
    folder: str | Path,
    names: Sequence[str] | None,
    *,
    ok: bool,
) -> Path:
    """Write a report to a folder: all of it, or nothing.

    Args:
        report: what the formats render.
        environment: the report's.
        folder: as in `Report.write`.
        names: of the formats; None for all.
        ok: whether the report is ok.
    """
    not_written = check_formats(names)
    formats = report_formats()
    if names is None:
        chosen = [each for each in formats.values() if not each.missing()]
        not_written |= _left_to_others(chosen)
    else:
        chosen = [each for each in formats.values() if each.name in names]
    try:
        with replacing(Path(folder)) as temporary:
            files = _write_files(temporary, _made(report, environment, chosen, not_written))
            manifest = Manifest.of(files, not_written, ok=ok)
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
    names = [file for format_ in report_formats().values() for file in format_.files]
    texts = sorted(
        (name for name in names if name in manifest.files),
        key=lambda name: _READ_FIRST.index(name) if name in _READ_FIRST else len(_READ_FIRST),
    )
    beside = [*texts[1:], *_tables(manifest)]
    line = f"{folder / texts[0] if texts else folder}"
    if beside:
        line += f" ({'and beside it ' if texts else ''}{', '.join(beside)})"
    lacking = {name: why for name, why in manifest.not_written.items() if name not in _all_left()}
    return [line, *(f"not written: {name} {reason}" for name, reason in lacking.items())]


def _tables(manifest: Manifest) -> list[str]:
    there = [
        name for ending, name in _TABLE_NAMES.items() if any(file.endswith(ending) for file in manifest.files)
    ]
    if _all_left() & manifest.not_written.keys():
        return ["tables as Parquet, the small ones as CSV, too"]
    return [f"tables as {' and '.join(there)}"] if there else []


def _all_left() -> set[str]:
    """Give the files that a format may leave to another one, by which nothing is lost."""
    return {file for each in report_formats().values() for files in each.left_to.values() for file in files}


def _left_to_others(chosen: Sequence[ReportFormat]) -> dict[str, str]:
    """Tell which files are not written because another format that is chosen has what they hold."""
    names = {each.name for each in chosen}
    return {
        file: f"is large, and its table is written as {other}. Ask for it with --formats {each.name},{other}"
        for each in chosen
        for other, files in each.left_to.items()
        if other in names
        for file in files
    }


def _made(
    report: Any,
    environment: Mapping[str, Any],
    chosen: Sequence[ReportFormat],
    not_written: Mapping[str, str],
) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Give the files' names with what makes their bytes; those that take long come first."""
    yield ENVIRONMENT, (json.dumps(environment, indent=2) + "\n").encode
    for each in sorted(chosen, key=lambda each: "*" not in each.files[0]):
        rendered = each.render(report)
        if isinstance(rendered, str):
            yield each.files[0], rendered.encode
        else:
            yield from ((name, make) for name, make in rendered.items() if name not in not_written)


def _write_files(folder: Path, made: Iterator[tuple[str, Callable[[], bytes]]]) -> dict[str, FileRecord]:
    # Encoding and hashing leave the interpreter free, so tables are made beside texts. Most of the threads
    # wait for the disk, which takes many files at once in little more time than one.
    executor = ThreadPoolExecutor(max_workers=32)
    try:
        files = {name: executor.submit(_write_made, folder / name, make) for name, make in made}
        return {name: record.result() for name, record in files.items()}
    finally:
        executor.shutdown(cancel_futures=True)


def _write_made(path: Path, make: Callable[[], bytes]) -> FileRecord:
    return write_file(path, make())


def write_file(path: Path, data: bytes) -> FileRecord:
    """Write a file onto the disk, and give its size and hash."""
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    return record_of(data)
