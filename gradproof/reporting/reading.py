"""Reading a report back from the folder that it was written to."""

import json
from pathlib import Path
from typing import Any, cast

from gradproof.errors import InputError
from gradproof.files import check_file, read_bytes
from gradproof.inputs import PATH, TEXT, accepts, optional
from gradproof.reporting.columns import COLUMNS, MOST_BYTES
from gradproof.reporting.consistency import check_consistent
from gradproof.reporting.environment import is_environment
from gradproof.reporting.folders import put_back
from gradproof.reporting.formats import report_formats
from gradproof.reporting.manifest import ENVIRONMENT, MANIFEST, Manifest, read_manifest, record_of
from gradproof.reporting.report import Report
from gradproof.reporting.shard import Shard

TABLE_FORMATS = ("parquet", "csv")
"""The formats that hold whole reports, the one that is read first first."""

_TRIES = 5
_MOST_OF_ENVIRONMENT = 2**22
_BRING_BACK = "Bring the file back, or write the report again."


@accepts("the report", path=PATH, format=optional(TEXT))
def read_report(path: str | Path, format: str | None = None) -> Report:  # noqa: A002 - as pandas calls it
    """Read a report that `Report.write` wrote.

    The frames are the same as those that were written, bit for bit. Each file that is read is compared with
    the hash that the manifest has of it. Nothing that a report holds is executed.

    Args:
        path: the folder of the report, or its `report.json`.
        format: `parquet` or `csv`, which tables to read; None for Parquet where it is there and pyarrow is
            installed, else CSV.

    Raises:
        InputError: there is no report, it was changed or is of another version, or the format is not there.

    >>> import tempfile
    >>> from gradproof.reporting.frames import make_frames
    >>> report = Report(make_frames([], [], [], []), {"python": "3.11"})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     read_report(report.write(f"{folder}/report", formats=["csv"])).environment
    {'python': '3.11'}
    """
    if format is not None and format not in TABLE_FORMATS:
        raise InputError(f"There is no table format called {format!r}. Choose from csv, parquet.")
    folder = Path(path)
    if folder.name == MANIFEST:
        folder = folder.parent
    folder = put_back(folder)
    for _ in range(_TRIES):
        manifest = read_manifest(folder)
        try:
            return _read(folder, manifest, format)
        except InputError:
            # If another report took its place meanwhile, that one is read.
            if read_manifest(folder) == manifest:
                raise
    raise InputError(f"{folder} is written again and again. Read it when nothing writes it.")


def _read(folder: Path, manifest: Manifest, wanted: str | None) -> Report:
    ending = _choose(folder, manifest, wanted)
    frames = {}
    for name in COLUMNS:
        data = read_file(folder, manifest, f"{name}.{ending}")
        frames[name] = report_formats()[ending].parse(name, data)
    report = Report(frames, _environment(folder, manifest))
    check_consistent(folder, report, manifest)
    return report


def _choose(folder: Path, manifest: Manifest, wanted: str | None) -> str:
    there = [
        ending for ending in TABLE_FORMATS if all(f"{name}.{ending}" in manifest.files for name in COLUMNS)
    ]
    if wanted is not None and wanted not in there:
        raise InputError(
            f"{folder} does not hold all tables as {wanted}, but as {' and '.join(there) or 'nothing'}. "
            f"Choose another format, or write the report with --formats {wanted}."
        )
    readable = [ending for ending in there if not report_formats()[ending].missing()]
    if wanted is not None:
        readable = [ending for ending in readable if ending == wanted]
    if not readable and there:
        raise InputError(
            f"The tables of {folder} are Parquet, which needs pyarrow, and that is not installed. "
            f"Install it with: pip install 'gradproof[report]'"
        )
    if not readable:
        raise InputError(
            f"{folder} does not hold the tables of a report. Write it with --formats csv or parquet."
        )
    return readable[0]


def read_file(folder: Path, manifest: Manifest, name: str, most: int = MOST_BYTES) -> bytes:
    """Read a file of a report, of at most so many bytes, and compare it with what the manifest says of it.

    Raises:
        InputError: it is missing, cannot be read or was changed.
    """
    path = folder / name
    if name not in manifest.files:
        raise InputError(f"{name} does not belong to the report in {folder}. Write the report again.")
    expected = manifest.files[name]
    try:
        size = check_file(path, most, _BRING_BACK)
        data = read_bytes(path, most, _BRING_BACK) if size == expected.bytes else b""
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}. {_BRING_BACK}") from error
    if record_of(data) != expected:
        raise InputError(
            f"{path} is not the file that was written ({size:,} bytes, {expected.bytes:,} were written, or "
            f"its hash differs). {_BRING_BACK}"
        )
    return data


def _environment(folder: Path, manifest: Manifest) -> dict[str, Any]:
    try:
        described = json.loads(read_file(folder, manifest, ENVIRONMENT, _MOST_OF_ENVIRONMENT))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        described = None
    if not is_environment(described) or not _tells_a_part(described):
        raise InputError(f"{folder / ENVIRONMENT} holds no environment. Write the report again.")
    return cast("dict[str, Any]", described)


def _tells_a_part(environment: dict[str, Any]) -> bool:
    """Tell whether the part of a verification that an environment tells of is one, or is told of none."""
    try:
        Shard.of(environment)
    except ValueError:
        return False
    return True
