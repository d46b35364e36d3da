"""Reading a report back from the folder that it was written to."""

import json
from pathlib import Path
from typing import Any

from gradproof.errors import InputError
from gradproof.inputs import PATH, TEXT, accepts, optional
from gradproof.reporting.columns import COLUMNS
from gradproof.reporting.folders import put_back
from gradproof.reporting.formats import report_formats
from gradproof.reporting.manifest import ENVIRONMENT, MANIFEST, Manifest, read_manifest, record_of
from gradproof.reporting.report import Report
from gradproof.reporting.shard import Shard

TABLE_FORMATS = ("parquet", "csv")
"""The formats that hold whole reports, the one that is read first first."""

_TRIES = 5


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
    return Report(frames, _environment(folder, manifest))


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


def read_file(folder: Path, manifest: Manifest, name: str) -> bytes:
    """Read a file of a report, and compare it with what the manifest says of it.

    Raises:
        InputError: it is missing, cannot be read or was changed.
    """
    path = folder / name
    if name not in manifest.files:
        raise InputError(f"{name} does not belong to the report in {folder}. Write the report again.")
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Bring the file back, or write the report again."
        ) from error
    expected = manifest.files[name]
    if record_of(data) != expected:
        raise InputError(
            f"{path} is not the file that was written ({len(data)} bytes, {expected.bytes} were written, or "
            f"its hash differs). Bring the file back, or write the report again."
        )
    return data


def _environment(folder: Path, manifest: Manifest) -> dict[str, Any]:
    try:
        described = json.loads(read_file(folder, manifest, ENVIRONMENT))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        described = None
    if not isinstance(described, dict) or not _tells_a_part(described):
        raise InputError(f"{folder / ENVIRONMENT} holds no environment. Write the report again.")
    return described


def _tells_a_part(environment: dict[str, Any]) -> bool:
    """Tell whether the part of a verification that an environment tells of is one, or is told of none."""
    try:
        Shard.of(environment)
    except ValueError:
        return False
    return True
