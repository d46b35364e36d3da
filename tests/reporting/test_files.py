"""Files are written whole or not at all."""

import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradproof.errors import InputError
from gradproof.reporting import files
from gradproof.reporting.files import check_writable, write_whole

OLD, NEW = "what was there before\n", "ünïcode\nin two lines\n"


def test_writes_the_text_into_a_folder_that_it_makes(tmp_path: Path) -> None:
    path = tmp_path / "a" / "b" / "summary.md"
    write_whole(path, NEW)
    assert path.read_bytes() == NEW.encode("utf-8")
    assert list(path.parent.iterdir()) == [path]


def test_replaces_an_older_file(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text(OLD * 100, encoding="utf-8")
    write_whole(path, NEW)
    assert path.read_text(encoding="utf-8") == NEW


def test_others_may_read_the_file(tmp_path: Path) -> None:
    previous = os.umask(0o022)
    try:
        write_whole(tmp_path / "summary.md", NEW)
        assert os.umask(0o022) == 0o022, "the umask was changed"
    finally:
        os.umask(previous)
    assert stat.S_IMODE((tmp_path / "summary.md").stat().st_mode) == 0o644


def disk_full(*_: Any, **__: Any) -> Any:
    raise OSError(28, "No space left on device")


def interrupted(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "failing", "raised"),
    [
        ((files.os, "fsync"), disk_full, InputError),
        ((Path, "replace"), disk_full, InputError),
        ((Path, "chmod"), disk_full, InputError),
        ((files.os, "fsync"), interrupted, KeyboardInterrupt),
        ((Path, "replace"), interrupted, KeyboardInterrupt),
    ],
    ids=["full disk", "full disk at the end", "no permissions", "interrupted", "interrupted at the end"],
)
def test_a_failure_halfway_leaves_the_old_file_and_nothing_beside_it(
    where: tuple[Any, str],
    failing: Callable[..., Any],
    raised: type[BaseException],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = tmp_path / "summary.md"
    path.write_text(OLD, encoding="utf-8")
    with monkeypatch.context() as patched:
        patched.setattr(*where, failing)
        with pytest.raises(raised):
            write_whole(path, NEW)
    assert path.read_text(encoding="utf-8") == OLD
    assert list(tmp_path.iterdir()) == [path]


def test_text_that_cannot_be_encoded_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "summary.md"
    path.write_text(OLD, encoding="utf-8")
    with pytest.raises(UnicodeEncodeError):
        write_whole(path, "half a character: \ud83d")
    assert path.read_text(encoding="utf-8") == OLD
    assert list(tmp_path.iterdir()) == [path]


def below_a_file(folder: Path) -> Path:
    (folder / "file").write_text(OLD, encoding="utf-8")
    return folder / "file" / "reports"


def read_only(folder: Path) -> Path:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write into read-only folders")
    folder.chmod(0o555)
    return folder


def without_a_device(folder: Path) -> Path:
    del folder
    if not sys.platform.startswith("linux"):
        pytest.skip("/proc is Linux's")
    return Path("/proc/reports")  # no user may make a folder there


BLOCKED = {"below a file": below_a_file, "read-only": read_only, "no folder can be made": without_a_device}


@pytest.mark.parametrize("block", BLOCKED.values(), ids=BLOCKED)
def test_a_folder_that_cannot_be_written_is_told(block: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = block(tmp_path)
    with pytest.raises(InputError, match=r"cannot be written: .*Give another folder") as caught:
        write_whole(folder / "summary.md", NEW)
    assert str(folder) in str(caught.value)
    with pytest.raises(InputError, match=r"cannot be written: .*Give another folder") as caught:
        check_writable(folder)
    assert str(folder) in str(caught.value)


@pytest.mark.parametrize("block", [below_a_file])
def test_the_file_in_the_way_is_not_changed(block: Callable[[Path], Path], tmp_path: Path) -> None:
    folder = block(tmp_path)
    with pytest.raises(InputError):
        check_writable(folder)
    assert (tmp_path / "file").read_text(encoding="utf-8") == OLD


def test_a_folder_in_the_place_of_the_file_is_told_and_kept(tmp_path: Path) -> None:
    (tmp_path / "summary.md").mkdir()
    (tmp_path / "summary.md" / "inside").write_text(OLD, encoding="utf-8")
    with pytest.raises(InputError, match=r"summary\.md cannot be written: is a directory"):
        write_whole(tmp_path / "summary.md", NEW)
    assert (tmp_path / "summary.md" / "inside").exists()
    assert len(list(tmp_path.iterdir())) == 1


def test_check_writable_makes_the_folder_and_leaves_nothing_in_it(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "old.csv").write_text(OLD, encoding="utf-8")
    check_writable(tmp_path / "there")
    check_writable(tmp_path / "a" / "b")
    assert [path.name for path in (tmp_path / "there").iterdir()] == ["old.csv"]
    assert list((tmp_path / "a" / "b").iterdir()) == []
