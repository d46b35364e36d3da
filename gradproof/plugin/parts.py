"""Where the processes of a pytest session leave what they judged; imports nothing that costs time."""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest

from gradproof.configuration import configuration

CHECK_SUFFIX = ".check"
"""How the files are called that tell of checks made with the fixture `gradproof`."""


CHECKS: pytest.StashKey[list[Path]] = pytest.StashKey()
"""Where a test that uses the fixture `gradproof` lists the files of its checks."""


def leave_check(item: pytest.Item, row: Mapping[str, Any]) -> None:
    """Leave what is to be reported of a check in the folder that all processes of the session share."""
    path = parts_folder(item.config) / f"{uuid4().hex}{CHECK_SUFFIX}"
    path.write_text(json.dumps(row), encoding="utf-8")
    item.stash.setdefault(CHECKS, []).append(path)


def expect_to_fail(item: pytest.Item) -> None:
    """Say of the checks that a test has left that it was expected to fail, so that they count for nothing."""
    for path in item.stash.get(CHECKS, []):
        row = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps({**row, "expected_to_fail": True}), encoding="utf-8")


def report_folder(config: pytest.Config) -> Path:
    """Give the folder that the session's report is written into."""
    return Path(config.rootpath, setting(config, "report") or "reports/latest")


def report_formats(config: pytest.Config) -> list[str] | None:
    """Give the formats that the session's report is written in; None for all."""
    return listed(config, "formats") or None


def setting(config: pytest.Config, name: str) -> Any:
    """Give what was chosen: with an option, else in pytest's ini file, else in `[tool.gradproof]`; or None.

    Args:
        config: the session's.
        name: as the table has it, `time-limit`, say.

    Raises:
        pytest.UsageError: the table is not as it must be.
    """
    option = config.getoption(f"--gradproof-{name}")
    if option is not None:
        return option
    return config.getini(f"gradproof_{name.replace('-', '_')}") or _table(config).get(name)


def _table(config: pytest.Config) -> Mapping[str, Any]:
    from gradproof.errors import InputError  # noqa: PLC0415 - only for those who use it

    try:
        return configuration(config.rootpath).values
    except InputError as error:
        raise pytest.UsageError(str(error)) from error


def amount(config: pytest.Config, name: str, default: float) -> float:
    """Give a setting that is a number of 0 or more.

    Raises:
        pytest.UsageError: it is none.
    """
    given = setting(config, name)
    try:
        value = default if given is None else float(given)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise pytest.UsageError(f"The gradproof setting {name} is {given!r}. Give it a number of 0 or more.")
    return value


def listed(config: pytest.Config, name: str) -> list[str]:
    """Give the names of a setting that lists some, with commas between them where it is a text."""
    given = setting(config, name) or ""
    parts = given.split(",") if isinstance(given, str) else given
    return [part.strip() for part in parts if part.strip()]


def parts_folder(config: pytest.Config) -> Path:
    """Give the folder that all processes of the session share; the process that starts it makes it."""
    if hasattr(config, "workerinput"):
        return Path(config.workerinput["gradproof_parts"])
    if not hasattr(config, "gradproof_parts"):
        config.gradproof_parts = Path(tempfile.mkdtemp(prefix="gradproof-"))  # type: ignore[attr-defined]
    return cast("Path", config.gradproof_parts)  # type: ignore[attr-defined]


def removed_if_empty(config: pytest.Config) -> bool:
    """Remove the folder if nothing was left in it, and tell whether that is so."""
    folder = parts_folder(config)
    if any(folder.iterdir()):
        return False
    folder.rmdir()
    return True
