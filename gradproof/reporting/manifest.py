"""The manifest of a report, `report.json`: which files belong to it, how large they are, and their hashes.

It is written last, so a folder that has one is whole, and each file can be told to be what was written.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

from gradproof.errors import InputError
from gradproof.files import read_bytes
from gradproof.reporting.columns import COLUMNS, SCHEMA
from gradproof.reporting.formats import report_formats

_Value = TypeVar("_Value")

_MOST_BYTES = 2**22
_HASH = re.compile("[0-9a-f]{64}")

MANIFEST = "report.json"
ENVIRONMENT = "environment.json"


def known_files() -> set[str]:
    """Give every file name that a report may have."""
    names = {name for each in report_formats().values() for name in each.files}
    return {MANIFEST, ENVIRONMENT, *(name.replace("*", frame) for name in names for frame in COLUMNS)}


@dataclass(frozen=True)
class FileRecord:
    """What the manifest says of one file.

    Attributes:
        bytes: its size.
        sha256: its hash, in hexadecimal digits.
    """

    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What `report.json` says.

    Attributes:
        gradproof: the version of gradproof that wrote the report.
        time: when it was written, in ISO 8601, UTC.
        ok: `Report.ok`.
        files: all files of the report but the manifest itself.
        not_written: what would have been written if something had been installed, with the reason.
    """

    gradproof: str
    time: str
    ok: bool
    files: Mapping[str, FileRecord]
    not_written: Mapping[str, str]

    @classmethod
    def of(cls, files: Mapping[str, FileRecord], not_written: Mapping[str, str], *, ok: bool) -> "Manifest":
        """Make the manifest of files that were just written."""
        time = datetime.now(UTC).isoformat(timespec="seconds")
        return cls(version("gradproof"), time, ok, dict(sorted(files.items())), not_written)

    def text(self) -> str:
        """Write it as JSON."""
        described = {
            "schema": SCHEMA,
            "gradproof": self.gradproof,
            "time": self.time,
            "ok": self.ok,
            "files": {name: vars(record) for name, record in self.files.items()},
            "not_written": dict(self.not_written),
        }
        return json.dumps(described, indent=2) + "\n"


def record_of(data: bytes) -> FileRecord:
    """Give the size and the hash of a file's bytes.

    >>> record_of(b"").sha256[:8]
    'e3b0c442'
    """
    return FileRecord(len(data), sha256(data).hexdigest())


def read_manifest(folder: Path) -> Manifest:
    """Read the manifest of a report.

    Raises:
        InputError: there is none, it is no manifest, or it is of another version.
    """
    path = folder / MANIFEST
    try:
        data = read_bytes(path, _MOST_BYTES, "Write the report again.")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _no_report(folder) from error
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {error.strerror}. Give a report that can be read."
        ) from error
    return parse_manifest(data, path)


def parse_manifest(data: bytes, path: Path) -> Manifest:
    """Parse the bytes of a manifest; `path` is for the message.

    Raises:
        InputError: it is no manifest, or it is of another version.
    """
    try:
        described = json.loads(data)
        schema = described["schema"]
    except (ValueError, RecursionError, TypeError, KeyError) as error:
        raise _no_manifest(path) from error
    if schema != SCHEMA:
        raise InputError(
            f"{path} is of schema {schema!r:.60}, and this gradproof reads schema {SCHEMA}. "
            f"Write the report again with this gradproof, or read it with the one that wrote it."
        )
    try:
        return _checked(described)
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise _no_manifest(path) from error


def _checked(described: Mapping[str, Any]) -> Manifest:
    files = {_file_name(name): _record(record) for name, record in described["files"].items()}
    not_written = {_typed(k, str): _typed(v, str) for k, v in described["not_written"].items()}
    return Manifest(
        gradproof=_typed(described["gradproof"], str),
        time=_typed(described["time"], str),
        ok=_typed(described["ok"], bool),
        files=files,
        not_written=not_written,
    )


def _file_name(name: str) -> str:
    """Give the name of a file in the report's own folder."""
    if name in {"", ".", ".."} or {*name} & {"/", "\\", "\0"}:
        raise ValueError(name)
    return name


def _record(described: Mapping[str, Any]) -> FileRecord:
    size, digits = _typed(described["bytes"], int), _typed(described["sha256"], str)
    if isinstance(size, bool) or size < 0 or not _HASH.fullmatch(digits):
        raise ValueError(described)
    return FileRecord(size, digits)


def _typed(value: object, kind: type[_Value]) -> _Value:
    if not isinstance(value, kind):
        raise TypeError(value)
    return value


def _no_manifest(path: Path) -> InputError:
    return InputError(f"{path} is no manifest of a report. Write the report again.")


def _no_report(folder: Path) -> InputError:
    if not folder.exists():
        return InputError(f"There is no report at {folder}. Give the folder of one, or its {MANIFEST}.")
    return InputError(
        f"{folder} holds no {MANIFEST}, so it is no report, or an older gradproof wrote it. "
        f"Give the folder of a report, or write it again."
    )
